//! The same operations without blocking, for any executor: each gives a [`Completion`], which is a
//! future. What memory can answer is done before the call returns.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::bound::Bound;
use super::{Dict, Ttl};
use crate::codec;
use crate::completion::{Completion, pair};
use crate::error::{Error, ErrorKind, Result};
use crate::options::Options;
use crate::sqlite::Table;
use crate::store::Store;
use crate::types::{AsKey, Entry, KeyBuf, NEVER, Value, pack};

impl Dict {
    /// [`Dict::get`] without blocking.
    pub fn get_async(&self, key: impl AsKey) -> Completion<Option<Value>> {
        let completion = self.get_queued(key);
        self.kick();
        completion
    }

    /// The same, but what memory does not know is only queued until [`Dict::kick`]: many reads that
    /// are asked for together are then done together, for one wake-up.
    pub fn get_queued(&self, key: impl AsKey) -> Completion<Option<Value>> {
        match self.pack(&key) {
            Ok((at, packed)) => at.store.get_async(&at.table, packed),
            Err(e) => Completion::ready(Err(e)),
        }
    }

    /// Has a worker do what is queued.
    pub fn kick(&self) {
        if let Ok(at) = self.at() {
            at.store.readers.kick();
        }
    }

    /// [`Dict::get_many`] without blocking.
    pub fn get_many_async<K: AsKey>(&self, keys: &[K]) -> Completion<Vec<Option<Value>>> {
        let (at, packed) = match self.pack_all(keys) {
            Ok(packed) => packed,
            Err(e) => return Completion::ready(Err(e)),
        };
        let (store, table) = (Arc::clone(&at.store), Arc::clone(&at.table));
        let deadline = self.deadline();
        on_worker(at, move || store.get_many(&table, packed, deadline))
    }

    /// [`Dict::contains`] without blocking.
    pub fn contains_async(&self, key: impl AsKey) -> Completion<bool> {
        self.get_async(key).then(|found| found.map(|value| value.is_some()))
    }

    /// [`Dict::set_with_ttl`] without blocking: done when the mode's promise is kept.
    pub fn set_async(&self, key: impl AsKey, value: &[u8], ttl: Ttl) -> Completion<()> {
        match codec::check(self.options.storage_mode, value) {
            Ok(()) => self.set_encoded_async(key, Value::from(value), ttl),
            Err(e) => Completion::ready(Err(e)),
        }
    }

    /// [`Dict::set_encoded`] without blocking.
    pub fn set_encoded_async(&self, key: impl AsKey, value: Value, ttl: Ttl) -> Completion<()> {
        match self.pack(&key) {
            Ok((at, packed)) => self.put_async(at, packed, Some(value), self.expires_at(at, ttl)),
            Err(e) => Completion::ready(Err(e)),
        }
    }

    /// [`Dict::delete`] without blocking.
    pub fn delete_async(&self, key: impl AsKey) -> Completion<()> {
        match self.pack(&key) {
            Ok((at, packed)) => self.put_async(at, packed, None, NEVER),
            Err(e) => Completion::ready(Err(e)),
        }
    }

    fn put_async(
        &self,
        at: &Bound,
        key: KeyBuf,
        value: Option<Value>,
        expires_at: i64,
    ) -> Completion<()> {
        at.store.put_async(vec![(key, value, expires_at)], &self.admission)
    }

    /// [`Dict::set_many_with_ttl`] without blocking.
    pub fn set_many_async<K: AsKey, V: AsRef<[u8]>>(
        &self,
        items: &[(K, V)],
        ttl: Ttl,
    ) -> Completion<()> {
        match self.encoded(items) {
            Ok(encoded) => self.set_many_encoded_async(&encoded, ttl),
            Err(e) => Completion::ready(Err(e)),
        }
    }

    /// [`Dict::set_many_encoded`] without blocking.
    pub fn set_many_encoded_async<K: AsKey>(
        &self,
        items: &[(K, Value)],
        ttl: Ttl,
    ) -> Completion<()> {
        let writes = self.at().and_then(|at| {
            let expires_at = self.expires_at(at, ttl);
            let pack = |(key, value): &(K, Value)| {
                Ok((pack(at.table.id, key.as_key())?, Some(Arc::clone(value)), expires_at))
            };
            Ok((at, items.iter().map(pack).collect::<Result<Vec<_>>>()?))
        });
        match writes {
            Ok((at, writes)) => at.store.put_async(writes, &self.admission),
            Err(e) => Completion::ready(Err(e)),
        }
    }

