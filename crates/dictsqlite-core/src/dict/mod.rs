//! The handle users hold: a dict on one table of a store. It routes, it decides nothing.

mod asynchronous;
mod bound;
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
use crate::store::{self, EXIT_LIMIT, Fast, Store};
use crate::types::{AsKey, Entry, KeyBuf, NEVER, PersistMode, StorageMode, Value, pack};

use bound::Bound;
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
    bound: Bound,
    admission: Admission,
    options: Options,
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
        Self::on(store, options)
    }

    /// A handle on another table of the same store, with this handle's options; made with `storage`
    /// when it is new. `None` takes the codec the table has, or this handle's.
    ///
    /// # Errors
    /// As [`Dict::open`].
    pub fn table(&self, name: &str, storage: Option<StorageMode>) -> Result<Self> {
        let at = self.at()?;
        let storage_mode = match storage {
            Some(storage) => storage,
            None => {
                let has = self.tables()?.into_iter().find(|(n, _)| n == name);
                has.map_or(at.table.storage, |(_, storage)| storage)
            }
        };
        let options = Options { table: name.to_owned(), storage_mode, ..self.options.clone() };
        Self::on(at.store.retained(), &options)
    }

    fn on(store: Arc<Store>, options: &Options) -> Result<Self> {
        Ok(Self {
            bound: bind(store, options)?,
            admission: admission(options),
            options: options.clone(),
            closed: AtomicBool::new(false),
        })
    }

    /// The store and table of this process; refuses when the handle is closed.
    #[inline]
    fn at(&self) -> Result<&Bound> {
        match self.bound.current() {
            Some(at) if !self.closed.load(Ordering::Acquire) && !at.table.is_dropped() => Ok(at),
            _ => self.at_second_look(),
        }
    }

    #[cold]
    fn at_second_look(&self) -> Result<&Bound> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::closed());
        }
        let at = self.bound.renewed(|inherited| {
            bind(store::reopen(&inherited.store, &self.options)?, &self.options)
        })?;
        if at.table.is_dropped() {
            let message = format!("table {:?} was dropped; open it again", at.table.name);
            return Err(Error::new(ErrorKind::Closed, message));
        }
        Ok(at)
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.options.timeout
    }

    #[inline]
    fn pack(&self, key: &(impl AsKey + ?Sized)) -> Result<(&Bound, KeyBuf)> {
        let at = self.at()?;
        Ok((at, pack(at.table.id, key.as_key())?))
    }

    fn expires_at(&self, at: &Bound, ttl: Ttl) -> i64 {
        let after = match ttl {
            Ttl::Default => self.options.ttl,
            Ttl::Never => None,
            Ttl::After(after) => Some(after),
        };
        let Some(after) = after else { return NEVER };
        let ms = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        at.store.state.now_ms().saturating_add(ms.max(1))
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// `KeyType`, `Codec` for a value another tool stored in a form the codec does not have, `Io`,
    /// `Corrupt`, `Busy`, `Closed`.
    pub fn get(&self, key: impl AsKey) -> Result<Option<Value>> {
        let (at, packed) = self.pack(&key)?;
        match at.store.get_fast(&packed) {
            Fast::Found(value) => Ok(Some(value)),
            Fast::Absent => Ok(None),
            Fast::Unknown => at.store.get(&at.table, &packed, self.deadline()),
        }
    }

    /// What memory knows of `key`; never waits and never reads the file.
    ///
    /// # Errors
    /// `KeyType`, `Closed`.
    #[inline]
    pub fn peek(&self, key: impl AsKey) -> Result<Peek> {
        let (at, packed) = self.pack(&key)?;
        Ok(match at.store.get_fast(&packed) {
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
        let (at, packed) = self.pack(&key)?;
        at.store.entry(&at.table, &packed, self.deadline())
    }

    /// True when there is an entry for `key`.
    ///
    /// # Errors
    /// As [`Dict::get`].
    pub fn contains(&self, key: impl AsKey) -> Result<bool> {
        let (at, packed) = self.pack(&key)?;
        at.store.contains(&at.table, &packed, self.deadline())
    }

    /// The values of many keys, in their order.
    ///
    /// # Errors
    /// As [`Dict::get`].
    pub fn get_many<K: AsKey>(&self, keys: &[K]) -> Result<Vec<Option<Value>>> {
        let (at, keys) = self.pack_all(keys)?;
        at.store.get_many(&at.table, &keys, self.deadline())
    }

    fn pack_all<K: AsKey>(&self, keys: &[K]) -> Result<(&Bound, Vec<KeyBuf>)> {
        let at = self.at()?;
        let packed = keys.iter().map(|key| pack(at.table.id, key.as_key()));
        Ok((at, packed.collect::<Result<_>>()?))
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
        codec::check(self.options.storage_mode, value)?;
        self.set_encoded(key, Value::from(value), ttl)
    }

    /// Sets `key` to a value that is known to be valid for the codec: not checked again.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn set_encoded(&self, key: impl AsKey, value: Value, ttl: Ttl) -> Result<()> {
        let (at, packed) = self.pack(&key)?;
        let expires_at = self.expires_at(at, ttl);
        at.store.put(&packed, Some(value), expires_at, &self.admission, self.deadline())
    }

    /// The same if that takes no waiting: false when it does, and then nothing was written.
    ///
    /// # Errors
    /// As [`Dict::set`].
    #[inline]
    pub fn try_set_encoded(&self, key: impl AsKey, value: &Value, ttl: Ttl) -> Result<bool> {
        let (at, packed) = self.pack(&key)?;
        self.try_put(at, &packed, Some(Arc::clone(value)), self.expires_at(at, ttl))
    }

    #[inline]
    fn try_put(
        &self,
        at: &Bound,
        packed: &[u8],
        value: Option<Value>,
        expires_at: i64,
    ) -> Result<bool> {
        let ending = at.store.state.memtable.is_ending();
        if self.admission.durable || self.admission.window == 0 || ending {
            return Ok(false);
        }
        let waits = at.store.try_put(packed, value, expires_at, &self.admission)?;
        Ok(waits.is_none())
    }

    /// Deletes `key`, whether it is there or not.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn delete(&self, key: impl AsKey) -> Result<()> {
        let (at, packed) = self.pack(&key)?;
        at.store.put(&packed, None, NEVER, &self.admission, self.deadline())
    }

    /// The same if that takes no waiting: false when it does, and then nothing was deleted.
    ///
    /// # Errors
    /// As [`Dict::set`].
    #[inline]
    pub fn try_delete(&self, key: impl AsKey) -> Result<bool> {
        let (at, packed) = self.pack(&key)?;
        self.try_put(at, &packed, None, NEVER)
    }

    /// Sets many keys as one unit: all of it survives a crash or nothing.
    ///
    /// # Errors
    /// As [`Dict::set`]; then nothing was written.
    pub fn set_many<K: AsKey, V: AsRef<[u8]>>(&self, items: &[(K, V)]) -> Result<()> {
        for (_, value) in items {
            codec::check(self.options.storage_mode, value.as_ref())?;
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
        let at = self.at()?;
        let expires_at = self.expires_at(at, ttl);
        let writes = items
            .iter()
            .map(|(key, value)| {
                let packed = pack(at.table.id, key.as_key())?;
                Ok((packed, Some(Arc::clone(value)), expires_at))
            })
            .collect::<Result<Vec<_>>>()?;
        at.store.put_many(&writes, &self.admission, self.deadline())
    }

    /// Deletes many keys as one unit, whether they are there or not.
    ///
    /// # Errors
    /// As [`Dict::set`]; then nothing was deleted.
    pub fn delete_many<K: AsKey>(&self, keys: &[K]) -> Result<()> {
        let (at, keys) = self.pack_all(keys)?;
        let writes: Vec<_> = keys.into_iter().map(|key| (key, None, NEVER)).collect();
        at.store.put_many(&writes, &self.admission, self.deadline())
    }

    /// The number of entries. Pending writes are committed first; with nothing pending and nobody
    /// else writing it costs no query.
    ///
    /// # Errors
    /// As [`Dict::get`], and those of [`Dict::flush`].
    pub fn len(&self) -> Result<u64> {
        let at = self.at()?;
        at.store.len(&at.table, self.deadline())
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
        let at = self.at()?;
        let (store, table) = (Arc::clone(&at.store), Arc::clone(&at.table));
        Scan::new(store, table, options, self.options.timeout)
    }

    /// Waits until every write accepted so far is committed.
    ///
    /// # Errors
    /// `Busy`, `Full`, `Io`: what was accepted is kept and tried again. A row that could never be
    /// written and was dropped is told here once, by name.
    pub fn flush(&self) -> Result<()> {
        let at = self.at()?;
        at.store.flush(false, self.deadline())
    }

    /// Waits until every write accepted so far is committed and synced.
    ///
    /// # Errors
    /// As [`Dict::flush`].
    pub fn flush_durable(&self) -> Result<()> {
        let at = self.at()?;
        at.store.flush(true, self.deadline())
    }

    /// Names and codecs of the store's tables, in the order of their names.
    ///
    /// # Errors
    /// `Io`, `Corrupt`, `Closed`.
    pub fn tables(&self) -> Result<Vec<(String, StorageMode)>> {
        let at = self.at()?;
        at.store.tables(self.deadline())
    }

    /// The name of this handle's table.
    pub fn name(&self) -> &str {
        &self.options.table
    }

    /// The codec of this handle's table.
    pub fn storage_mode(&self) -> StorageMode {
        self.options.storage_mode
    }

    /// What this handle's writes promise.
    pub fn persist_mode(&self) -> PersistMode {
        self.options.persist_mode
    }

    /// The store's path; `None` for an in-memory store.
    pub fn path(&self) -> Option<&Path> {
        self.bound.store.path()
    }

    /// True when the store was opened read-only.
    pub fn is_read_only(&self) -> bool {
        self.options.read_only
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
        // In the child of a fork there may be nothing to close yet.
        let Some(at) = self.bound.current() else { return Ok(()) };
        let limit = self.options.timeout.min(EXIT_LIMIT);
        let closed = at.store.release(Instant::now() + limit);
        if closed.is_err() {
            self.closed.store(false, Ordering::Release);
        }
        closed
    }
}

impl Drop for Dict {
    fn drop(&mut self) {
        let Some(at) = self.bound.current() else { return };
        // `end` has waited already, and has said what it could not wait for.
        let ending = at.store.state.memtable.is_ending();
        let end = Instant::now() + if ending { Duration::ZERO } else { EXIT_LIMIT };
        if !self.closed.swap(true, Ordering::AcqRel)
            && let Err(e) = at.store.release(end)
        {
            // There is nobody to return it to; the store itself goes on trying.
            if !ending {
                eprintln!("dictsqlite: a handle was dropped without close: {e}");
            }
            // If it was only the news of a row that could not be written, this closes the store.
            let _ = at.store.release(end);
        }
    }
}

/// Takes over one count of the store's handles.
fn bind(store: Arc<Store>, options: &Options) -> Result<Bound> {
    let deadline = Instant::now() + options.timeout;
    match store.table(&options.table, options.storage_mode, deadline) {
        Ok(table) => Ok(Bound::new(store, table)),
        Err(e) => {
            // The first error is the one to tell.
            let _ = store.release(deadline);
            Err(e)
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
