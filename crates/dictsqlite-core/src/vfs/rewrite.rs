//! What must be done again after a sync has failed.
//!
//! When the operating system cannot write some pages of a file, it says so once, by the sync, and then
//! counts them as written: they are right in its memory, old on the disk, and no later sync writes
//! them. SQLite writes the commit that failed again when it is tried again; but what else had not been
//! synced stays as it is, and the sync that then succeeds says nothing of it. So it is all written
//! again, the same bytes in the same places, before anything is built on it:
//!
//! - the log, since commits of weaker promises in it may be lost, and with them whatever comes after
//!   them in it;
//! - the pages of the database that a checkpoint has moved since the log began, by having the next one
//!   begin at the log's beginning: the log is not started again before they are synced.

#![allow(unsafe_code)] // SQLite's open files have no safe interface.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::{Connection, ffi};

/// Bytes that are read and written at a time.
const PIECE: usize = 1 << 18;
/// SQLite's lock on checkpoints among those of the shared memory (`WAL_CKPT_LOCK` in its source).
const CHECKPOINT_LOCK: c_int = 1;
/// Where in the shared memory, in 32-bit words, stands how many frames are in the database already:
/// behind two headers of 48 bytes (`WalCkptInfo.nBackfill`, documented in "WAL-mode File Format").
const BACKFILLED: usize = 24;
const REGION_BYTES: c_int = 32 * 1024;

/// Writes the log again and syncs it, and has the next checkpoint move all of it.
///
/// The connection must be in a write transaction that has not written anything: so nobody adds to
/// the log or starts it again meanwhile.
///
/// # Errors
/// SQLite's code: `SQLITE_BUSY` when a checkpoint is under way, else what the file says.
pub(crate) fn rewrite(connection: &Connection) -> Result<(), c_int> {
    if let Some(log) = File::of(connection, ffi::SQLITE_FCNTL_JOURNAL_POINTER)? {
        log.write_again()?;
    }
    if let Some(database) = File::of(connection, ffi::SQLITE_FCNTL_FILE_POINTER)? {
        database.move_all_again()?;
    }
    Ok(())
}

/// A file that a connection has open, for as long as that is borrowed.
struct File<'a> {
    file: *mut ffi::sqlite3_file,
    methods: &'a ffi::sqlite3_io_methods,
}

impl<'a> File<'a> {
    /// The file of this name of SQLite's; nothing when it is not open.
    fn of(connection: &'a Connection, request: c_int) -> Result<Option<Self>, c_int> {
        let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
        // SAFETY: both requests write a pointer to an open file of the connection's own.
        let rc = unsafe {
            ffi::sqlite3_file_control(
                connection.handle(),
                c"main".as_ptr(),
                request,
                (&raw mut file).cast::<c_void>(),
            )
        };
        done(rc)?;
        if file.is_null() {
            return Ok(None);
        }
        // SAFETY: the connection has the file, and its methods, as long as it is open, and nobody else
        // uses it while it is borrowed here.
        let methods = unsafe { (*file).pMethods.as_ref() };
        Ok(methods.map(|methods| Self { file, methods }))
    }

    fn write_again(&self) -> Result<(), c_int> {
        let missing = ffi::SQLITE_IOERR;
        let read = self.methods.xRead.ok_or(missing)?;
        let write = self.methods.xWrite.ok_or(missing)?;
        let sync = self.methods.xSync.ok_or(missing)?;
        let size = self.methods.xFileSize.ok_or(missing)?;
        let mut bytes = 0;
        // SAFETY: the file is open, by `of`, and there is a place for the answer.
        done(unsafe { size(self.file, &raw mut bytes) })?;
        let mut piece = vec![0_u8; PIECE];
        let mut at = 0;
        while at < bytes {
            let n = (bytes - at).min(PIECE as i64);
            let count = n as c_int;
            // SAFETY: the file is open, and the buffer has `count` bytes or more.
            done(unsafe { read(self.file, piece.as_mut_ptr().cast(), count, at) })?;
            // SAFETY: as above.
            done(unsafe { write(self.file, piece.as_ptr().cast(), count, at) })?;
            at += n;
        }
        // SAFETY: the file is open.
        done(unsafe { sync(self.file, ffi::SQLITE_SYNC_NORMAL) })
    }

    fn move_all_again(&self) -> Result<(), c_int> {
        let (Some(map), Some(lock)) = (self.methods.xShmMap, self.methods.xShmLock) else {
            return Ok(());
        };
        let mut region: *mut c_void = ptr::null_mut();
        // SAFETY: the file is open. Nothing is extended: the region is there, since the connection is
        // in a transaction on the log, and stays as long as the connection is open.
        done(unsafe { map(self.file, 0, REGION_BYTES, 0, (&raw mut region).cast()) })?;
        if region.is_null() {
            return Ok(());
        }
        let exclusive = ffi::SQLITE_SHM_EXCLUSIVE;
        // SAFETY: the file is open, and its connection does not checkpoint at the moment.
        done(unsafe { lock(self.file, CHECKPOINT_LOCK, 1, ffi::SQLITE_SHM_LOCK | exclusive) })?;
        // SAFETY: the region is mapped and is longer than that; everybody accesses the word as one,
        // and only who has the lock changes it, but for the writer, which is this connection.
        unsafe { &*region.cast::<AtomicU32>().add(BACKFILLED) }.store(0, Ordering::Release);
        // SAFETY: what was locked above.
        done(unsafe { lock(self.file, CHECKPOINT_LOCK, 1, ffi::SQLITE_SHM_UNLOCK | exclusive) })
    }
}

fn done(rc: c_int) -> Result<(), c_int> {
    if rc == ffi::SQLITE_OK { Ok(()) } else { Err(rc) }
}
