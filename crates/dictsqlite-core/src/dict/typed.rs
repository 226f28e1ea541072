//! Values as Rust types, through serde, for tables that store JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Dict, Ttl};
use crate::error::{Error, Result};
use crate::types::{AsKey, StorageMode, Value};

impl Dict {
    /// The value of `key`, decoded from JSON.
    ///
    /// # Errors
    /// `Codec` when the table does not store JSON or the value has another shape; else as
    /// [`Dict::get`].
    pub fn get_json<T: DeserializeOwned>(&self, key: impl AsKey) -> Result<Option<T>> {
        self.check_json()?;
        let Some(value) = self.get(&key)? else { return Ok(None) };
        serde_json::from_slice(&value).map(Some).map_err(|e| {
            Error::codec(format!("the value has another shape: {e}")).with_key(key.as_key().into())
        })
    }

    /// Sets `key` to `value`, encoded as JSON.
    ///
    /// # Errors
    /// `Codec` when the table does not store JSON or the value cannot be JSON; else as
    /// [`Dict::set`].
    pub fn set_json<T: Serialize + ?Sized>(&self, key: impl AsKey, value: &T) -> Result<()> {
        self.check_json()?;
        let text = serde_json::to_vec(value)
            .map_err(|e| Error::codec(format!("the value cannot be written as JSON: {e}")))?;
        self.set_encoded(key, Value::from(text), Ttl::Default)
    }

    fn check_json(&self) -> Result<()> {
        match self.storage_mode() {
            StorageMode::Json | StorageMode::Jsonb => Ok(()),
            other => Err(Error::codec(format!(
                "table {:?} stores {other}; open it with storage_mode json or jsonb",
                self.name()
            ))),
        }
    }
}
