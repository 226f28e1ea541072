//! What can be set when opening and when scanning, and times in seconds.

use std::time::Duration;

use dictsqlite_core as core;
use dictsqlite_core::{LONGEST_TIMEOUT, Ttl};

use crate::error::{ErrorKind, NativeError, Result};
use crate::types::{Isolation, Key, Order, PersistMode, StorageMode, TransactionMode};

/// The longest time that can be asked for, in seconds: thirty thousand years.
const MOST_SECONDS: f64 = 1e12;
/// More than any machine has; kept from overflowing sums.
const MOST_CACHE_BYTES: u64 = 1 << 48;

/// What a store and a table are opened with; what is left out is as the engine has it.
#[derive(Clone, Debug, Default, uniffi::Record)]
pub struct NativeOptions {
    /// What a write of this handle promises. Write-through.
    #[uniffi(default = None)]
    pub persist_mode: Option<PersistMode>,
    /// The table's codec. Bytes.
    #[uniffi(default = None)]
    pub storage_mode: Option<StorageMode>,
    /// The table. `main`.
    #[uniffi(default = None)]
    pub table: Option<String>,
    /// Write-through: at most this many less one acknowledged writes are uncommitted. 100.
    #[uniffi(default = None)]
    pub buffer_size: Option<u64>,
    /// Lazy and memory: seconds a write may stay uncommitted. 0.2.
    #[uniffi(default = None)]
    pub flush_interval: Option<f64>,
    /// Bytes the cache may hold; the store's first handle decides. 256 MiB.
    #[uniffi(default = None)]
    pub cache_bytes: Option<u64>,
    /// Entries the cache may hold; the store's first handle decides. A million; 0 for no cache.
    #[uniffi(default = None)]
    pub hot_capacity: Option<u64>,
    /// Seconds an operation may wait for a lock, for room or for its commit. 30.
    #[uniffi(default = None)]
    pub timeout: Option<f64>,
    /// Seconds new entries live unless a call says otherwise. For ever.
    #[uniffi(default = None)]
    pub ttl: Option<f64>,
    /// Opens an existing file without ever writing to it.
    #[uniffi(default = false)]
    pub read_only: bool,
    /// Adds our tables to a SQLite database that is not ours, instead of refusing it.
    #[uniffi(default = false)]
    pub adopt: bool,
    /// Bytes of accepted, uncommitted writes before writers must wait; the first handle decides.
    #[uniffi(default = None)]
    pub memtable_bytes: Option<u64>,
    /// Whether the table's changes are logged: true sees to it, false refuses a table whose changes
    /// are. As it is.
    #[uniffi(default = None)]
    pub changes: Option<bool>,
}

impl NativeOptions {
    pub(crate) fn to_core(&self) -> Result<core::Options> {
        let mut options = core::Options {
            read_only: self.read_only,
            adopt: self.adopt,
            changes: self.changes,
            ..core::Options::default()
        };
        if let Some(mode) = self.persist_mode {
            options.persist_mode = mode.into();
        }
        if let Some(mode) = self.storage_mode {
            options.storage_mode = mode.into();
        }
        if let Some(table) = &self.table {
            options.table.clone_from(table);
        }
        if let Some(n) = self.buffer_size {
            options.buffer_size = usize::try_from(n).unwrap_or(usize::MAX);
        }
        if let Some(value) = self.flush_interval {
            options.flush_interval = seconds("flush_interval", value)?.ok_or_else(|| {
                invalid("flush_interval is infinite; it must be from 1 ms to 1 h")
            })?;
        }
        if let Some(n) = self.cache_bytes {
            options.cache_bytes = n.min(MOST_CACHE_BYTES);
        }
        if let Some(n) = self.hot_capacity {
            options.hot_capacity = usize::try_from(n).unwrap_or(usize::MAX);
        }
        if let Some(value) = self.timeout {
            options.timeout = seconds("timeout", value)?.unwrap_or(LONGEST_TIMEOUT);
        }
        if let Some(value) = self.ttl {
            options.ttl = seconds("ttl", value)?;
        }
        if let Some(n) = self.memtable_bytes {
            options.memtable_bytes = usize::try_from(n).unwrap_or(usize::MAX);
        }
        Ok(options)
    }
}

