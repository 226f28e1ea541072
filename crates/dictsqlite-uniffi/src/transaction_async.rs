//! The operations of a transaction as futures. Nothing of one begins before its first poll.

use std::sync::Arc;

use dictsqlite_core as core;
use dictsqlite_core::Value;

use crate::dict::asked;
use crate::error::Result;
use crate::options::ttl;
use crate::pending::result_of;
use crate::transaction::NativeTransaction;
use crate::types::{Key, NativeEntry, StorageMode};

#[uniffi::export]
impl NativeTransaction {
    /// The same transaction on another table; a missing one is made at once.
    pub async fn table_async(
        &self,
        name: String,
        storage_mode: Option<StorageMode>,
        ticket: u64,
    ) -> Result<Arc<Self>> {
        let mode = asked(storage_mode)?;
        Self::new(result_of(ticket, || Ok(self.tx.table_async(&name, mode))).await?)
    }

    /// The value of `key`.
    pub async fn get_async(&self, key: Key, ticket: u64) -> Result<Option<Vec<u8>>> {
        let value = result_of(ticket, || Ok(self.tx.get_async(core::Key::from(key)))).await?;
        Ok(value.map(|value| value.to_vec()))
    }

    /// True when there is an entry for `key`.
    pub async fn contains_async(&self, key: Key, ticket: u64) -> Result<bool> {
        result_of(ticket, || Ok(self.tx.contains_async(core::Key::from(key)))).await
    }

    /// The value of `key` with its version (0 when it was written here) and expiry.
    pub async fn entry_async(&self, key: Key, ticket: u64) -> Result<Option<NativeEntry>> {
        let entry = result_of(ticket, || Ok(self.tx.entry_async(core::Key::from(key)))).await?;
        Ok(entry.map(NativeEntry::from))
    }

    /// The number of entries.
    pub async fn len_async(&self, ticket: u64) -> Result<u64> {
        result_of(ticket, || Ok(self.tx.len_async())).await
    }

    /// Deletes `key` and says whether it was there.
    pub async fn remove_async(&self, key: Key, ticket: u64) -> Result<bool> {
        result_of(ticket, || Ok(self.tx.remove_async(core::Key::from(key)))).await
    }

    /// Removes and returns an entry.
    pub async fn pop_async(&self, key: Key, ticket: u64) -> Result<Option<NativeEntry>> {
        let entry = result_of(ticket, || Ok(self.tx.pop_async(core::Key::from(key)))).await?;
        Ok(entry.map(NativeEntry::from))
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
            Ok(self.tx.set_default_async(key, value, self::ttl(ttl)?))
        };
        Ok(result_of(ticket, begin).await?.map(NativeEntry::from))
    }

    /// Adds `delta` to an integer, which counts from 0 when there is none, and gives the sum.
    pub async fn incr_async(&self, key: Key, delta: i64, ticket: u64) -> Result<i64> {
        result_of(ticket, || Ok(self.tx.incr_async(core::Key::from(key), delta))).await
    }

    /// Changes when an entry expires and leaves its value; false when there is none.
    pub async fn expire_async(&self, key: Key, ttl: f64, ticket: u64) -> Result<bool> {
        let begin = || Ok(self.tx.expire_async(core::Key::from(key), self::ttl(ttl)?));
        result_of(ticket, begin).await
    }

    /// Deletes every entry of the table, and gives how many those were.
    pub async fn clear_async(&self, ticket: u64) -> Result<u64> {
        result_of(ticket, || Ok(self.tx.clear_async())).await
    }

    /// Commits; gives the number of its last operation, 0 when nothing was written. Cancelled before
    /// the writer begins, it does not happen.
    pub async fn commit_async(&self, ticket: u64) -> Result<i64> {
        result_of(ticket, || Ok(self.tx.commit_async())).await
    }
}
