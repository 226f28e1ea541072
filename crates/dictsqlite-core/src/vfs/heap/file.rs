//! The C methods of an open file. They translate, and decide nothing.

use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::slice;
use std::sync::atomic::{Ordering, fence};

use rusqlite::ffi;

use super::code;
use super::lock::Level;
use super::names::{self, Mode, OpenNode};
use super::node::Op;
use super::shm::{Held, Kind, REGION};

/// An open file, in memory of SQLite's: its part of it, then ours.
#[repr(C)]
pub(super) struct File {
    base: ffi::sqlite3_file,
    handle: Handle,
}

/// Our part of an open file. Dropping it gives up all it holds, then closes the file.
struct Handle {
    file: OpenNode,
    level: Level,
    /// There once shared memory was asked for.
    shm: Option<Held>,
    /// The first sync syncs the directory as well, as that of SQLite's own VFS does.
    #[cfg(test)]
    syncs_directory: bool,
}

impl Handle {
    fn run(&self, op: Op<'_>) -> Result<usize, c_int> {
        self.file.node.run(op)
    }

    fn unmap(&mut self) {
        if let Some(held) = self.shm.take() {
            self.file.node.shm.disconnect(held);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.unmap();
        self.file.node.lock.lower(&mut self.level, Level::None);
    }
}

/// Files whose making the directory must remember.
#[cfg(test)]
const BESIDE: c_int =
    ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;

/// Version 2 has shared memory; version 3 would add memory mapping, which chunks cannot serve.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Opens a file into the memory that SQLite has for it. A null name asks for a temporary file.
pub(super) unsafe extern "C" fn open(
    _vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    out: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let opened = if name.is_null() || flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0 {
        Ok(names::open_temporary())
    } else {
        let mode = Mode {
            create: flags & ffi::SQLITE_OPEN_CREATE != 0,
            exclusive: flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0,
        };
        // SAFETY: a name that is not null is a C string.
        names::open(unsafe { CStr::from_ptr(name) }.to_bytes(), mode)
    };
    match opened {
        Ok(file) => {
            let handle = Handle {
                file,
                level: Level::None,
                shm: None,
                #[cfg(test)]
                syncs_directory: flags & ffi::SQLITE_OPEN_CREATE != 0 && flags & BESIDE != 0,
            };
            let base = ffi::sqlite3_file { pMethods: &METHODS };
            // SAFETY: SQLite reserved `szOsFile` bytes, aligned for a pointer, that hold nothing
            // yet; a null `out_flags` wants no answer.
            unsafe {
                ptr::write(out.cast(), File { base, handle });
                if !out_flags.is_null() {
                    *out_flags = flags;
                }
            }
            ffi::SQLITE_OK
        }
        Err(code) => {
            // SAFETY: as above. No methods: SQLite will not close what was not opened.
            unsafe { (*out).pMethods = ptr::null() };
            code
        }
    }
}

/// The handle behind a file.
///
/// # Safety
/// [`open`] filled the file, [`close`] has not been called, and, as SQLite sees to within a
/// connection, no other call on this very file is under way.
unsafe fn handle_of<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Handle {
    // SAFETY: by the contract above.
    unsafe { &mut (*file.cast::<File>()).handle }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: `open` wrote the handle; without methods SQLite will not call again.
    unsafe {
        ptr::drop_in_place(&raw mut (*file.cast::<File>()).handle);
        (*file).pMethods = ptr::null();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    len: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    let (Ok(len), Ok(at)) = (usize::try_from(len), usize::try_from(at)) else {
        return ffi::SQLITE_IOERR_READ;
    };
    // SAFETY: SQLite passes an open file and a buffer of `len` bytes that may not have been written
    // yet.
    let (handle, into) = unsafe {
        let buffer = buffer.cast::<MaybeUninit<u8>>();
        (handle_of(file), slice::from_raw_parts_mut(buffer, len))
    };
    match handle.run(Op::Read(into, at)) {
        Ok(n) if n == len => ffi::SQLITE_OK,
        Ok(_) => ffi::SQLITE_IOERR_SHORT_READ,
        Err(code) => code,
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    len: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    let (Ok(len), Ok(at)) = (usize::try_from(len), usize::try_from(at)) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    // SAFETY: SQLite passes an open file and `len` bytes to write.
    let (handle, from) = unsafe { (handle_of(file), slice::from_raw_parts(buffer.cast(), len)) };
    code(handle.run(Op::Write(from, at)).map(drop))
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: ffi::sqlite3_int64) -> c_int {
    let Ok(len) = usize::try_from(len) else {
        return ffi::SQLITE_IOERR_TRUNCATE;
    };
    // SAFETY: SQLite passes an open file.
    let handle = unsafe { handle_of(file) };
    code(handle.run(Op::Truncate(len)).map(drop))
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    let handle = unsafe { handle_of(file) };
    let synced = handle.run(Op::Sync).map(drop);
    #[cfg(test)]
    if synced.is_ok()
        && std::mem::take(&mut handle.syncs_directory)
        && let Some(place) = handle.file.node.place()
    {
        place.sync_directory();
    }
    code(synced)
}

unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes an open file.
    let handle = unsafe { handle_of(file) };
    let len = match handle.run(Op::Len) {
        Ok(len) => ffi::sqlite3_int64::try_from(len).unwrap_or(ffi::sqlite3_int64::MAX),
        Err(code) => return code,
    };
    // SAFETY: SQLite passes a place for the answer.
    unsafe { *out = len };
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    let Some(wanted) = Level::from_code(level) else {
        return ffi::SQLITE_IOERR_LOCK;
    };
    // SAFETY: SQLite passes an open file.
    let Handle { file, level, .. } = unsafe { handle_of(file) };
    code(file.node.lock.raise(level, wanted))
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    let Some(wanted) = Level::from_code(level) else {
        return ffi::SQLITE_IOERR_UNLOCK;
    };
    // SAFETY: SQLite passes an open file.
    let Handle { file, level, .. } = unsafe { handle_of(file) };
    file.node.lock.lower(level, wanted);
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(
    file: *mut ffi::sqlite3_file,
    answer: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes an open file and a place for the answer.
    unsafe { *answer = handle_of(file).file.node.lock.is_reserved().into() };
    ffi::SQLITE_OK
}

/// Knows no requests of its own.
unsafe extern "C" fn file_control(
    _file: *mut ffi::sqlite3_file,
    _request: c_int,
    _argument: *mut c_void,
) -> c_int {
    ffi::SQLITE_NOTFOUND
}

/// As on today's disks, so that the same pages are written together.
unsafe extern "C" fn sector_size(_file: *mut ffi::sqlite3_file) -> c_int {
    4096
}

/// What SQLite's own VFS says of a disk, and no more: faults below this layer must not meet an
/// SQLite that expects none.
unsafe extern "C" fn device_characteristics(_file: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE | ffi::SQLITE_IOCAP_SUBPAGE_READ
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    index: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: SQLite passes a place for the address.
    unsafe { *out = ptr::null_mut() };
    let (Ok(index), Ok(REGION)) = (usize::try_from(index), usize::try_from(size)) else {
        return ffi::SQLITE_IOERR_SHMMAP;
    };
    // SAFETY: SQLite passes an open file.
    let Handle { file, shm, .. } = unsafe { handle_of(file) };
    shm.get_or_insert_with(|| file.node.shm.connect());
    match file.node.shm.region(index, extend != 0) {
        Ok(address) => {
            // SAFETY: as above.
            unsafe { *out = address };
            ffi::SQLITE_OK
        }
        Err(code) => code,
    }
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    n: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: SQLite passes an open file.
    let Handle { file, shm, .. } = unsafe { handle_of(file) };
    let (Some(held), Ok(start), Ok(n)) = (shm, usize::try_from(offset), usize::try_from(n)) else {
        return ffi::SQLITE_IOERR_SHMLOCK;
    };
    let range = start..start.saturating_add(n);
    let kind = if flags & ffi::SQLITE_SHM_SHARED != 0 { Kind::Shared } else { Kind::Exclusive };
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        file.node.shm.unlock(held, range, kind);
        ffi::SQLITE_OK
    } else {
        code(file.node.shm.lock(held, range, kind))
    }
}

unsafe extern "C" fn shm_barrier(_file: *mut ffi::sqlite3_file) {
    fence(Ordering::SeqCst);
}

/// Whether to delete the memory makes no difference: it goes with the last connection in any case.
unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _delete: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    unsafe { handle_of(file) }.unmap();
    ffi::SQLITE_OK
}
