//! Transactions: the handle on one, and what it does without waiting or by waiting on the thread.
//!
//! One that was begun blocking belongs to its thread. One that was begun as a future belongs to
//! nobody: a coroutine goes on on another thread after each wait.

use std::sync::Arc;

use dictsqlite_core as core;
use dictsqlite_core::{Transaction, Value};

use crate::dict::{NativeDict, asked, refuse_pickles};
use crate::error::Result;
use crate::options::{NativeScanOptions, NativeTransactionOptions, ttl};
use crate::pending::result_of;
use crate::scan::{NativeScan, Source};
use crate::types::{Key, NativeEntry, StorageMode};

/// A transaction, as a dict on one of the store's tables. When the last handle on it is gone before
/// its commit, it is rolled back.
#[derive(uniffi::Object)]
pub struct NativeTransaction {
    pub(crate) tx: Arc<Transaction>,
}

impl NativeTransaction {
    /// Refuses a table whose values no language but Python can read.
    pub(crate) fn new(tx: Transaction) -> Result<Arc<Self>> {
        refuse_pickles(tx.name(), tx.storage_mode())?;
        Ok(Arc::new(Self { tx: Arc::new(tx) }))
    }
}

#[uniffi::export]
impl NativeDict {
    /// Begins a transaction over all tables of the store, on this thread.
    pub fn begin(&self, options: NativeTransactionOptions) -> Result<Arc<NativeTransaction>> {
        NativeTransaction::new(self.dict.transaction(&options.to_core()?)?)
    }

    /// Begins one that may be moved between threads.
    pub async fn begin_async(
        &self,
        options: NativeTransactionOptions,
        ticket: u64,
    ) -> Result<Arc<NativeTransaction>> {
        let begin = || Ok(self.dict.transaction_async(&options.to_core()?));
        NativeTransaction::new(result_of(ticket, begin).await?)
    }
}

#[uniffi::export]
impl NativeTransaction {
    /// The same transaction on another table; a missing one is made at once.
    pub fn table(&self, name: &str, storage_mode: Option<StorageMode>) -> Result<Arc<Self>> {
        Self::new(self.tx.table(name, asked(storage_mode)?)?)
    }

    /// The name of the table that this handle is on.
    pub fn name(&self) -> String {
        self.tx.name().to_owned()
    }

    /// The codec of that table.
    pub fn storage_mode(&self) -> StorageMode {
        self.tx.storage_mode().into()
    }

    /// True as long as it was neither committed nor rolled back, and its time is not up.
    pub fn is_open(&self) -> bool {
        self.tx.is_open()
    }

    /// The value of `key`.
    pub fn get(&self, key: Key) -> Result<Option<Vec<u8>>> {
        Ok(self.tx.get(core::Key::from(key))?.map(|value| value.to_vec()))
    }

    /// True when there is an entry for `key`.
    pub fn contains(&self, key: Key) -> Result<bool> {
        Ok(self.tx.contains(core::Key::from(key))?)
    }

    /// The value of `key` with its version (0 when it was written here) and expiry.
    pub fn entry(&self, key: Key) -> Result<Option<NativeEntry>> {
        Ok(self.tx.entry(core::Key::from(key))?.map(NativeEntry::from))
    }

    /// The number of entries.
    #[expect(clippy::len_without_is_empty, reason = "an operation that may fail, not a size")]
    pub fn len(&self) -> Result<u64> {
        Ok(self.tx.len()?)
    }

    /// Sets `key` to `value`. It never waits.
    pub fn set(&self, key: Key, value: Vec<u8>, ttl: f64) -> Result<()> {
        Ok(self.tx.set_with_ttl(core::Key::from(key), &value, self::ttl(ttl)?)?)
    }

    /// Deletes `key`, whether it is there or not. It never waits.
    pub fn delete(&self, key: Key) -> Result<()> {
        Ok(self.tx.delete(core::Key::from(key))?)
    }

    /// Deletes `key` and says whether it was there.
    pub fn remove(&self, key: Key) -> Result<bool> {
        Ok(self.tx.remove(core::Key::from(key))?)
    }

    /// Removes and returns an entry.
    pub fn pop(&self, key: Key) -> Result<Option<NativeEntry>> {
        Ok(self.tx.pop(core::Key::from(key))?.map(NativeEntry::from))
    }

    /// The entry of `key` if there is one; else sets it to `value` and returns nothing.
    pub fn set_default(&self, key: Key, value: Vec<u8>, ttl: f64) -> Result<Option<NativeEntry>> {
        let (value, ttl) = (Value::from(value), self::ttl(ttl)?);
        Ok(self.tx.set_default(core::Key::from(key), value, ttl)?.map(NativeEntry::from))
    }

    /// Adds `delta` to an integer, which counts from 0 when there is none, and gives the sum.
    pub fn incr(&self, key: Key, delta: i64) -> Result<i64> {
        Ok(self.tx.incr(core::Key::from(key), delta)?)
    }

    /// Changes when an entry expires and leaves its value; false when there is none.
    pub fn expire(&self, key: Key, ttl: f64) -> Result<bool> {
        Ok(self.tx.expire(core::Key::from(key), self::ttl(ttl)?)?)
    }

    /// Deletes every entry of the table, and gives how many those were.
    pub fn clear(&self) -> Result<u64> {
        Ok(self.tx.clear()?)
    }

    /// Begins a scan of the snapshot and the transaction's own writes.
    pub fn scan(&self, options: NativeScanOptions) -> Result<Arc<NativeScan>> {
        let scan = Box::new(self.tx.scan(&options.into())?);
        Ok(Arc::new(NativeScan::new(Source::Transaction(scan))))
    }

    /// Marks what was written so far, and gives the mark's number.
    pub fn savepoint(&self) -> Result<u64> {
        Ok(self.tx.savepoint()?)
    }

    /// Takes back everything that was written since a savepoint, which stays.
    pub fn rollback_to(&self, savepoint: u64) -> Result<()> {
        Ok(self.tx.rollback_to(savepoint)?)
    }

    /// Forgets a savepoint and the ones after it; what was written stays.
    pub fn release(&self, savepoint: u64) -> Result<()> {
        Ok(self.tx.release(savepoint)?)
    }

    /// Commits; gives the number of its last operation, 0 when nothing was written.
    pub fn commit(&self) -> Result<i64> {
        Ok(self.tx.commit()?)
    }

    /// Gives everything up that was written in it.
    pub fn rollback(&self) -> Result<()> {
        Ok(self.tx.rollback()?)
    }

    /// Gives it up from any thread, whether it is over or not.
    pub fn abandon(&self) {
        self.tx.abandon();
    }
}
