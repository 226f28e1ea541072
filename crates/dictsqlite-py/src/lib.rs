//! The native half of the Python package: `dictsqlite._dictsqlite`.
//!
//! `Dict` holds what must be fast; the public classes in `python/dictsqlite` build on it.

mod asynchronous;
mod bench;
mod codec;
mod dict;
mod errors;
mod files;
mod inspect;
mod keys;
mod memory;
mod open;
mod pipeline;
mod scan;
mod streams;
mod transaction;
mod value_file;
mod values;

use std::time::Duration;

use dictsqlite_core::sync;
use pyo3::prelude::*;

/// Flushes every open store for at most `limit` seconds in all; gives a line for each one that
/// still has uncommitted writes then. For the end of the process: later writes wait for their commit.
#[pyfunction]
fn shutdown(py: Python<'_>, limit: f64) -> PyResult<Vec<String>> {
    let limit = open::seconds("limit", limit)?;
    Ok(py.detach(|| dictsqlite_core::end(limit.unwrap_or(Duration::MAX / 4))))
}

/// The native module.
#[pymodule]
mod _dictsqlite {
    #[pymodule_export]
    use super::asynchronous::{AsyncScan, Done};
    #[pymodule_export]
    use super::bench::compare;
    #[pymodule_export]
    use super::dict::Dict;
    #[pymodule_export]
    use super::files::{Progress, arestore, restore};
    #[pymodule_export]
    use super::inspect::{_ground, _inspect, _users};
    #[pymodule_export]
    use super::pipeline::Pipeline;
    #[pymodule_export]
    use super::scan::Scan;
    #[pymodule_export]
    use super::shutdown;
    #[pymodule_export]
    use super::streams::{Change, Changes, Watch};
    #[pymodule_export]
    use super::transaction::Transaction;
    #[pymodule_export]
    use super::value_file::{ReadValue, WrittenValue};
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(m: &Bound<'_, PyModule>) -> PyResult<()> {
        m.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
