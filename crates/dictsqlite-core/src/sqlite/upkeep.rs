//! What is done to a whole file now and then: checkpoints, vacuum, checks.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rusqlite::Connection;

use super::fault;
use super::open::{Opener, Place, is_busy};
use super::verify;
use super::write::WriteConnection;
use crate::error::{Error, ErrorKind, Result};
use crate::vfs::fork;

const CACHE_KIB: i64 = 16 * 1024;
/// How long one attempt to get a lock takes at most.
const LOCK_SLICE: Duration = Duration::from_millis(100);

/// What a checkpoint did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    /// Frames in the log when it began.
    pub(crate) frames: u64,
    /// How many of them are in the database now.
    pub(crate) moved: u64,
    /// The log is empty now.
    pub(crate) emptied: bool,
}

/// A connection for that, closed under a pass.
pub(crate) struct Upkeep {
    connection: Option<Connection>,
    opener: Opener,
}

impl Upkeep {
    pub(crate) fn open(opener: &Opener) -> Result<Self> {
        opener.check_in_place()?;
        let _pass = fork::enter();
        let connection = opener.connect(CACHE_KIB)?;
        let on_disk = matches!(opener.place, Place::File(_));
        connection
            .busy_timeout(LOCK_SLICE)
            // A whole copy of the database is made meanwhile, which memory may not hold.
            .and_then(|()| match on_disk {
                true => connection.pragma_update(None, "temp_store", "file"),
                false => connection.pragma_update(None, "synchronous", "off"),
            })
            .map_err(|e| fault::error(&e, "opening"))?;
        Ok(Self { connection: Some(connection), opener: opener.clone() })
    }

    fn connection(&self) -> Result<&Connection> {
        self.connection.as_ref().ok_or_else(Error::closed)
    }

    /// What a failed sync may have lost is written again first: nothing may be built on it.
    fn settle(&self) -> Result<()> {
        let doubt = &self.opener.doubt;
        if !doubt.failed.load(Ordering::Acquire) && !doubt.left_behind.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut writer = WriteConnection::open(&self.opener)?;
        let begun = writer.begin(true);
        writer.rollback();
        begun
    }

    /// What ends the statement that runs, from any thread.
    pub(crate) fn interrupt(&self) -> Result<impl Fn() + Send + 'static> {
        let handle = self.connection()?.get_interrupt_handle();
        Ok(move || handle.interrupt())
    }

    /// Writes the database anew, without its free pages. False when the lock was not to be had now.
    pub(crate) fn vacuum(&self) -> Result<bool> {
        let _pass = fork::enter();
        match self.settle() {
            Err(e) if e.kind() == ErrorKind::Busy => return Ok(false),
            settled => settled?,
        }
        match self.connection()?.execute_batch("VACUUM") {
            Ok(()) => Ok(true),
            Err(e) if is_busy(&e) => Ok(false),
            Err(e) => Err(self.opener.doubt.failed(&e, "vacuuming")),
        }
    }

    /// Bytes of the database, log not counted.
    pub(crate) fn bytes(&self) -> Result<u64> {
        let _pass = fork::enter();
        self.connection()?
            .query_row(
                "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
                [],
                |row| row.get(0),
            )
            .map(i64::unsigned_abs)
            .map_err(|e| fault::error(&e, "reading the size"))
    }

    /// Moves the log into the database and empties it, as far as readers allow.
    pub(crate) fn checkpoint(&self) -> Result<Moved> {
        let _pass = fork::enter();
        self.settle()?;
        let run = |mode: &str| -> Result<(bool, i64, i64)> {
            self.connection()?
                .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
                    Ok((row.get::<_, i64>(0)? != 0, row.get(1)?, row.get(2)?))
                })
                .map_err(|e| self.opener.doubt.failed(&e, "checkpointing"))
        };
        let size = |n: i64| u64::try_from(n).unwrap_or(0);
        let (_, frames, moved) = run("PASSIVE")?;
        let (busy, _, later) = run("TRUNCATE")?;
        let emptied = !busy;
        let moved = if emptied { frames } else { moved.max(later).min(frames) };
        Ok(Moved { frames: size(frames), moved: size(moved), emptied })
    }

    /// What is wrong with the database; empty when nothing is.
    pub(crate) fn problems(&self) -> Result<Vec<String>> {
        let _pass = fork::enter();
        verify::problems(self.connection()?)
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        let _pass = fork::enter();
        drop(self.connection.take());
    }
}
