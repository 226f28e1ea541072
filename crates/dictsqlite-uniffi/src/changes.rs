//! The change log and the stream of it.

use std::sync::Arc;

use dictsqlite_core as core;
use dictsqlite_core::{ChangeRetention, Changes, ChangesOptions, Dict};

use crate::dict::NativeDict;
use crate::error::{ErrorKind, NativeError, Result};
use crate::options::seconds;
use crate::pending::result_of;
use crate::types::{ChangeKind, Key, StorageMode};

/// Which changes a stream gives.
#[derive(Clone, Debug, Default, uniffi::Record)]
pub struct NativeChangesOptions {
    /// The changes after this number; 0 from the beginning of what is kept, none those that are
    /// committed from now on.
    #[uniffi(default = None)]
    pub since: Option<i64>,
    /// Only those of these tables; none of every table whose changes are logged.
    #[uniffi(default = None)]
    pub tables: Option<Vec<String>>,
    /// Only those of keys of the prefix's own type that begin with it.
    #[uniffi(default = None)]
    pub prefix: Option<Key>,
}

impl From<NativeChangesOptions> for ChangesOptions {
    fn from(options: NativeChangesOptions) -> Self {
        let prefix = options.prefix.map(core::Key::from);
        Self { since: options.since, tables: options.tables, prefix }
    }
}

/// One change of one entry, as it was committed.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct NativeChange {
    /// The number of the operation: larger than that of every change committed before.
    pub seq: i64,
    /// What happened.
    pub kind: ChangeKind,
    /// The table's name.
    pub table: String,
    /// The codec of the values.
    pub storage_mode: StorageMode,
    /// The key.
    pub key: Key,
    /// The value before; none for an insert.
    pub old_value: Option<Vec<u8>>,
    /// The value after; none for a delete and an expiry.
    pub new_value: Option<Vec<u8>>,
    /// When the entry as it is now expires, in milliseconds since the Unix epoch.
    pub expires_at: Option<i64>,
    /// When it was written, in milliseconds since the Unix epoch.
    pub at: i64,
}

impl From<core::Change> for NativeChange {
    fn from(change: core::Change) -> Self {
        Self {
            seq: change.seq,
            kind: change.kind.into(),
            table: change.table.as_ref().to_owned(),
            storage_mode: change.storage.into(),
            key: change.key.into(),
            old_value: change.old.map(|value| value.to_vec()),
            new_value: change.new.map(|value| value.to_vec()),
            expires_at: change.expires_at,
            at: change.at,
        }
    }
}

/// A stream of changes. It holds a page at most, and nothing else while nobody waits.
#[derive(uniffi::Object)]
pub struct NativeChanges {
    changes: Changes,
}

#[uniffi::export]
impl NativeChanges {
    /// The next changes, at most about a thousand. Waits for one; empty when `timeout` seconds
    /// (infinity: no limit) pass.
    pub fn next_page(&self, timeout: f64) -> Result<Vec<NativeChange>> {
        let page = self.changes.next_page(seconds("timeout", timeout)?)?;
        Ok(page.into_iter().map(NativeChange::from).collect())
    }

    /// Done when there is a page to take. Cancelled, it loses nothing.
    pub async fn ready_async(&self, ticket: u64) -> Result<()> {
        result_of(ticket, || Ok(self.changes.ready_async())).await
    }

    /// The page that is there; empty when none is, since somebody else took it.
    pub fn take_page(&self) -> Vec<NativeChange> {
        self.changes.take_page().into_iter().map(NativeChange::from).collect()
    }

    /// Everything up to this number was given out, or passed over by the options.
    pub fn position(&self) -> i64 {
        self.changes.position()
    }

    /// Ends the stream: who waits for it is told `Closed`.
    pub fn shut(&self) {
        self.changes.close();
    }
}

fn retention(count: Option<i64>, age: f64) -> Result<ChangeRetention> {
    let count = count.map(u64::try_from).transpose().map_err(|_| {
        NativeError::new(ErrorKind::Invalid, "count is negative; the log keeps 1 change or more")
    })?;
    let age = if age.is_nan() { None } else { seconds("age", age)? };
    Ok(ChangeRetention { count, age })
}

#[uniffi::export]
impl NativeDict {
    /// Has the changes of this table logged from now on. `count` and `age` (seconds, NaN: as it is)
    /// limit the log of the whole store.
    pub fn enable_changes(&self, count: Option<i64>, age: f64) -> Result<()> {
        Ok(self.dict.enable_changes(retention(count, age)?)?)
    }

    /// The same as a future.
    pub async fn enable_changes_async(
        &self,
        count: Option<i64>,
        age: f64,
        ticket: u64,
    ) -> Result<()> {
        result_of(ticket, || Ok(self.dict.enable_changes_async(retention(count, age)?))).await
    }

    /// True when the changes of this table are logged.
    pub fn has_changes(&self) -> Result<bool> {
        Ok(self.dict.has_changes()?)
    }

    /// The same as a future.
    pub async fn has_changes_async(&self, ticket: u64) -> Result<bool> {
        result_of(ticket, || Ok(self.dict.run_async(Dict::has_changes))).await
    }

    /// A stream of the changes of the store's tables, as they are committed.
    pub fn changes(&self, options: NativeChangesOptions) -> Result<Arc<NativeChanges>> {
        Ok(Arc::new(NativeChanges { changes: self.dict.changes(&options.into())? }))
    }

    /// The same as a future.
    pub async fn changes_async(
        &self,
        options: NativeChangesOptions,
        ticket: u64,
    ) -> Result<Arc<NativeChanges>> {
        let options = ChangesOptions::from(options);
        let begin = || Ok(self.dict.spawn_async(move |dict| dict.changes(&options)));
        Ok(Arc::new(NativeChanges { changes: result_of(ticket, begin).await? }))
    }
}
