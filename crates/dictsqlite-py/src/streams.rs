//! Change streams and watches as Python iterators, blocking and asynchronous.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use dictsqlite_core::{Change as CoreChange, Changes as CoreChanges, Watch as CoreWatch, Watched};
use dictsqlite_core::{Completion, Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyList, PyModule};

use crate::codec::PicklePolicy;
use crate::dict::{Dict, blocking, entry_of};
use crate::sync::Mutex;
use crate::values::Values;
use crate::{errors, keys, open};

/// What the engine's streams have in common.
pub(crate) trait Pages: Send + Sync + 'static {
    type Item: Send + 'static;
    fn next_page(&self, timeout: Option<Duration>) -> Result<Vec<Self::Item>, Error>;
    fn ready(&self) -> Completion<()>;
    fn take_page(&self) -> Vec<Self::Item>;
    fn close(&self);
}

impl Pages for CoreChanges {
    type Item = CoreChange;

    fn next_page(&self, timeout: Option<Duration>) -> Result<Vec<CoreChange>, Error> {
        Self::next_page(self, timeout)
    }

    fn ready(&self) -> Completion<()> {
        self.ready_async()
    }

    fn take_page(&self) -> Vec<CoreChange> {
        Self::take_page(self)
    }

    fn close(&self) {
        Self::close(self);
    }
}

impl Pages for CoreWatch {
    type Item = Watched;

    fn next_page(&self, timeout: Option<Duration>) -> Result<Vec<Watched>, Error> {
        Self::next_page(self, timeout)
    }

    fn ready(&self) -> Completion<()> {
        self.ready_async()
    }

    fn take_page(&self) -> Vec<Watched> {
        Self::take_page(self)
    }

    fn close(&self) {
        Self::close(self);
    }
}

/// A stream, and what was read and is not given out yet.
pub(crate) struct Stream<P: Pages> {
    pub(crate) pages: Arc<P>,
    pub(crate) rest: Arc<Mutex<VecDeque<P::Item>>>,
    /// How many forks there were when it began.
    forks: u32,
}

impl<P: Pages> Stream<P> {
    pub(crate) fn new(pages: P) -> Self {
        Self { pages: Arc::new(pages), rest: Arc::default(), forks: dictsqlite_core::forks() }
    }

    /// Refuses a stream of the parent's in the child of a fork: whoever has its lock is not there.
    pub(crate) fn check_process(&self, py: Python<'_>) -> PyResult<()> {
        if self.forks == dictsqlite_core::forks() {
            return Ok(());
        }
        let message = "the stream was open when the process forked; begin it again here";
        Err(errors::of(py, ErrorKind::Closed, message))
    }

    /// The next item; none when the handle or the stream is closed.
    fn next(&self, py: Python<'_>) -> PyResult<Option<P::Item>> {
        self.check_process(py)?;
        loop {
            if let Some(item) = self.rest.lock().pop_front() {
                return Ok(Some(item));
            }
            match self.read(py, None)? {
                Some(page) => self.rest.lock().extend(page),
                None => return Ok(None),
            }
        }
    }

    /// What is there within `timeout`.
    fn page(&self, py: Python<'_>, timeout: Option<Duration>) -> PyResult<Vec<P::Item>> {
        self.check_process(py)?;
        let rest: Vec<_> = self.rest.lock().drain(..).collect();
        if !rest.is_empty() {
            return Ok(rest);
        }
        match self.read(py, timeout)? {
            Some(page) => Ok(page),
            None => Err(errors::of(py, ErrorKind::Closed, "the stream is closed")),
        }
    }

    fn read(&self, py: Python<'_>, timeout: Option<Duration>) -> PyResult<Option<Vec<P::Item>>> {
        blocking(py, || match self.pages.next_page(timeout) {
            Err(e) if e.kind() == ErrorKind::Closed => Ok(None),
            page => page.map(Some),
        })
    }

    pub(crate) fn close(&self, py: Python<'_>) {
        if self.check_process(py).is_ok() {
            py.detach(|| self.pages.close());
            self.rest.lock().clear();
        }
    }
}

/// Seconds that a call waits; `None` for as long as it takes.
pub(crate) fn patience(timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Duration>> {
    timeout.map_or(Ok(None), |timeout| open::as_seconds("timeout", timeout))
}

/// A change, as it was committed. Its values are decoded when they are looked at.
#[pyclass(frozen, module = "dictsqlite._dictsqlite")]
pub(crate) struct Change {
    change: CoreChange,
    pickle: Arc<PicklePolicy>,
    old: PyOnceLock<Py<PyAny>>,
    new: PyOnceLock<Py<PyAny>>,
}

impl Change {
    fn decoded(
        &self,
        py: Python<'_>,
        value: Option<&dictsqlite_core::Value>,
        cell: &PyOnceLock<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let Some(value) = value else { return Ok(py.None()) };
        let decoded = cell.get_or_try_init(py, || {
            let values = Values { mode: self.change.storage, pickle: Arc::clone(&self.pickle) };
            let key = keys::to_python(py, &self.change.key)?;
            values.decode(py, value, Some(&key)).map(Bound::unbind)
        });
        decoded.map(|object| object.clone_ref(py))
    }
}

#[pymethods]
impl Change {
    /// The number of the operation: larger than that of every change committed before.
    #[getter]
    fn seq(&self) -> i64 {
        self.change.seq
    }

    /// `"insert"`, `"update"`, `"delete"` or `"expire"`.
    #[getter]
    fn kind(&self) -> &'static str {
        self.change.kind.name()
    }

    /// The table's name.
    #[getter]
    fn table(&self) -> &str {
        &self.change.table
    }

    /// The key.
    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        keys::to_python(py, &self.change.key)
    }

    /// The value before; `None` for an insert.
    #[getter]
    fn old(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.decoded(py, self.change.old.as_ref(), &self.old)
    }

    /// The value after; `None` for a delete and an expiry.
    #[getter]
    #[pyo3(name = "new")]
    fn new_value(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.decoded(py, self.change.new.as_ref(), &self.new)
    }

    /// When the entry as it is now expires, in seconds since the Unix epoch; `None` for never.
    #[getter]
    fn expires_at(&self) -> Option<f64> {
        self.change.expires_at.map(|ms| ms as f64 / 1000.0)
    }

    /// When it was written, in seconds since the Unix epoch.
    #[getter]
    fn at(&self) -> f64 {
        self.change.at as f64 / 1000.0
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let key = keys::to_python(py, &self.change.key)?.repr()?;
        let Self { change, .. } = self;
        Ok(format!("<Change {} {} {key} in {:?}>", change.seq, change.kind, change.table))
    }
}

