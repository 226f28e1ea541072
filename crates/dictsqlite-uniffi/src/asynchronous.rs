//! The same operations as futures. Nothing of one begins before its first poll.

use std::sync::Arc;

use dictsqlite_core as core;
use dictsqlite_core::{Dict, Value};

use crate::dict::{NativeDict, NativeTable, asked, checked_path, refuse_pickle, to_tables};
use crate::error::Result;
use crate::options::{NativeOptions, ttl};
use crate::pending::result_of;
use crate::types::{Key, NativeEntry, NativePair, StorageMode, keys};

/// Opens a store and a table in it.
#[uniffi::export]
pub async fn native_open_async(
    path: String,
    options: NativeOptions,
    ticket: u64,
) -> Result<Arc<NativeDict>> {
    let begin = || {
        checked_path(&path)?;
        let options = options.to_core()?;
        refuse_pickle(&options)?;
        Ok(Dict::open_async(&path, &options))
    };
    Ok(Arc::new(NativeDict::new(result_of(ticket, begin).await?)?))
}

#[uniffi::export]
impl NativeDict {
    /// A handle on another table of the same store.
    pub async fn table_async(
        &self,
        name: String,
        storage_mode: Option<StorageMode>,
        ticket: u64,
    ) -> Result<Arc<Self>> {
        let mode = asked(storage_mode)?;
        let begin = || Ok(self.dict.spawn_async(move |dict| dict.table(&name, mode)));
        Ok(Arc::new(Self::new(result_of(ticket, begin).await?)?))
    }

    /// The store's tables, in the order of their names.
    pub async fn tables_async(&self, ticket: u64) -> Result<Vec<NativeTable>> {
        let tables = result_of(ticket, || Ok(self.dict.run_async(Dict::tables))).await?;
        Ok(to_tables(tables))
    }

    /// Removes a table and all that is in it; false when there is none.
    pub async fn drop_table_async(&self, name: String, ticket: u64) -> Result<bool> {
        result_of(ticket, || Ok(self.dict.spawn_async(move |dict| dict.drop_table(&name)))).await
    }

    /// The value of `key`.
    pub async fn get_async(&self, key: Key, ticket: u64) -> Result<Option<Vec<u8>>> {
        let value = result_of(ticket, || Ok(self.dict.get_async(core::Key::from(key)))).await?;
        Ok(value.map(|value| value.to_vec()))
    }

    /// The values of many keys, in their order.
    pub async fn get_many_async(
        &self,
        keys: Vec<Key>,
        ticket: u64,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let values = result_of(ticket, || Ok(self.dict.get_many_async(&self::keys(keys)))).await?;
        Ok(values.into_iter().map(|value| value.map(|value| value.to_vec())).collect())
    }

    /// True when there is an entry for `key`.
    pub async fn contains_async(&self, key: Key, ticket: u64) -> Result<bool> {
        result_of(ticket, || Ok(self.dict.contains_async(core::Key::from(key)))).await
    }

    /// The value of `key` with its version and expiry.
    pub async fn entry_async(&self, key: Key, ticket: u64) -> Result<Option<NativeEntry>> {
        let entry = result_of(ticket, || Ok(self.dict.entry_async(core::Key::from(key)))).await?;
        Ok(entry.map(NativeEntry::from))
    }

    /// The number of entries.
    pub async fn len_async(&self, ticket: u64) -> Result<u64> {
        result_of(ticket, || Ok(self.dict.len_async())).await
    }

    /// Sets `key` to `value`.
    pub async fn set_async(&self, key: Key, value: Vec<u8>, ttl: f64, ticket: u64) -> Result<()> {
        let begin = || Ok(self.dict.set_async(core::Key::from(key), &value, self::ttl(ttl)?));
        result_of(ticket, begin).await
    }

    /// Sets `key` if its version is `version` (0: if there is no entry), and gives the new version.
    pub async fn set_if_version_async(
        &self,
        key: Key,
        value: Vec<u8>,
        version: i64,
        ttl: f64,
        ticket: u64,
    ) -> Result<i64> {
        let begin = || {
            let (key, value) = (core::Key::from(key), Value::from(value));
            Ok(self.dict.set_if_version_async(key, value, version, self::ttl(ttl)?))
        };
        result_of(ticket, begin).await
    }

