//! How Python hears how far an operation is. A callback is called on the thread that asked for the
//! operation: for a blocking one that is who does the work as well, for an awaitable one the loop's
//! thread asks. Threads of the engine never take the interpreter.

use std::sync::Arc;

use dictsqlite_core::{ErrorKind, Progress as CoreProgress};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::errors;
use crate::sync::Mutex;

/// How far an operation is, and its cancelling.
#[pyclass(frozen, module = "dictsqlite._dictsqlite")]
#[derive(Default)]
pub(crate) struct Progress(pub(super) CoreProgress);

#[pymethods]
impl Progress {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// What is done: pages, entries or bytes.
    #[getter]
    fn done(&self) -> u64 {
        self.0.done()
    }

    /// Of how much; 0 when that is not known.
    #[getter]
    fn total(&self) -> u64 {
        self.0.total()
    }

    /// Has the operation give up; false when it is too late.
    fn cancel(&self) -> bool {
        self.0.cancel()
    }
}

/// Runs an operation that calls `callback` with what is done and the total. What it raises cancels the
/// operation, and is raised here; when the operation was done all the same, its result stands.
pub(super) fn watched<T>(
    callback: Option<Bound<'_, PyAny>>,
    operation: impl FnOnce(CoreProgress) -> PyResult<T>,
) -> PyResult<T> {
    let Some(callback) = callback.filter(|callback| !callback.is_none()) else {
        return operation(CoreProgress::new());
    };
    let py = callback.py();
    if !callback.is_callable() {
        let message = "progress is a function that takes what is done and the total";
        return Err(errors::of(py, ErrorKind::Invalid, message));
    }
    let raised: Arc<Mutex<Option<PyErr>>> = Arc::default();
    let (callback, slot) = (callback.unbind(), Arc::clone(&raised));
    let progress = CoreProgress::calling(move |done, total| {
        Python::attach(|py| match callback.call1(py, (done, total)) {
            Ok(_) => true,
            Err(e) => {
                // The first one says why it was cancelled.
                slot.lock().get_or_insert(e);
                false
            }
        })
    });
    let result = operation(progress);
    let raised = raised.lock().take();
    match raised {
        // Too late to cancel. It is shown, but Ctrl-C and the like are never swallowed.
        Some(raised) if result.is_ok() && raised.is_instance_of::<PyException>(py) => {
            raised.write_unraisable(py, None);
            result
        }
        Some(raised) => Err(raised),
        None => result,
    }
}
