//! The handle users hold: a dict on one table of a store. It routes, it decides nothing.

mod asynchronous;
mod atomic;
mod bound;
mod changing;
mod conditional;
mod files;
mod moment;
mod pipeline;
mod reading;
mod stats;
mod transactions;
mod typed;
mod value;
mod writing;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::memtable::Admission;
use crate::options::Options;
use crate::store::{self, EXIT_LIMIT, Store};
use crate::types::{AsKey, KeyBuf, PersistMode, StorageMode, Value, pack};

pub use crate::types::Ttl;
pub use atomic::Atomic;
use bound::Bound;
pub use files::restore_async;
pub use moment::{Moment, MomentId};
pub use pipeline::{Answer, Op};
pub use stats::Stats;

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
    /// Set when it is closed, for the streams that it has made.
    ended: Arc<AtomicBool>,
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
        self.table_as(name, storage, self.options.clone())
    }

    fn table_as(&self, name: &str, storage: Option<StorageMode>, options: Options) -> Result<Self> {
        let at = self.at()?;
        let storage_mode = match storage {
            Some(storage) => storage,
            None => {
                let has = self.tables()?.into_iter().find(|(n, _)| n == name);
                has.map_or(at.table.storage, |(_, storage)| storage)
            }
        };
        let options = Options { table: name.to_owned(), storage_mode, ..options };
        Self::on(at.store.retained(), &options)
    }

    fn on(store: Arc<Store>, options: &Options) -> Result<Self> {
        Ok(Self {
            bound: bind(store, options)?,
            admission: admission(options),
            options: options.clone(),
            closed: AtomicBool::new(false),
            ended: Arc::default(),
        })
    }

    /// The store and table of this process; refuses when the handle is closed.
    #[inline]
    fn at(&self) -> Result<&Bound> {
        match self.bound.current() {
            Some(at)
                if !self.closed.load(Ordering::Acquire)
                    && !at.table.is_dropped()
                    && at.store.state.lent.owner() == 0 =>
            {
                Ok(at)
            }
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
        at.check_not_lent()?;
        Ok(at)
    }

    #[cfg(test)]
    pub(crate) fn bound_store(&self) -> &Arc<Store> {
        &self.bound.store
    }

    #[cfg(test)]
    pub(crate) fn state_of_tests(&self) -> &Arc<crate::state::State> {
        &self.bound.store.state
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.options.timeout
    }

    #[inline(always)] // As the function it calls.
    fn pack(&self, key: &(impl AsKey + ?Sized)) -> Result<(&Bound, KeyBuf)> {
        let at = self.at()?;
        Ok((at, pack(at.table.id, key.as_key())?))
    }

    fn expires_at(&self, at: &Bound, ttl: Ttl) -> i64 {
        ttl.expires_at(self.options.ttl, || at.store.state.now_ms())
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

    /// Which store and table of this process this is: the same for every handle on them, and no
    /// other's for as long as this handle is open.
    ///
    /// # Errors
    /// `Closed`.
    pub fn identity(&self) -> Result<(usize, u32)> {
        let at = self.at()?;
        Ok((Arc::as_ptr(&at.store).addr(), at.table.id))
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
    /// `Invalid` while an immediate transaction of this thread is open. As [`Dict::flush`], within 10 s; then the handle stays open, nothing is lost, and closing can
    /// be tried again.
    pub fn close(&self) -> Result<()> {
        if let Some(at) = self.bound.current()
            && !self.is_closed()
        {
            at.check_not_lent()?;
        }
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        // In the child of a fork there may be nothing to close yet.
        let Some(at) = self.bound.current() else { return Ok(()) };
        let limit = self.options.timeout.min(EXIT_LIMIT);
        let closed = at.store.release(Instant::now() + limit);
        if closed.is_err() && !at.store.is_lost() {
            self.closed.store(false, Ordering::Release);
        } else {
            self.end_streams(at);
        }
        closed
    }

    fn end_streams(&self, at: &Bound) {
        self.ended.store(true, Ordering::Release);
        at.store.state.listeners.tell_all();
    }
}

impl Drop for Dict {
    fn drop(&mut self) {
        let Some(at) = self.bound.current() else { return };
        self.end_streams(at);
        if at.store.state.lent.is_here() {
            // Nobody else could end it while this waits.
            at.store.state.lent.revoke();
        }
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
            // If it was only the news of a row that could not be written, this closes the store. On a
            // file that is gone the handle is counted off already.
            if !at.store.is_lost() {
                let _ = at.store.release(end);
            }
        }
    }
}

/// Takes over one count of the store's handles.
fn bind(store: Arc<Store>, options: &Options) -> Result<Bound> {
    let deadline = Instant::now() + options.timeout;
    let table = store
        .table(&options.table, options.storage_mode, deadline)
        .and_then(|table| store.settle_changes(&table, options.changes, deadline).map(|()| table));
    match table {
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
        timeout: options.timeout,
    }
}
