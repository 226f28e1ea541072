//! `Dict`: the operations of one handle, with the interpreter released while SQLite works.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dictsqlite_core::{Dict as Core, Entry, Error, ErrorKind, Peek, ScanOptions, Ttl, Value};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::keys::{self, PyKey};
use crate::open::{self, Arguments};
use crate::scan::{Scan, What};
use crate::values::{Values, storage_mode};
use crate::{codec, errors};

/// A handle on one table. Made empty; `_open` or `_attach` fill it.
#[pyclass(frozen, subclass, weakref, module = "dictsqlite._dictsqlite")]
pub(crate) struct Dict {
    open: OnceLock<Open>,
}

struct Open {
    dict: Arc<Core>,
    values: Arc<Values>,
}

impl Drop for Open {
    fn drop(&mut self) {
        // The last reference may go while the interpreter is held: closing must not stop it.
        if Arc::strong_count(&self.dict) == 1 && !self.dict.is_closed() {
            let dict = Arc::clone(&self.dict);
            let close = move || {
                // Ours must be the last reference, or the interpreter's thread would close after all.
                while Arc::strong_count(&dict) > 1 {
                    std::thread::sleep(Duration::from_micros(50));
                }
                drop(dict);
            };
            // Without a thread, the handle is closed here.
            let _ = std::thread::Builder::new().name("dictsqlite-close".into()).spawn(close);
        }
    }
}

type Pair<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// Items given as a mapping or as an iterable of pairs.
fn pairs<'py>(items: &Bound<'py, PyAny>) -> PyResult<Vec<Pair<'py>>> {
    if let Ok(dict) = items.cast::<PyDict>() {
        return Ok(dict.iter().collect());
    }
    if items.cast::<Dict>().is_ok() {
        // Asked key by key, it could lose one in between.
        return items.call_method0("items")?.try_iter()?.map(|item| item?.extract()).collect();
    }
    if items.hasattr("keys")? {
        let keys = items.call_method0("keys")?;
        return keys
            .try_iter()?
            .map(|key| {
                let key = key?;
                let value = items.get_item(&key)?;
                Ok((key, value))
            })
            .collect();
    }
    items.try_iter()?.enumerate().map(|(at, item)| pair(at, &item?)).collect()
}

/// A key and a value, from anything of length two, as `dict.update` takes them.
fn pair<'py>(at: usize, item: &Bound<'py, PyAny>) -> PyResult<Pair<'py>> {
    if let Ok(pair) = item.extract() {
        return Ok(pair);
    }
    let Ok(parts) = item.try_iter() else {
        let name = item.get_type().name()?;
        let message = format!("item {at} is no pair of key and value but {name}");
        return Err(PyTypeError::new_err(message));
    };
    let mut parts = parts.take(3).collect::<PyResult<Vec<_>>>()?;
    match (parts.pop(), parts.pop(), parts.is_empty()) {
        (Some(value), Some(key), true) => Ok((key, value)),
        _ => Err(PyValueError::new_err(format!("item {at} is no pair of key and value"))),
    }
}

/// An integer argument; one beyond 64 bits is refused in our own words.
fn integer(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    value.extract().map_err(|e: PyErr| {
        let py = value.py();
        if e.is_instance_of::<PyOverflowError>(py) {
            errors::of(py, ErrorKind::Invalid, "an integer argument must fit 64 bits")
        } else {
            e
        }
    })
}

fn version(value: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    if value.is_none() { Ok(None) } else { integer(value).map(Some) }
}

impl Dict {
    #[inline]
    fn opened(&self, py: Python<'_>) -> PyResult<&Open> {
        match self.open.get() {
            Some(open) => Ok(open),
            None => Err(errors::of(py, ErrorKind::Closed, "this handle was never opened")),
        }
    }

