//! What a failed sync leaves in doubt, and how that is settled before anything is built on it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::ffi;

use super::fault;
use super::open::is_busy;
use super::write::{LOCK_SLICE, WriteConnection};
use crate::error::{Error, Result};
use crate::sync::Mutex;
use crate::types::Stamp;
use crate::vfs;

/// What of the log may not be on the disk, whatever a sync says from now on.
#[derive(Debug, Default)]
pub(crate) struct Doubt {
    /// A sync has failed, and what it may have lost is not written again yet.
    pub(crate) failed: AtomicBool,
    /// The log was left behind by others, and nobody knows what their last sync has said.
    pub(crate) left_behind: AtomicBool,
    /// Up to here the log is on the disk for certain.
    pub(crate) synced: Mutex<Stamp>,
}

impl Doubt {
    /// The error of what may have synced, which is noted if it is a sync that failed.
    pub(super) fn failed(&self, e: &rusqlite::Error, doing: &str) -> Error {
        if fault::is_failed_sync(e) {
            self.failed.store(true, Ordering::Release);
        }
        fault::error(e, doing)
    }
}

impl WriteConnection {
    /// A log that was left behind is moved into the database, and begun anew, before anything is built
    /// on it. Its last sync may have failed, and that of a connection that closes is told to nobody.
    pub(super) fn take_over(&self) -> Result<()> {
        let Doubt { failed, left_behind, .. } = &*self.doubt;
        // Once a sync has failed here as well, all of it is written again instead.
        if !left_behind.load(Ordering::Acquire) || failed.load(Ordering::Acquire) {
            return Ok(());
        }
        // When others read from the log it cannot be begun anew, and is taken as it is.
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .or_else(|e| if is_busy(&e) { Ok(()) } else { Err(e) })
            .map_err(|e| self.failed(&e, "checkpointing"))?;
        left_behind.store(false, Ordering::Release);
        Ok(())
    }

    /// The log is synced up to here.
    pub(crate) fn synced(&self, stamp: Stamp) {
        *self.doubt.synced.lock() = stamp;
    }

    /// After a sync that failed: what it may have lost is written again, before anything is built on
    /// it. Called with the write lock.
    pub(super) fn mend(&self) -> Result<()> {
        if !self.doubt.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        let synced = *self.doubt.synced.lock();
        let until = Instant::now() + LOCK_SLICE;
        loop {
            match vfs::rewrite(&self.connection, synced.log(), synced.frames()) {
                Ok(()) => break,
                // A checkpoint is under way.
                Err(ffi::SQLITE_BUSY) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(code) => {
                    return Err(fault::error(&fault::of_code(code), "writing the log again"));
                }
            }
        }
        self.doubt.left_behind.store(false, Ordering::Release);
        self.doubt.failed.store(false, Ordering::Release);
        Ok(())
    }

    /// The same without a transaction. What cannot be mended now is left to the next transaction.
    pub(crate) fn mend_alone(&mut self) -> Result<()> {
        if !self.doubt.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        let mended = self.begin(true);
        self.rollback();
        mended
    }

    /// The error of a commit or a checkpoint.
    pub(super) fn failed(&self, e: &rusqlite::Error, doing: &str) -> Error {
        self.doubt.failed(e, doing)
    }
}
