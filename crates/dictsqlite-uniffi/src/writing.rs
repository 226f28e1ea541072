//! Writing, blocking.

use dictsqlite_core as core;
use dictsqlite_core::Value;

use crate::dict::NativeDict;
use crate::error::Result;
use crate::options::ttl;
use crate::types::{Key, NativeEntry, NativePair, keys};

impl NativeDict {
    /// The value as the engine holds it, if the table's codec can.
    pub(crate) fn checked(&self, value: &[u8]) -> Result<Value> {
        self.dict.check_value(value)?;
        Ok(Value::from(value))
    }

    pub(crate) fn checked_pairs(&self, pairs: Vec<NativePair>) -> Result<Vec<(core::Key, Value)>> {
        let checked = |pair: NativePair| Ok((pair.key.into(), self.checked(&pair.value)?));
        pairs.into_iter().map(checked).collect()
    }
}

#[uniffi::export]
impl NativeDict {
    /// Sets `key` to `value`.
    pub fn set(&self, key: Key, value: Vec<u8>, ttl: f64) -> Result<()> {
        Ok(self.dict.set_with_ttl(core::Key::from(key), &value, self::ttl(ttl)?)?)
    }

    /// The same if that takes no waiting: false when it does, and then nothing was written.
    pub fn try_set(&self, key: Key, value: Vec<u8>, ttl: f64) -> Result<bool> {
        let value = self.checked(&value)?;
        Ok(self.dict.try_set_encoded(core::Key::from(key), &value, self::ttl(ttl)?)?)
    }

    /// Sets `key` if its version is `version` (0: if there is no entry), and gives the new version.
    pub fn set_if_version(&self, key: Key, value: Vec<u8>, version: i64, ttl: f64) -> Result<i64> {
        let ttl = self::ttl(ttl)?;
        Ok(self.dict.set_if_version(core::Key::from(key), value.into(), version, ttl)?)
    }

    /// Sets many keys as one unit: all of it survives a crash or nothing.
    pub fn set_many(&self, pairs: Vec<NativePair>, ttl: f64) -> Result<()> {
        let pairs = self.checked_pairs(pairs)?;
        Ok(self.dict.set_many_encoded(&pairs, self::ttl(ttl)?)?)
    }

    /// Deletes `key`, whether it is there or not.
    pub fn delete(&self, key: Key) -> Result<()> {
        Ok(self.dict.delete(core::Key::from(key))?)
    }

    /// The same if that takes no waiting: false when it does, and then nothing was deleted.
    pub fn try_delete(&self, key: Key) -> Result<bool> {
        Ok(self.dict.try_delete(core::Key::from(key))?)
    }

    /// Deletes `key` if its version is `version`.
    pub fn delete_if_version(&self, key: Key, version: i64) -> Result<()> {
        Ok(self.dict.delete_if_version(core::Key::from(key), version)?)
    }

    /// Deletes many keys as one unit, whether they are there or not.
    pub fn delete_many(&self, keys: Vec<Key>) -> Result<()> {
        Ok(self.dict.delete_many(&self::keys(keys))?)
    }

    /// Deletes `key` and says whether it was there.
    pub fn remove(&self, key: Key) -> Result<bool> {
        Ok(self.dict.remove(core::Key::from(key))?)
    }

    /// Removes and returns an entry.
    pub fn pop(&self, key: Key) -> Result<Option<NativeEntry>> {
        Ok(self.dict.pop(core::Key::from(key))?.map(NativeEntry::from))
    }

    /// Removes and returns the last entry in insertion order, or the first one.
    pub fn pop_item(&self, last: bool) -> Result<Option<NativeEntry>> {
        Ok(self.dict.pop_item(last)?.map(NativeEntry::from))
    }

    /// The entry of `key` if there is one; else sets it to `value` and returns nothing.
    pub fn set_default(&self, key: Key, value: Vec<u8>, ttl: f64) -> Result<Option<NativeEntry>> {
        let ttl = self::ttl(ttl)?;
        let entry = self.dict.set_default(core::Key::from(key), value.into(), ttl)?;
        Ok(entry.map(NativeEntry::from))
    }

    /// Adds `delta` to an integer, which counts from 0 when there is none, and gives the sum.
    pub fn incr(&self, key: Key, delta: i64) -> Result<i64> {
        Ok(self.dict.incr(core::Key::from(key), delta)?)
    }

    /// Changes when an entry expires and leaves its value; false when there is none.
    pub fn expire(&self, key: Key, ttl: f64) -> Result<bool> {
        Ok(self.dict.expire(core::Key::from(key), self::ttl(ttl)?)?)
    }

    /// Removes every entry of the table, and gives how many rows that were.
    pub fn clear(&self) -> Result<u64> {
        Ok(self.dict.clear()?)
    }
}
