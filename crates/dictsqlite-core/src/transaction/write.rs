//! Writing: gathered in memory until the commit.

use super::buffer::owned;
use super::read::There;
use super::{Inner, Shared, Transaction};
use crate::codec;
use crate::completion::Completion;
use crate::error::{Error, ErrorKind, Result};
use crate::types::{AsKey, Entry, KeyBuf, NEVER, TransactionMode, Ttl, Value, unpack};

/// Writes that one transaction may have.
const MOST_WRITES: usize = 1 << 30;

impl Transaction {
    /// Sets `key` to `value`; the handle's time to live applies. It never waits.
    ///
    /// # Errors
    /// `KeyType`, `Codec` when the table's codec cannot hold the value, `ReadOnly` in a transaction that
    /// only reads; else as [`Transaction::get`].
    pub fn set(&self, key: impl AsKey, value: &[u8]) -> Result<()> {
        self.set_with_ttl(key, value, Ttl::Default)
    }

    /// The same with a time to live of its own.
    ///
    /// # Errors
    /// As [`Transaction::set`].
    pub fn set_with_ttl(&self, key: impl AsKey, value: &[u8], ttl: Ttl) -> Result<()> {
        codec::check(self.table.storage, value)?;
        self.set_encoded(key, Value::from(value), ttl)
    }

    /// The same with a value that is known to be valid for the codec.
    ///
    /// # Errors
    /// As [`Transaction::set`].
    pub fn set_encoded(&self, key: impl AsKey, value: Value, ttl: Ttl) -> Result<()> {
        let key = self.pack(key)?;
        let mut inner = self.shared.open_to_write()?;
        self.write(&mut inner, key, Some(value), self.expires_at(ttl))
    }

    /// Deletes `key`, whether it is there or not. It never waits.
    ///
    /// # Errors
    /// As [`Transaction::set`].
    pub fn delete(&self, key: impl AsKey) -> Result<()> {
        let key = self.pack(key)?;
        let mut inner = self.shared.open_to_write()?;
        self.write(&mut inner, key, None, NEVER)
    }

    /// Deletes `key` and says whether it was there. A value in chunks is not read.
    ///
    /// # Errors
    /// As [`Transaction::set`].
    pub fn remove(&self, key: impl AsKey) -> Result<bool> {
        let key = self.pack(key)?;
        self.remove_in(&mut *self.shared.open_to_write()?, key)
    }

    /// [`Transaction::remove`] without blocking.
    pub fn remove_async(&self, key: impl AsKey) -> Completion<bool> {
        self.on_key(key, Self::remove_in)
    }

    fn remove_in(&self, inner: &mut Inner, key: KeyBuf) -> Result<bool> {
        self.shared.check_writes()?;
        let there = self.shared.contains(inner, &self.table, &key)?;
        if there {
            self.write(inner, key, None, NEVER)?;
        }
        Ok(there)
    }

    /// Removes and returns an entry.
    ///
    /// # Errors
    /// As [`Transaction::set`].
    pub fn pop(&self, key: impl AsKey) -> Result<Option<Entry>> {
        let key = self.pack(key)?;
        self.pop_in(&mut *self.shared.open_to_write()?, key)
    }

    /// [`Transaction::pop`] without blocking.
    pub fn pop_async(&self, key: impl AsKey) -> Completion<Option<Entry>> {
        self.on_key(key, Self::pop_in)
    }

    fn pop_in(&self, inner: &mut Inner, key: KeyBuf) -> Result<Option<Entry>> {
        self.shared.check_writes()?;
        let entry = self.shared.entry(inner, &self.table, &key)?;
        if entry.is_some() {
            self.write(inner, key, None, NEVER)?;
        }
        Ok(entry)
    }

    /// The entry of `key` if there is one; else sets it to `value` and returns `None`.
    ///
    /// # Errors
    /// As [`Transaction::set`].
    pub fn set_default(&self, key: impl AsKey, value: Value, ttl: Ttl) -> Result<Option<Entry>> {
        codec::check(self.table.storage, &value)?;
        let key = self.pack(key)?;
        self.set_default_in(&mut *self.shared.open_to_write()?, key, value, ttl)
    }

    /// [`Transaction::set_default`] without blocking.
    pub fn set_default_async(
        &self,
        key: impl AsKey,
        value: Value,
        ttl: Ttl,
    ) -> Completion<Option<Entry>> {
        if let Err(e) = codec::check(self.table.storage, &value) {
            return Completion::ready(Err(e));
        }
        self.on_key(key, move |tx, inner, key| tx.set_default_in(inner, key, value, ttl))
    }

    fn set_default_in(
        &self,
        inner: &mut Inner,
        key: KeyBuf,
        value: Value,
        ttl: Ttl,
    ) -> Result<Option<Entry>> {
        self.shared.check_writes()?;
        let entry = self.shared.entry(inner, &self.table, &key)?;
        if entry.is_none() {
            self.write(inner, key, Some(value), self.expires_at(ttl))?;
        }
        Ok(entry)
    }

