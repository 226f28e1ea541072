//! Operations that look before they write: decided by the writer, inside SQLite's transaction,
//! after everything accepted before them. They are done once they are committed.

use super::bound::Bound;
use super::{Dict, Ttl};
use crate::codec;
use crate::completion::Completion;
use crate::error::Result;
use crate::store::unexpected;
use crate::types::{AsKey, Command, Entry, Expect, Key, NEVER, Outcome, PackedKey, Value, pack};

impl Dict {
    /// Sends what `make` makes to the writer; `take` is what the answer is to be.
    pub(super) fn decide<T: Send + 'static>(
        &self,
        make: impl FnOnce(&Bound) -> Result<Command>,
        take: impl FnOnce(Outcome) -> Option<T> + Send + 'static,
    ) -> Completion<T> {
        let sent = self.at().and_then(|at| Ok((at, make(at)?)));
        match sent {
            Ok((at, command)) => at
                .store
                .command(command, self.deadline(), self.admission.durable)
                .then(|outcome| take(outcome?).ok_or_else(unexpected)),
            Err(e) => Completion::ready(Err(e)),
        }
    }

    fn packed(at: &Bound, key: impl AsKey) -> Result<PackedKey> {
        Ok(PackedKey::from(&pack(at.table.id, key.as_key())?[..]))
    }

    fn packed_with(&self, at: &Bound, key: impl AsKey, value: &[u8]) -> Result<PackedKey> {
        codec::check(self.options.storage_mode, value)?;
        let key = Self::packed(at, key)?;
        codec::check_size(&key, value)?;
        Ok(key)
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
        self.set_if_version_async(key, value, version, ttl).wait()
    }

    /// [`Dict::set_if_version`] without blocking.
    pub fn set_if_version_async(
        &self,
        key: impl AsKey,
        value: Value,
        version: i64,
        ttl: Ttl,
    ) -> Completion<i64> {
        self.decide(
            |at| {
                let key = self.packed_with(at, key, &value)?;
                let expires_at = self.expires_at(at, ttl);
                Ok(Command::Set { key, value, expires_at, expect: Expect::Version(version) })
            },
            |outcome| if let Outcome::Version(version) = outcome { Some(version) } else { None },
        )
    }

    /// Deletes `key` if its version is `version`.
    ///
    /// # Errors
    /// `Conflict`, naming the key, when it has another version or is not there.
    pub fn delete_if_version(&self, key: impl AsKey, version: i64) -> Result<()> {
        self.delete_if_version_async(key, version).wait()
    }

    /// [`Dict::delete_if_version`] without blocking.
    pub fn delete_if_version_async(&self, key: impl AsKey, version: i64) -> Completion<()> {
        self.decide(
            |at| {
                let expect = Expect::Version(version);
                Ok(Command::Delete { key: Self::packed(at, key)?, expect })
            },
            |_| Some(()),
        )
    }

    /// Deletes `key` and says whether it was there.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn remove(&self, key: impl AsKey) -> Result<bool> {
        self.remove_async(key).wait()
    }

    /// [`Dict::remove`] without blocking.
    pub fn remove_async(&self, key: impl AsKey) -> Completion<bool> {
        self.decide(
            |at| Ok(Command::Delete { key: Self::packed(at, key)?, expect: Expect::Any }),
            |outcome| if let Outcome::Count(n) = outcome { Some(n > 0) } else { None },
        )
    }

    /// Removes and returns an entry.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn pop(&self, key: impl AsKey) -> Result<Option<Entry>> {
        self.pop_async(key).wait()
    }

    /// [`Dict::pop`] without blocking.
    pub fn pop_async(&self, key: impl AsKey) -> Completion<Option<Entry>> {
        self.decide(
            |at| Ok(Command::Pop { key: Self::packed(at, key)? }),
            |outcome| if let Outcome::Entry(entry) = outcome { Some(entry) } else { None },
        )
    }

    /// Removes and returns the last entry in insertion order, or the first one.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn pop_item(&self, last: bool) -> Result<Option<(Key, Entry)>> {
        self.pop_item_async(last).wait()
    }

    /// [`Dict::pop_item`] without blocking.
    pub fn pop_item_async(&self, last: bool) -> Completion<Option<(Key, Entry)>> {
        self.decide(
            |at| Ok(Command::PopItem { table: at.table.id, newest: last }),
            |outcome| if let Outcome::Item(item) = outcome { Some(item) } else { None },
        )
    }

    /// The entry of `key` if there is one; else sets it to `value` and returns `None`.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn set_default(&self, key: impl AsKey, value: Value, ttl: Ttl) -> Result<Option<Entry>> {
        self.set_default_async(key, value, ttl).wait()
    }

    /// [`Dict::set_default`] without blocking.
    pub fn set_default_async(
        &self,
        key: impl AsKey,
        value: Value,
        ttl: Ttl,
    ) -> Completion<Option<Entry>> {
        self.decide(
            |at| {
                let key = self.packed_with(at, key, &value)?;
                Ok(Command::SetDefault { key, value, expires_at: self.expires_at(at, ttl) })
            },
            |outcome| if let Outcome::Entry(entry) = outcome { Some(entry) } else { None },
        )
    }

    /// Adds `delta` to an integer, which counts from 0 when there is none, and gives the sum. The
    /// entry's expiry stays.
    ///
    /// # Errors
    /// `Codec` when the value is no integer, `Invalid` when the sum does not fit 64 bits.
    pub fn incr(&self, key: impl AsKey, delta: i64) -> Result<i64> {
        self.incr_async(key, delta).wait()
    }

    /// [`Dict::incr`] without blocking.
    pub fn incr_async(&self, key: impl AsKey, delta: i64) -> Completion<i64> {
        self.decide(
            |at| {
                let expires_at = self.expires_at(at, Ttl::Default);
                Ok(Command::Incr { key: Self::packed(at, key)?, delta, expires_at })
            },
            |outcome| if let Outcome::Number(sum) = outcome { Some(sum) } else { None },
        )
    }

    /// Changes when an entry expires and leaves its value; false when there is none.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn expire(&self, key: impl AsKey, ttl: Ttl) -> Result<bool> {
        self.expire_async(key, ttl).wait()
    }

    /// [`Dict::expire`] without blocking.
    pub fn expire_async(&self, key: impl AsKey, ttl: Ttl) -> Completion<bool> {
        self.decide(
            |at| {
                let never = ttl == Ttl::Never;
                let expires_at = if never { NEVER } else { self.expires_at(at, ttl) };
                Ok(Command::Expire { key: Self::packed(at, key)?, expires_at })
            },
            |outcome| if let Outcome::Count(n) = outcome { Some(n > 0) } else { None },
        )
    }

    /// Removes every entry of the table, and gives how many rows that were.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn clear(&self) -> Result<u64> {
        self.clear_async().wait()
    }

    /// [`Dict::clear`] without blocking.
    pub fn clear_async(&self) -> Completion<u64> {
        self.decide(
            |at| Ok(Command::Clear { table: at.table.id }),
            |outcome| if let Outcome::Count(n) = outcome { Some(n) } else { None },
        )
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
        self.decide(|_| Ok(Command::DropTable { table }), |_| Some(true)).wait()
    }
}
