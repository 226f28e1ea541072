//! Reading: the transaction's own writes, then what it has read before, then its snapshot.

use std::sync::Arc;

use super::buffer::owned;
use super::{Inner, Shared, Transaction};
use crate::completion::{Completion, pair};
use crate::error::{Error, Result};
use crate::readers::Pinned;
use crate::sqlite::{Found, Table};
use crate::types::{AsKey, Entry, KeyBuf, NEVER, PackedKey, Value, pack};

impl Transaction {
    /// The value of `key`.
    ///
    /// # Errors
    /// As [`Dict::get`](crate::Dict::get); `Closed` when the transaction is over, `Timeout` when it was
    /// open for too long, `Invalid` on another thread than its own.
    pub fn get(&self, key: impl AsKey) -> Result<Option<Value>> {
        Ok(self.entry(key)?.map(|entry| entry.value))
    }

    /// [`Transaction::get`] without blocking.
    pub fn get_async(&self, key: impl AsKey) -> Completion<Option<Value>> {
        self.on_key(key, |tx, inner, key| {
            Ok(tx.shared.entry(inner, &tx.table, &key)?.map(|entry| entry.value))
        })
    }

    /// The value of `key` with its version (0 when it was written in this transaction) and expiry.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub fn entry(&self, key: impl AsKey) -> Result<Option<Entry>> {
        let key = self.pack(key)?;
        let mut inner = self.shared.open()?;
        self.shared.entry(&mut inner, &self.table, &key)
    }

    /// [`Transaction::entry`] without blocking.
    pub fn entry_async(&self, key: impl AsKey) -> Completion<Option<Entry>> {
        self.on_key(key, |tx, inner, key| tx.shared.entry(inner, &tx.table, &key))
    }

    /// True when there is an entry for `key`.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub fn contains(&self, key: impl AsKey) -> Result<bool> {
        let key = self.pack(key)?;
        let mut inner = self.shared.open()?;
        self.shared.contains(&mut inner, &self.table, &key)
    }

    /// [`Transaction::contains`] without blocking.
    pub fn contains_async(&self, key: impl AsKey) -> Completion<bool> {
        self.on_key(key, |tx, inner, key| tx.shared.contains(inner, &tx.table, &key))
    }

    /// The number of entries.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub fn len(&self) -> Result<u64> {
        let mut inner = self.shared.open()?;
        self.shared.count(&mut inner, &self.table)
    }

    /// [`Transaction::len`] without blocking.
    pub fn len_async(&self) -> Completion<u64> {
        self.on_worker(|tx, inner| tx.shared.count(inner, &tx.table))
    }

    /// True when there is no entry.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    pub(super) fn pack(&self, key: impl AsKey) -> Result<KeyBuf> {
        pack(self.table.id, key.as_key())
    }

    /// Another handle on the same transaction and table.
    pub(super) fn again(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), table: Arc::clone(&self.table), ttl: self.ttl }
    }

    /// Runs what concerns one key: here if memory has what must be known of it, else on a worker.
    pub(super) fn on_key<T: Send + 'static>(
        &self,
        key: impl AsKey,
        f: impl FnOnce(&Self, &mut Inner, KeyBuf) -> Result<T> + Send + 'static,
    ) -> Completion<T> {
        let here = || {
            let key = self.pack(key)?;
            let inner = self.shared.open()?;
            Ok((key, inner))
        };
        let (key, mut inner) = match here() {
            Ok(here) => here,
            Err(e) => return Completion::ready(Err(e)),
        };
        if self.shared.is_known(&mut inner, &self.table, &key) {
            return Completion::ready(f(self, &mut inner, key));
        }
        drop(inner);
        self.on_worker(move |tx, inner| f(tx, inner, key))
    }

    /// Runs `f` on a thread that may wait for the disk.
    pub(super) fn on_worker<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Self, &mut Inner) -> Result<T> + Send + 'static,
    ) -> Completion<T> {
        if let Err(e) = self.shared.open() {
            return Completion::ready(Err(e));
        }
        let (completer, completion) = pair();
        let tx = self.again();
        self.shared.store.readers.submit(Box::new(move |reader| {
            // The transaction reads by itself, from its own snapshot.
            let result = reader.and_then(|_| f(&tx, &mut *tx.shared.enter()?));
            Box::new(move || {
                drop(tx);
                completer.complete(result);
            })
        }));
        completion
    }
}

impl Shared {
    /// The entry of a key, own writes included.
    pub(super) fn entry(
        &self,
        inner: &mut Inner,
        table: &Table,
        key: &[u8],
    ) -> Result<Option<Entry>> {
        let Some(written) = inner.buffer.get(key) else { return self.read(inner, table, key) };
        let there = written.is_there(&*self.store.state.clock);
        let Some(value) = written.value.as_ref().filter(|_| there).map(Arc::clone) else {
            return Ok(None);
        };
        let expires_at = (written.expires_at != NEVER).then_some(written.expires_at);
        if written.kept {
            let entry = self.read(inner, table, key)?;
            return Ok(entry.map(|entry| Entry { version: 0, expires_at, ..entry }));
        }
        Ok(Some(Entry { value, version: 0, expires_at }))
    }

    /// Whether there is an entry, own writes included. Values in chunks are not read.
    pub(super) fn contains(&self, inner: &mut Inner, table: &Table, key: &[u8]) -> Result<bool> {
        match inner.buffer.get(key) {
            Some(written) => Ok(written.is_there(&*self.store.state.clock)),
            None => self.is_there(inner, table, key),
        }
    }