    /// [`Dict::delete_many`] without blocking.
    pub fn delete_many_async<K: AsKey>(&self, keys: &[K]) -> Completion<()> {
        match self.pack_all(keys) {
            Ok((at, keys)) => {
                let writes = keys.into_iter().map(|key| (key, None, NEVER));
                at.store.put_async(writes.collect(), &self.admission)
            }
            Err(e) => Completion::ready(Err(e)),
        }
    }

    /// [`Dict::entry`] without blocking.
    pub fn entry_async(&self, key: impl AsKey) -> Completion<Option<Entry>> {
        let (at, packed) = match self.pack(&key) {
            Ok(packed) => packed,
            Err(e) => return Completion::ready(Err(e)),
        };
        let deadline = self.deadline();
        after_barrier(at, deadline, move |store, table| {
            store.get_committed(table, &packed, deadline)
        })
    }

    /// [`Dict::len`] without blocking.
    pub fn len_async(&self) -> Completion<u64> {
        let deadline = self.deadline();
        match self.at() {
            Ok(at) => after_barrier(at, deadline, move |store, table| store.count(table, deadline)),
            Err(e) => Completion::ready(Err(e)),
        }
    }

    /// [`Dict::flush`], or with `durable` [`Dict::flush_durable`], without blocking.
    pub fn flush_async(&self, durable: bool) -> Completion<()> {
        match self.at() {
            Ok(at) => at.store.flush_async(durable, self.deadline()),
            Err(e) => Completion::ready(Err(e)),
        }
    }

    /// [`Dict::close`] without blocking.
    pub fn close_async(self: &Arc<Self>) -> Completion<()> {
        self.spawn_async(Self::close)
    }

    /// [`Dict::open`] without blocking.
    pub fn open_async(path: impl AsRef<Path>, options: &Options) -> Completion<Self> {
        let (path, options) = (path.as_ref().to_path_buf(), options.clone());
        on_thread(move || Self::open(path, &options))
    }

    /// Runs a quick reading operation of this handle on a worker thread.
    pub fn run_async<T: Send + 'static>(
        self: &Arc<Self>,
        operation: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Completion<T> {
        let dict = Arc::clone(self);
        match self.at() {
            Ok(at) => on_worker(at, move || operation(&dict)),
            Err(e) => Completion::ready(Err(e)),
        }
    }

    /// Runs any operation of this handle on a thread of its own, for those that may take long.
    pub fn spawn_async<T: Send + 'static>(
        self: &Arc<Self>,
        operation: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Completion<T> {
        let dict = Arc::clone(self);
        on_thread(move || operation(&dict))
    }
}

pub(super) fn on_thread<T: Send + 'static>(
    operation: impl FnOnce() -> Result<T> + Send + 'static,
) -> Completion<T> {
    let (completer, completion) = pair();
    let body = move || completer.complete(operation());
    match std::thread::Builder::new().name("dictsqlite-task".into()).spawn(body) {
        Ok(_) => completion,
        Err(e) => {
            let message = format!("no thread could be started: {e}");
            Completion::ready(Err(Error::new(ErrorKind::Io, message)))
        }
    }
}

fn on_worker<T: Send + 'static>(
    at: &Bound,
    operation: impl FnOnce() -> Result<T> + Send + 'static,
) -> Completion<T> {
    let (completer, completion) = pair();
    at.store.readers.submit(Box::new(move |reader| {
        let result = reader.and_then(|_| operation());
        Box::new(move || completer.complete(result))
    }));
    completion
}

/// Reads on a worker once everything accepted so far is committed; no worker waits for that.
fn after_barrier<T: Send + 'static>(
    at: &Bound,
    deadline: Instant,
    read: impl FnOnce(&Arc<Store>, &Table) -> Result<T> + Send + 'static,
) -> Completion<T> {
    let (completer, completion) = pair();
    let (store, table) = (Arc::clone(&at.store), Arc::clone(&at.table));
    at.store.barrier_async(deadline).on_done(move |reached| match reached {
        Ok(()) => {
            let readers = Arc::clone(&store.readers);
            readers.submit(Box::new(move |reader| {
                let result = reader.and_then(|_| read(&store, &table));
                Box::new(move || completer.complete(result))
            }));
        }
        Err(e) => completer.complete(Err(e)),
    });
    completion
}
