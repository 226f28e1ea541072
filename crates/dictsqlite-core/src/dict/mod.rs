//! The handle users hold: a dict on one table of a store. It routes, it decides nothing.

mod asynchronous;
mod conditional;
mod stats;
mod typed;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::codec;
use crate::error::{Error, ErrorKind, Result};
use crate::memtable::Admission;
use crate::options::Options;
use crate::scan::{Scan, ScanOptions};
use crate::sqlite::Table;
use crate::store::{self, EXIT_LIMIT, Fast, Store};
use crate::types::{AsKey, Entry, KeyBuf, NEVER, PersistMode, StorageMode, Value, pack};

pub use stats::Stats;

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

/// What memory knows of a key, without waiting for anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peek {
    /// The value.
    Found(Value),
    /// There is no such entry.
    Absent,
    /// Only [`Dict::get`] can tell, since SQLite must be asked.
    Unknown,
}

/// A persistent dict: a handle on one table of a store.
///
/// All methods may be called from many threads at once. Values are bytes as the table's codec
/// wrote them; see [`Dict::get_json`] and [`Dict::set_json`] for serde.
///
/// ```
/// use dictsqlite_core::{Dict, Options};
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("a.db");
/// let dict = Dict::open(&path, &Options::default())?;
/// dict.set("user:1", b"Ada")?;
/// assert_eq!(dict.get("user:1")?.as_deref(), Some(&b"Ada"[..]));
/// dict.close()?;
/// # Ok::<(), dictsqlite_core::Error>(())
/// ```
pub struct Dict {
    store: Arc<Store>,
    table: Arc<Table>,
    admission: Admission,
    persist_mode: PersistMode,
    timeout: Duration,
    ttl: Option<Duration>,
    closed: AtomicBool,
}

impl Dict {
    /// Opens the file at `path` (made when missing; `:memory:` for a private in-memory store) and
    /// a table in it.
    ///
    /// # Errors
    /// `Invalid` for options that make no sense, `Unsupported` for files that are not ours or are
    /// newer, `Codec` when the table has another codec, `Busy`, `Io`, `Corrupt`.
    pub fn open(path: impl AsRef<Path>, options: &Options) -> Result<Self> {
        let store = store::open(path.as_ref(), options)?;
        Self::on(store, &options.table, options)
    }

    /// A handle on another table of the same store, with this handle's options; made with `storage`
    /// when it is new. `None` takes the codec the table has, or this handle's.
    ///
    /// # Errors
    /// As [`Dict::open`].
    pub fn table(&self, name: &str, storage: Option<StorageMode>) -> Result<Self> {
        self.check_open()?;
        let storage = match storage {
            Some(storage) => storage,
            None => {
                let has = self.tables()?.into_iter().find(|(n, _)| n == name);
                has.map_or(self.table.storage, |(_, storage)| storage)
            }
        };
        let table = self.store.table(name, storage, self.deadline())?;
        Ok(Self {
            store: self.store.retained(),
            table,
            admission: self.admission,
            persist_mode: self.persist_mode,
            timeout: self.timeout,
            ttl: self.ttl,
            closed: AtomicBool::new(false),
        })
    }

    /// Takes over one count of the store's handles.
    fn on(store: Arc<Store>, table: &str, options: &Options) -> Result<Self> {
        let deadline = Instant::now() + options.timeout;
        match store.table(table, options.storage_mode, deadline) {
            Ok(table) => Ok(Self {
                store,
                table,
                admission: admission(options),
                persist_mode: options.persist_mode,
                timeout: options.timeout,
                ttl: options.ttl,
                closed: AtomicBool::new(false),
            }),
            Err(e) => {
                // The first error is the one to tell.
                let _ = store.release(deadline);
                Err(e)
            }
        }
    }

