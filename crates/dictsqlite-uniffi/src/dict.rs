//! The handle: opening, tables, reading, and what is known of the store.

use std::sync::Arc;

use dictsqlite_core as core;
use dictsqlite_core::Dict;

use crate::error::{ErrorKind, NativeError, Result};
use crate::options::{NativeOptions, NativeScanOptions};
use crate::scan::{NativeScan, Source};
use crate::types::{Key, NativeEntry, NativePeek, PersistMode, StorageMode, keys};

/// A handle on one table of a store.
#[derive(uniffi::Object)]
pub struct NativeDict {
    pub(crate) dict: Arc<Dict>,
}

/// A table's name and codec.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct NativeTable {
    /// The name.
    pub name: String,
    /// The codec.
    pub storage_mode: StorageMode,
}

/// What a handle was opened as.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct NativeInfo {
    /// The table's name.
    pub table: String,
    /// The table's codec.
    pub storage_mode: StorageMode,
    /// What writes promise.
    pub persist_mode: PersistMode,
    /// The store's path; none for an in-memory store.
    pub path: Option<String>,
    /// Whether nothing can be written.
    pub read_only: bool,
}

/// Figures of a store since it was opened in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct NativeStats {
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

impl From<core::Stats> for NativeStats {
    fn from(s: core::Stats) -> Self {
        Self {
            pending_writes: s.pending_writes,
            pending_bytes: s.pending_bytes,
            cached_entries: s.cached_entries,
            cached_bytes: s.cached_bytes,
            misses: s.misses,
            commits: s.commits,
            committed_operations: s.committed_operations,
            failed_commits: s.failed_commits,
            checkpoints: s.checkpoints,
            swept_entries: s.swept_entries,
            wal_frames: s.wal_frames,
        }
    }
}

impl NativeDict {
    /// Refuses a table whose values no language but Python can read.
    pub(crate) fn new(dict: Dict) -> Result<Self> {
        refuse_pickles(dict.name(), dict.storage_mode())?;
        Ok(Self { dict: Arc::new(dict) })
    }
}

/// A table that is there.
pub(crate) fn refuse_pickles(table: &str, storage: core::StorageMode) -> Result<()> {
    if storage == core::StorageMode::Pickle {
        let detail = format!(
            "table {table:?} holds Python pickles, which only Python reads; use a bytes, json or \
             jsonb table to share values between languages"
        );
        return Err(NativeError::new(ErrorKind::Unsupported, detail));
    }
    Ok(())
}

pub(crate) fn to_tables(tables: Vec<(String, core::StorageMode)>) -> Vec<NativeTable> {
    let table =
        |(name, mode): (_, core::StorageMode)| NativeTable { name, storage_mode: mode.into() };
    tables.into_iter().map(table).collect()
}

/// A path that the engine may be asked to open.
pub(crate) fn checked_path(path: &str) -> Result<()> {
    if path.is_empty() || path.contains('\0') {
        let detail = format!("path is {path:?}; it must not be empty and have no NUL");
        return Err(NativeError::new(ErrorKind::Invalid, detail));
    }
    Ok(())
}

/// Opens a store and a table in it.
#[uniffi::export]
pub fn native_open(path: &str, options: &NativeOptions) -> Result<Arc<NativeDict>> {
    checked_path(path)?;
    let options = options.to_core()?;
    refuse_pickle(&options)?;
    Ok(Arc::new(NativeDict::new(Dict::open(path, &options)?)?))
}

/// Before a table is made, not after.
pub(crate) fn refuse_pickle(options: &core::Options) -> Result<()> {
    if options.storage_mode == core::StorageMode::Pickle {
        let detail = "pickle tables are Python's; use bytes, json or jsonb";
        return Err(NativeError::new(ErrorKind::Unsupported, detail));
    }
    Ok(())
}

/// A table's codec as it is asked for.
pub(crate) fn asked(mode: Option<StorageMode>) -> Result<Option<core::StorageMode>> {
    let mode = mode.map(core::StorageMode::from);
    if let Some(storage_mode) = mode {
        refuse_pickle(&core::Options { storage_mode, ..core::Options::default() })?;
    }
    Ok(mode)
}

#[uniffi::export]
impl NativeDict {
    /// A handle on another table of the same store.
    pub fn table(&self, name: &str, storage_mode: Option<StorageMode>) -> Result<Arc<Self>> {
        Ok(Arc::new(Self::new(self.dict.table(name, asked(storage_mode)?)?)?))
    }

    /// The store's tables, in the order of their names.
    pub fn tables(&self) -> Result<Vec<NativeTable>> {
        Ok(to_tables(self.dict.tables()?))
    }

    /// Removes a table and all that is in it; false when there is none.
    pub fn drop_table(&self, name: &str) -> Result<bool> {
        Ok(self.dict.drop_table(name)?)
    }

    /// What the handle was opened as.
    pub fn info(&self) -> NativeInfo {
        NativeInfo {
            table: self.dict.name().to_owned(),
            storage_mode: self.dict.storage_mode().into(),
            persist_mode: self.dict.persist_mode().into(),
            path: self.dict.path().map(|path| path.to_string_lossy().into_owned()),
            read_only: self.dict.is_read_only(),
        }
    }

    /// True when the handle was closed.
    pub fn is_closed(&self) -> bool {
        self.dict.is_closed()
    }

    /// Figures of the store.
    pub fn stats(&self) -> Result<NativeStats> {
        Ok(self.dict.stats()?.into())
    }

    /// The value of `key`.
    pub fn get(&self, key: Key) -> Result<Option<Vec<u8>>> {
        Ok(self.dict.get(core::Key::from(key))?.map(|value| value.to_vec()))
    }

    /// What memory knows of `key`; never waits.
    pub fn peek(&self, key: Key) -> Result<NativePeek> {
        Ok(self.dict.peek(core::Key::from(key))?.into())
    }

    /// The values of many keys, in their order.
    pub fn get_many(&self, keys: Vec<Key>) -> Result<Vec<Option<Vec<u8>>>> {
        let values = self.dict.get_many(&self::keys(keys))?;
        Ok(values.into_iter().map(|value| value.map(|value| value.to_vec())).collect())
    }

    /// True when there is an entry for `key`.
    pub fn contains(&self, key: Key) -> Result<bool> {
        Ok(self.dict.contains(core::Key::from(key))?)
    }

    /// The value of `key` with its version and expiry.
    pub fn entry(&self, key: Key) -> Result<Option<NativeEntry>> {
        Ok(self.dict.entry(core::Key::from(key))?.map(NativeEntry::from))
    }

    /// The number of entries.
    #[expect(clippy::len_without_is_empty, reason = "an operation that may fail, not a size")]
    pub fn len(&self) -> Result<u64> {
        Ok(self.dict.len()?)
    }

    /// Begins a scan.
    pub fn scan(&self, options: NativeScanOptions) -> Result<Arc<NativeScan>> {
        let scan = Box::new(self.dict.scan(&options.into())?);
        Ok(Arc::new(NativeScan::new(Source::Dict(scan))))
    }

    /// Waits until every write accepted so far is committed, or synced too.
    pub fn flush(&self, durable: bool) -> Result<()> {
        let flushed = if durable { self.dict.flush_durable() } else { self.dict.flush() };
        Ok(flushed?)
    }

    /// Flushes and closes the handle; the last one closes the store.
    pub fn shut(&self) -> Result<()> {
        Ok(self.dict.close()?)
    }
}
