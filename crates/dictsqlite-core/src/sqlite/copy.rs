//! Copying a whole database as of one moment, while others go on writing to it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::fault;
use super::open::{Opener, Place};
use super::raw::{self, Extent};
use super::schema::{self, Identity};
use super::verify;
use crate::error::{Error, ErrorKind, Result};
use crate::vfs::{self, fork};

/// Pages copied in one step: 4 MiB of the usual ones.
const STEP_PAGES: i32 = 1024;
/// Page cache of the source, in KiB: every page is read once.
const SOURCE_KIB: i64 = 2 * 1024;
/// Page cache of the copy, in KiB.
const COPY_KIB: i64 = 8 * 1024;
const RETRY: Duration = Duration::from_millis(5);

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) pages: u64,
    pub(crate) bytes: u64,
}

/// A database as of the moment this was opened. As long as it is open, the write-ahead log cannot
/// begin anew.
pub(crate) struct Source {
    /// Closed under a pass.
    connection: Option<Connection>,
    /// Where it can be copied as files.
    extent: Option<Extent>,
    timeout: Duration,
}

impl Source {
    /// A connection of a store's own, at this moment.
    pub(crate) fn open(opener: &Opener) -> Result<Self> {
        let _pass = fork::enter();
        let connection = opener.connect(SOURCE_KIB)?;
        Self::pinned(connection, opener.timeout, true)
    }

    /// A file that is no open store of this process. If nobody has it open, nothing is made beside it.
    pub(crate) fn open_file(path: &Path, timeout: Duration) -> Result<Self> {
        let _pass = fork::enter();
        let opener = Opener {
            place: Place::File(path.to_path_buf()),
            read_only: true,
            timeout,
            file: None,
            misplaced: Default::default(),
        };
        let in_use = is_in_use(path);
        let connection = if in_use {
            opener.connect(SOURCE_KIB)?
        } else {
            still(path).map_err(|e| fault::error(&e, &format!("opening {}", path.display())))?
        };
        Self::pinned(connection, timeout, in_use)
    }

    fn pinned(connection: Connection, timeout: Duration, has_log: bool) -> Result<Self> {
        let begun = if has_log {
            raw::begin(&connection)
        } else {
            connection.execute_batch("BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1").map(|()| None)
        };
        let extent = begun.map_err(|e| fault::error(&e, "reading the database to be copied"))?;
        Ok(Self { connection: Some(connection), extent, timeout })
    }

    /// What there is to copy, where it can be copied as files: SQLite's own and faster.
    pub(crate) fn extent(&self) -> Option<Extent> {
        self.extent
    }

    /// Fills `out` from the database at `at`.
    pub(crate) fn read_database(&self, out: &mut [u8], at: u64) -> Result<()> {
        raw::read_database(self.connection()?, out, at)
    }

    /// Fills `out` from the log at `at`; false when the database alone is the moment.
    pub(crate) fn read_log(&self, extent: &Extent, out: &mut [u8], at: u64) -> Result<bool> {
        raw::read_log(self.connection()?, extent, out, at)
    }

    fn connection(&self) -> Result<&Connection> {
        self.connection.as_ref().ok_or_else(Error::closed)
    }

    /// Refuses what is no store of ours.
    pub(crate) fn check_ours(&self, path: &Path) -> Result<()> {
        let _pass = fork::enter();
        match schema::identify(self.connection()?) {
            Ok(Identity::Ours) => Ok(()),
            Ok(_) => Err(Error::new(
                ErrorKind::Unsupported,
                format!("{} is no store of dictsqlite; give the path of a backup", path.display()),
            )),
            Err(e) => {
                let message = format!("{}: {}", path.display(), e.message());
                Err(Error::new(e.kind(), message))
            }
        }
    }

    /// Copies it to `to`, an empty file that nobody else has open. `step` is told how many pages are
    /// done, and of how many; its error ends the copying.
    pub(crate) fn copy(
        &self,
        to: &Path,
        step: &mut dyn FnMut(u64, u64) -> Result<()>,
    ) -> Result<Size> {
        let fail = |e: rusqlite::Error| fault::error(&e, &format!("copying to {}", to.display()));
        let from = self.connection()?;
        let pass = fork::enter();
        let mut copy = new_copy(to).map_err(fail)?;
        let backup = Backup::new(from, &mut copy).map_err(fail);
        drop(pass);
        // What SQLite holds is given up under a pass, however it ends.
        let copied = backup.and_then(|backup| {
            let pages = self.step_through(&backup, to, step);
            let _pass = fork::enter();
            drop(backup);
            pages
        });
        let _pass = fork::enter();
        let closed = copy.close().map_err(|(_, e)| fail(e));
        let pages = copied?;
        closed?;
        let page: i64 = from.query_row("PRAGMA page_size", [], |row| row.get(0)).map_err(fail)?;
        Ok(Size { pages, bytes: pages * page.unsigned_abs() })
    }

    fn step_through(
        &self,
        backup: &Backup<'_, '_>,
        to: &Path,
        step: &mut dyn FnMut(u64, u64) -> Result<()>,
    ) -> Result<u64> {
        let doing = || format!("copying to {}", to.display());
        let mut busy_since = None;
        loop {
            let pass = fork::enter();
            let stepped = backup.step(STEP_PAGES).map_err(|e| fault::error(&e, &doing()))?;
            let progress = backup.progress();
            drop(pass);
            let total = u64::try_from(progress.pagecount).unwrap_or(0);
            let left = u64::try_from(progress.remaining).unwrap_or(0);
            match stepped {
                StepResult::Done => return Ok(total),
                StepResult::More => busy_since = None,
                _ => {
                    let since = *busy_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= self.timeout {
                        let message = format!("{}: another connection has a lock on it", doing());
                        return Err(Error::new(ErrorKind::Busy, message));
                    }
                    std::thread::sleep(RETRY);
                }
            }
            // The end is told when all of it is on disk.
            step((total - left).min(total.saturating_sub(1)), total)?;
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let _pass = fork::enter();
        drop(self.connection.take());
    }
}

/// A connection that writes the copy. It needs no journal and no sync of SQLite's, since nobody looks
/// at the file before it is whole, synced and in its place.
fn new_copy(to: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE;
    let copy = Connection::open_with_flags(to, flags)?;
    copy.pragma_update(None, "locking_mode", "exclusive")?;
    copy.pragma_update(None, "journal_mode", "off")?;
    copy.pragma_update(None, "synchronous", "off")?;
    copy.pragma_update(None, "cache_size", -COPY_KIB)?;
    Ok(copy)
}

/// True when a write-ahead log says that somebody has the database open, or had when it ended.
fn is_in_use(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(PathBuf::from(log)).is_ok_and(|log| log.len() > 0)
}

/// A connection to a file that does not change: takes no locks and makes no files.
fn still(path: &Path) -> rusqlite::Result<Connection> {
    fork::watch();
    vfs::install_locks();
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(still_uri(path), flags)
}

fn still_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// What is wrong with a database file that nobody has open; empty when nothing is.
pub(crate) fn problems_of_file(path: &Path) -> Result<Vec<String>> {
    let _pass = fork::enter();
    let fail = |e: rusqlite::Error| fault::error(&e, &format!("checking {}", path.display()));
    let connection = still(path).map_err(fail)?;
    verify::problems(&connection)
}
