//! Operations that look before they write: decided by the writer, inside SQLite's transaction,
//! after everything accepted before them. They return once they are committed.

use super::bound::Bound;
use super::{Dict, Ttl};
use crate::codec;
use crate::completion::Completion;
use crate::error::Result;
use crate::store::unexpected;
use crate::types::{AsKey, Command, Entry, Expect, Key, NEVER, Outcome, PackedKey, Value};

impl Dict {
    pub(super) fn command(&self, at: &Bound, command: Command) -> Completion<Outcome> {
        at.store.command(command, self.deadline(), self.admission.durable)
    }

    fn packed(&self, key: impl AsKey) -> Result<(&Bound, PackedKey)> {
        let (at, packed) = self.pack(&key)?;
        Ok((at, PackedKey::from(&packed[..])))
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
        codec::check(self.options.storage_mode, &value)?;
        let (at, key) = self.packed(key)?;
        codec::check_size(&key, &value)?;
        let expires_at = self.expires_at(at, ttl);
        let expect = Expect::Version(version);
        match self.command(at, Command::Set { key, value, expires_at, expect }).wait()? {
            Outcome::Version(version) => Ok(version),
            _ => Err(unexpected()),
        }
    }

    /// Deletes `key` if its version is `version`.
    ///
    /// # Errors
    /// `Conflict`, naming the key, when it has another version or is not there.
    pub fn delete_if_version(&self, key: impl AsKey, version: i64) -> Result<()> {
        let (at, key) = self.packed(key)?;
        let expect = Expect::Version(version);
        self.command(at, Command::Delete { key, expect }).wait().map(|_| ())
    }

    /// Deletes `key` and says whether it was there.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn remove(&self, key: impl AsKey) -> Result<bool> {
        let (at, key) = self.packed(key)?;
        match self.command(at, Command::Delete { key, expect: Expect::Any }).wait()? {
            Outcome::Count(n) => Ok(n > 0),
            _ => Err(unexpected()),
        }
    }

    /// Removes and returns an entry.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn pop(&self, key: impl AsKey) -> Result<Option<Entry>> {
        let (at, key) = self.packed(key)?;
        match self.command(at, Command::Pop { key }).wait()? {
            Outcome::Entry(entry) => Ok(entry),
            _ => Err(unexpected()),
        }
    }

    /// Removes and returns the last entry in insertion order, or the first one.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn pop_item(&self, last: bool) -> Result<Option<(Key, Entry)>> {
        let at = self.at()?;
        let command = Command::PopItem { table: at.table.id, newest: last };
        match self.command(at, command).wait()? {
            Outcome::Item(item) => Ok(item),
            _ => Err(unexpected()),
        }
    }

    /// The entry of `key` if there is one; else sets it to `value` and returns `None`.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn set_default(&self, key: impl AsKey, value: Value, ttl: Ttl) -> Result<Option<Entry>> {
        codec::check(self.options.storage_mode, &value)?;
        let (at, key) = self.packed(key)?;
        codec::check_size(&key, &value)?;
        let expires_at = self.expires_at(at, ttl);
        match self.command(at, Command::SetDefault { key, value, expires_at }).wait()? {
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
        let (at, key) = self.packed(key)?;
        let expires_at = self.expires_at(at, Ttl::Default);
        match self.command(at, Command::Incr { key, delta, expires_at }).wait()? {
            Outcome::Number(sum) => Ok(sum),
            _ => Err(unexpected()),
        }
    }

    /// Changes when an entry expires and leaves its value; false when there is none.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn expire(&self, key: impl AsKey, ttl: Ttl) -> Result<bool> {
        let (at, key) = self.packed(key)?;
        let expires_at = if ttl == Ttl::Never { NEVER } else { self.expires_at(at, ttl) };
        match self.command(at, Command::Expire { key, expires_at }).wait()? {
            Outcome::Count(n) => Ok(n > 0),
            _ => Err(unexpected()),
        }
    }

    /// Removes every entry of the table, and gives how many rows that were.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn clear(&self) -> Result<u64> {
        let at = self.at()?;
        match self.command(at, Command::Clear { table: at.table.id }).wait()? {
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
        let at = self.at()?;
        let Some((_, storage)) = self.tables()?.into_iter().find(|(n, _)| n == name) else {
            return Ok(false);
        };
        let table = at.store.table(name, storage, self.deadline())?.id;
        self.command(at, Command::DropTable { table }).wait().map(|_| true)
    }
}