    /// The value of a key, asking SQLite without the interpreter if memory does not know.
    #[inline]
    fn lookup<'py>(&self, object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = object.py();
        let Open { dict, values } = self.opened(py)?;
        let key = keys::borrowed(object)?;
        let found = match dict.peek(&key) {
            Ok(Peek::Found(value)) => Some(value),
            Ok(Peek::Absent) => None,
            Ok(Peek::Unknown) => blocking(py, || dict.get(&key))?,
            Err(e) => return Err(errors::raise(py, &e)),
        };
        found.map(|value| values.decode(py, &value, Some(object))).transpose()
    }

    #[inline]
    fn store(&self, object: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, ttl: Ttl) -> PyResult<()> {
        let py = object.py();
        let Open { dict, values } = self.opened(py)?;
        let key = keys::borrowed(object)?;
        let value = values.encode(value, Some(object))?;
        match dict.try_set_encoded(&key, &value, ttl) {
            Ok(true) => Ok(()),
            Ok(false) => blocking(py, || dict.set_encoded(&key, value, ttl)),
            Err(e) => Err(errors::raise(py, &e)),
        }
    }

    fn entry_of<'py>(
        &self,
        py: Python<'py>,
        entry: &Entry,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let value = self.opened(py)?.values.decode(py, &entry.value, Some(key))?;
        let expires_at = entry.expires_at.map(|ms| ms as f64 / 1000.0);
        (value, entry.version, expires_at).into_pyobject(py)
    }

    fn borrowed_keys<'a>(keys: &'a [Bound<'_, PyAny>]) -> PyResult<Vec<PyKey<'a>>> {
        keys.iter().map(|key| keys::borrowed(key)).collect()
    }
}

/// Runs an operation of the engine with the interpreter released.
fn blocking<T: Send>(
    py: Python<'_>,
    operation: impl FnOnce() -> Result<T, Error> + Send,
) -> PyResult<T> {
    py.detach(operation).map_err(|e| errors::raise(py, &e))
}

