//! Reading: values, entries, counts and scans.

use std::sync::Arc;

use super::bound::Bound;
use super::{Dict, Peek};
use crate::error::Result;
use crate::scan::{Scan, ScanOptions};
use crate::store::Fast;
use crate::types::{AsKey, Entry, KeyBuf, Value, pack};

impl Dict {
    /// The value of `key`.
    ///
    /// # Errors
    /// `KeyType`, `Codec` for a value another tool stored in a form the codec does not have, `Io`,
    /// `Corrupt`, `Busy`, `Closed`.
    pub fn get(&self, key: impl AsKey) -> Result<Option<Value>> {
        let (at, packed) = self.pack(&key)?;
        match at.store.get_fast(&packed) {
            Fast::Found(value) => Ok(Some(value)),
            Fast::Absent => Ok(None),
            Fast::Unknown => at.store.get(&at.table, &packed, self.deadline()),
        }
    }

    /// What memory knows of `key`; never waits and never reads the file.
    ///
    /// # Errors
    /// `KeyType`, `Closed`.
    #[inline]
    pub fn peek(&self, key: impl AsKey) -> Result<Peek> {
        let (at, packed) = self.pack(&key)?;
        Ok(match at.store.get_fast(&packed) {
            Fast::Found(value) => Peek::Found(value),
            Fast::Absent => Peek::Absent,
            Fast::Unknown => Peek::Unknown,
        })
    }

    /// The value of `key` with its version and expiry. Pending writes of the key are committed
    /// first, since only then is its version known.
    ///
    /// # Errors
    /// As [`Dict::get`].
    pub fn entry(&self, key: impl AsKey) -> Result<Option<Entry>> {
        let (at, packed) = self.pack(&key)?;
        at.store.entry(&at.table, &packed, self.deadline())
    }

    /// True when there is an entry for `key`.
    ///
    /// # Errors
    /// As [`Dict::get`].
    pub fn contains(&self, key: impl AsKey) -> Result<bool> {
        let (at, packed) = self.pack(&key)?;
        at.store.contains(&at.table, &packed, self.deadline())
    }

    /// The values of many keys, in their order, all of one moment: never a part of what was written
    /// as one unit.
    ///
    /// # Errors
    /// As [`Dict::get`].
    pub fn get_many<K: AsKey>(&self, keys: &[K]) -> Result<Vec<Option<Value>>> {
        let (at, keys) = self.pack_all(keys)?;
        at.store.get_many(&at.table, keys, self.deadline())
    }

    pub(super) fn pack_all<K: AsKey>(&self, keys: &[K]) -> Result<(&Bound, Vec<KeyBuf>)> {
        let at = self.at()?;
        let packed = keys.iter().map(|key| pack(at.table.id, key.as_key()));
        Ok((at, packed.collect::<Result<_>>()?))
    }

    /// The number of entries. Pending writes are committed first; with nothing pending and nobody
    /// else writing it costs no query.
    ///
    /// # Errors
    /// As [`Dict::get`], and those of [`Dict::flush`].
    pub fn len(&self) -> Result<u64> {
        let at = self.at()?;
        at.store.len(&at.table, self.deadline())
    }

    /// True when there is no entry.
    ///
    /// # Errors
    /// As [`Dict::len`].
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Scans entries lazily.
    ///
    /// # Errors
    /// `KeyType` for a prefix or bound that is no key, `Closed`.
    pub fn scan(&self, options: &ScanOptions) -> Result<Scan> {
        let at = self.at()?;
        let (store, table) = (Arc::clone(&at.store), Arc::clone(&at.table));
        Scan::new(store, table, options, self.options.timeout)
    }
}
