//! The change log, its stream, and watching keys.

use std::sync::Arc;

use dictsqlite_core::{ChangeRetention, ChangesOptions};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::arguments::tables as names;
use super::{Dict, Open, blocking};
use crate::streams::{Changes, Stream, Watch};
use crate::{errors, keys, open};

/// The limits of the log by what Python gives; `None` leaves one as it is.
pub(crate) fn retention(
    count: Option<u64>,
    age: Option<&Bound<'_, PyAny>>,
) -> PyResult<ChangeRetention> {
    let age = match age {
        Some(age) => Some(open::as_seconds("age", age)?.unwrap_or(std::time::Duration::MAX)),
        None => None,
    };
    Ok(ChangeRetention { count, age })
}

#[pymethods]
impl Dict {
    /// Has the changes of this table logged from now on, whoever makes them. `count` changes of the last
    /// `age` seconds are kept in the store's log; `None` leaves a limit as it is.
    #[pyo3(signature = (*, count=None, age=None))]
    fn enable_changes(
        &self,
        py: Python<'_>,
        count: Option<u64>,
        age: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let dict = &self.opened(py)?.dict;
        let retention = retention(count, age)?;
        blocking(py, || dict.enable_changes(retention))
    }

    /// True if the changes of this table are logged.
    fn has_changes(&self, py: Python<'_>) -> PyResult<bool> {
        let dict = &self.opened(py)?.dict;
        blocking(py, || dict.has_changes())
    }

    /// The changes of the store, for `for` and for `async for`: those after number `since` (0: from the
    /// beginning of what is kept; `None`: those committed from now on), of `tables` (`None`: all whose
    /// changes are logged), of keys with `prefix`.
    #[pyo3(signature = (since=None, tables=None, prefix=None))]
    fn changes(
        slf: &Bound<'_, Self>,
        since: Option<i64>,
        tables: Option<&Bound<'_, PyAny>>,
        prefix: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Changes> {
        let py = slf.py();
        let Open { dict, values, .. } = slf.get().opened(py)?;
        let prefix = prefix.map(keys::owned).transpose()?;
        let tables = tables.map(|tables| names(Some(tables))).transpose()?;
        let options = ChangesOptions { since, tables, prefix };
        let changes = py.detach(|| dict.changes(&options)).map_err(|e| errors::raise(py, &e))?;
        Ok(Changes::new(changes, Arc::clone(&values.pickle), slf.clone().unbind()))
    }

    /// The state of `keys` and then, when they differ, their latest: for `for` and for `async for`.
    /// Without keys, of all keys with `prefix`, which needs the change log.
    #[pyo3(signature = (*keys, prefix=None))]
    fn watch(
        slf: &Bound<'_, Self>,
        keys: &Bound<'_, PyTuple>,
        prefix: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Watch> {
        let py = slf.py();
        let Open { dict, values, .. } = slf.get().opened(py)?;
        let prefix = prefix.map(keys::owned).transpose()?;
        let owned = keys.iter().map(|key| keys::owned(&key)).collect::<PyResult<Vec<_>>>()?;
        let watch = py.detach(|| dict.watch(&owned, prefix.as_ref()));
        let watch = watch.map_err(|e| errors::raise(py, &e))?;
        let handle = slf.clone().unbind();
        Ok(Watch { stream: Stream::new(watch), values: Arc::clone(values), _handle: handle })
    }
}
