//! For every blocking method `m` of a transaction the awaitable `am`.

use std::sync::Arc;

use dictsqlite_core::{Entry, Ttl};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

use super::{Open, Transaction};
use crate::asynchronous::{AsyncScan, Awaitable, awaitable, cached, done, later};
use crate::dict::arguments::delta;
use crate::dict::entry_of;
use crate::scan::{self, What};
use crate::{errors, keys, open};

fn none(py: Python<'_>) -> Bound<'_, PyAny> {
    py.None().into_bound(py)
}

#[pymethods]
impl Transaction {
    /// `get` without blocking.
    #[pyo3(signature = (key, default=None))]
    fn aget<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> Awaitable<'py> {
        let py = key.py();
        later(py, || {
            let Open { tx, values, .. } = self.opened(py)?;
            let found = tx.get_async(&keys::borrowed(key)?);
            let (values, key) = (Arc::clone(values), key.clone().unbind());
            let default = default.unwrap_or_else(|| none(py)).unbind();
            awaitable(py, found, move |py, found| match found {
                Some(value) => Ok(values.decode(py, &value, Some(key.bind(py)))?.unbind()),
                None => Ok(default),
            })
        })
    }

    /// `set`, which never waits, for symmetry.
    #[pyo3(signature = (key, value, *, ttl=None))]
    fn aset<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        ttl: Option<&Bound<'py, PyAny>>,
    ) -> Awaitable<'py> {
        later(key.py(), || {
            self.set(key, value, ttl)?;
            done(key.py(), Ok(none(key.py())))
        })
    }

    /// `delete`, which never waits, for symmetry.
    fn adelete<'py>(&self, key: &Bound<'py, PyAny>) -> Awaitable<'py> {
        later(key.py(), || {
            self.delete(key)?;
            done(key.py(), Ok(none(key.py())))
        })
    }

    /// `batch_set`, which never waits, for symmetry.
    #[pyo3(signature = (items, *, ttl=None))]
    fn abatch_set<'py>(
        &self,
        items: &Bound<'py, PyAny>,
        ttl: Option<&Bound<'py, PyAny>>,
    ) -> Awaitable<'py> {
        later(items.py(), || {
            self.batch_set(items, ttl)?;
            done(items.py(), Ok(none(items.py())))
        })
    }

    /// `contains` without blocking.
    fn acontains<'py>(&self, key: &Bound<'py, PyAny>) -> Awaitable<'py> {
        let py = key.py();
        later(py, || {
            let found = self.opened(py)?.tx.contains_async(&keys::borrowed(key)?);
            awaitable(py, found, |py, found: bool| {
                Ok(found.into_pyobject(py)?.to_owned().into_any().unbind())
            })
        })
    }

    /// `len` without blocking.
    fn alen<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        later(py, || {
            awaitable(py, self.opened(py)?.tx.len_async(), |py, len: u64| {
                Ok(len.into_pyobject(py)?.into_any().unbind())
            })
        })
    }

    /// `pop` without blocking.
    #[pyo3(signature = (key, *default))]
    fn apop<'py>(&self, key: &Bound<'py, PyAny>, default: &Bound<'py, PyTuple>) -> Awaitable<'py> {
        let py = key.py();
        later(py, || {
            let Open { tx, values, .. } = self.opened(py)?;
            if default.len() > 1 {
                let message = format!("apop takes at most 2 arguments, not {}", default.len() + 1);
                return Err(pyo3::exceptions::PyTypeError::new_err(message));
            }
            let default = default.get_item(0).ok().map(Bound::unbind);
            let popped = tx.pop_async(&keys::borrowed(key)?);
            let (values, key) = (Arc::clone(values), key.clone().unbind());
            awaitable(py, popped, move |py, entry: Option<Entry>| match entry {
                Some(entry) => Ok(values.decode(py, &entry.value, Some(key.bind(py)))?.unbind()),
                None => default.ok_or_else(|| errors::missing(key.bind(py))),
            })
        })
    }

    /// `setdefault` without blocking.
    #[pyo3(signature = (key, default=None, *, ttl=None))]
    fn asetdefault<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
        ttl: Option<&Bound<'py, PyAny>>,
    ) -> Awaitable<'py> {
        let py = key.py();
        later(py, || {
            let Open { tx, values, .. } = self.opened(py)?;
            let default = default.unwrap_or_else(|| none(py));
            let (ttl, value) = (open::ttl(ttl)?, values.encode(&default, Some(key))?);
            let set = tx.set_default_async(&keys::borrowed(key)?, value, ttl);
            let (values, key) = (Arc::clone(values), key.clone().unbind());
            let default = default.unbind();
            awaitable(py, set, move |py, entry: Option<Entry>| match entry {
                Some(entry) => Ok(values.decode(py, &entry.value, Some(key.bind(py)))?.unbind()),
                None => Ok(default),
            })
        })
    }

    /// `incr` without blocking.
    #[pyo3(signature = (key, delta=1))]
    fn aincr<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        #[pyo3(from_py_with = delta)] delta: i64,
    ) -> Awaitable<'py> {
        let py = key.py();
        later(py, || {
            let sum = self.opened(py)?.tx.incr_async(&keys::borrowed(key)?, delta);
            awaitable(py, sum, |py, sum: i64| Ok(sum.into_pyobject(py)?.into_any().unbind()))
        })
    }

    /// `expire` without blocking.
    fn aexpire<'py>(&self, key: &Bound<'py, PyAny>, ttl: &Bound<'py, PyAny>) -> Awaitable<'py> {
        let py = key.py();
        later(py, || {
            let tx = &self.opened(py)?.tx;
            let ttl = if ttl.is_none() { Ttl::Never } else { open::ttl(Some(ttl))? };
            awaitable(py, tx.expire_async(&keys::borrowed(key)?, ttl), |py, found: bool| {
                Ok(found.into_pyobject(py)?.to_owned().into_any().unbind())
            })
        })
    }

    /// `entry` without blocking.
    fn aentry<'py>(&self, key: &Bound<'py, PyAny>) -> Awaitable<'py> {
        static ENTRY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = key.py();
        later(py, || {
            let Open { tx, values, .. } = self.opened(py)?;
            let entry = tx.entry_async(&keys::borrowed(key)?);
            let (values, key) = (Arc::clone(values), key.clone().unbind());
            awaitable(py, entry, move |py, entry: Option<Entry>| match entry {
                Some(entry) => {
                    let parts = entry_of(&values, &entry, key.bind(py))?;
                    let make = cached(py, &ENTRY, "dictsqlite._entry", "Entry")?;
                    Ok(make.call1(parts)?.unbind())
                }
                None => Ok(py.None()),
            })
        })
    }

    /// `clear` without blocking.
    fn aclear<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        later(py, || awaitable(py, self.opened(py)?.tx.clear_async(), |py, _: u64| Ok(py.None())))
    }

    /// An asynchronous scan of "keys", "values" or "items".
    #[pyo3(signature = (what, **options))]
    fn _ascan(
        &self,
        py: Python<'_>,
        what: &str,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<AsyncScan> {
        let Open { tx, values, .. } = self.opened(py)?;
        let what = What::named(what);
        let scan = tx.scan(&scan::options(py, what, options)?);
        let scan = scan.map_err(|e| errors::raise(py, &e))?;
        Ok(AsyncScan::new(scan, Arc::clone(values), what))
    }
}
