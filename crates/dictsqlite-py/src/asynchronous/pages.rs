//! Asynchronous iteration: a page at a time, without blocking.

use std::sync::Arc;

use crate::sync::Mutex;
use dictsqlite_core::{Error, Page};
use pyo3::exceptions::{PyRuntimeError, PyStopAsyncIteration};
use pyo3::prelude::*;

use super::hub::{awaitable, done};
use crate::scan::{Rest, Source, What, element, text_of};
use crate::values::Values;

/// A scan under way; an asynchronous iterator.
#[pyclass(frozen, module = "dictsqlite._dictsqlite")]
pub(crate) struct AsyncScan {
    inner: Arc<Mutex<Inner>>,
    values: Arc<Values>,
    what: What,
}

struct Inner {
    /// Away while a page is being read.
    scan: Option<Source>,
    rest: Rest,
    ended: bool,
}

impl Inner {
    fn receive(&mut self, page: Result<(Source, Page), Error>) -> Result<(), Error> {
        let (scan, page) = page.inspect_err(|_| self.ended = true)?;
        if !self.ended {
            self.ended = page.is_empty();
            self.rest.renew(page);
            self.scan = Some(scan);
        }
        Ok(())
    }
}

impl AsyncScan {
    pub(crate) fn new(scan: impl Into<Source>, values: Arc<Values>, what: What) -> Self {
        let scan = scan.into();
        let rest = Rest::new(scan.cursors());
        let inner = Inner { scan: Some(scan), rest, ended: false };
        Self { inner: Arc::new(Mutex::new(inner)), values, what }
    }
}

#[pymethods]
impl AsyncScan {
    fn __aiter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __anext__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let scan = {
            let mut inner = self.inner.lock();
            if let Some((page, place)) = inner.rest.next() {
                drop(inner);
                return done(
                    py,
                    match page.row(place) {
                        Some(row) => element(py, &self.values, self.what, row),
                        None => Err(PyStopAsyncIteration::new_err(())),
                    },
                );
            }
            if inner.ended {
                return done(py, Err(PyStopAsyncIteration::new_err(())));
            }
            inner.scan.take()
        };
        let Some(scan) = scan else {
            return Err(PyRuntimeError::new_err(
                "the scan is waiting for a page already; iterate it from one task",
            ));
        };
        let (inner, values, what) = (Arc::clone(&self.inner), Arc::clone(&self.values), self.what);
        // Received on the thread that read it: cancelled, the await loses no page.
        let arrived = {
            let inner = Arc::clone(&inner);
            scan.next_rows_async().then(move |page| inner.lock().receive(page))
        };
        awaitable(py, arrived, move |py, ()| {
            let first = inner.lock().rest.next();
            match first.as_ref().and_then(|(page, place)| page.row(*place)) {
                Some(row) => Ok(element(py, &values, what, row)?.unbind()),
                None => Err(PyStopAsyncIteration::new_err(())),
            }
        })
    }

    /// Ends the scan and gives up what it holds.
    fn aclose<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut inner = self.inner.lock();
        inner.ended = true;
        inner.rest.renew(Page::default());
        let scan = inner.scan.take();
        drop(inner);
        py.detach(|| drop(scan));
        done(py, Ok(py.None().into_bound(py)))
    }

    /// Where the scan is, as text: the same view with this `cursor` gives the rest.
    #[getter]
    fn cursor(&self, py: Python<'_>) -> PyResult<String> {
        text_of(py, self.inner.lock().rest.cursor())
    }
}
