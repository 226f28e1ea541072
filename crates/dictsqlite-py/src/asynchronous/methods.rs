//! For every blocking method `m` of a dict the awaitable `am`.

use std::sync::Arc;
use std::time::Instant;

use dictsqlite_core::{Entry, Peek, StorageMode, Ttl, Value};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyList, PyTuple};

use super::hub::{SLICE, Step, awaitable, cached, done, in_steps, later};
use super::reads::{Wanted, read};
use crate::dict::arguments::{delta, if_version, last, listed, pairs};
use crate::dict::{Dict, Open, entry_of};
use crate::errors;
use crate::keys::{self, PyKey};
use crate::open;

pub(crate) type Awaitable<'py> = PyResult<Bound<'py, PyAny>>;

fn none(py: Python<'_>) -> Bound<'_, PyAny> {
    py.None().into_bound(py)
}

/// Makes the Python value of an entry, or of there being none.
type FinishEntry = Box<dyn FnOnce(Python<'_>, Option<Entry>) -> PyResult<Py<PyAny>> + Send>;

/// The value of an entry or nothing, as Python's `pop` and `setdefault` give it.
fn value_or(
    key: &Bound<'_, PyAny>,
    open: &Open,
    otherwise: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
) -> FinishEntry {
    let (values, key) = (Arc::clone(&open.values), key.clone().unbind());
    Box::new(move |py, entry: Option<Entry>| match entry {
        Some(entry) => Ok(values.decode(py, &entry.value, Some(key.bind(py)))?.unbind()),
        None => otherwise(py),
    })
}

#[pymethods]
impl Dict {
    /// `get` without blocking.
    #[pyo3(signature = (key, default=None))]
    fn aget<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> Awaitable<'py> {
        let py = key.py();
        later(py, || {
            let open = self.opened(py)?;
            if let Some(found) = open.recall(key)? {
                return done(py, Ok(found));
            }
            let packed = keys::borrowed(key)?;
            match open.dict.peek(&packed) {
                Ok(Peek::Found(value)) => {
                    let value = open.values.decode(py, &value, Some(key));
                    return done(py, value);
                }
                Ok(Peek::Absent) => return done(py, Ok(default.unwrap_or_else(|| none(py)))),
                Ok(Peek::Unknown) => {}
                Err(e) => return Err(errors::raise(py, &e)),
            }
            read(py, &open.dict, &packed, Wanted::value(&open.values, key, default))
        })
    }

    /// `set` without blocking: done when the mode's promise is kept.
    #[pyo3(signature = (key, value, *, ttl=None, if_version=None))]
    fn aset<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        ttl: Option<&Bound<'py, PyAny>>,
        #[pyo3(from_py_with = if_version)] if_version: Option<i64>,
    ) -> Awaitable<'py> {
        let py = key.py();
        later(py, || {
            let open = self.opened(py)?;
            let ttl = open::ttl(ttl)?;
            let (packed, value) = (keys::borrowed(key)?, open.values.encode(value, Some(key))?);
            if let Some(version) = if_version {
                let written = open.dict.set_if_version_async(&packed, value, version, ttl);
                return awaitable(py, written, |py, version: i64| {
                    Ok(version.into_pyobject(py)?.into_any().unbind())
                });
            }
            match open.dict.try_set_encoded(&packed, &value, ttl) {
                Ok(true) => done(py, Ok(none(py))),
                Ok(false) => {
                    awaitable(py, open.dict.set_encoded_async(&packed, value, ttl), |py, ()| {
                        Ok(py.None())
                    })
                }
                Err(e) => Err(errors::raise(py, &e)),
            }
        })
    }

    /// `delete` without blocking.
    #[pyo3(signature = (key, *, if_version=None))]
    fn adelete<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        #[pyo3(from_py_with = if_version)] if_version: Option<i64>,
    ) -> Awaitable<'py> {
        let py = key.py();
        later(py, || {
            let open = self.opened(py)?;
            let packed = keys::borrowed(key)?;
            if let Some(version) = if_version {
                let deleted = open.dict.delete_if_version_async(&packed, version);
                return awaitable(py, deleted, |py, ()| Ok(py.None()));
            }
            match open.dict.try_delete(&packed) {
                Ok(true) => done(py, Ok(none(py))),
                Ok(false) => awaitable(py, open.dict.delete_async(&packed), |py, ()| Ok(py.None())),
                Err(e) => Err(errors::raise(py, &e)),
            }
        })
    }

    /// `contains` without blocking.
    fn acontains<'py>(&self, key: &Bound<'py, PyAny>) -> Awaitable<'py> {
        let py = key.py();
        later(py, || {
            let open = self.opened(py)?;
            let packed = keys::borrowed(key)?;
            match open.dict.peek(&packed) {
                Ok(Peek::Found(_)) => done(py, Ok(PyBool::new(py, true).to_owned().into_any())),
                Ok(Peek::Absent) => done(py, Ok(PyBool::new(py, false).to_owned().into_any())),
                Ok(Peek::Unknown) if open.values.mode == StorageMode::Bytes => {
                    // Its value may be in chunks, which are not read for this.
                    awaitable(py, open.dict.contains_async(&packed), |py, there: bool| {
                        Ok(there.into_pyobject(py)?.to_owned().into_any().unbind())
                    })
                }
                Ok(Peek::Unknown) => read(py, &open.dict, &packed, Wanted::Presence),
                Err(e) => Err(errors::raise(py, &e)),
            }
        })
    }

    /// `len` without blocking.
    fn alen<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        later(py, || {
            awaitable(py, self.opened(py)?.dict.len_async(), |py, len: u64| {
                Ok(len.into_pyobject(py)?.into_any().unbind())
            })
        })
    }

    /// `pop` without blocking.
    #[pyo3(signature = (key, *default))]
    fn apop<'py>(&self, key: &Bound<'py, PyAny>, default: &Bound<'py, PyTuple>) -> Awaitable<'py> {
        let py = key.py();
        later(py, || {
            let open = self.opened(py)?;
            if default.len() > 1 {
                let message = format!("apop takes at most 2 arguments, not {}", default.len() + 1);
                return Err(pyo3::exceptions::PyTypeError::new_err(message));
            }
            let (missing, default) =
                (key.clone().unbind(), default.get_item(0).ok().map(Bound::unbind));
            let finish = value_or(key, open, move |py| {
                default.ok_or_else(|| errors::missing(missing.bind(py)))
            });
            awaitable(py, open.dict.pop_async(&keys::borrowed(key)?), finish)
        })
    }

    /// `popitem` without blocking.
    #[pyo3(signature = (last=true))]
    fn apopitem<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = last)] last: bool,
    ) -> Awaitable<'py> {
        later(py, || {
            let open = self.opened(py)?;
            let values = Arc::clone(&open.values);
            awaitable(py, open.dict.pop_item_async(last), move |py, item| {
                let Some((key, entry)) = item else { return Err(errors::empty(py)) };
                let key = keys::to_python(py, &key)?;
                let value = values.decode(py, &entry.value, Some(&key))?;
                Ok(PyTuple::new(py, [key, value])?.into_any().unbind())
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
            let open = self.opened(py)?;
            let packed = keys::borrowed(key)?;
            if let Ok(Peek::Found(value)) = open.dict.peek(&packed) {
                return done(py, open.values.decode(py, &value, Some(key)));
            }
            let default = default.unwrap_or_else(|| none(py));
            let (ttl, value) = (open::ttl(ttl)?, open.values.encode(&default, Some(key))?);
            let default = default.unbind();
            let finish = value_or(key, open, move |_| Ok(default));
            awaitable(py, open.dict.set_default_async(&packed, value, ttl), finish)
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
            let open = self.opened(py)?;
            awaitable(py, open.dict.incr_async(&keys::borrowed(key)?, delta), |py, sum: i64| {
                Ok(sum.into_pyobject(py)?.into_any().unbind())
            })
        })
    }

    /// `expire` without blocking.
    fn aexpire<'py>(&self, key: &Bound<'py, PyAny>, ttl: &Bound<'py, PyAny>) -> Awaitable<'py> {
        let py = key.py();
        later(py, || {
            let open = self.opened(py)?;
            let ttl = if ttl.is_none() { Ttl::Never } else { open::ttl(Some(ttl))? };
            awaitable(py, open.dict.expire_async(&keys::borrowed(key)?, ttl), |py, found: bool| {
                Ok(found.into_pyobject(py)?.to_owned().into_any().unbind())
            })
        })
    }

    /// `entry` without blocking.
    fn aentry<'py>(&self, key: &Bound<'py, PyAny>) -> Awaitable<'py> {
        static ENTRY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = key.py();
        later(py, || {
            let open = self.opened(py)?;
            let (values, object) = (Arc::clone(&open.values), key.clone().unbind());
            let entry = open.dict.entry_async(&keys::borrowed(key)?);
            awaitable(py, entry, move |py, entry: Option<Entry>| match entry {
                Some(entry) => {
                    let parts = entry_of(&values, &entry, object.bind(py))?;
                    let make = cached(py, &ENTRY, "dictsqlite._entry", "Entry")?;
                    Ok(make.call1(parts)?.unbind())
                }
                None => Ok(py.None()),
            })
        })
    }

    /// `clear` without blocking.
    fn aclear<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        later(py, || awaitable(py, self.opened(py)?.dict.clear_async(), |py, _: u64| Ok(py.None())))
    }

    /// `batch_get` without blocking.
    #[pyo3(signature = (keys, default=None))]
    fn abatch_get<'py>(
        &self,
        keys: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> Awaitable<'py> {
        let py = keys.py();
        later(py, || {
            let open = self.opened(py)?;
            let objects = listed(keys)?;
            let packed =
                objects.iter().map(keys::borrowed).collect::<PyResult<Vec<PyKey<'_>>>>()?;
            let found = open.dict.get_many_async(&packed);
            drop(packed);
            let values = Arc::clone(&open.values);
            let objects: Vec<_> = objects.into_iter().map(Bound::unbind).collect();
            let default = default.map_or_else(|| py.None(), Bound::unbind);
            in_steps(py, found, move |py, found: Vec<Option<Value>>| {
                let list = PyList::empty(py).unbind();
                let mut rest = objects.into_iter().zip(found).enumerate();
                Ok(Step::Work(Box::new(move |py| {
                    let (list, began) = (list.bind(py), Instant::now());
                    for (n, (key, value)) in rest.by_ref() {
                        match value {
                            Some(value) => {
                                list.append(values.decode(py, &value, Some(key.bind(py)))?)?;
                            }
                            None => list.append(&default)?,
                        }
                        if n % 16 == 15 && began.elapsed() >= SLICE {
                            return Ok(None);
                        }
                    }
                    Ok(Some(list.clone().into_any().unbind()))
                })))
            })
        })
    }

    /// `batch_set` without blocking.
    #[pyo3(signature = (items, *, ttl=None))]
    fn abatch_set<'py>(
        &self,
        items: &Bound<'py, PyAny>,
        ttl: Option<&Bound<'py, PyAny>>,
    ) -> Awaitable<'py> {
        let py = items.py();
        later(py, || {
            let open = self.opened(py)?;
            let ttl = open::ttl(ttl)?;
            let pairs = pairs(items)?;
            let encoded = pairs
                .iter()
                .map(|(key, value)| {
                    Ok((keys::borrowed(key)?, open.values.encode(value, Some(key))?))
                })
                .collect::<PyResult<Vec<_>>>()?;
            let written = open.dict.set_many_encoded_async(&encoded, ttl);
            awaitable(py, written, |py, ()| Ok(py.None()))
        })
    }

    /// `batch_delete` without blocking.
    fn abatch_delete<'py>(&self, keys: &Bound<'py, PyAny>) -> Awaitable<'py> {
        let py = keys.py();
        later(py, || {
            let open = self.opened(py)?;
            let objects = listed(keys)?;
            let packed = objects.iter().map(keys::borrowed).collect::<PyResult<Vec<_>>>()?;
            awaitable(py, open.dict.delete_many_async(&packed), |py, ()| Ok(py.None()))
        })
    }

    /// `flush` without blocking.
    #[pyo3(signature = (*, durable=false))]
    fn aflush<'py>(&self, py: Python<'py>, durable: bool) -> Awaitable<'py> {
        later(py, || {
            awaitable(py, self.opened(py)?.dict.flush_async(durable), |py, ()| Ok(py.None()))
        })
    }
}
