//! Opening, closing, tables, and facts about a handle.

use std::sync::Arc;

use dictsqlite_core::Dict as Core;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::{Dict, blocking};
use crate::open::Arguments;
use crate::values::{Values, storage_mode};
use crate::{codec, errors, memory};

#[pymethods]
impl Dict {
    /// Opens the file at `path` with the options of the constructor.
    fn _open(&self, path: &Bound<'_, PyAny>, options: &Bound<'_, PyDict>) -> PyResult<()> {
        let py = path.py();
        let arguments = Arguments(options);
        let path = arguments.path(path)?;
        let options = arguments.options()?;
        let pickle = Arc::new(arguments.pickle()?);
        let dict = blocking(py, || Core::open(&path, &options))?;
        let values = Arc::new(Values { mode: dict.storage_mode(), pickle });
        self.fill(py, dict, values)
    }

    /// Opens another table of the store of `other`.
    #[pyo3(signature = (other, name, storage, changes=None))]
    fn _attach(
        &self,
        py: Python<'_>,
        other: &Bound<'_, Dict>,
        name: &str,
        storage: Option<&str>,
        changes: Option<bool>,
    ) -> PyResult<()> {
        let other = other.get().opened(py)?;
        let storage = storage.map(|name| storage_mode(py, name)).transpose()?;
        let dict = blocking(py, || match changes {
            Some(_) => other.dict.table_with_changes(name, storage, changes),
            None => other.dict.table(name, storage),
        })?;
        let pickle = Arc::clone(&other.values.pickle);
        let values = Arc::new(Values { mode: dict.storage_mode(), pickle });
        self.fill(py, dict, values)
    }

    /// What this handle's codec makes of stored bytes.
    fn _decode<'py>(&self, data: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
        let py = data.py();
        self.opened(py)?.values.decode(py, data.as_bytes(), None)
    }

    /// Waits until all accepted writes are committed; with `durable`, until they are synced.
    #[pyo3(signature = (*, durable=false))]
    fn flush(&self, py: Python<'_>, durable: bool) -> PyResult<()> {
        let dict = &self.opened(py)?.dict;
        blocking(py, || if durable { dict.flush_durable() } else { dict.flush() })
    }

    /// Flushes and closes this handle; the last one closes the store. Closing twice is fine.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.open.get() {
            Some(open) => {
                open.not_lent(py)?;
                blocking(py, || memory::give_back_after(&open.dict, || open.dict.close()))
            }
            None => Ok(()),
        }
    }

    /// Figures of the store, by name.
    pub(crate) fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let dict = &self.opened(py)?.dict;
        let stats = dict.stats().map_err(|e| errors::raise(py, &e))?;
        let text = serde_json::to_vec(&stats).unwrap_or_default();
        codec::json::loads(py, &text).map_err(|issue| errors::of_codec(py, issue, None))
    }

    /// The names of the store's tables.
    fn tables(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let dict = &self.opened(py)?.dict;
        let tables = blocking(py, || dict.tables())?;
        Ok(tables.into_iter().map(|(name, _)| name).collect())
    }

    /// Removes a table and all that is in it; false if there is none.
    fn drop_table(&self, py: Python<'_>, name: &str) -> PyResult<bool> {
        let dict = &self.opened(py)?.dict;
        blocking(py, || dict.drop_table(name))
    }

    /// The store's path, or `None` for an in-memory store.
    #[getter]
    fn path(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let path = self.opened(py)?.dict.path();
        Ok(path.map(|path| path.to_string_lossy().into_owned()))
    }

    /// The table.
    #[getter]
    fn table_name(&self, py: Python<'_>) -> PyResult<&str> {
        Ok(self.opened(py)?.dict.name())
    }

    /// The table's codec.
    #[getter]
    fn storage_mode(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.opened(py)?.dict.storage_mode().name())
    }

    /// What this handle's writes promise.
    #[getter]
    fn persist_mode(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.opened(py)?.dict.persist_mode().name())
    }

    /// True if the store was opened read-only.
    #[getter]
    fn read_only(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.opened(py)?.dict.is_read_only())
    }

    /// True if this handle was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.open.get().is_none_or(|open| open.dict.is_closed())
    }
}
