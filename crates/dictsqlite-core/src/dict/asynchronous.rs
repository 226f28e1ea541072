//! The same operations without blocking, for any executor: each gives a [`Completion`], which is a
//! future. What memory can answer is done before the call returns.

use std::sync::Arc;

use super::bound::Bound;
use super::{Dict, Ttl};
use crate::codec;
use crate::completion::{Completer, Completion, pair};
use crate::error::Result;
use crate::memtable::Admission;
use crate::store::{Store, unexpected};
use crate::types::{AsKey, Command, KeyBuf, NEVER, Outcome, PackedKey, Value};

impl Dict {
    /// [`Dict::get`] without blocking.
    pub fn get_async(&self, key: impl AsKey) -> Completion<Option<Value>> {
        match self.pack(&key) {
            Ok((at, packed)) => at.store.get_async(&at.table, packed),
            Err(e) => Completion::ready(Err(e)),
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
        on_worker(at, move || store.get_many(&table, &packed, deadline))
    }

    /// [`Dict::contains`] without blocking.
    pub fn contains_async(&self, key: impl AsKey) -> Completion<bool> {
        self.get_async(key).then(|found| found.map(|value| value.is_some()))
    }

    /// [`Dict::set_with_ttl`] without blocking: done when the mode's promise is kept.
    pub fn set_async(&self, key: impl AsKey, value: &[u8], ttl: Ttl) -> Completion<()> {
        let packed = codec::check(self.options.storage_mode, value).and_then(|()| self.pack(&key));
        match packed {
            Ok((at, packed)) => {
                self.put_async(at, packed, Some(Value::from(value)), self.expires_at(at, ttl))
            }
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
        let (completer, completion) = pair();
        let write = PendingWrite { key, value, expires_at, admission: self.admission };
        write.attempt(&at.store, completer);
        completion
    }

    /// [`Dict::incr`] without blocking.
    pub fn incr_async(&self, key: impl AsKey, delta: i64) -> Completion<i64> {
        let (at, packed) = match self.pack(&key) {
            Ok((at, packed)) => (at, PackedKey::from(&packed[..])),
            Err(e) => return Completion::ready(Err(e)),
        };
        let expires_at = self.expires_at(at, Ttl::Default);
        self.command(at, Command::Incr { key: packed, delta, expires_at }).then(|outcome| {
            match outcome? {
                Outcome::Number(sum) => Ok(sum),
                _ => Err(unexpected()),
            }
        })
    }

    /// [`Dict::flush`] without blocking.
    pub fn flush_async(&self) -> Completion<()> {
        match self.at() {
            Ok(at) => at.store.state.memtable.flush(),
            Err(e) => Completion::ready(Err(e)),
        }
    }

    /// Runs any blocking operation of this handle on a worker thread.
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
}

fn on_worker<T: Send + 'static>(
    at: &Bound,
    operation: impl FnOnce() -> Result<T> + Send + 'static,
) -> Completion<T> {
    let (completer, completion) = pair();
    at.store.readers.submit(Box::new(move |reader| {
        completer.complete(reader.and_then(|_| operation()));
    }));
    completion
}

/// A write that may have to wait for room.
struct PendingWrite {
    key: KeyBuf,
    value: Option<Value>,
    expires_at: i64,
    admission: Admission,
}

impl PendingWrite {
    fn attempt(self, store: &Arc<Store>, completer: Completer<()>) {
        match store.try_put(&self.key, self.value.clone(), self.expires_at, &self.admission) {
            Ok(None) => completer.complete(Ok(())),
            Ok(Some((committed, false))) => {
                committed.on_done(move |result| completer.complete(result));
            }
            Ok(Some((room, true))) => {
                let store = Arc::clone(store);
                room.on_done(move |result| match result {
                    Ok(()) => self.attempt(&store, completer),
                    Err(e) => completer.complete(Err(e)),
                });
            }
            Err(e) => completer.complete(Err(e)),
        }
    }
}
