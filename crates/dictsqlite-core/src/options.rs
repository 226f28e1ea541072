//! What can be set when a store is opened.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Result};
use crate::types::{PersistMode, StorageMode};

/// Everything that can be set when opening. Start from `Options::default()` and change fields.
#[derive(Clone)]
pub struct Options {
    /// What a write of this handle promises.
    pub persist_mode: PersistMode,
    /// The table's codec: made with it when new, refused when it has another.
    pub storage_mode: StorageMode,
    /// The table.
    pub table: String,
    /// `writethrough`: at most this many less one acknowledged writes are uncommitted. 1 to 1e9.
    pub buffer_size: usize,
    /// `lazy`: how long a write may stay uncommitted. 1 ms to 1 h.
    pub flush_interval: Duration,
    /// Bytes the cache may hold (keys, values and bookkeeping); the store's first handle decides.
    pub cache_bytes: u64,
    /// Entries the cache may hold; the store's first handle decides. 0 turns the cache off.
    pub hot_capacity: usize,
    /// How long an operation may wait for a lock, for room or for its commit. Up to 1e6 s.
    pub timeout: Duration,
    /// How long new entries live unless a call says otherwise; `None` for ever.
    pub ttl: Option<Duration>,
    /// Opens an existing file without ever writing to it.
    pub read_only: bool,
    /// Whether the table's changes are logged: `Some(true)` sees to it, `Some(false)` refuses a table
    /// whose changes are, `None` takes it as it is.
    pub changes: Option<bool>,
    /// Adds our tables to a SQLite database that is not ours, instead of refusing it.
    pub adopt: bool,
    /// Bytes of accepted, uncommitted writes before writers must wait; the first handle decides.
    pub memtable_bytes: usize,
    /// Where the time for expiry comes from; the store's first handle decides.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            persist_mode: PersistMode::WriteThrough,
            storage_mode: StorageMode::Bytes,
            table: "main".to_owned(),
            buffer_size: 100,
            flush_interval: Duration::from_millis(200),
            cache_bytes: 256 << 20,
            hot_capacity: 1_000_000,
            timeout: Duration::from_secs(30),
            ttl: None,
            read_only: false,
            changes: None,
            adopt: false,
            memtable_bytes: 64 << 20,
            clock: Arc::new(SystemClock),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("persist_mode", &self.persist_mode)
            .field("storage_mode", &self.storage_mode)
            .field("table", &self.table)
            .field("buffer_size", &self.buffer_size)
            .field("flush_interval", &self.flush_interval)
            .field("timeout", &self.timeout)
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}

const HOUR: Duration = Duration::from_secs(3600);
/// The longest timeout: longer than any program waits, and short enough to be added to the time.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(1_000_000);

impl Options {
    /// Refuses values that make no sense, saying what is valid.
    pub(crate) fn validate(&self) -> Result<()> {
        if !(1..=1_000_000_000).contains(&self.buffer_size) {
            return Err(Error::invalid(format!(
                "buffer_size is {}; it must be from 1 to 1000000000",
                self.buffer_size
            )));
        }
        if self.flush_interval < Duration::from_millis(1) || self.flush_interval > HOUR {
            return Err(Error::invalid(format!(
                "flush_interval is {:?}; it must be from 1 ms to 1 h",
                self.flush_interval
            )));
        }
        if self.timeout > LONGEST_TIMEOUT {
            return Err(Error::invalid(format!(
                "timeout is {:?}; it must be from 0 to 1000000 s",
                self.timeout
            )));
        }
        if self.memtable_bytes < 1 << 16 {
            return Err(Error::invalid(format!(
                "memtable_bytes is {}; it must be at least 65536",
                self.memtable_bytes
            )));
        }
        if self.ttl == Some(Duration::ZERO) {
            return Err(Error::invalid("ttl is 0; it must be above 0, or none for no expiry"));
        }
        if self.read_only && self.persist_mode == PersistMode::Memory {
            return Err(Error::invalid(
                "a memory store is new and empty, so read_only makes no sense for it",
            ));
        }
        Ok(())
    }
}