#[pymethods]
impl Dict {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { open: OnceLock::new() }
    }

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
    fn _attach(
        &self,
        py: Python<'_>,
        other: &Bound<'_, Dict>,
        name: &str,
        storage: Option<&str>,
    ) -> PyResult<()> {
        let other = other.get().opened(py)?;
        let storage = storage.map(|name| storage_mode(py, name)).transpose()?;
        let dict = blocking(py, || other.dict.table(name, storage))?;
        let pickle = Arc::clone(&other.values.pickle);
        let values = Arc::new(Values { mode: dict.storage_mode(), pickle });
        self.fill(py, dict, values)
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
        #[pyo3(from_py_with = version)] if_version: Option<i64>,
    ) -> PyResult<Option<i64>> {
        let ttl = open::ttl(ttl)?;
        let Some(version) = if_version else {
            return self.store(key, value, ttl).map(|()| None);
        };
        let py = key.py();
        let Open { dict, values } = self.opened(py)?;
        let (packed, value) = (keys::borrowed(key)?, values.encode(value, Some(key))?);
        blocking(py, || dict.set_if_version(&packed, value, version, ttl)).map(Some)
    }

    /// Deletes `key`, whether it is there or not; with `if_version`, only if it has that version.
    #[pyo3(signature = (key, *, if_version=None))]
    fn delete(
        &self,
        key: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = version)] if_version: Option<i64>,
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

    /// Removes and returns the value of `key`, or `default`.
    #[pyo3(signature = (key, *default))]
    fn _pop<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        let Open { dict, values } = self.opened(py)?;
        let packed = keys::borrowed(key)?;
        match blocking(py, || dict.pop(&packed))? {
            Some(entry) => values.decode(py, &entry.value, Some(key)),
            None => default.get_item(0).map_err(|_| errors::missing(key)),
        }
    }

    /// Removes and returns the last item in insertion order, or the first.
    #[pyo3(signature = (last=true))]
    fn popitem<'py>(&self, py: Python<'py>, last: bool) -> PyResult<Bound<'py, PyTuple>> {
        let Open { dict, values } = self.opened(py)?;
        let Some((key, entry)) = blocking(py, || dict.pop_item(last))? else {
            return Err(errors::missing(
                pyo3::types::PyString::new(py, "the dict is empty").as_any(),
            ));
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
        let Open { dict, values } = self.opened(py)?;
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
        #[pyo3(from_py_with = integer)] delta: i64,
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
        let dict = &self.opened(py)?.dict;
        let packed = keys::borrowed(key)?;
        let entry = blocking(py, || dict.entry(&packed))?;
        entry.map(|entry| self.entry_of(py, &entry, key)).transpose()
    }

    /// Removes every entry.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        let dict = &self.opened(py)?.dict;
        blocking(py, || dict.clear()).map(|_| ())
    }

    /// The values of many keys, in their order, `default` where there is none.
    #[pyo3(signature = (keys, default=None))]
    fn batch_get<'py>(
        &self,
        keys: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let py = keys.py();
        let Open { dict, values } = self.opened(py)?;
        let keys = keys.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        let packed = Self::borrowed_keys(&keys)?;
        let found = blocking(py, || dict.get_many(&packed))?;
        let default = default.unwrap_or_else(|| py.None().into_bound(py));
        let list = PyList::empty(py);
        for (key, value) in keys.iter().zip(found) {
            match value {
                Some(value) => list.append(values.decode(py, &value, Some(key))?)?,
                None => list.append(&default)?,
            }
        }
        Ok(list)
    }

    /// Sets many keys as one unit, from a mapping or an iterable of pairs.
    #[pyo3(signature = (items, *, ttl=None))]
    fn batch_set(&self, items: &Bound<'_, PyAny>, ttl: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let py = items.py();
        let Open { dict, values } = self.opened(py)?;
        let ttl = open::ttl(ttl.as_ref())?;
        let pairs = pairs(items)?;
        let encoded = pairs
            .iter()
            .map(|(key, value)| Ok((keys::borrowed(key)?, values.encode(value, Some(key))?)))
            .collect::<PyResult<Vec<(PyKey<'_>, Value)>>>()?;
        blocking(py, || dict.set_many_encoded(&encoded, ttl))
    }

    /// Deletes many keys as one unit, whether they are there or not.
    fn batch_delete(&self, keys: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = keys.py();
        let dict = &self.opened(py)?.dict;
        let keys = keys.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        let packed = Self::borrowed_keys(&keys)?;
        blocking(py, || dict.delete_many(&packed))
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
            Some(open) => blocking(py, || open.dict.close()),
            None => Ok(()),
        }
    }

    /// Figures of the store, by name.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
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

    /// A scan of "keys", "values" or "items".
    #[pyo3(signature = (what, *, prefix=None, start=None, end=None, reverse=false, limit=None,
                        order=None, consistent=false))]
    #[expect(clippy::too_many_arguments, reason = "they are the keywords of the Python method")]
    fn _scan(
        &self,
        py: Python<'_>,
        what: &str,
        prefix: Option<&Bound<'_, PyAny>>,
        start: Option<&Bound<'_, PyAny>>,
        end: Option<&Bound<'_, PyAny>>,
        reverse: bool,
        limit: Option<u64>,
        order: Option<&str>,
        consistent: bool,
    ) -> PyResult<Scan> {
        let Open { dict, values } = self.opened(py)?;
        let what = match what {
            "keys" => What::Keys,
            "values" => What::Values,
            _ => What::Items,
        };
        let order = order.map(str::parse).transpose().map_err(|e: Error| errors::raise(py, &e))?;
        let options = ScanOptions {
            prefix: prefix.map(keys::owned).transpose()?,
            start: start.map(keys::owned).transpose()?,
            end: end.map(keys::owned).transpose()?,
            reverse,
            limit,
            order,
            consistent,
            values: what != What::Keys,
        };
        let scan = dict.scan(&options).map_err(|e| errors::raise(py, &e))?;
        Ok(Scan::new(scan, Arc::clone(values), what))
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

impl Dict {
    fn fill(&self, py: Python<'_>, dict: Core, values: Arc<Values>) -> PyResult<()> {
        let open = Open { dict: Arc::new(dict), values };
        self.open.set(open).map_err(|_| {
            errors::of(py, ErrorKind::Invalid, "this handle is open already; make a new one")
        })
    }
}
