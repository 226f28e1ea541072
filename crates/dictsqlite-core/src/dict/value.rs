//! Large values by chunks.

use std::sync::Arc;

use super::asynchronous::on_worker;
use super::{Dict, Ttl};
use crate::completion::Completion;
use crate::error::Result;
use crate::store::read_only;
use crate::types::{AsKey, Expect};
use crate::value_stream::{Target, ValueReader, ValueWriter};

impl Dict {
    /// Opens the value of `key` for reading by chunks, in a table of bytes.
    ///
    /// ```
    /// use std::io::Read;
    /// # use dictsqlite_core::{Dict, Options, StorageMode, Ttl};
    /// # let options = Options { storage_mode: StorageMode::Bytes, ..Options::default() };
    /// # let dict = Dict::open(":memory:", &options)?;
    /// let mut writer = dict.write_value("film", Ttl::Default)?;
    /// for _ in 0..1000 {
    ///     writer.write(&[7; 4096])?;
    /// }
    /// writer.close()?; // from here on it is the value of "film"
    /// let mut reader = dict.read_value("film")?;
    /// assert_eq!(reader.size(), 4_096_000);
    /// let mut head = [0; 16];
    /// reader.read_exact(&mut head).unwrap();
    /// assert_eq!(head, [7; 16]);
    /// # Ok::<(), dictsqlite_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `KeyMissing`; `Codec` for a table of another codec; as [`Dict::get`].
    pub fn read_value(&self, key: impl AsKey) -> Result<ValueReader> {
        let (at, packed) = self.pack(&key)?;
        ValueReader::open(&at.store, &at.table, packed, self.options.timeout)
    }

    /// [`Dict::read_value`] without blocking.
    pub fn read_value_async(&self, key: impl AsKey) -> Completion<ValueReader> {
        let (at, packed) = match self.pack(&key) {
            Ok(packed) => packed,
            Err(e) => return Completion::ready(Err(e)),
        };
        let (store, table) = (Arc::clone(&at.store), Arc::clone(&at.table));
        let timeout = self.options.timeout;
        on_worker(at, move || ValueReader::open(&store, &table, packed, timeout))
    }

    /// Begins to write a value of `key` by chunks, in a table of bytes. It is the key's value once it
    /// is closed, for `ttl` from then on; of several writers of one key the last to be closed wins.
    /// Nothing is waited for.
    ///
    /// # Errors
    /// `KeyType`; `Codec` for a table of another codec; `ReadOnly`, `Closed`.
    pub fn write_value(&self, key: impl AsKey, ttl: Ttl) -> Result<ValueWriter> {
        self.write_value_expecting(key, ttl, Expect::Any)
    }

    /// The same if the entry has version `version` (0: if there is none) when the value is closed.
    ///
    /// # Errors
    /// As [`Dict::write_value`].
    pub fn write_value_if_version(
        &self,
        key: impl AsKey,
        ttl: Ttl,
        version: i64,
    ) -> Result<ValueWriter> {
        self.write_value_expecting(key, ttl, Expect::Version(version))
    }

    fn write_value_expecting(
        &self,
        key: impl AsKey,
        ttl: Ttl,
        expect: Expect,
    ) -> Result<ValueWriter> {
        let (at, key) = self.pack(&key)?;
        if self.options.read_only {
            return Err(read_only());
        }
        let ttl = match ttl {
            Ttl::Default => self.options.ttl,
            Ttl::Never => None,
            Ttl::After(after) => Some(after),
        };
        ValueWriter::new(Target {
            store: Arc::clone(&at.store),
            table: Arc::clone(&at.table),
            key,
            expect,
            ttl,
            durable: self.admission.durable,
            timeout: self.options.timeout,
        })
    }
}