    /// Whether the snapshot has an entry, noted where that is asked for. Values in chunks are not read.
    pub(super) fn is_there(&self, inner: &mut Inner, table: &Table, key: &[u8]) -> Result<bool> {
        Ok(!matches!(self.find(inner, table, key)?, There::No))
    }

    /// What the snapshot has of a key, noted where that is asked for.
    pub(super) fn find(&self, inner: &mut Inner, table: &Table, key: &[u8]) -> Result<There> {
        if let Some(noted) = inner.reads.get(key) {
            return Ok(noted.clone().map_or(There::No, There::Whole));
        }
        if inner.found.contains_key(key) {
            return Ok(There::InChunks);
        }
        let found = self.look(inner, table, (key, false))?;
        if self.notes_reads() {
            inner.note(owned(&KeyBuf::from_slice(key)), found.as_ref());
        }
        Ok(match found {
            None => There::No,
            Some(found) if found.streamed => There::InChunks,
            Some(found) => There::Whole(found.entry),
        })
    }

    /// The entry of a key in the snapshot, noted where that is asked for.
    pub(super) fn read(
        &self,
        inner: &mut Inner,
        table: &Table,
        key: &[u8],
    ) -> Result<Option<Entry>> {
        if let Some(noted) = inner.reads.get(key) {
            return Ok(noted.clone());
        }
        let entry = self.look(inner, table, (key, true))?.map(|found| found.entry);
        if self.notes_reads() {
            inner.reads.insert(owned(&KeyBuf::from_slice(key)), entry.clone());
        }
        Ok(entry)
    }

    /// The same without a note; unless `whole`, a value in chunks is left out.
    pub(super) fn look(
        &self,
        inner: &mut Inner,
        table: &Table,
        (key, whole): (&[u8], bool),
    ) -> Result<Option<Found>> {
        if inner.newer.contains(&table.id) {
            return Ok(None);
        }
        let found = match self.remembered(key) {
            Some(entry) => Some(Found { entry, streamed: false }),
            None => {
                let stamp = self.snapshot.stamp;
                self.store.get_pinned(reader(inner)?, table, (key, whole), stamp)?
            }
        };
        Ok(found.filter(|found| found.entry.expires_at.is_none_or(|at| at > self.now_ms)))
    }

    /// What the cache knows of the snapshot: what is committed now and was before it, while nobody but
    /// our own writer, whose numbers only grow, has committed since.
    fn remembered(&self, key: &[u8]) -> Option<Entry> {
        let (state, epoch) = (&self.store.state, self.snapshot.epoch?);
        state.view().filter(|view| view.epoch == epoch)?;
        let cached = state.cache.get(key, epoch)?;
        let expires_at = (cached.expires_at != NEVER).then_some(cached.expires_at);
        let entry = Entry { value: cached.value, version: cached.version, expires_at };
        (entry.version <= self.snapshot.since).then_some(entry)
    }

    /// True when `entry` will not read from the file. What is found is noted, since it may not be
    /// there any more a moment later.
    fn is_known(&self, inner: &mut Inner, table: &Table, key: &[u8]) -> bool {
        if inner.reads.contains_key(key) {
            return true;
        }
        if let Some(written) = inner.buffer.get(key) {
            return !written.kept;
        }
        if inner.newer.contains(&table.id) {
            return true;
        }
        let Some(entry) = self.remembered(key) else { return false };
        let alive = entry.expires_at.is_none_or(|at| at > self.now_ms);
        inner.reads.insert(owned(&KeyBuf::from_slice(key)), alive.then_some(entry));
        true
    }

    /// The number of entries, own writes included.
    fn count(&self, inner: &mut Inner, table: &Table) -> Result<u64> {
        let mut count = self.count_snapshot(inner, table)? as i64;
        let first = table.id.to_be_bytes();
        let of_table = |key: &&Arc<[u8]>| key.starts_with(&first);
        let keys: Vec<_> = inner.buffer.keys().filter(of_table).cloned().collect();
        for key in keys {
            let before = self.is_there(inner, table, &key)?;
            let after = self.contains(inner, table, &key)?;
            count += i64::from(after) - i64::from(before);
        }
        Ok(count.max(0).unsigned_abs())
    }

    fn count_snapshot(&self, inner: &mut Inner, table: &Table) -> Result<u64> {
        if let Some(count) = inner.counts.get(&table.id) {
            return Ok(*count);
        }
        let count = if inner.newer.contains(&table.id) {
            0
        } else {
            let reader = reader(inner)?;
            let rows = reader.count(table)?;
            (rows - reader.count_expired(table, self.now_ms)?).max(0).unsigned_abs()
        };
        inner.counts.insert(table.id, count);
        Ok(count)
    }
}

/// What the snapshot has of a key.
pub(super) enum There {
    No,
    Whole(Entry),
    /// A value in chunks, which was not read.
    InChunks,
}

impl Inner {
    /// Notes what was found of a key without reading chunks.
    pub(super) fn note(&mut self, key: PackedKey, found: Option<&Found>) {
        match found {
            Some(found) if found.streamed => {
                self.found.insert(key, found.entry.version);
            }
            other => {
                self.reads.insert(key, other.map(|found| found.entry.clone()));
            }
        }
    }
}

/// The connection that the snapshot is pinned on.
pub(super) fn reader(inner: &Inner) -> Result<&Pinned> {
    inner.reader.as_ref().ok_or_else(Error::closed)
}