    #[inline]
    fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) || self.table.is_dropped() {
            return Err(self.refusal());
        }
        Ok(())
    }

    #[cold]
    fn refusal(&self) -> Error {
        if self.closed.load(Ordering::Acquire) {
            return Error::closed();
        }
        let message = format!("table {:?} was dropped; open it again", self.table.name);
        Error::new(ErrorKind::Closed, message)
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    #[inline]
    fn pack(&self, key: &(impl AsKey + ?Sized)) -> Result<KeyBuf> {
        self.check_open()?;
        pack(self.table.id, key.as_key())
    }

    fn expires_at(&self, ttl: Ttl) -> i64 {
        let after = match ttl {
            Ttl::Default => self.ttl,
            Ttl::Never => None,
            Ttl::After(after) => Some(after),
        };
        let Some(after) = after else { return NEVER };
        let ms = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        self.store.state.now_ms().saturating_add(ms.max(1))
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// `KeyType`, `Codec` for a value another tool stored in a form the codec does not have, `Io`,
    /// `Corrupt`, `Busy`, `Closed`.
    pub fn get(&self, key: impl AsKey) -> Result<Option<Value>> {
        let packed = self.pack(&key)?;
        match self.store.get_fast(&packed) {
            Fast::Found(value) => Ok(Some(value)),
            Fast::Absent => Ok(None),
            Fast::Unknown => self.store.get(&self.table, &packed, self.deadline()),
        }
    }

    /// What memory knows of `key`; never waits and never reads the file.
    ///
    /// # Errors
    /// `KeyType`, `Closed`.
    #[inline]
    pub fn peek(&self, key: impl AsKey) -> Result<Peek> {
        let packed = self.pack(&key)?;
        Ok(match self.store.get_fast(&packed) {
            Fast::Found(value) => Peek::Found(value),
            Fast::Absent => Peek::Absent,
            Fast::Unknown => Peek::Unknown,
        })
    }

    /// The value of `key` with its version and expiry. Pending writes of the key are committed
    /// first, since only then is its version known.
    ///
    /// # Errors
    /// As [`Dict::get`].
    pub fn entry(&self, key: impl AsKey) -> Result<Option<Entry>> {
        let packed = self.pack(&key)?;
        self.store.entry(&self.table, &packed, self.deadline())
    }

    /// True when there is an entry for `key`.
    ///
    /// # Errors
    /// As [`Dict::get`].
    pub fn contains(&self, key: impl AsKey) -> Result<bool> {
        let packed = self.pack(&key)?;
        self.store.contains(&self.table, &packed, self.deadline())
    }

    /// The values of many keys, in their order.
    ///
    /// # Errors
    /// As [`Dict::get`].
    pub fn get_many<K: AsKey>(&self, keys: &[K]) -> Result<Vec<Option<Value>>> {
        let keys = self.pack_all(keys)?;
        self.store.get_many(&self.table, &keys, self.deadline())
    }

    fn pack_all<K: AsKey>(&self, keys: &[K]) -> Result<Vec<KeyBuf>> {
        self.check_open()?;
        keys.iter().map(|key| pack(self.table.id, key.as_key())).collect()
    }

    /// Sets `key` to `value`; the handle's time to live applies.
    ///
    /// # Errors
    /// `KeyType`, `Codec` when the table's codec cannot hold the value, `ReadOnly`, `Closed`;
    /// `Timeout`, `Busy` or `Full` when there was no room or no commit by the timeout: the message
    /// says whether the write was accepted.
    pub fn set(&self, key: impl AsKey, value: &[u8]) -> Result<()> {
        self.set_with_ttl(key, value, Ttl::Default)
    }

    /// The same with a time to live of its own.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn set_with_ttl(&self, key: impl AsKey, value: &[u8], ttl: Ttl) -> Result<()> {
        codec::check(self.table.storage, value)?;
        self.set_encoded(key, Value::from(value), ttl)
    }

    /// Sets `key` to a value that is known to be valid for the codec: not checked again.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn set_encoded(&self, key: impl AsKey, value: Value, ttl: Ttl) -> Result<()> {
        let packed = self.pack(&key)?;
        let expires_at = self.expires_at(ttl);
        self.store.put(&packed, Some(value), expires_at, &self.admission, self.deadline())
    }

    /// The same if that takes no waiting: false when it does, and then nothing was written.
    ///
    /// # Errors
    /// As [`Dict::set`].
    #[inline]
    pub fn try_set_encoded(&self, key: impl AsKey, value: &Value, ttl: Ttl) -> Result<bool> {
        let packed = self.pack(&key)?;
        self.try_put(&packed, Some(Arc::clone(value)), self.expires_at(ttl))
    }

    #[inline]
    fn try_put(&self, packed: &[u8], value: Option<Value>, expires_at: i64) -> Result<bool> {
        if self.admission.durable || self.admission.window == 0 {
            return Ok(false);
        }
        let waits = self.store.try_put(packed, value, expires_at, &self.admission)?;
        Ok(waits.is_none())
    }

    /// Deletes `key`, whether it is there or not.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn delete(&self, key: impl AsKey) -> Result<()> {
        let packed = self.pack(&key)?;
        self.store.put(&packed, None, NEVER, &self.admission, self.deadline())
    }

    /// The same if that takes no waiting: false when it does, and then nothing was deleted.
    ///
    /// # Errors
    /// As [`Dict::set`].
    #[inline]
    pub fn try_delete(&self, key: impl AsKey) -> Result<bool> {
        let packed = self.pack(&key)?;
        self.try_put(&packed, None, NEVER)
    }

    /// Sets many keys as one unit: all of it survives a crash or nothing.
    ///
    /// # Errors
    /// As [`Dict::set`]; then nothing was written.
    pub fn set_many<K: AsKey, V: AsRef<[u8]>>(&self, items: &[(K, V)]) -> Result<()> {
        for (_, value) in items {
            codec::check(self.table.storage, value.as_ref())?;
        }
        let encoded: Vec<_> =
            items.iter().map(|(k, v)| (k.as_key(), Value::from(v.as_ref()))).collect();
        self.set_many_encoded(&encoded, Ttl::Default)
    }

    /// The same with values that are known to be valid for the codec.
    ///
    /// # Errors
    /// As [`Dict::set_many`].
    pub fn set_many_encoded<K: AsKey>(&self, items: &[(K, Value)], ttl: Ttl) -> Result<()> {
        self.check_open()?;
        let expires_at = self.expires_at(ttl);
        let writes = items
            .iter()
            .map(|(key, value)| {
                let packed = pack(self.table.id, key.as_key())?;
                Ok((packed, Some(Arc::clone(value)), expires_at))
            })
            .collect::<Result<Vec<_>>>()?;
        self.store.put_many(&writes, &self.admission, self.deadline())
    }

    /// Deletes many keys as one unit, whether they are there or not.
    ///
    /// # Errors
    /// As [`Dict::set`]; then nothing was deleted.
    pub fn delete_many<K: AsKey>(&self, keys: &[K]) -> Result<()> {
        let keys = self.pack_all(keys)?;
        let writes: Vec<_> = keys.into_iter().map(|key| (key, None, NEVER)).collect();
        self.store.put_many(&writes, &self.admission, self.deadline())
    }

    /// The number of entries. Pending writes are committed first; with nothing pending and nobody
    /// else writing it costs no query.
    ///
    /// # Errors
    /// As [`Dict::get`], and those of [`Dict::flush`].
    pub fn len(&self) -> Result<u64> {
        self.check_open()?;
        self.store.len(&self.table, self.deadline())
    }

    /// True when there is no entry.
    ///
    /// # Errors
    /// As [`Dict::len`].
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Scans entries lazily.
    ///
    /// # Errors
    /// `KeyType` for a prefix or bound that is no key, `Closed`.
    pub fn scan(&self, options: &ScanOptions) -> Result<Scan> {
        self.check_open()?;
        let (store, table) = (Arc::clone(&self.store), Arc::clone(&self.table));
        Scan::new(store, table, options, self.timeout)
    }

    /// Waits until every write accepted so far is committed.
    ///
    /// # Errors
    /// `Busy`, `Full`, `Io`: what was accepted is kept and tried again. A row that could never be
    /// written and was dropped is told here once, by name.
    pub fn flush(&self) -> Result<()> {
        self.check_open()?;
        self.store.flush(false, self.deadline())
    }

    /// Waits until every write accepted so far is committed and synced.
    ///
    /// # Errors
    /// As [`Dict::flush`].
    pub fn flush_durable(&self) -> Result<()> {
        self.check_open()?;
        self.store.flush(true, self.deadline())
    }

    /// Names and codecs of the store's tables, in the order of their names.
    ///
    /// # Errors
    /// `Io`, `Corrupt`, `Closed`.
    pub fn tables(&self) -> Result<Vec<(String, StorageMode)>> {
        self.check_open()?;
        self.store.tables(self.deadline())
    }

    /// The name of this handle's table.
    pub fn name(&self) -> &str {
        &self.table.name
    }

    /// The codec of this handle's table.
    pub fn storage_mode(&self) -> StorageMode {
        self.table.storage
    }

    /// What this handle's writes promise.
    pub fn persist_mode(&self) -> PersistMode {
        self.persist_mode
    }

    /// The store's path; `None` for an in-memory store.
    pub fn path(&self) -> Option<&Path> {
        self.store.path()
    }

    /// True when the store was opened read-only.
    pub fn is_read_only(&self) -> bool {
        self.store.is_read_only()
    }

    /// True when this handle was closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Flushes and closes this handle; the last handle closes the store. Closing twice is fine.
    ///
    /// # Errors
    /// As [`Dict::flush`], within 10 s; then the handle stays open, nothing is lost, and closing can
    /// be tried again.
    pub fn close(&self) -> Result<()> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let limit = self.timeout.min(EXIT_LIMIT);
        let closed = self.store.release(Instant::now() + limit);
        if closed.is_err() {
            self.closed.store(false, Ordering::Release);
        }
        closed
    }
}

impl Drop for Dict {
    fn drop(&mut self) {
        if !self.closed.swap(true, Ordering::AcqRel)
            && let Err(e) = self.store.release(Instant::now() + EXIT_LIMIT)
        {
            // There is nobody to return it to; the store itself goes on trying.
            eprintln!("dictsqlite: a handle was dropped without close: {e}");
        }
    }
}

fn admission(options: &Options) -> Admission {
    let window = match options.persist_mode {
        PersistMode::WriteThrough => options.buffer_size as u64 - 1,
        PersistMode::Durable => 0,
        PersistMode::Memory | PersistMode::Lazy => u64::MAX,
    };
    let linger = match options.persist_mode {
        PersistMode::WriteThrough => (options.buffer_size as u64 / 2).max(1),
        PersistMode::Durable => 1,
        PersistMode::Memory | PersistMode::Lazy => u64::MAX,
    };
    Admission {
        window,
        linger,
        interval: options.flush_interval,
        durable: options.persist_mode == PersistMode::Durable,
    }
}
