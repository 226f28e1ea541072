//! The dict protocol.

use std::sync::OnceLock;

use dictsqlite_core::{Peek, Ttl};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::arguments::if_version;
use super::{Dict, Open, blocking};
use crate::{errors, keys, open};

#[pymethods]
impl Dict {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { open: OnceLock::new() }
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.lookup(key)?.ok_or_else(|| errors::missing(key))
    }

    fn __setitem__(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.store(key, value, Ttl::Default)
    }

    fn __delitem__(&self, object: &Bound<'_, PyAny>) -> PyResult<()> {
        if self.__contains__(object)? {
            self.delete(object, None)
        } else {
            Err(errors::missing(object))
        }
    }

    fn __contains__(&self, object: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = object.py();
        let dict = &self.opened(py)?.dict;
        let key = keys::borrowed(object)?;
        match dict.peek(&key) {
            Ok(Peek::Found(_)) => Ok(true),
            Ok(Peek::Absent) => Ok(false),
            Ok(Peek::Unknown) => blocking(py, || dict.contains(&key)),
            Err(e) => Err(errors::raise(py, &e)),
        }
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let dict = &self.opened(py)?.dict;
        let len = blocking(py, || dict.len())?;
        Ok(usize::try_from(len).unwrap_or(usize::MAX))
    }

    /// The value of `key`, or `default`.
    #[pyo3(signature = (key, default=None))]
    fn get<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.lookup(key)?.or(default))
    }

    /// Sets `key`; with `if_version`, only if it has that version, giving the new one.
    #[pyo3(signature = (key, value, *, ttl=None, if_version=None))]
    fn set(
        &self,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        ttl: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = if_version)] if_version: Option<i64>,
    ) -> PyResult<Option<i64>> {
        let ttl = open::ttl(ttl)?;
        let Some(version) = if_version else {
            return self.store(key, value, ttl).map(|()| None);
        };
        let py = key.py();
        let Open { dict, values, .. } = self.opened(py)?;
        let (packed, value) = (keys::borrowed(key)?, values.encode(value, Some(key))?);
        blocking(py, || dict.set_if_version(&packed, value, version, ttl)).map(Some)
    }

    /// Deletes `key`, whether it is there or not; with `if_version`, only if it has that version.
    #[pyo3(signature = (key, *, if_version=None))]
    fn delete(
        &self,
        key: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = if_version)] if_version: Option<i64>,
    ) -> PyResult<()> {
        let py = key.py();
        let dict = &self.opened(py)?.dict;
        let key = keys::borrowed(key)?;
        if let Some(version) = if_version {
            return blocking(py, || dict.delete_if_version(&key, version));
        }
        match dict.try_delete(&key) {
            Ok(true) => Ok(()),
            Ok(false) => blocking(py, || dict.delete(&key)),
            Err(e) => Err(errors::raise(py, &e)),
        }
    }

    /// Removes every entry.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        let dict = &self.opened(py)?.dict;
        blocking(py, || dict.clear()).map(|_| ())
    }
}
