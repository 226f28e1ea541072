//! A VFS whose files live in the memory of this process.
//!
//! SQLite's own in-memory databases refuse WAL and lock readers out while a writer works. This VFS
//! implements the shared memory methods (`xShm*`) as well, so a private database behaves as one on
//! disk does.
//!
//! | module  | what it holds                                                     |
//! |---------|-------------------------------------------------------------------|
//! | `node`  | the bytes of one file; every access to them passes [`node::Node::run`] |
//! | `names` | which files exist, and how long: open, delete, exists             |
//! | `lock`  | SHARED to EXCLUSIVE on a database file                            |
//! | `shm`   | the WAL-index memory and its eight locks                          |
//! | `file`  | the C methods of an open file, a thin layer over the above        |
//! | `disk`  | for tests: files that survive, and may be lost, torn or fail      |
//!
//! A database and the files beside it (`-wal`, `-journal`) live until the last connection to any of
//! them is closed.

// SQLite calls a VFS through C function pointers and hands it raw memory.
#![allow(unsafe_code)]

#[cfg(test)]
mod disk;
mod file;
mod lock;
mod names;
mod node;
mod shm;
#[cfg(test)]
mod tests;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sync::Mutex;
use rusqlite::ffi;

#[cfg(test)]
pub(crate) use disk::{Disk, Loss, What, When, is_traced};
#[cfg(test)]
pub(crate) use names::is_on_disk;
#[cfg(test)]
pub(in crate::vfs) use names::watch;

/// The name under which [`register_heap`] registers the VFS.
pub(crate) const HEAP_VFS: &CStr = c"dictsqlite-heap";

/// What the name of every file here starts with. Other names are refused: without that, `VACUUM
/// INTO '/a/path'` and `ATTACH` on a private database would report success for a file that never
/// reaches the disk.
const PREFIX: &str = "heap:";

/// The longest name of a database, in bytes.
const MAX_NAME: c_int = 256;

/// Registers the VFS, not as the default one. May be called again, and from any thread.
///
/// # Errors
/// SQLite's result code when SQLite cannot be initialised, is without a default VFS, or has no
/// memory left.
pub(crate) fn register_heap() -> Result<(), c_int> {
    static REGISTERING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = REGISTERING.lock();

    // SAFETY: no arguments; safe to call at any time and from any thread.
    let initialised = unsafe { ffi::sqlite3_initialize() };
    if initialised != ffi::SQLITE_OK {
        return Err(initialised);
    }
    // SAFETY: the name is a C string.
    if !unsafe { ffi::sqlite3_vfs_find(HEAP_VFS.as_ptr()) }.is_null() {
        return Ok(());
    }
    // SAFETY: a null name asks for the default VFS.
    let host = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    if host.is_null() {
        return Err(ffi::SQLITE_ERROR);
    }
    // SQLite keeps the structure in a list from here on, so it is never freed.
    let vfs = Box::into_raw(Box::new(vfs_over(host)));
    // SAFETY: the structure is complete and lives for the rest of the process.
    let code = unsafe { ffi::sqlite3_vfs_register(vfs, 0) };
    if code == ffi::SQLITE_OK {
        return Ok(());
    }
    // SAFETY: SQLite refused the structure and did not keep it; it came from a box above.
    drop(unsafe { Box::from_raw(vfs) });
    Err(code)
}

/// A file name for a new private database, unique in this process.
///
/// Connections that open the same name with [`HEAP_VFS`] share the database.
pub(crate) fn private_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{PREFIX}{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The structure SQLite wants, where sleep, randomness and time are those of `host`.
fn vfs_over(host: *mut ffi::sqlite3_vfs) -> ffi::sqlite3_vfs {
    ffi::sqlite3_vfs {
        // Version 2 has the 64-bit clock; version 3 would add system calls to override, of which
        // there are none.
        iVersion: 2,
        szOsFile: size_of::<file::File>() as c_int,
        mxPathname: MAX_NAME,
        pNext: ptr::null_mut(),
        zName: HEAP_VFS.as_ptr(),
        pAppData: host.cast(),
        xOpen: Some(file::open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        xDlOpen: Some(dl_open),
        xDlError: Some(dl_error),
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: None,
        xGetLastError: None,
        xCurrentTimeInt64: Some(current_time),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }
}

/// The result code of a call that yields nothing else.
fn code(result: Result<(), c_int>) -> c_int {
    result.err().unwrap_or(ffi::SQLITE_OK)
}

unsafe extern "C" fn delete(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_directory: c_int,
) -> c_int {
    // SAFETY: SQLite passes a C string.
    let name = unsafe { CStr::from_ptr(name) };
    code(names::delete(name.to_bytes(), sync_directory != 0))
}

unsafe extern "C" fn access(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    _what: c_int,
    answer: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes a C string and a place for the answer.
    unsafe { *answer = names::exists(CStr::from_ptr(name).to_bytes()).into() };
    ffi::SQLITE_OK
}

/// Names are absolute as they are.
unsafe extern "C" fn full_pathname(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    full: *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes a C string.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if usize::try_from(room).is_ok_and(|room| name.len() <= room) {
        // SAFETY: `full` has `room` bytes, which the name fits, and is a buffer of SQLite's own.
        unsafe { ptr::copy_nonoverlapping(name.as_ptr().cast(), full, name.len()) };
        ffi::SQLITE_OK
    } else {
        ffi::SQLITE_CANTOPEN
    }
}

/// There are no extensions to load here; SQLite reports that the library cannot be opened.
unsafe extern "C" fn dl_open(_vfs: *mut ffi::sqlite3_vfs, _name: *const c_char) -> *mut c_void {
    ptr::null_mut()
}

/// Leaves SQLite's own message as it is.
unsafe extern "C" fn dl_error(_vfs: *mut ffi::sqlite3_vfs, _room: c_int, _message: *mut c_char) {}

unsafe extern "C" fn randomness(vfs: *mut ffi::sqlite3_vfs, len: c_int, out: *mut c_char) -> c_int {
    // SAFETY: `vfs` is ours and its host stays registered; the arguments are passed on as they
    // came.
    unsafe {
        let host = host_of(vfs);
        (*host).xRandomness.map_or(0, |f| f(host, len, out))
    }
}

unsafe extern "C" fn sleep(vfs: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    // SAFETY: as in `randomness`.
    unsafe {
        let host = host_of(vfs);
        (*host).xSleep.map_or(0, |f| f(host, microseconds))
    }
}

unsafe extern "C" fn current_time(
    vfs: *mut ffi::sqlite3_vfs,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: as in `randomness`; SQLite has had the 64-bit clock in every default VFS since 3.7.
    unsafe {
        let host = host_of(vfs);
        (*host).xCurrentTimeInt64.map_or(ffi::SQLITE_ERROR, |f| f(host, out))
    }
}

/// The VFS that was the default when ours was registered.
///
/// # Safety
/// `vfs` is the structure that [`register_heap`] registered.
unsafe fn host_of(vfs: *mut ffi::sqlite3_vfs) -> *mut ffi::sqlite3_vfs {
    // SAFETY: by the contract above.
    unsafe { (*vfs).pAppData.cast() }
}
