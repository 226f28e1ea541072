//! An awaitable that is done already.
//!
//! It is accepted wherever asyncio takes a coroutine (`create_task`, `TaskGroup`: it has `send`,
//! `throw` and `close`) and wherever it takes a future (`gather`, `wait_for`, `shield`: it has the
//! methods of a finished one). Awaiting it does not suspend, but a loop that never turns starves every
//! other task; so after about a millisecond without a turn one await yields once.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::sync::Mutex;
use pyo3::exceptions::{PyBaseException, PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::hub;

/// How long awaits may go on without a turn of the loop.
const BUDGET: Duration = Duration::from_millis(1);
/// The time is looked at once in so many awaits.
const LOOK_EVERY: u32 = 8;

thread_local! {
    /// Awaits until the next look at the time, and since when the loop has not turned.
    static AWAITS: Cell<u32> = const { Cell::new(0) };
    static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The loop of this thread turned.
pub(super) fn turned() {
    SINCE.set(None);
}

/// True when this await should let the loop turn.
#[inline]
fn is_over_budget(py: Python<'_>) -> bool {
    let awaits = AWAITS.get();
    if awaits > 0 {
        AWAITS.set(awaits - 1);
        return false;
    }
    AWAITS.set(LOOK_EVERY - 1);
    let now = Instant::now();
    match SINCE.get() {
        None => {
            // The first look in this turn: the loop is asked to tell us when it turns. Without a
            // running loop there is nobody to starve.
            if hub::call_soon_turned(py).is_ok() {
                SINCE.set(Some(now));
            }
            false
        }
        Some(since) if now - since < BUDGET => false,
        Some(_) => {
            SINCE.set(None);
            true
        }
    }
}

/// See the module. It holds its value, or the exception to raise.
#[pyclass(frozen, module = "dictsqlite._dictsqlite")]
pub(crate) struct Done {
    result: Result<Py<PyAny>, Py<PyAny>>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Fresh,
    Yielded,
    Awaited,
}

impl Done {
    pub(crate) fn of(py: Python<'_>, result: PyResult<Bound<'_, PyAny>>) -> Self {
        let result = match result {
            Ok(value) => Ok(value.unbind()),
            Err(e) => Err(e.into_value(py).into_any()),
        };
        Self { result, state: Mutex::new(State::Fresh) }
    }

    fn finished<T>(
        &self,
        py: Python<'_>,
        wrap: impl FnOnce(Py<PyAny>) -> PyResult<T>,
    ) -> PyResult<T> {
        match &self.result {
            Ok(value) => wrap(value.clone_ref(py)),
            Err(e) => Err(PyErr::from_value(e.bind(py).clone())),
        }
    }

    /// One step of a coroutine: true if it is to yield once before it ends.
    #[inline]
    fn yields(&self, py: Python<'_>) -> bool {
        let mut state = self.state.lock();
        let yields = *state == State::Fresh && is_over_budget(py);
        *state = if yields { State::Yielded } else { State::Awaited };
        yields
    }

    /// The end of a coroutine, with the value.
    #[inline]
    fn end<T>(&self, py: Python<'_>) -> PyResult<T> {
        self.finished(py, |value| {
            // An exception's single argument is taken as it is, unless it would be taken apart.
            let bound = value.bind(py);
            let whole =
                bound.is_instance_of::<PyTuple>() || bound.is_instance_of::<PyBaseException>();
            Err(if whole {
                PyStopIteration::new_err((value,))
            } else {
                PyStopIteration::new_err(value)
            })
        })
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        let Err(error) = &self.result else { return };
        if *self.state.lock() != State::Awaited {
            // As asyncio does for its futures. At the interpreter's end nobody listens any more.
            Python::try_attach(|py| {
                let told = hub::never_retrieved(py, error.bind(py));
                told.unwrap_or_else(|e| e.write_unraisable(py, None));
            });
        }
    }
}

#[pymethods]
impl Done {
    /// asyncio takes what has this attribute, and not `None` in it, for a future. Where no loop runs
    /// it must be a coroutine, since it could not say whose future it is.
    #[getter]
    fn _asyncio_future_blocking(&self, py: Python<'_>) -> Option<bool> {
        hub::running_loop(py).ok().map(|_| false)
    }

    fn __await__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        if self.yields(py) {
            return Ok(Some(py.None()));
        }
        match &self.result {
            // An iterator that just ends has this value, and no exception is made for it.
            Ok(value) if value.is_none(py) => Ok(None),
            _ => self.end(py),
        }
    }

    fn send(&self, py: Python<'_>, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        if self.yields(py) { Ok(py.None()) } else { self.end(py) }
    }

    #[pyo3(signature = (kind, value=None, _traceback=None))]
    fn throw(
        &self,
        kind: &Bound<'_, PyAny>,
        value: Option<&Bound<'_, PyAny>>,
        _traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        *self.state.lock() = State::Awaited;
        let exception = match value {
            Some(value) if !value.is_none() => value.clone(),
            _ if kind.is_instance_of::<pyo3::types::PyType>() => kind.call0()?,
            _ => kind.clone(),
        };
        Err(PyErr::from_value(exception))
    }

    fn close(&self) {
        *self.state.lock() = State::Awaited;
    }

    fn done(&self) -> bool {
        true
    }

    fn cancelled(&self) -> bool {
        false
    }

    #[pyo3(signature = (msg=None))]
    fn cancel(&self, msg: Option<&Bound<'_, PyAny>>) -> bool {
        let _ = msg;
        false
    }

    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.close();
        self.finished(py, Ok)
    }

    fn exception(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.close();
        self.result.as_ref().err().map(|e| e.clone_ref(py))
    }

    fn get_loop<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        hub::running_loop(py)
    }

    #[pyo3(signature = (callback, *, context=None))]
    fn add_done_callback<'py>(
        slf: &Bound<'py, Self>,
        callback: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let keywords = PyDict::new(py);
        if let Some(context) = context {
            keywords.set_item("context", context)?;
        }
        let arguments = PyTuple::new(py, [callback, slf.as_any()])?;
        hub::running_loop(py)?.call_method("call_soon", arguments, Some(&keywords)).map(drop)
    }

    fn remove_done_callback(&self, callback: &Bound<'_, PyAny>) -> usize {
        let _ = callback;
        0
    }

    fn __repr__(&self) -> &'static str {
        match &self.result {
            Ok(_) => "<dictsqlite result, done>",
            Err(_) => "<dictsqlite result, failed>",
        }
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyRuntimeError::new_err("a result cannot be pickled; await it"))
    }
}