    /// Adds `delta` to an integer, which counts from 0 when there is none, and gives the sum. The
    /// entry's expiry stays.
    ///
    /// # Errors
    /// `Codec` when the value is no integer, `Invalid` when the sum does not fit 64 bits; else as
    /// [`Transaction::set`].
    pub fn incr(&self, key: impl AsKey, delta: i64) -> Result<i64> {
        let key = self.pack(key)?;
        self.incr_in(&mut *self.shared.open_to_write()?, key, delta)
    }

    /// [`Transaction::incr`] without blocking.
    pub fn incr_async(&self, key: impl AsKey, delta: i64) -> Completion<i64> {
        self.on_key(key, move |tx, inner, key| tx.incr_in(inner, key, delta))
    }

    fn incr_in(&self, inner: &mut Inner, key: KeyBuf, delta: i64) -> Result<i64> {
        self.shared.check_writes()?;
        let entry = self.shared.entry(inner, &self.table, &key)?;
        let old = match &entry {
            Some(entry) => codec::read_int(self.table.storage, &entry.value)
                .map_err(|e| e.with_key(unpack(&key)))?,
            None => 0,
        };
        let new = old.checked_add(delta).ok_or_else(|| {
            Error::invalid(format!("{old} + {delta} does not fit 64 bits")).with_key(unpack(&key))
        })?;
        let expires_at = match &entry {
            Some(entry) => entry.expires_at.unwrap_or(NEVER),
            None => self.expires_at(Ttl::Default),
        };
        self.write(inner, key, Some(codec::write_int(self.table.storage, new)), expires_at)?;
        Ok(new)
    }

    /// Changes when an entry expires and leaves its value; false when there is none.
    ///
    /// # Errors
    /// As [`Transaction::set`].
    pub fn expire(&self, key: impl AsKey, ttl: Ttl) -> Result<bool> {
        let key = self.pack(key)?;
        self.expire_in(&mut *self.shared.open_to_write()?, key, ttl)
    }

    /// [`Transaction::expire`] without blocking.
    pub fn expire_async(&self, key: impl AsKey, ttl: Ttl) -> Completion<bool> {
        self.on_key(key, move |tx, inner, key| tx.expire_in(inner, key, ttl))
    }

    fn expire_in(&self, inner: &mut Inner, key: KeyBuf, ttl: Ttl) -> Result<bool> {
        self.shared.check_writes()?;
        if !self.shared.contains(inner, &self.table, &key)? {
            return Ok(false);
        }
        let value = match inner.buffer.get(&key) {
            Some(written) => written.value.clone().filter(|_| !written.kept),
            None => match self.shared.find(inner, &self.table, &key)? {
                There::Whole(entry) => Some(entry.value),
                _ => None,
            },
        };
        let expires_at = self.expires_at(ttl);
        match value {
            Some(value) => self.write(inner, key, Some(value), expires_at)?,
            // A value in chunks stays where it is.
            None => {
                self.check_room(inner)?;
                inner.buffer.push_expiry(owned(&key), expires_at);
            }
        }
        Ok(true)
    }

    /// Deletes every entry of the table, one by one, and gives how many those were.
    ///
    /// # Errors
    /// As [`Transaction::set`].
    pub fn clear(&self) -> Result<u64> {
        drop(self.shared.open_to_write()?);
        self.clear_by(Shared::open)
    }

    /// [`Transaction::clear`] without blocking.
    pub fn clear_async(&self) -> Completion<u64> {
        if let Err(e) = self.shared.open_to_write() {
            return Completion::ready(Err(e));
        }
        let (completer, completion) = crate::completion::pair();
        let tx = self.again();
        self.shared.store.readers.submit(Box::new(move |reader| {
            let result = reader.and_then(|_| tx.clear_by(Shared::enter));
            Box::new(move || completer.complete(result))
        }));
        completion
    }

    pub(super) fn write(
        &self,
        inner: &mut Inner,
        key: KeyBuf,
        value: Option<Value>,
        expires_at: i64,
    ) -> Result<()> {
        if let Some(value) = &value {
            codec::check_size(&key, value).map_err(|e| e.with_key(unpack(&key)))?;
        }
        self.check_room(inner)?;
        let clock = &*self.shared.store.state.clock;
        inner.buffer.push(owned(&key), value, expires_at, clock);
        Ok(())
    }

    fn check_room(&self, inner: &Inner) -> Result<()> {
        if inner.buffer.len() >= MOST_WRITES {
            return Err(Error::invalid(format!("a transaction has at most {MOST_WRITES} writes")));
        }
        Ok(())
    }

    fn expires_at(&self, ttl: Ttl) -> i64 {
        let now_ms = || self.shared.store.state.now_ms();
        ttl.expires_at(self.ttl, now_ms)
    }
}

impl Shared {
    fn open_to_write(&self) -> Result<std::sync::MutexGuard<'_, Inner>> {
        let inner = self.open()?;
        self.check_writes()?;
        Ok(inner)
    }

    pub(super) fn check_writes(&self) -> Result<()> {
        if self.mode == TransactionMode::Read {
            let message = "the transaction only reads; begin one of mode \"concurrent\" to write";
            return Err(Error::new(ErrorKind::ReadOnly, message));
        }
        if self.store.is_read_only() {
            return Err(crate::store::read_only());
        }
        Ok(())
    }
}
