//! Blind writes: accepted as the handle's mode promises, and never looked at before.

use std::sync::Arc;

use super::bound::Bound;
use super::{Dict, Ttl};
use crate::codec;
use crate::error::Result;
use crate::memtable::Admitted;
use crate::types::{AsKey, KeyRef, NEVER, Value, pack};

impl Dict {
    /// Sets `key` to `value`; the handle's time to live applies.
    ///
    /// # Errors
    /// `KeyType`, `Codec` when the table's codec cannot hold the value, `ReadOnly`, `Closed`;
    /// `Timeout`, `Busy` or `Full` when there was no room or no commit by the timeout: the message
    /// says whether the write was accepted.
    pub fn set(&self, key: impl AsKey, value: &[u8]) -> Result<()> {
        self.set_with_ttl(key, value, Ttl::Default)
    }

    /// The same with a time to live of its own.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn set_with_ttl(&self, key: impl AsKey, value: &[u8], ttl: Ttl) -> Result<()> {
        codec::check(self.options.storage_mode, value)?;
        self.set_encoded(key, Value::from(value), ttl)
    }

    /// Sets `key` to a value that is known to be valid for the codec: not checked again.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn set_encoded(&self, key: impl AsKey, value: Value, ttl: Ttl) -> Result<()> {
        let (at, packed) = self.pack(&key)?;
        let expires_at = self.expires_at(at, ttl);
        at.store.put(&packed, Some(value), expires_at, &self.admission, self.deadline())
    }

    /// The same if that takes no waiting: false when it does, and then nothing was written.
    ///
    /// # Errors
    /// As [`Dict::set`].
    #[inline]
    pub fn try_set_encoded(&self, key: impl AsKey, value: &Value, ttl: Ttl) -> Result<bool> {
        let (at, packed) = self.pack(&key)?;
        self.try_put(at, &packed, Some(Arc::clone(value)), self.expires_at(at, ttl))
    }

    #[inline]
    fn try_put(
        &self,
        at: &Bound,
        packed: &[u8],
        value: Option<Value>,
        expires_at: i64,
    ) -> Result<bool> {
        let ending = at.store.state.memtable.is_ending();
        if self.admission.durable || self.admission.window == 0 || ending {
            return Ok(false);
        }
        let admitted = at.store.try_put(packed, value, expires_at, &self.admission)?;
        Ok(matches!(admitted, Admitted::Done))
    }

    /// Deletes `key`, whether it is there or not.
    ///
    /// # Errors
    /// As [`Dict::set`].
    pub fn delete(&self, key: impl AsKey) -> Result<()> {
        let (at, packed) = self.pack(&key)?;
        at.store.put(&packed, None, NEVER, &self.admission, self.deadline())
    }

    /// The same if that takes no waiting: false when it does, and then nothing was deleted.
    ///
    /// # Errors
    /// As [`Dict::set`].
    #[inline]
    pub fn try_delete(&self, key: impl AsKey) -> Result<bool> {
        let (at, packed) = self.pack(&key)?;
        self.try_put(at, &packed, None, NEVER)
    }

    /// Sets many keys as one unit: all of it survives a crash or nothing.
    ///
    /// # Errors
    /// As [`Dict::set`]; then nothing was written.
    pub fn set_many<K: AsKey, V: AsRef<[u8]>>(&self, items: &[(K, V)]) -> Result<()> {
        self.set_many_with_ttl(items, Ttl::Default)
    }

    /// The same with a time to live of their own.
    ///
    /// # Errors
    /// As [`Dict::set_many`].
    pub fn set_many_with_ttl<K: AsKey, V: AsRef<[u8]>>(
        &self,
        items: &[(K, V)],
        ttl: Ttl,
    ) -> Result<()> {
        self.set_many_encoded(&self.encoded(items)?, ttl)
    }

    /// The items with their values checked for the table's codec.
    pub(super) fn encoded<'a, K: AsKey, V: AsRef<[u8]>>(
        &self,
        items: &'a [(K, V)],
    ) -> Result<Vec<(KeyRef<'a>, Value)>> {
        let encode = |(key, value): &'a (K, V)| {
            codec::check(self.options.storage_mode, value.as_ref())?;
            Ok((key.as_key(), Value::from(value.as_ref())))
        };
        items.iter().map(encode).collect()
    }

    /// The same with values that are known to be valid for the codec.
    ///
    /// # Errors
    /// As [`Dict::set_many`].
    pub fn set_many_encoded<K: AsKey>(&self, items: &[(K, Value)], ttl: Ttl) -> Result<()> {
        let at = self.at()?;
        let expires_at = self.expires_at(at, ttl);
        let writes = items
            .iter()
            .map(|(key, value)| {
                let packed = pack(at.table.id, key.as_key())?;
                Ok((packed, Some(Arc::clone(value)), expires_at))
            })
            .collect::<Result<Vec<_>>>()?;
        at.store.put_many(writes, &self.admission, self.deadline())
    }

    /// Deletes many keys as one unit, whether they are there or not.
    ///
    /// # Errors
    /// As [`Dict::set`]; then nothing was deleted.
    pub fn delete_many<K: AsKey>(&self, keys: &[K]) -> Result<()> {
        let (at, keys) = self.pack_all(keys)?;
        let writes: Vec<_> = keys.into_iter().map(|key| (key, None, NEVER)).collect();
        at.store.put_many(writes, &self.admission, self.deadline())
    }

    /// Refuses a value that the table's codec cannot hold.
    ///
    /// # Errors
    /// `Codec`.
    pub fn check_value(&self, value: &[u8]) -> Result<()> {
        codec::check(self.options.storage_mode, value)
    }
}
