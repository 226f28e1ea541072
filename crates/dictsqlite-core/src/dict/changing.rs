//! The change log, the stream of what is in it, and watching keys.

use std::collections::HashSet;
use std::sync::Arc;

use super::Dict;
use crate::changes::{Changes, ChangesOptions, Watch};
use crate::completion::Completion;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::store::unexpected;
use crate::types::{AsKey, ChangeRetention, Command, Key, Outcome, PackedKey, StorageMode, pack};

impl Dict {
    /// [`Dict::table`], saying as well whether its changes are logged; see
    /// [`Options::changes`](crate::Options::changes).
    ///
    /// # Errors
    /// As [`Dict::open`].
    pub fn table_with_changes(
        &self,
        name: &str,
        storage: Option<StorageMode>,
        changes: Option<bool>,
    ) -> Result<Self> {
        let options = Options { changes, ..self.options.clone() };
        self.table_as(name, storage, options)
    }

    /// Has the changes of this table logged from now on, whoever makes them: in the same commit, with
    /// the values before and after. `retention` says how much of the log is kept, in the whole store.
    /// May be called again.
    ///
    /// A write costs two to three times as much at the writer, and the file grows by the log.
    ///
    /// # Errors
    /// `Invalid`, `ReadOnly`, `Busy`, `Timeout`, `Full`, `Io`, `Closed`.
    pub fn enable_changes(&self, retention: ChangeRetention) -> Result<()> {
        self.enable_changes_async(retention).wait()
    }

    /// [`Dict::enable_changes`] without blocking.
    pub fn enable_changes_async(&self, retention: ChangeRetention) -> Completion<()> {
        let command = self.at().and_then(|at| {
            let (count, age_ms) = limits(retention)?;
            Ok((at, Command::EnableChanges { table: at.table.id, count, age_ms }))
        });
        match command {
            Ok((at, command)) => {
                let done = at.store.command(command, self.deadline(), self.admission.durable);
                done.then(|done| match done? {
                    Outcome::Done => Ok(()),
                    _ => Err(unexpected()),
                })
            }
            Err(e) => Completion::ready(Err(e)),
        }
    }

    /// True when the changes of this table are logged.
    ///
    /// # Errors
    /// Those of reading.
    pub fn has_changes(&self) -> Result<bool> {
        let at = self.at()?;
        at.store.logs_changes(&at.table, self.deadline())
    }

    /// The changes of the store's tables, as they are committed; of those whose changes are logged. It
    /// does not wait; without `since`, it gives what is committed after this call. (What was accepted
    /// and is not committed yet, [`Dict::flush`] commits.)
    ///
    /// # Errors
    /// `Invalid` when no such table logs its changes, or `since` is no number of this store; when
    /// changes after `since` were removed already, [`Error::is_history_truncated`].
    pub fn changes(&self, options: &ChangesOptions) -> Result<Changes> {
        let at = self.at()?;
        Changes::new(&at.store, &self.ended, options, self.options.timeout)
    }

    /// Watches `keys`; without any, all keys of this table with `prefix`, which needs its change log.
    /// Gives what is there, and then what is different after later commits: a state that lasted shorter
    /// than it took to look may be passed over. An expired entry is gone when it is swept, within
    /// about a second.
    ///
    /// # Errors
    /// `KeyType`; `Invalid` for keys and a prefix, more than 10,000 keys, or a prefix of a table that
    /// does not log its changes.
    pub fn watch<K: AsKey>(&self, keys: &[K], prefix: Option<&Key>) -> Result<Watch> {
        let at = self.at()?;
        let mut seen = HashSet::new();
        let mut packed = Vec::with_capacity(keys.len());
        for key in keys {
            let key = PackedKey::from(&pack(at.table.id, key.as_key())?[..]);
            if seen.insert(Arc::clone(&key)) {
                packed.push(key);
            }
        }
        let timeout = self.options.timeout;
        Watch::new(&at.store, &at.table, &self.ended, packed, prefix.cloned(), timeout)
    }
}

/// Changes and milliseconds.
fn limits(retention: ChangeRetention) -> Result<(Option<i64>, Option<i64>)> {
    let (count, age) = (retention.count, retention.age.map(|age| age.as_millis()));
    if count == Some(0) {
        return Err(Error::invalid("count is 0; the log keeps 1 change or more"));
    }
    if age == Some(0) {
        return Err(Error::invalid("age is 0; it must be a millisecond or more"));
    }
    let most = |n: u128| i64::try_from(n).unwrap_or(i64::MAX);
    Ok((count.map(|count| most(u128::from(count))), age.map(most)))
}
