//! The operations of a transaction, with the interpreter released where the file may be read.

use std::sync::Arc;

use dictsqlite_core::Ttl;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::{Open, Transaction};
use crate::dict::arguments::{delta, pairs};
use crate::dict::{blocking, entry_of};
use crate::scan::{self, Scan, What};
use crate::{errors, keys, open};

impl Transaction {
    fn lookup<'py>(&self, object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = object.py();
        let Open { tx, values, .. } = self.opened(py)?;
        let key = keys::borrowed(object)?;
        let found = blocking(py, || tx.get(&key))?;
        found.map(|value| values.decode(py, &value, Some(object))).transpose()
    }

    pub(super) fn store(
        &self,
        object: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        ttl: Ttl,
    ) -> PyResult<()> {
        let py = object.py();
        let Open { tx, values, .. } = self.opened(py)?;
        let key = keys::borrowed(object)?;
        let value = values.encode(value, Some(object))?;
        tx.set_encoded(&key, value, ttl).map_err(|e| errors::raise(py, &e))
    }
}

#[pymethods]
impl Transaction {
    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.lookup(key)?.ok_or_else(|| errors::missing(key))
    }

    fn __setitem__(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.store(key, value, Ttl::Default)
    }

    fn __delitem__(&self, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = key.py();
        let tx = &self.opened(py)?.tx;
        let packed = keys::borrowed(key)?;
        if blocking(py, || tx.remove(&packed))? { Ok(()) } else { Err(errors::missing(key)) }
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = key.py();
        let tx = &self.opened(py)?.tx;
        let key = keys::borrowed(key)?;
        blocking(py, || tx.contains(&key))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let tx = &self.opened(py)?.tx;
        Ok(usize::try_from(blocking(py, || tx.len())?).unwrap_or(usize::MAX))
    }

    /// The value of `key`, or `default`.
    #[pyo3(signature = (key, default=None))]
    fn get<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let none = || default.unwrap_or_else(|| key.py().None().into_bound(key.py()));
        Ok(self.lookup(key)?.unwrap_or_else(none))
    }

    /// Sets `key`; seen by nobody else before the commit.
    #[pyo3(signature = (key, value, *, ttl=None))]
    pub(super) fn set(
        &self,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        ttl: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        self.store(key, value, open::ttl(ttl)?)
    }

    /// Deletes `key`, whether it is there or not.
    pub(super) fn delete(&self, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = key.py();
        let tx = &self.opened(py)?.tx;
        tx.delete(&keys::borrowed(key)?).map_err(|e| errors::raise(py, &e))
    }

    /// Sets many keys, from a mapping or an iterable of pairs.
    #[pyo3(signature = (items, *, ttl=None))]
    pub(super) fn batch_set(
        &self,
        items: &Bound<'_, PyAny>,
        ttl: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = items.py();
        let Open { tx, values, .. } = self.opened(py)?;
        let ttl = open::ttl(ttl)?;
        let pairs = pairs(items)?;
        let encode = |(key, value)| Ok((keys::borrowed(key)?, values.encode(value, Some(key))?));
        let encoded =
            pairs.iter().map(|(key, value)| encode((key, value))).collect::<PyResult<Vec<_>>>()?;
        let set = |(key, value)| tx.set_encoded(key, value, ttl);
        encoded.into_iter().try_for_each(set).map_err(|e| errors::raise(py, &e))
    }

    /// Removes and returns the value of `key`, or `default`.
    #[pyo3(signature = (key, *default))]
    fn _pop<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        let Open { tx, values, .. } = self.opened(py)?;
        let packed = keys::borrowed(key)?;
        match blocking(py, || tx.pop(&packed))? {
            Some(entry) => values.decode(py, &entry.value, Some(key)),
            None => default.get_item(0).map_err(|_| errors::missing(key)),
        }
    }

    /// The value of `key`; when there is none, sets and returns `default`.
    #[pyo3(signature = (key, default=None, *, ttl=None))]
    fn setdefault<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
        ttl: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        let Open { tx, values, .. } = self.opened(py)?;
        let default = default.unwrap_or_else(|| py.None().into_bound(py));
        let ttl = open::ttl(ttl)?;
        let (packed, value) = (keys::borrowed(key)?, values.encode(&default, Some(key))?);
        match blocking(py, || tx.set_default(&packed, value, ttl))? {
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
        let tx = &self.opened(py)?.tx;
        let key = keys::borrowed(key)?;
        blocking(py, || tx.incr(&key, delta))
    }

    /// Changes when an entry expires (`None`: never) and leaves its value; false if there is none.
    fn expire(&self, key: &Bound<'_, PyAny>, ttl: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = key.py();
        let tx = &self.opened(py)?.tx;
        let ttl = if ttl.is_none() { Ttl::Never } else { open::ttl(Some(ttl))? };
        let key = keys::borrowed(key)?;
        blocking(py, || tx.expire(&key, ttl))
    }

    /// `(value, version, expires_at)` of `key`, or `None`.
    fn _entry<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let py = key.py();
        let Open { tx, values, .. } = self.opened(py)?;
        let packed = keys::borrowed(key)?;
        let entry = blocking(py, || tx.entry(&packed))?;
        entry.map(|entry| entry_of(values, &entry, key)).transpose()
    }

    /// Removes every entry.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        let tx = &self.opened(py)?.tx;
        blocking(py, || tx.clear()).map(|_| ())
    }

    /// A scan of "keys", "values" or "items".
    #[pyo3(signature = (what, **options))]
    fn _scan(
        &self,
        py: Python<'_>,
        what: &str,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Scan> {
        let Open { tx, values, .. } = self.opened(py)?;
        let what = What::named(what);
        let scan = tx.scan(&scan::options(py, what, options)?);
        let scan = scan.map_err(|e| errors::raise(py, &e))?;
        Ok(Scan::new(scan, Arc::clone(values), what))
    }
}