    /// Sets many keys as one unit: all of it survives a crash or nothing.
    pub async fn set_many_async(
        &self,
        pairs: Vec<NativePair>,
        ttl: f64,
        ticket: u64,
    ) -> Result<()> {
        let begin = || {
            let pairs = self.checked_pairs(pairs)?;
            Ok(self.dict.set_many_encoded_async(&pairs, self::ttl(ttl)?))
        };
        result_of(ticket, begin).await
    }

    /// Deletes `key`, whether it is there or not.
    pub async fn delete_async(&self, key: Key, ticket: u64) -> Result<()> {
        result_of(ticket, || Ok(self.dict.delete_async(core::Key::from(key)))).await
    }

    /// Deletes `key` if its version is `version`.
    pub async fn delete_if_version_async(&self, key: Key, version: i64, ticket: u64) -> Result<()> {
        let begin = || Ok(self.dict.delete_if_version_async(core::Key::from(key), version));
        result_of(ticket, begin).await
    }

    /// Deletes many keys as one unit, whether they are there or not.
    pub async fn delete_many_async(&self, keys: Vec<Key>, ticket: u64) -> Result<()> {
        result_of(ticket, || Ok(self.dict.delete_many_async(&self::keys(keys)))).await
    }

    /// Deletes `key` and says whether it was there.
    pub async fn remove_async(&self, key: Key, ticket: u64) -> Result<bool> {
        result_of(ticket, || Ok(self.dict.remove_async(core::Key::from(key)))).await
    }

    /// Removes and returns an entry.
    pub async fn pop_async(&self, key: Key, ticket: u64) -> Result<Option<NativeEntry>> {
        let entry = result_of(ticket, || Ok(self.dict.pop_async(core::Key::from(key)))).await?;
        Ok(entry.map(NativeEntry::from))
    }

    /// Removes and returns the last entry in insertion order, or the first one.
    pub async fn pop_item_async(&self, last: bool, ticket: u64) -> Result<Option<NativeEntry>> {
        let item = result_of(ticket, || Ok(self.dict.pop_item_async(last))).await?;
        Ok(item.map(NativeEntry::from))
    }

    /// The entry of `key` if there is one; else sets it to `value` and returns nothing.
    pub async fn set_default_async(
        &self,
        key: Key,
        value: Vec<u8>,
        ttl: f64,
        ticket: u64,
    ) -> Result<Option<NativeEntry>> {
        let begin = || {
            let (key, value) = (core::Key::from(key), Value::from(value));
            Ok(self.dict.set_default_async(key, value, self::ttl(ttl)?))
        };
        Ok(result_of(ticket, begin).await?.map(NativeEntry::from))
    }

    /// Adds `delta` to an integer, which counts from 0 when there is none, and gives the sum.
    pub async fn incr_async(&self, key: Key, delta: i64, ticket: u64) -> Result<i64> {
        result_of(ticket, || Ok(self.dict.incr_async(core::Key::from(key), delta))).await
    }

    /// Changes when an entry expires and leaves its value; false when there is none.
    pub async fn expire_async(&self, key: Key, ttl: f64, ticket: u64) -> Result<bool> {
        let begin = || Ok(self.dict.expire_async(core::Key::from(key), self::ttl(ttl)?));
        result_of(ticket, begin).await
    }

    /// Removes every entry of the table, and gives how many rows that were.
    pub async fn clear_async(&self, ticket: u64) -> Result<u64> {
        result_of(ticket, || Ok(self.dict.clear_async())).await
    }

    /// Waits until every write accepted so far is committed, or synced too.
    pub async fn flush_async(&self, durable: bool, ticket: u64) -> Result<()> {
        result_of(ticket, || Ok(self.dict.flush_async(durable))).await
    }

    /// Flushes and closes the handle; the last one closes the store.
    pub async fn shut_async(&self, ticket: u64) -> Result<()> {
        result_of(ticket, || Ok(self.dict.close_async())).await
    }
}
