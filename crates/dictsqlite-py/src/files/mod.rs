//! Work on whole files: backups, exports, and their upkeep. The blocking forms are here, the awaitable
//! ones in `later`.

mod later;
mod progress;

use std::path::PathBuf;

use dictsqlite_core::{
    BackupOptions, Error, ExportOptions, ImportOptions, Imported, Key, LONGEST_TIMEOUT,
    Progress as CoreProgress, RestoreOptions,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

pub(crate) use later::arestore;
pub(crate) use progress::Progress;

use crate::dict::arguments::tables as names;
use crate::dict::{Dict, Open, blocking};
use crate::{errors, keys, open};
use progress::watched;

/// Counts by name.
type Counts<'py> = PyResult<Bound<'py, PyDict>>;

/// A path as Python gives it.
fn path(object: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    open::path("path", object)
}

fn named<T: std::str::FromStr<Err = Error>>(py: Python<'_>, name: &str) -> PyResult<T> {
    name.parse().map_err(|e| errors::raise(py, &e))
}

fn key(prefix: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Key>> {
    prefix.filter(|prefix| !prefix.is_none()).map(keys::owned).transpose()
}

fn export_options(
    py: Python<'_>,
    format: &str,
    tables: Option<&Bound<'_, PyAny>>,
    all_tables: bool,
    prefix: Option<&Bound<'_, PyAny>>,
    overwrite: bool,
    progress: CoreProgress,
) -> PyResult<ExportOptions> {
    let (format, tables, prefix) = (named(py, format)?, names(tables)?, key(prefix)?);
    Ok(ExportOptions { format, tables, all_tables, prefix, overwrite, progress })
}

fn restore_options(
    overwrite: bool,
    timeout: f64,
    progress: CoreProgress,
) -> PyResult<RestoreOptions> {
    let timeout =
        open::seconds("timeout", timeout)?.unwrap_or(LONGEST_TIMEOUT).min(LONGEST_TIMEOUT);
    Ok(RestoreOptions { overwrite, timeout, progress })
}

fn counts<'py>(py: Python<'py>, imported: &Imported) -> Counts<'py> {
    let counts = PyDict::new(py);
    counts.set_item("read", imported.read)?;
    counts.set_item("written", imported.written)?;
    counts.set_item("skipped", imported.skipped)?;
    counts.set_item("expired", imported.expired)?;
    Ok(counts)
}

#[pymethods]
impl Dict {
    /// Copies the store, as of now, to a file of its own, while it is in use; the copy's bytes.
    #[pyo3(signature = (dest, *, overwrite=false, progress=None))]
    fn backup(
        &self,
        dest: &Bound<'_, PyAny>,
        overwrite: bool,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let py = dest.py();
        let (dict, dest) = (&self.opened(py)?.dict, path(dest)?);
        let copied = watched(progress, |progress| {
            let options = BackupOptions { overwrite, progress };
            blocking(py, || dict.backup(&dest, &options))
        })?;
        Ok(copied.bytes)
    }

    /// Writes entries to a file that is no database, as JSON Lines or "binary"; how many.
    #[pyo3(signature = (
        dest, *, format="jsonl", tables=None, all_tables=false, prefix=None, overwrite=false,
        progress=None
    ))]
    #[allow(clippy::too_many_arguments)] // Python's keywords.
    fn export(
        &self,
        dest: &Bound<'_, PyAny>,
        format: &str,
        tables: Option<&Bound<'_, PyAny>>,
        all_tables: bool,
        prefix: Option<&Bound<'_, PyAny>>,
        overwrite: bool,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let py = dest.py();
        let (dict, dest) = (&self.opened(py)?.dict, path(dest)?);
        watched(progress, |progress| {
            let options =
                export_options(py, format, tables, all_tables, prefix, overwrite, progress)?;
            blocking(py, || dict.export(&dest, &options))
        })
    }

    /// Reads such a file into the store; what became of its entries, by name.
    #[pyo3(signature = (source, *, tables=None, on_conflict="replace", progress=None))]
    fn import_<'py>(
        &self,
        source: &Bound<'py, PyAny>,
        tables: Option<&Bound<'py, PyAny>>,
        on_conflict: &str,
        progress: Option<Bound<'py, PyAny>>,
    ) -> Counts<'py> {
        let py = source.py();
        let (dict, source) = (&self.opened(py)?.dict, path(source)?);
        let imported = watched(progress, |progress| {
            let (tables, on_conflict) = (names(tables)?, named(py, on_conflict)?);
            let options = ImportOptions { tables, on_conflict, progress };
            blocking(py, || dict.import(&source, &options))
        })?;
        counts(py, &imported)
    }

    /// Reads entries into the cache; how many were read, and how many of them are in it now.
    #[pyo3(signature = (*, prefix=None, progress=None))]
    fn warm(
        &self,
        py: Python<'_>,
        prefix: Option<&Bound<'_, PyAny>>,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<(u64, u64)> {
        let (dict, prefix) = (&self.opened(py)?.dict, key(prefix)?);
        let warmed =
            watched(progress, |progress| blocking(py, || dict.warm(prefix.as_ref(), &progress)))?;
        Ok((warmed.read, warmed.cached))
    }

    /// Writes the database anew, without the room that deleted entries left; bytes before and after.
    fn vacuum(&self, py: Python<'_>) -> PyResult<(u64, u64)> {
        let Open { dict, .. } = self.opened(py)?;
        // Waited for, so that a signal interrupts it.
        blocking(py, || dict.vacuum_async(&CoreProgress::new()).wait())
    }

    /// Moves the log into the database and empties it; how many frames it had, and how many were moved.
    fn checkpoint(&self, py: Python<'_>) -> PyResult<(u64, u64)> {
        let Open { dict, .. } = self.opened(py)?;
        let done = blocking(py, || dict.checkpoint())?;
        Ok((done.frames, done.moved))
    }

    /// What is wrong with the file, in words; empty when nothing is.
    fn integrity_check(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let Open { dict, .. } = self.opened(py)?;
        blocking(py, || dict.integrity_check_async(&CoreProgress::new()).wait())
    }
}

/// Puts a copy of a backup at `path`, where no process may have a store open; the copy's bytes.
#[pyfunction]
#[pyo3(signature = (source, path, *, overwrite=false, timeout=30.0, progress=None))]
pub(crate) fn restore(
    source: &Bound<'_, PyAny>,
    path: &Bound<'_, PyAny>,
    overwrite: bool,
    timeout: f64,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<u64> {
    let py = source.py();
    let (source, path) = (self::path(source)?, self::path(path)?);
    let copied = watched(progress, |progress| {
        let options = restore_options(overwrite, timeout, progress)?;
        blocking(py, || dictsqlite_core::restore(&source, &path, &options))
    })?;
    Ok(copied.bytes)
}
