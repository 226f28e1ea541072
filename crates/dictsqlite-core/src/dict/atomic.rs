//! Checks and writes that are one unit: all of it happens if every check holds, or nothing.

use super::bound::Bound;
use super::{Dict, Ttl};
use crate::codec;
use crate::completion::Completion;
use crate::error::Result;
use crate::types::{AsKey, Command, Expect, Outcome, PackedKey, Proposal, Value, pack};

/// What is to be done at once. Nothing happens before [`Atomic::commit`].
///
/// ```
/// use dictsqlite_core::{Dict, Options};
/// let dict = Dict::open(":memory:", &Options::default())?;
/// dict.set("stock", b"3")?;
/// let seen = dict.entry("stock")?.map_or(0, |entry| entry.version);
/// dict.atomic().check("stock", seen)?.incr("stock", -1)?.set("order:1", b"Ada")?.commit()?;
/// assert_eq!(dict.get("stock")?.as_deref(), Some(&b"2"[..]));
/// # Ok::<(), dictsqlite_core::Error>(())
/// ```
pub struct Atomic<'a> {
    dict: &'a Dict,
    checks: Vec<(PackedKey, i64)>,
    commands: Vec<Command>,
}

impl Dict {
    /// Gathers checks and writes that are to be one unit.
    pub fn atomic(&self) -> Atomic<'_> {
        Atomic { dict: self, checks: Vec::new(), commands: Vec::new() }
    }
}

impl Atomic<'_> {
    fn packed(&self, key: impl AsKey) -> Result<(&Bound, PackedKey)> {
        let at = self.dict.at()?;
        Ok((at, PackedKey::from(&pack(at.table.id, key.as_key())?[..])))
    }

    /// Everything depends on `key` having this version; 0 is no entry.
    ///
    /// # Errors
    /// `KeyType`, `Closed`.
    pub fn check(&mut self, key: impl AsKey, version: i64) -> Result<&mut Self> {
        let (_, key) = self.packed(key)?;
        self.checks.push((key, version));
        Ok(self)
    }

    /// Sets `key` to `value`; the handle's time to live applies.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn set(&mut self, key: impl AsKey, value: &[u8]) -> Result<&mut Self> {
        codec::check(self.dict.storage_mode(), value)?;
        self.set_encoded(key, Value::from(value), Ttl::Default)
    }

    /// The same with a value that is known to be valid for the codec, and a time to live.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn set_encoded(&mut self, key: impl AsKey, value: Value, ttl: Ttl) -> Result<&mut Self> {
        let (at, key) = self.packed(key)?;
        codec::check_size(&key, &value)?;
        let expires_at = self.dict.expires_at(at, ttl);
        self.commands.push(Command::Set { key, value, expires_at, expect: Expect::Any });
        Ok(self)
    }

    /// Adds `delta` to an integer, whatever it is when this is committed.
    ///
    /// # Errors
    /// As [`Atomic::check`].
    pub fn incr(&mut self, key: impl AsKey, delta: i64) -> Result<&mut Self> {
        let (at, key) = self.packed(key)?;
        let expires_at = self.dict.expires_at(at, Ttl::Default);
        self.commands.push(Command::Incr { key, delta, expires_at });
        Ok(self)
    }

    /// Deletes `key`, whether it is there or not.
    ///
    /// # Errors
    /// As [`Atomic::check`].
    pub fn delete(&mut self, key: impl AsKey) -> Result<&mut Self> {
        let (_, key) = self.packed(key)?;
        self.commands.push(Command::Delete { key, expect: Expect::Any });
        Ok(self)
    }

    /// Does all of it, in order, and gives the number of the last operation, which is the version of
    /// what was written last. Nothing is left to be done afterwards.
    ///
    /// # Errors
    /// `Conflict`, naming the key, when a check does not hold; `Codec` or `Invalid` when something
    /// cannot be counted: then nothing was done. Else as [`Dict::set`].
    pub fn commit(&mut self) -> Result<i64> {
        self.commit_async().wait()
    }

    /// [`Atomic::commit`] without blocking.
    pub fn commit_async(&mut self) -> Completion<i64> {
        let proposal = Proposal {
            checks: std::mem::take(&mut self.checks),
            commands: std::mem::take(&mut self.commands),
            ..Proposal::default()
        };
        self.dict.decide(
            |_| Ok(Command::Transaction(proposal.into())),
            |outcome| if let Outcome::Version(version) = outcome { Some(version) } else { None },
        )
    }
}
