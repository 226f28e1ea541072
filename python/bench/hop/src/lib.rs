//! `await hop.empty()`: a future of Rust's that has nothing to do, on the runtime that extension modules
//! commonly use.

use pyo3::prelude::*;

/// An awaitable that is `None`.
#[pyfunction]
fn empty(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    pyo3_async_runtimes::tokio::future_into_py(py, async { Ok(()) })
}

/// Nothing else.
#[pymodule]
fn hop(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(empty, module)?)
}
