//! Values and entries.

use std::sync::Arc;
use std::time::Duration;

/// A value as its codec wrote it: the bytes that go into the file. Cheap to clone.
pub type Value = Arc<[u8]>;

/// The `expires_at` of an entry that never expires.
pub(crate) const NEVER: i64 = 0;

/// How long an entry lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ttl {
    /// As the handle was opened with.
    #[default]
    Default,
    /// For ever.
    Never,
    /// For this long from now, in steps of a millisecond.
    After(Duration),
}

impl Ttl {
    /// When an entry that is written now expires; `default` is the handle's.
    pub(crate) fn expires_at(self, default: Option<Duration>, now_ms: impl Fn() -> i64) -> i64 {
        let after = match self {
            Self::Default => default,
            Self::Never => None,
            Self::After(after) => Some(after),
        };
        let Some(after) = after else { return NEVER };
        let ms = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        now_ms().saturating_add(ms.max(1))
    }
}

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

    /// Which log it is: another one since it was started again.
    pub(crate) fn log(self) -> u64 {
        self.0[2]
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
