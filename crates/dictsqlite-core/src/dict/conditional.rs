//! Operations that look before they write: decided by the writer, inside SQLite's transaction,
//! after everything accepted before them. They return once they are committed.

use super::{Dict, Ttl};
use crate::codec;
use crate::completion::Completion;
use crate::error::Result;
use crate::store::unexpected;
use crate::types::{AsKey, Command, Entry, Expect, Key, NEVER, Outcome, PackedKey, Value};

impl Dict {
    pub(super) fn command(&self, command: Command) -> Completion<Outcome> {
        self.store.command(command, self.deadline(), self.admission.durable)
    }

    fn packed(&self, key: impl AsKey) -> Result<PackedKey> {
        Ok(PackedKey::from(&self.pack(&key)?[..]))
    }

    /// Sets `key` if its version is `version` (0: if there is no entry), and gives the new version.
    ///
    /// # Errors
    /// `Conflict`, naming the key, when it has another version; else as [`Dict::set`].
    pub fn set_if_version(
        &self,
        key: impl AsKey,
        value: Value,
        version: i64,
        ttl: Ttl,
    ) -> Result<i64> {
        codec::check(self.table.storage, &value)?;
        let key = self.packed(key)?;
        codec::check_size(&key, &value)?;
        let expires_at = self.expires_at(ttl);
        let expect = Expect::Version(version);
        match self.command(Command::Set { key, value, expires_at, expect }).wait()? {
            Outcome::Version(version) => Ok(version),
            _ => Err(unexpected()),
        }
    }

    /// Deletes `key` if its version is `version`.
    ///
    /// # Errors
    /// `Conflict`, naming the key, when it has another version or is not there.
    pub fn delete_if_version(&self, key: impl AsKey, version: i64) -> Result<()> {
        let key = self.packed(key)?;
        let expect = Expect::Version(version);
        self.command(Command::Delete { key, expect }).wait().map(|_| ())
    }

    /// Deletes `key` and says whether it was there.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn remove(&self, key: impl AsKey) -> Result<bool> {
        let key = self.packed(key)?;
        match self.command(Command::Delete { key, expect: Expect::Any }).wait()? {
            Outcome::Count(n) => Ok(n > 0),
            _ => Err(unexpected()),
        }
    }

    /// Removes and returns an entry.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn pop(&self, key: impl AsKey) -> Result<Option<Entry>> {
        let key = self.packed(key)?;
        match self.command(Command::Pop { key }).wait()? {
            Outcome::Entry(entry) => Ok(entry),
            _ => Err(unexpected()),
        }
    }

    /// Removes and returns the last entry in insertion order, or the first one.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn pop_item(&self, last: bool) -> Result<Option<(Key, Entry)>> {
        self.check_open()?;
        let command = Command::PopItem { table: self.table.id, newest: last };
        match self.command(command).wait()? {
            Outcome::Item(item) => Ok(item),
            _ => Err(unexpected()),
        }
    }

    /// The entry of `key` if there is one; else sets it to `value` and returns `None`.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn set_default(&self, key: impl AsKey, value: Value, ttl: Ttl) -> Result<Option<Entry>> {
        codec::check(self.table.storage, &value)?;
        let key = self.packed(key)?;
        codec::check_size(&key, &value)?;
        let expires_at = self.expires_at(ttl);
        match self.command(Command::SetDefault { key, value, expires_at }).wait()? {
            Outcome::Entry(entry) => Ok(entry),
            _ => Err(unexpected()),
        }
    }

    /// Adds `delta` to an integer, which counts from 0 when there is none, and gives the sum. The
    /// entry's expiry stays.
    ///
    /// # Errors
    /// `Codec` when the value is no integer, `Invalid` when the sum does not fit 64 bits.
    pub fn incr(&self, key: impl AsKey, delta: i64) -> Result<i64> {
        let key = self.packed(key)?;
        let expires_at = self.expires_at(Ttl::Default);
        match self.command(Command::Incr { key, delta, expires_at }).wait()? {
            Outcome::Number(sum) => Ok(sum),
            _ => Err(unexpected()),
        }
    }

    /// Changes when an entry expires and leaves its value; false when there is none.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn expire(&self, key: impl AsKey, ttl: Ttl) -> Result<bool> {
        let key = self.packed(key)?;
        let expires_at = if ttl == Ttl::Never { NEVER } else { self.expires_at(ttl) };
        match self.command(Command::Expire { key, expires_at }).wait()? {
            Outcome::Count(n) => Ok(n > 0),
            _ => Err(unexpected()),
        }
    }

    /// Removes every entry of the table, and gives how many rows that were.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn clear(&self) -> Result<u64> {
        self.check_open()?;
        match self.command(Command::Clear { table: self.table.id }).wait()? {
            Outcome::Count(n) => Ok(n),
            _ => Err(unexpected()),
        }
    }

    /// Removes a table and all that is in it; false when there is none. Handles on it are refused
    /// from then on.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn drop_table(&self, name: &str) -> Result<bool> {
        let Some((_, storage)) = self.tables()?.into_iter().find(|(n, _)| n == name) else {
            return Ok(false);
        };
        let table = self.store.table(name, storage, self.deadline())?.id;
        self.command(Command::DropTable { table }).wait().map(|_| true)
    }
}
