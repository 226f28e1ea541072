//! What must be done again after a sync has failed.
//!
//! When the operating system cannot write some pages of a file, it says so once, by the sync, and then
//! counts them as written: they are right in its memory, old on the disk, and no later sync writes
//! them. SQLite writes the commit that failed again when it is tried again; but what else had not been
//! synced stays as it is, and the sync that then succeeds says nothing of it. So it is all written
//! again, the same bytes in the same places, before anything is built on it:
//!
//! - the end of the log that has not been synced, since commits of weaker promises in it may be lost, and with them whatever comes after
//!   them in it;
//! - the pages of the database that a checkpoint has moved since the log began, by having the next one
//!   begin at the log's beginning: the log is not started again before they are synced.
//!
//! Of a log that was left behind nobody knows what is on the disk, so it cannot be written again without
//! endangering what is: it is moved into the database, and begun anew (`WriteConnection::begin`).

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
/// behind two headers of 48 bytes (`WalCkptInfo.nBackfill`, documented in "WAL-mode File Format"). Of
/// the header word 3 ends with the size of a page, 4 is the last frame, 8 and 9 are the salts.
const BACKFILLED: usize = 24;
const REGION_BYTES: c_int = 32 * 1024;

/// Writes the log again and syncs it, and has the next checkpoint move all of it. What is on the disk for
/// certain, so many frames of the log with these salts, is left alone: a write can tear what it is over.
///
/// The connection must be in a write transaction that has not written anything: so nobody adds to
/// the log or starts it again meanwhile.
///
/// # Errors
/// SQLite's code: `SQLITE_BUSY` when a checkpoint is under way, else what the file says.
pub(crate) fn rewrite(connection: &Connection, salts: u64, frames: u32) -> Result<(), c_int> {
    let database = File::of(connection, ffi::SQLITE_FCNTL_FILE_POINTER)?;
    let log = File::of(connection, ffi::SQLITE_FCNTL_JOURNAL_POINTER)?;
    let (Some(database), Some(log)) = (database, log) else { return Ok(()) };
    let Some(index) = database.index()? else { return Ok(()) };
    let synced = if index.salts() == salts { frames } else { 0 };
    log.cut(index.end(index.frames()))?;
    log.write_again(index.end(synced), index.end(index.frames()))?;
    database.move_all_again(&index)
}

/// The beginning of SQLite's index of the log, in shared memory.
struct Index<'a>(&'a [AtomicU32; BACKFILLED + 1]);

impl Index<'_> {
    fn word(&self, n: usize) -> u32 {
        self.0[n].load(Ordering::Acquire)
    }

    fn salts(&self) -> u64 {
        u64::from(self.word(8)) | u64::from(self.word(9)) << 32
    }

    fn frames(&self) -> u32 {
        self.word(4)
    }

    /// Where in the log so many frames end: behind its header, each a page with a header of its own.
    fn end(&self, frames: u32) -> i64 {
        let [.., high, low] = self.word(3).to_ne_bytes();
        let page = i64::from(u16::from_ne_bytes([high, low]));
        // 64 KiB do not fit 16 bits.
        let page = if page == 1 { 1 << 16 } else { page };
        32 + i64::from(frames) * (page + 24)
    }
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

    /// Ends the file here. A commit whose sync has failed is whole behind the last frame that counts, and
    /// who recovers the log after a crash would take it for made, though it was refused.
    fn cut(&self, end: i64) -> Result<(), c_int> {
        let size = self.methods.xFileSize.ok_or(ffi::SQLITE_IOERR)?;
        let truncate = self.methods.xTruncate.ok_or(ffi::SQLITE_IOERR)?;
        let mut bytes = 0;
        // SAFETY: the file is open, by `of`, and there is a place for the answer.
        done(unsafe { size(self.file, &raw mut bytes) })?;
        if bytes <= end {
            return Ok(());
        }
        // SAFETY: the file is open.
        done(unsafe { truncate(self.file, end) })
    }

    fn write_again(&self, start: i64, end: i64) -> Result<(), c_int> {
        let missing = ffi::SQLITE_IOERR;
        let read = self.methods.xRead.ok_or(missing)?;
        let write = self.methods.xWrite.ok_or(missing)?;
        let sync = self.methods.xSync.ok_or(missing)?;
        let size = self.methods.xFileSize.ok_or(missing)?;
        let mut bytes = 0;
        // SAFETY: the file is open, by `of`, and there is a place for the answer.
        done(unsafe { size(self.file, &raw mut bytes) })?;
        let bytes = bytes.min(end);
        let mut piece = vec![0_u8; PIECE];
        let mut at = start;
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

    /// The index, if there is shared memory.
    fn index(&self) -> Result<Option<Index<'a>>, c_int> {
        let Some(map) = self.methods.xShmMap else { return Ok(None) };
        let mut region: *mut c_void = ptr::null_mut();
        // SAFETY: the file is open. Nothing is extended: the region is there, since the connection is
        // in a transaction on the log, and stays as long as the connection is open.
        done(unsafe { map(self.file, 0, REGION_BYTES, 0, (&raw mut region).cast()) })?;
        // SAFETY: the region is mapped, is longer than that, and outlives the connection's borrow; its
        // words are read and written atomically.
        Ok(unsafe { region.cast::<[AtomicU32; BACKFILLED + 1]>().as_ref() }.map(Index))
    }

    fn move_all_again(&self, index: &Index<'_>) -> Result<(), c_int> {
        let Some(lock) = self.methods.xShmLock else { return Ok(()) };
        let exclusive = ffi::SQLITE_SHM_EXCLUSIVE;
        // SAFETY: the file is open, and its connection does not checkpoint at the moment.
        done(unsafe { lock(self.file, CHECKPOINT_LOCK, 1, ffi::SQLITE_SHM_LOCK | exclusive) })?;
        // Only who has this lock changes it, and the writer, which is this connection.
        index.0[BACKFILLED].store(0, Ordering::Release);
        // SAFETY: what was locked above.
        done(unsafe { lock(self.file, CHECKPOINT_LOCK, 1, ffi::SQLITE_SHM_UNLOCK | exclusive) })
    }
}

fn done(rc: c_int) -> Result<(), c_int> {
    if rc == ffi::SQLITE_OK { Ok(()) } else { Err(rc) }
}