/// What to scan. With `prefix`, `start` or `end` the order is key order unless said otherwise.
#[derive(Clone, Debug, uniffi::Record)]
pub struct NativeScanOptions {
    /// Only keys of the prefix's own type that begin with it: text, bytes, or a tuple's elements.
    #[uniffi(default = None)]
    pub prefix: Option<Key>,
    /// Only keys not below this one, in key order across types.
    #[uniffi(default = None)]
    pub start: Option<Key>,
    /// Only keys below this one.
    #[uniffi(default = None)]
    pub end: Option<Key>,
    /// From the end to the start.
    #[uniffi(default = false)]
    pub reverse: bool,
    /// At most this many entries.
    #[uniffi(default = None)]
    pub limit: Option<u64>,
    /// The order.
    #[uniffi(default = None)]
    pub order: Option<Order>,
    /// One moment for the whole scan, at the price of an open read transaction.
    #[uniffi(default = false)]
    pub consistent: bool,
    /// Whether values are read; without them a scan of large values is cheap.
    #[uniffi(default = true)]
    pub values: bool,
}

impl From<NativeScanOptions> for core::ScanOptions {
    fn from(options: NativeScanOptions) -> Self {
        Self {
            prefix: options.prefix.map(core::Key::from),
            start: options.start.map(core::Key::from),
            end: options.end.map(core::Key::from),
            reverse: options.reverse,
            limit: options.limit,
            order: options.order.map(core::Order::from),
            consistent: options.consistent,
            values: options.values,
            after: None,
        }
    }
}

/// How a transaction is begun; what is left out is as the engine has it.
#[derive(Clone, Debug, Default, uniffi::Record)]
pub struct NativeTransactionOptions {
    /// Whether it keeps others out, or looks whether they were in its way. Concurrent.
    #[uniffi(default = None)]
    pub mode: Option<TransactionMode>,
    /// What is looked at when a concurrent one commits. Serializable.
    #[uniffi(default = None)]
    pub isolation: Option<Isolation>,
    /// Seconds that beginning and committing may each wait. The handle's.
    #[uniffi(default = None)]
    pub timeout: Option<f64>,
    /// Seconds it may be open before it is rolled back. 60, and 5 for an immediate one.
    #[uniffi(default = None)]
    pub max_hold: Option<f64>,
}

impl NativeTransactionOptions {
    pub(crate) fn to_core(&self) -> Result<core::TransactionOptions> {
        let limit = |name: &str, value: Option<f64>| {
            let given = value.map(|value| seconds(name, value)).transpose()?;
            Ok::<_, NativeError>(given.map(|limit| limit.unwrap_or(LONGEST_TIMEOUT)))
        };
        Ok(core::TransactionOptions {
            mode: self.mode.map(core::TransactionMode::from).unwrap_or_default(),
            isolation: self.isolation.map(core::Isolation::from).unwrap_or_default(),
            timeout: limit("timeout", self.timeout)?,
            max_hold: limit("max_hold", self.max_hold)?,
            ..core::TransactionOptions::default()
        })
    }
}

/// A time to live as it is given to a call.
pub(crate) fn ttl(value: f64) -> Result<Ttl> {
    if value.is_nan() {
        return Ok(Ttl::Default);
    }
    match seconds("ttl", value)? {
        None => Ok(Ttl::Never),
        Some(Duration::ZERO) => {
            Err(invalid("ttl is 0; it must be above 0, or infinite for no expiry"))
        }
        Some(after) => Ok(Ttl::After(after)),
    }
}

/// Seconds as a duration; `None` stands for "without end".
pub(crate) fn seconds(name: &str, value: f64) -> Result<Option<Duration>> {
    if value == f64::INFINITY {
        return Ok(None);
    }
    if !(0.0..=MOST_SECONDS).contains(&value) {
        let valid = format!("it is a number of seconds, from 0 to {MOST_SECONDS:e}");
        return Err(invalid(format!("{name} is {value:?}; {valid}")));
    }
    Ok(Some(Duration::from_secs_f64(value)))
}

fn invalid(detail: impl Into<String>) -> NativeError {
    NativeError::new(ErrorKind::Invalid, detail)
}
