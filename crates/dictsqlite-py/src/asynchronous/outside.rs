//! Operations called where no loop runs: before `run_until_complete` or `asyncio.run`.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::hub::cached;
use crate::sync::Mutex;

type Begin = Box<dyn for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyAny>> + Send>;

/// An operation under way, to be awaited once some loop runs.
#[pyclass(frozen, module = "dictsqlite._dictsqlite")]
pub(crate) struct Outside(Mutex<Option<Begin>>);

#[pymethods]
impl Outside {
    /// The awaitable, for the loop that runs now.
    fn _attach<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let begin = self.0.lock().take();
        begin.map(|begin| begin(py)).transpose()
    }
}

/// A coroutine that awaits what `begin` gives when a loop runs.
pub(super) fn coroutine<'py>(
    py: Python<'py>,
    begin: impl for<'a> FnOnce(Python<'a>) -> PyResult<Bound<'a, PyAny>> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let begun = Bound::new(py, Outside(Mutex::new(Some(Box::new(begin)))))?;
    cached(py, &FUNCTION, "dictsqlite._future", "begun")?.call1((begun,))
}
