//! What a store has done and holds.

use std::sync::atomic::Ordering;

use super::Dict;
use crate::error::Result;

/// Figures of a store since it was opened in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// Writes accepted and not yet committed.
    pub pending_writes: u64,
    /// Bytes they hold, about.
    pub pending_bytes: u64,
    /// Entries in the cache.
    pub cached_entries: u64,
    /// Bytes they hold, about.
    pub cached_bytes: u64,
    /// Keys that were read from SQLite, since memory did not know them.
    pub misses: u64,
    /// Transactions committed.
    pub commits: u64,
    /// Operations in them.
    pub committed_operations: u64,
    /// Commits that failed and were tried again.
    pub failed_commits: u64,
    /// Checkpoints of the write-ahead log.
    pub checkpoints: u64,
    /// Expired entries removed.
    pub swept_entries: u64,
    /// Frames (pages) in the write-ahead log.
    pub wal_frames: u64,
}

impl Dict {
    /// Bytes in the cache of the store that is behind this handle, closed or not; none if there is none
    /// yet in this process. Opens nothing.
    #[doc(hidden)]
    pub fn cached_bytes(&self) -> u64 {
        self.bound.current().map_or(0, |at| at.store.state.cache.size().1)
    }

    /// Figures of the store behind this handle.
    ///
    /// # Errors
    /// `Closed`.
    pub fn stats(&self) -> Result<Stats> {
        let state = &self.at()?.store.state;
        let (pending_writes, pending_bytes) = state.memtable.backlog();
        let (cached_entries, cached_bytes) = state.cache.size();
        let counters = &state.counters;
        Ok(Stats {
            pending_writes,
            pending_bytes: pending_bytes as u64,
            cached_entries: cached_entries as u64,
            cached_bytes,
            misses: counters.misses.load(Ordering::Relaxed),
            commits: counters.commits.load(Ordering::Relaxed),
            committed_operations: counters.committed_ops.load(Ordering::Relaxed),
            failed_commits: counters.failed_commits.load(Ordering::Relaxed),
            checkpoints: counters.checkpoints.load(Ordering::Relaxed),
            swept_entries: counters.swept.load(Ordering::Relaxed),
            wal_frames: u64::from(state.stamps.live().frames()),
        })
    }
}