/// The changes of a store, in the order in which they were committed; an iterator that waits for the
/// next one, for `for` and for `async for`.
#[pyclass(frozen, module = "dictsqlite._dictsqlite")]
pub(crate) struct Changes {
    pub(crate) stream: Stream<CoreChanges>,
    pub(crate) pickle: Arc<PicklePolicy>,
    /// The number of the change that was given out last.
    pub(crate) given: Arc<AtomicI64>,
    /// A handle that nobody else holds is not closed while this is there.
    _handle: Py<Dict>,
}

impl Changes {
    pub(crate) fn new(changes: CoreChanges, pickle: Arc<PicklePolicy>, handle: Py<Dict>) -> Self {
        let given = Arc::new(AtomicI64::new(changes.position()));
        Self { stream: Stream::new(changes), pickle, given, _handle: handle }
    }
}

/// The Python object for a change.
pub(crate) fn change_of(
    py: Python<'_>,
    change: CoreChange,
    pickle: &Arc<PicklePolicy>,
    given: &AtomicI64,
) -> PyResult<Py<PyAny>> {
    given.fetch_max(change.seq, Ordering::Relaxed);
    let pickle = Arc::clone(pickle);
    let change = Change { change, pickle, old: PyOnceLock::new(), new: PyOnceLock::new() };
    Ok(Py::new(py, change)?.into_any())
}

#[pymethods]
impl Changes {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let next = self.stream.next(py)?;
        next.map(|change| change_of(py, change, &self.pickle, &self.given)).transpose()
    }

    /// The changes there are, in a list; waits for one, and gives an empty list after `timeout` seconds.
    #[pyo3(signature = (timeout=None))]
    fn page<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let page = self.stream.page(py, patience(timeout)?)?;
        let list = PyList::empty(py);
        for change in page {
            list.append(change_of(py, change, &self.pickle, &self.given)?)?;
        }
        Ok(list)
    }

    /// Everything up to this number was given out or passed over: `since` to go on from here.
    #[getter]
    fn position(&self, py: Python<'_>) -> PyResult<i64> {
        self.stream.check_process(py)?;
        let given = self.given.load(Ordering::Relaxed);
        let all_given = self.stream.rest.lock().is_empty();
        Ok(if all_given { given.max(self.stream.pages.position()) } else { given })
    }

    /// Ends the stream, and whoever waits for it.
    fn close(&self, py: Python<'_>) {
        self.stream.close(py);
    }
}

/// Keys being watched; an iterator that gives their state, and then waits for what differs.
#[pyclass(frozen, module = "dictsqlite._dictsqlite")]
pub(crate) struct Watch {
    pub(crate) stream: Stream<CoreWatch>,
    pub(crate) values: Arc<Values>,
    /// As with [`Changes`].
    pub(crate) _handle: Py<Dict>,
}

/// The Python object for what a watch has found.
pub(crate) fn watched_of(
    py: Python<'_>,
    watched: &Watched,
    values: &Values,
) -> PyResult<Py<PyAny>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let import = || PyModule::import(py, "dictsqlite._entry").map(Bound::unbind);
    let module = MODULE.get_or_try_init(py, import)?.bind(py);
    let key = keys::to_python(py, &watched.key)?;
    let entry = match &watched.entry {
        Some(entry) => module.getattr("Entry")?.call1(entry_of(values, entry, &key)?)?,
        None => py.None().into_bound(py),
    };
    Ok(module.getattr("Watched")?.call1((key, entry))?.unbind())
}

#[pymethods]
impl Watch {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let next = self.stream.next(py)?;
        next.map(|watched| watched_of(py, &watched, &self.values)).transpose()
    }

    /// What there is, in a list; waits for it, and gives an empty list after `timeout` seconds.
    #[pyo3(signature = (timeout=None))]
    fn page<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let page = self.stream.page(py, patience(timeout)?)?;
        let list = PyList::empty(py);
        for watched in page {
            list.append(watched_of(py, &watched, &self.values)?)?;
        }
        Ok(list)
    }

    /// Ends it, and whoever waits for it.
    fn close(&self, py: Python<'_>) {
        self.stream.close(py);
    }
}
