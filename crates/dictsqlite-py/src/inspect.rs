//! Looking at files without opening them as stores, for the `dictsqlite` command.

use std::path::PathBuf;

use dictsqlite_core::{Error, LONGEST_TIMEOUT, Look, ground_of, inspect, users};
use pyo3::prelude::*;
use serde::Serialize;

use crate::dict::blocking;
use crate::{codec, errors, open};

/// What is in the file at `path`: see `dictsqlite_core::Inspection`.
#[pyfunction]
#[pyo3(signature = (path, *, still=false, counts=false, sound=false, timeout=5.0))]
pub(crate) fn _inspect<'py>(
    py: Python<'py>,
    path: PathBuf,
    still: bool,
    counts: bool,
    sound: bool,
    timeout: f64,
) -> PyResult<Bound<'py, PyAny>> {
    let timeout = open::seconds("timeout", timeout)?.unwrap_or(LONGEST_TIMEOUT);
    let look = Look { still, counts, sound, timeout };
    let found = blocking(py, || inspect(&path, &look))?;
    as_python(py, &found)
}

/// The processes that use the file at `path`: `writing`, `reading`, `connected`.
#[pyfunction]
pub(crate) fn _users(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyAny>> {
    let found = blocking(py, || Ok::<_, Error>(users(&path)))?;
    as_python(py, &found)
}

/// `local`, `doubtful`, or the name of the network drive that `path` is on.
#[pyfunction]
pub(crate) fn _ground(py: Python<'_>, path: PathBuf) -> &'static str {
    py.detach(|| ground_of(&path))
}

fn as_python<'py>(py: Python<'py>, found: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let text = serde_json::to_vec(found).unwrap_or_default();
    codec::json::loads(py, &text).map_err(|issue| errors::of_codec(py, issue, None))
}
