//! The comparison of the file back ends, for `dictsqlite.bench`.

use std::path::PathBuf;

use dictsqlite_core::ErrorKind;
use dictsqlite_core::io;
use pyo3::prelude::*;

use crate::dict::blocking;
use crate::errors;

/// Compares reading (`"read"`) or writing (`"write"`); gives the figures as JSON, and as a text.
#[pyfunction]
#[pyo3(name = "_compare")]
pub(crate) fn compare(
    py: Python<'_>,
    operation: &str,
    iterations: usize,
    size: usize,
    concurrency: usize,
    directory: Option<PathBuf>,
) -> PyResult<(String, String)> {
    let measure = match operation {
        "read" => io::compare_read_performance_in,
        "write" => io::compare_write_performance_in,
        _ => return Err(errors::of(py, ErrorKind::Invalid, "compare \"read\" or \"write\"")),
    };
    blocking(py, move || {
        let directory = directory.unwrap_or_else(std::env::temp_dir);
        let compared = measure(&directory, iterations, size, concurrency)?;
        Ok((compared.to_json()?, compared.summary()))
    })
}
