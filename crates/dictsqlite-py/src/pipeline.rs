//! Operations that are gathered and sent together.

use std::sync::Arc;

use crate::sync::Mutex;
use dictsqlite_core::{Answer, Error, Op, Ttl};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::asynchronous::{awaitable, later};
use crate::dict::arguments::{delta, if_version};
use crate::dict::{Dict, Open, blocking};
use crate::values::Values;
use crate::{errors, keys, open};

/// See the module. Values are encoded when they are given, so what is changed later is not stored.
#[pyclass(frozen, subclass, module = "dictsqlite._dictsqlite")]
pub(crate) struct Pipeline {
    dict: Py<Dict>,
    gathered: Mutex<Vec<(Op, Wanted)>>,
}

/// What is made of an answer.
enum Wanted {
    /// The value of the entry there was, or this.
    Value { key: Py<PyAny>, otherwise: Option<Py<PyAny>> },
    /// What the answer says.
    Plain,
}

impl Wanted {
    fn value(key: &Bound<'_, PyAny>, otherwise: Option<Bound<'_, PyAny>>) -> Self {
        Self::Value { key: key.clone().unbind(), otherwise: otherwise.map(Bound::unbind) }
    }

    fn of(
        self,
        py: Python<'_>,
        values: &Values,
        answer: Result<Answer, Error>,
    ) -> PyResult<Py<PyAny>> {
        Ok(match (answer.map_err(|e| errors::raise(py, &e))?, self) {
            (Answer::Entry(Some(entry)), Self::Value { key, .. }) => {
                values.decode(py, &entry.value, Some(key.bind(py)))?.unbind()
            }
            (Answer::Entry(None), Self::Value { key, otherwise }) => {
                otherwise.ok_or_else(|| errors::missing(key.bind(py)))?
            }
            (Answer::Version(n) | Answer::Number(n), _) => n.into_pyobject(py)?.into_any().unbind(),
            (Answer::Found(found), _) => found.into_pyobject(py)?.to_owned().into_any().unbind(),
            (Answer::Entry(_), Self::Plain) => py.None(),
        })
    }
}

type Sent = (Vec<Op>, Vec<Wanted>);

impl Pipeline {
    fn put(&self, op: Op, wanted: Wanted) {
        self.gathered.lock().push((op, wanted));
    }

    /// What was gathered; there is nothing then.
    fn take(&self) -> Sent {
        std::mem::take(&mut *self.gathered.lock()).into_iter().unzip()
    }
}

/// The results, with errors in their places, and the places of the errors.
fn results(
    py: Python<'_>,
    values: &Values,
    wanted: Vec<Wanted>,
    answers: Vec<Result<Answer, Error>>,
) -> PyResult<Py<PyAny>> {
    let (list, failed) = (PyList::empty(py), PyList::empty(py));
    for (n, (wanted, answer)) in wanted.into_iter().zip(answers).enumerate() {
        match wanted.of(py, values, answer) {
            Ok(value) => list.append(value)?,
            Err(e) => {
                list.append(e.into_value(py))?;
                failed.append(n)?;
            }
        }
    }
    Ok(PyTuple::new(py, [list, failed])?.into_any().unbind())
}

#[pymethods]
impl Pipeline {
    #[new]
    fn new(dict: Bound<'_, Dict>) -> PyResult<Self> {
        dict.get().opened(dict.py())?;
        Ok(Self { dict: dict.unbind(), gathered: Mutex::new(Vec::new()) })
    }

    fn __len__(&self) -> usize {
        self.gathered.lock().len()
    }

    /// The value of `key`, or `default`.
    #[pyo3(signature = (key, default=None))]
    fn get<'py>(
        slf: Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let default = default.unwrap_or_else(|| key.py().None().into_bound(key.py()));
        slf.get().put(Op::Get(keys::owned(key)?), Wanted::value(key, Some(default)));
        Ok(slf)
    }

    /// Sets `key`; the result is the entry's version.
    #[pyo3(signature = (key, value, *, ttl=None, if_version=None))]
    fn set<'py>(
        slf: Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        ttl: Option<&Bound<'py, PyAny>>,
        #[pyo3(from_py_with = if_version)] if_version: Option<i64>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = key.py();
        let Open { values, .. } = slf.get().dict.get().opened(py)?;
        let value = values.encode(value, Some(key))?;
        let op = Op::Set { key: keys::owned(key)?, value, ttl: open::ttl(ttl)?, if_version };
        slf.get().put(op, Wanted::Plain);
        Ok(slf)
    }

    /// Deletes `key`; the result is whether it was there.
    #[pyo3(signature = (key, *, if_version=None))]
    fn delete<'py>(
        slf: Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        #[pyo3(from_py_with = if_version)] if_version: Option<i64>,
    ) -> PyResult<Bound<'py, Self>> {
        slf.get().put(Op::Delete { key: keys::owned(key)?, if_version }, Wanted::Plain);
        Ok(slf)
    }

    /// Removes `key`; the result is its value, or `default`.
    #[pyo3(signature = (key, *default))]
    fn pop<'py>(
        slf: Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, Self>> {
        let wanted = Wanted::value(key, default.get_item(0).ok());
        slf.get().put(Op::Pop(keys::owned(key)?), wanted);
        Ok(slf)
    }

    /// The value of `key`; when there is none, sets it to `default`, which is the result.
    #[pyo3(signature = (key, default=None, *, ttl=None))]
    fn setdefault<'py>(
        slf: Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
        ttl: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = key.py();
        let Open { values, .. } = slf.get().dict.get().opened(py)?;
        let default = default.unwrap_or_else(|| py.None().into_bound(py));
        let value = values.encode(&default, Some(key))?;
        let op = Op::SetDefault { key: keys::owned(key)?, value, ttl: open::ttl(ttl)? };
        slf.get().put(op, Wanted::value(key, Some(default)));
        Ok(slf)
    }

    /// Adds `delta` to an integer, counting from 0; the result is the sum.
    #[pyo3(signature = (key, delta=1))]
    fn incr<'py>(
        slf: Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        #[pyo3(from_py_with = delta)] delta: i64,
    ) -> PyResult<Bound<'py, Self>> {
        slf.get().put(Op::Incr { key: keys::owned(key)?, delta }, Wanted::Plain);
        Ok(slf)
    }

    /// Changes when an entry expires; the result is whether it was there.
    fn expire<'py>(
        slf: Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        ttl: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        let ttl = if ttl.is_none() { Ttl::Never } else { open::ttl(Some(ttl))? };
        slf.get().put(Op::Expire { key: keys::owned(key)?, ttl }, Wanted::Plain);
        Ok(slf)
    }

    /// Does what was gathered: the results, and the places of those that are errors.
    fn _execute(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let Open { dict, values, .. } = self.dict.get().opened(py)?;
        let (ops, wanted) = self.take();
        let answers = blocking(py, || dict.pipeline(ops))?;
        results(py, values, wanted, answers)
    }

    /// The same without blocking.
    fn _aexecute<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        later(py, || {
            let Open { dict, values, .. } = self.dict.get().opened(py)?;
            let (ops, wanted) = self.take();
            let values = Arc::clone(values);
            awaitable(py, dict.pipeline_async(ops), move |py, answers| {
                results(py, &values, wanted, answers)
            })
        })
    }
}
