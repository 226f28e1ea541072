//! A database as of one moment, read as its file and its log rather than page by page.
//!
//! A reader's moment is the database file with the first frames of the log over it. While the reader is
//! there, a page of the file changes only if one of those frames has it, because a checkpoint moves no
//! frames beyond what readers see. So the file copied as it comes, with a copy of those frames as its
//! log, is that moment, and SQLite itself puts them together. (SQLite's "WAL-mode File Format" is the
//! reference.) If everything in the log was in the database when the reader began, the log may begin
//! anew, and then the file alone is that moment: no checkpoint is done beside such a reader.

use std::path::Path;

use rusqlite::{Connection, Error as Sqlite, OpenFlags, ffi};

use super::fault;
use super::stamp::stamp_of;
use crate::error::{Error, ErrorKind, Result};
use crate::types::Stamp;
use crate::vfs::{RawFiles, Which, fork};

/// The log's header, and what precedes the page in a frame, in bytes.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;
/// Where in the log's header the salts are.
const SALTS: std::ops::Range<usize> = 16..24;
/// A smaller database is copied page by page as quickly. (And one of no pages loses its log.)
const LEAST: u64 = 1 << 20;
/// How often a moment is looked for that nobody commits in.
const ATTEMPTS: usize = 200;

/// What there is to copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) pages: u64,
    pub(crate) page: u64,
    /// Frames of the log.
    pub(crate) frames: u64,
    salts: [u8; 8],
}

impl Extent {
    /// Bytes of the database.
    pub(crate) fn database(&self) -> u64 {
        self.pages * self.page
    }

    /// Bytes of the log's part.
    pub(crate) fn log(&self) -> u64 {
        match self.frames {
            0 => 0,
            frames => LOG_HEADER + frames * (FRAME_HEADER + self.page),
        }
    }
}

/// Begins a read transaction whose moment is known by its stamp. `None` when it cannot be had; then the
/// transaction may have been begun all the same.
pub(super) fn begin(c: &Connection) -> rusqlite::Result<Option<Extent>> {
    const PIN: &str = "BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1";
    let mode: String = c.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    c.query_row("SELECT count(*) FROM (SELECT 1 FROM sqlite_schema LIMIT 1)", [], |_| Ok(()))?;
    for _ in 0..ATTEMPTS {
        let before = stamp_of(c);
        c.execute_batch(PIN)?;
        let Some(stamp) = before.filter(|_| mode == "wal") else { return Ok(None) };
        if stamp_of(c) == before {
            return extent(c, stamp);
        }
        c.execute_batch("ROLLBACK")?;
    }
    c.execute_batch(PIN)?;
    Ok(None)
}

fn extent(c: &Connection, stamp: Stamp) -> rusqlite::Result<Option<Extent>> {
    let number = |sql: &str| c.query_row(sql, [], |row| row.get(0)).map(i64::unsigned_abs);
    let (pages, page) = (number("PRAGMA page_count")?, number("PRAGMA page_size")?);
    let there = RawFiles::of(c).and_then(|files| files.length(Which::Database).ok());
    if there.is_none_or(|bytes| bytes < LEAST) {
        return Ok(None);
    }
    let frames = u64::from(stamp.frames());
    Ok(Some(Extent { pages, page, frames, salts: stamp.salts() }))
}

/// Fills `out` from the database at `at`.
pub(super) fn read_database(c: &Connection, out: &mut [u8], at: u64) -> Result<()> {
    read(c, Which::Database, out, at).map(drop)
}

fn read(c: &Connection, which: Which, out: &mut [u8], at: u64) -> Result<bool> {
    let fail = |code| fault::error(&Sqlite::SqliteFailure(ffi::Error::new(code), None), "copying");
    let _pass = fork::enter();
    let files = RawFiles::of(c).ok_or_else(Error::closed)?;
    files.read(which, out, at).map_err(fail)
}

/// Fills `out` from the log at `at`; false when the log is not the moment's any more, and then is not
/// needed.
pub(super) fn read_log(c: &Connection, extent: &Extent, out: &mut [u8], at: u64) -> Result<bool> {
    Ok(read(c, Which::Log, out, at)? && is_same_log(c, extent)?)
}

/// Looked at after reading.
fn is_same_log(c: &Connection, extent: &Extent) -> Result<bool> {
    let mut header = [0; LOG_HEADER as usize];
    let whole = read(c, Which::Log, &mut header, 0)?;
    Ok(whole && header[SALTS] == extent.salts)
}

/// Makes one file of a copied database and a copied log, and checks that all of both is there.
pub(crate) fn merge(copy: &Path, extent: &Extent) -> Result<()> {
    let _pass = fork::enter();
    let fail = |e: Sqlite| fault::error(&e, &format!("copying to {}", copy.display()));
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = Connection::open_with_flags(copy, flags).map_err(fail)?;
    let merged = || -> rusqlite::Result<(u64, u64)> {
        connection.pragma_update(None, "locking_mode", "exclusive")?;
        connection.pragma_update(None, "synchronous", "off")?;
        let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        // Gives the frames it found to be whole. The log goes when the connection is closed.
        let sql = "PRAGMA wal_checkpoint(PASSIVE)";
        let frames = connection.query_row(sql, [], |row| row.get::<_, i64>(1))?;
        Ok((pages.unsigned_abs(), u64::try_from(frames).unwrap_or(0)))
    };
    let merged = merged().map_err(fail);
    let closed = connection.close().map_err(|(_, e)| fail(e));
    let (pages, frames) = merged?;
    closed?;
    if (pages, frames) != (extent.pages, extent.frames) {
        let message = format!(
            "copying to {}: the copy has {pages} pages and {frames} frames of the log instead of \
             {} and {}; please report this",
            copy.display(),
            extent.pages,
            extent.frames
        );
        return Err(Error::new(ErrorKind::Internal, message));
    }
    Ok(())
}
