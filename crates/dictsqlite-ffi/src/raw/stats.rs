//! The figures of a store.

use std::ptr::NonNull;

use dictsqlite_core::Stats;

/// Figures of a store since it was opened in this process. Later releases append fields.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dictsqlite_stats {
    /// Writes accepted and not yet committed.
    pending_writes: u64,
    /// Bytes they hold, about.
    pending_bytes: u64,
    /// Entries in the cache.
    cached_entries: u64,
    /// Bytes they hold, about.
    cached_bytes: u64,
    /// Keys that were read from SQLite, since memory did not know them.
    misses: u64,
    /// Transactions committed.
    commits: u64,
    /// Operations in them.
    committed_operations: u64,
    /// Commits that failed and were tried again.
    failed_commits: u64,
    /// Checkpoints of the write-ahead log.
    checkpoints: u64,
    /// Expired entries removed.
    swept_entries: u64,
    /// Frames (pages) in the write-ahead log.
    wal_frames: u64,
}

impl From<Stats> for dictsqlite_stats {
    fn from(stats: Stats) -> Self {
        let Stats {
            pending_writes,
            pending_bytes,
            cached_entries,
            cached_bytes,
            misses,
            commits,
            committed_operations,
            failed_commits,
            checkpoints,
            swept_entries,
            wal_frames,
        } = stats;
        Self {
            pending_writes,
            pending_bytes,
            cached_entries,
            cached_bytes,
            misses,
            commits,
            committed_operations,
            failed_commits,
            checkpoints,
            swept_entries,
            wal_frames,
        }
    }
}

impl dictsqlite_stats {
    /// Writes as much of it as C has room for: a program built against an older header has less. More
    /// room than there are figures is filled with zeros.
    pub(crate) fn write(&self, out: NonNull<Self>, room: usize) {
        let known = size_of::<Self>();
        let (from, to) = (std::ptr::from_ref(self).cast::<u8>(), out.as_ptr().cast::<u8>());
        // SAFETY: by the header's contract there are `room` bytes; no more than that are written, and
        // no more are read than a `Self` has. The two do not overlap, since `self` is ours.
        unsafe {
            std::ptr::copy_nonoverlapping(from, to, room.min(known));
            to.add(room.min(known)).write_bytes(0, room.saturating_sub(known));
        }
    }
}
