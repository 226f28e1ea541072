//! Transactions, and checks and writes that are one unit.

use std::time::Duration;

use dictsqlite_core::{Isolation, Result, TransactionMode, TransactionOptions};

use super::key::{KeyIn, dictsqlite_key};
use super::slice::{dictsqlite_slice, elements, invalid};

/// A transaction that was begun, as a dict on one of the store's tables. See `dictsqlite_tx_begin`.
/// Zero-initialised, it is no handle.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dictsqlite_tx {
    /// The library's own number for it.
    pub id: u64,
}

/// How a transaction is begun. Zero-initialised: concurrent and serializable, with the handle's timeout.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_tx_options {
    /// `DICTSQLITE_TX_CONCURRENT`, `_IMMEDIATE` or `_READ`.
    mode: u32,
    /// `DICTSQLITE_TX_SERIALIZABLE` or `_SNAPSHOT`.
    isolation: u32,
    /// How long beginning and committing may each wait, in milliseconds; 0 is the handle's timeout.
    timeout: u64,
    /// How long it may be open before it is rolled back, in milliseconds; 0 is 60 s, and 5 s for an
    /// immediate one.
    max_hold: u64,
}

/// Reads a snapshot, gathers its writes and holds nothing; the first one to commit wins.
pub const DICTSQLITE_TX_CONCURRENT: u32 = 0;
/// Holds the write lock from the beginning, so that nothing can conflict with it.
pub const DICTSQLITE_TX_IMMEDIATE: u32 = 1;
/// Reads a snapshot and writes nothing.
pub const DICTSQLITE_TX_READ: u32 = 2;
/// When a concurrent one commits, all that it has read and what it writes must be as it was.
pub const DICTSQLITE_TX_SERIALIZABLE: u32 = 0;
/// Only what it writes must be as it was.
pub const DICTSQLITE_TX_SNAPSHOT: u32 = 1;

/// A key that must have a version, for `dictsqlite_atomic`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_check {
    key: dictsqlite_key,
    /// 0: there must be no entry.
    version: i64,
}

/// Checks that the caller owns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_check_list {
    items: *const dictsqlite_check,
    len: usize,
}

/// A write of `dictsqlite_atomic`. `dictsqlite_write_set`, `_incr` and `_delete` make one.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_write {
    /// `DICTSQLITE_WRITE_SET`, `_INCR` or `_DELETE`.
    r#type: u32,
    key: dictsqlite_key,
    /// SET: the value.
    value: dictsqlite_slice,
    /// INCR: what is added.
    by: i64,
    /// SET: as for `dictsqlite_set_ttl`; 0 is the handle's as well.
    ttl: i64,
}

/// Sets the key to the value.
pub const DICTSQLITE_WRITE_SET: u32 = 1;
/// Adds to an integer, whatever it is then.
pub const DICTSQLITE_WRITE_INCR: u32 = 2;
/// Deletes the key, whether it is there or not.
pub const DICTSQLITE_WRITE_DELETE: u32 = 3;

/// Writes that the caller owns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_write_list {
    items: *const dictsqlite_write,
    len: usize,
}

/// A write that C handed over.
pub(crate) enum Write<'a> {
    /// With the time to live as C gave it.
    Set(KeyIn<'a>, &'a [u8], i64),
    Incr(KeyIn<'a>, i64),
    Delete(KeyIn<'a>),
}

impl dictsqlite_tx_options {
    /// The engine's options.
    pub(crate) fn read(&self) -> Result<TransactionOptions> {
        let mode = match self.mode {
            DICTSQLITE_TX_CONCURRENT => TransactionMode::Concurrent,
            DICTSQLITE_TX_IMMEDIATE => TransactionMode::Immediate,
            DICTSQLITE_TX_READ => TransactionMode::Read,
            other => {
                return Err(invalid(format!(
                    "mode is {other}; use DICTSQLITE_TX_CONCURRENT, _IMMEDIATE or _READ"
                )));
            }
        };
        let isolation = match self.isolation {
            DICTSQLITE_TX_SERIALIZABLE => Isolation::Serializable,
            DICTSQLITE_TX_SNAPSHOT => Isolation::Snapshot,
            other => {
                return Err(invalid(format!(
                    "isolation is {other}; use DICTSQLITE_TX_SERIALIZABLE or _SNAPSHOT"
                )));
            }
        };
        let limit = |ms: u64| (ms != 0).then(|| Duration::from_millis(ms));
        Ok(TransactionOptions {
            mode,
            isolation,
            timeout: limit(self.timeout),
            max_hold: limit(self.max_hold),
            ..TransactionOptions::default()
        })
    }
}

impl dictsqlite_check_list {
    /// Keys and versions, borrowed.
    pub(crate) fn read(&self) -> Result<Vec<(KeyIn<'_>, i64)>> {
        let checks = elements(self.items, self.len, "checks")?;
        checks.iter().map(|check| Ok((check.key.read()?, check.version))).collect()
    }
}

impl dictsqlite_write_list {
    /// The writes, borrowed.
    pub(crate) fn read(&self) -> Result<Vec<Write<'_>>> {
        elements(self.items, self.len, "writes")?.iter().map(dictsqlite_write::read).collect()
    }
}

impl dictsqlite_write {
    fn read(&self) -> Result<Write<'_>> {
        let key = self.key.read()?;
        match self.r#type {
            DICTSQLITE_WRITE_SET => Ok(Write::Set(key, self.value.read("value")?, self.ttl)),
            DICTSQLITE_WRITE_INCR => Ok(Write::Incr(key, self.by)),
            DICTSQLITE_WRITE_DELETE => Ok(Write::Delete(key)),
            other => Err(invalid(format!(
                "the type of a write is {other}; make writes with dictsqlite_write_set, _incr or \
                 _delete"
            ))),
        }
    }
}
