//! Values and entries.

use std::sync::Arc;

/// A value as its codec wrote it: the bytes that go into the file. Cheap to clone.
pub type Value = Arc<[u8]>;

/// The `expires_at` of an entry that never expires.
pub(crate) const NEVER: i64 = 0;

/// A value with what the store knows about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value, encoded by the table's codec.
    pub value: Value,
    /// The number of the operation that wrote it; never reused within a store.
    pub version: i64,
    /// When it expires, in milliseconds since the Unix epoch; `None` for never.
    pub expires_at: Option<i64>,
}

/// What SQLite's WAL-index header said at one moment: two equal stamps mean that no commit by any
/// connection came between them. It holds the change counter, the last valid frame, that frame's
/// checksum and the salts, because the counter alone starts again after recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Stamp(pub(crate) [u64; 3]);

impl Stamp {
    /// The change counter: one more for each commit since the last recovery.
    pub(crate) fn change(self) -> u32 {
        self.0[0] as u32
    }

    /// Frames in the write-ahead log.
    pub(crate) fn frames(self) -> u32 {
        (self.0[0] >> 32) as u32
    }

    /// The log's salts, as its header has them.
    pub(crate) fn salts(self) -> [u8; 8] {
        let [a, b] = [self.0[2] as u32, (self.0[2] >> 32) as u32];
        let mut salts = [0; 8];
        salts[..4].copy_from_slice(&a.to_ne_bytes());
        salts[4..].copy_from_slice(&b.to_ne_bytes());
        salts
    }
}
