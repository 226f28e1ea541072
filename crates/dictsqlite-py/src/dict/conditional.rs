//! Operations that look before they write.

use dictsqlite_core::{Entry, Ttl};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::arguments::{delta, last};
use super::{Dict, Open, blocking};
use crate::values::Values;
use crate::{errors, keys, open};

/// `(value, version, expires_at)`, the time in seconds.
pub(crate) fn entry_of<'py>(
    values: &Values,
    entry: &Entry,
    key: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let py = key.py();
    let value = values.decode(py, &entry.value, Some(key))?;
    let expires_at = entry.expires_at.map(|ms| ms as f64 / 1000.0);
    (value, entry.version, expires_at).into_pyobject(py)
}

#[pymethods]
impl Dict {
    /// Removes and returns the value of `key`, or `default`.
    #[pyo3(signature = (key, *default))]
    fn _pop<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        let Open { dict, values, .. } = self.opened(py)?;
        let packed = keys::borrowed(key)?;
        match blocking(py, || dict.pop(&packed))? {
            Some(entry) => values.decode(py, &entry.value, Some(key)),
            None => default.get_item(0).map_err(|_| errors::missing(key)),
        }
    }

    /// Removes and returns the last item in insertion order, or the first.
    #[pyo3(signature = (last=true))]
    fn popitem<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = last)] last: bool,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let Open { dict, values, .. } = self.opened(py)?;
        let Some((key, entry)) = blocking(py, || dict.pop_item(last))? else {
            return Err(errors::empty(py));
        };
        let key = keys::to_python(py, &key)?;
        let value = values.decode(py, &entry.value, Some(&key))?;
        PyTuple::new(py, [key, value])
    }

    /// The value of `key`; when there is none, sets and returns `default`.
    #[pyo3(signature = (key, default=None, *, ttl=None))]
    fn setdefault<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
        ttl: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        if let Some(found) = self.lookup(key)? {
            return Ok(found);
        }
        let Open { dict, values, .. } = self.opened(py)?;
        let default = default.unwrap_or_else(|| py.None().into_bound(py));
        let ttl = open::ttl(ttl.as_ref())?;
        let (packed, value) = (keys::borrowed(key)?, values.encode(&default, Some(key))?);
        match blocking(py, || dict.set_default(&packed, value, ttl))? {
            Some(entry) => values.decode(py, &entry.value, Some(key)),
            None => Ok(default),
        }
    }

    /// Adds `delta` to an integer, counting from 0 when there is none, and returns the sum.
    #[pyo3(signature = (key, delta=1))]
    fn incr(
        &self,
        key: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = delta)] delta: i64,
    ) -> PyResult<i64> {
        let py = key.py();
        let dict = &self.opened(py)?.dict;
        let key = keys::borrowed(key)?;
        blocking(py, || dict.incr(&key, delta))
    }

    /// Changes when an entry expires (`None`: never) and leaves its value; false if there is none.
    fn expire(&self, key: &Bound<'_, PyAny>, ttl: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = key.py();
        let dict = &self.opened(py)?.dict;
        let ttl = if ttl.is_none() { Ttl::Never } else { open::ttl(Some(ttl))? };
        let key = keys::borrowed(key)?;
        blocking(py, || dict.expire(&key, ttl))
    }

    /// `(value, version, expires_at)` of `key`, or `None`.
    fn _entry<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let py = key.py();
        let Open { dict, values, .. } = self.opened(py)?;
        let packed = keys::borrowed(key)?;
        let entry = blocking(py, || dict.entry(&packed))?;
        entry.map(|entry| entry_of(values, &entry, key)).transpose()
    }
}
