//! Waiting for changes without blocking.

use std::sync::Arc;

use dictsqlite_core::{Completion, Error, ErrorKind};
use pyo3::exceptions::{PyRuntimeError, PyStopAsyncIteration};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;

use super::hub::{awaitable, cached, done, later};
use super::methods::Awaitable;
use crate::errors;
use crate::streams::{Changes, Pages, Stream, Watch, change_of, patience, watched_of};

/// Whether there is more; false when the stream is closed.
fn open(ready: Completion<()>) -> Completion<bool> {
    ready.then(|ready: Result<(), Error>| match ready {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::Closed => Ok(false),
        Err(e) => Err(e),
    })
}

/// The next item. The page stays with the stream until the future has it, so an await that is cancelled
/// before loses nothing, and it leaves nothing behind.
fn next<'py, P: Pages>(
    py: Python<'py>,
    stream: &Stream<P>,
    make: impl Fn(Python<'_>, P::Item) -> PyResult<Py<PyAny>> + Send + 'static,
) -> Awaitable<'py> {
    stream.check_process(py)?;
    let first = stream.rest.lock().pop_front();
    if let Some(item) = first {
        return done(py, make(py, item).map(|object| object.into_bound(py)));
    }
    let (pages, rest) = (Arc::clone(&stream.pages), Arc::clone(&stream.rest));
    awaitable(py, open(stream.pages.ready()), move |py, open| {
        if !open {
            return Err(PyStopAsyncIteration::new_err(()));
        }
        let first = {
            let mut rest = rest.lock();
            if rest.is_empty() {
                rest.extend(pages.take_page());
            }
            rest.pop_front()
        };
        match first {
            Some(item) => make(py, item),
            None => Err(PyRuntimeError::new_err(
                "another task has taken what there was; iterate a stream from one task",
            )),
        }
    })
}

/// All that is there, once there is something.
fn page<'py, P: Pages>(
    py: Python<'py>,
    stream: &Stream<P>,
    make: impl Fn(Python<'_>, P::Item) -> PyResult<Py<PyAny>> + Send + 'static,
) -> Awaitable<'py> {
    stream.check_process(py)?;
    let (pages, rest) = (Arc::clone(&stream.pages), Arc::clone(&stream.rest));
    let ready = if stream.rest.lock().is_empty() {
        open(stream.pages.ready())
    } else {
        Completion::ready(Ok(true))
    };
    awaitable(py, ready, move |py, open| {
        if !open {
            return Err(errors::of(py, ErrorKind::Closed, "the stream is closed"));
        }
        let items: Vec<P::Item> = {
            let mut rest = rest.lock();
            if rest.is_empty() { pages.take_page() } else { rest.drain(..).collect() }
        };
        let list = PyList::empty(py);
        for item in items {
            list.append(make(py, item)?)?;
        }
        Ok(list.into_any().unbind())
    })
}

/// `apage` of a stream, given up after a while.
fn page_within<'py>(stream: &Bound<'py, PyAny>, timeout: std::time::Duration) -> Awaitable<'py> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let function = cached(stream.py(), &FUNCTION, "dictsqlite._files", "page_within")?;
    function.call1((stream, timeout.as_secs_f64()))
}

#[pymethods]
impl Changes {
    fn __aiter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __anext__<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        let (pickle, given) = (Arc::clone(&self.pickle), Arc::clone(&self.given));
        later(py, || {
            next(py, &self.stream, move |py, change| change_of(py, change, &pickle, &given))
        })
    }

    /// `page` without blocking. Cancelled, it loses nothing, unless it came in that very turn of the loop.
    #[pyo3(signature = (timeout=None))]
    fn apage<'py>(slf: &Bound<'py, Self>, timeout: Option<&Bound<'py, PyAny>>) -> Awaitable<'py> {
        let (py, this) = (slf.py(), slf.get());
        let (pickle, given) = (Arc::clone(&this.pickle), Arc::clone(&this.given));
        later(py, || match patience(timeout)? {
            Some(timeout) => page_within(slf.as_any(), timeout),
            None => {
                page(py, &this.stream, move |py, change| change_of(py, change, &pickle, &given))
            }
        })
    }

    /// Whether it looks for a page at this moment.
    fn _looks(&self) -> bool {
        self.stream.pages.is_looking()
    }

    /// `close`, which never blocks, for symmetry.
    fn aclose<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        self.stream.close(py);
        done(py, Ok(py.None().into_bound(py)))
    }
}

#[pymethods]
impl Watch {
    fn __aiter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __anext__<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        let values = Arc::clone(&self.values);
        later(py, || next(py, &self.stream, move |py, watched| watched_of(py, &watched, &values)))
    }

    /// `page` without blocking. Cancelled, it loses nothing, unless it came in that very turn of the loop.
    #[pyo3(signature = (timeout=None))]
    fn apage<'py>(slf: &Bound<'py, Self>, timeout: Option<&Bound<'py, PyAny>>) -> Awaitable<'py> {
        let (py, this) = (slf.py(), slf.get());
        let values = Arc::clone(&this.values);
        later(py, || match patience(timeout)? {
            Some(timeout) => page_within(slf.as_any(), timeout),
            None => page(py, &this.stream, move |py, watched| watched_of(py, &watched, &values)),
        })
    }

    /// Whether it looks for a page at this moment.
    fn _looks(&self) -> bool {
        self.stream.pages.is_looking()
    }

    /// `close`, which never blocks, for symmetry.
    fn aclose<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        self.stream.close(py);
        done(py, Ok(py.None().into_bound(py)))
    }
}
