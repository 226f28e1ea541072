//! The same without blocking. `dictsqlite._files` makes of them what users await: it asks how far they
//! are, and cancels them with the task.

use dictsqlite_core::{BackupOptions, ImportOptions};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::{Progress, counts, export_options, key, named, names, path, restore_options};
use crate::asynchronous::{Awaitable, awaitable, later};
use crate::dict::Dict;

fn number(py: Python<'_>, n: u64) -> PyResult<Py<PyAny>> {
    Ok(n.into_pyobject(py)?.into_any().unbind())
}

fn two(py: Python<'_>, a: u64, b: u64) -> PyResult<Py<PyAny>> {
    Ok(PyTuple::new(py, [a, b])?.into_any().unbind())
}

#[pymethods]
impl Dict {
    fn _abackup<'py>(
        &self,
        progress: &Bound<'py, Progress>,
        dest: &Bound<'py, PyAny>,
        overwrite: bool,
    ) -> Awaitable<'py> {
        let py = dest.py();
        later(py, || {
            let progress = progress.get().0.clone();
            let options = BackupOptions { overwrite, progress };
            let copied = self.opened(py)?.dict.backup_async(path(dest)?, &options);
            awaitable(py, copied, |py, copied| number(py, copied.bytes))
        })
    }

    #[allow(clippy::too_many_arguments)] // Python's keywords.
    fn _aexport<'py>(
        &self,
        progress: &Bound<'py, Progress>,
        dest: &Bound<'py, PyAny>,
        format: &str,
        tables: Option<&Bound<'py, PyAny>>,
        all_tables: bool,
        prefix: Option<&Bound<'py, PyAny>>,
        overwrite: bool,
    ) -> Awaitable<'py> {
        let py = dest.py();
        later(py, || {
            let progress = progress.get().0.clone();
            let options =
                export_options(py, format, tables, all_tables, prefix, overwrite, progress)?;
            let exported = self.opened(py)?.dict.export_async(path(dest)?, &options);
            awaitable(py, exported, number)
        })
    }

    fn _aimport<'py>(
        &self,
        progress: &Bound<'py, Progress>,
        source: &Bound<'py, PyAny>,
        tables: Option<&Bound<'py, PyAny>>,
        on_conflict: &str,
    ) -> Awaitable<'py> {
        let py = source.py();
        later(py, || {
            let (tables, on_conflict) = (names(tables)?, named(py, on_conflict)?);
            let progress = progress.get().0.clone();
            let options = ImportOptions { tables, on_conflict, progress };
            let imported = self.opened(py)?.dict.import_async(path(source)?, &options);
            awaitable(py, imported, |py, imported| Ok(counts(py, &imported)?.into_any().unbind()))
        })
    }

    fn _awarm<'py>(
        &self,
        progress: &Bound<'py, Progress>,
        prefix: Option<&Bound<'py, PyAny>>,
    ) -> Awaitable<'py> {
        let py = progress.py();
        later(py, || {
            let warmed = self.opened(py)?.dict.warm_async(key(prefix)?, &progress.get().0);
            awaitable(py, warmed, |py, warmed| two(py, warmed.read, warmed.cached))
        })
    }

    fn _avacuum<'py>(&self, progress: &Bound<'py, Progress>) -> Awaitable<'py> {
        let py = progress.py();
        later(py, || {
            let vacuumed = self.opened(py)?.dict.vacuum_async(&progress.get().0);
            awaitable(py, vacuumed, |py, (before, after)| two(py, before, after))
        })
    }

    fn _aintegrity_check<'py>(&self, progress: &Bound<'py, Progress>) -> Awaitable<'py> {
        let py = progress.py();
        later(py, || {
            let checked = self.opened(py)?.dict.integrity_check_async(&progress.get().0);
            awaitable(py, checked, |py, problems: Vec<String>| {
                Ok(PyList::new(py, problems)?.into_any().unbind())
            })
        })
    }

    /// `checkpoint` without blocking.
    fn acheckpoint<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        later(py, || {
            let done = self.opened(py)?.dict.checkpoint_async();
            awaitable(py, done, |py, done| two(py, done.frames, done.moved))
        })
    }
}

/// `restore` without blocking, for `dictsqlite._files`.
#[pyfunction(name = "_arestore")]
pub(crate) fn arestore<'py>(
    progress: &Bound<'py, Progress>,
    source: &Bound<'py, PyAny>,
    path: &Bound<'py, PyAny>,
    overwrite: bool,
    timeout: f64,
) -> Awaitable<'py> {
    let py = source.py();
    later(py, || {
        let options = restore_options(overwrite, timeout, progress.get().0.clone())?;
        let (source, path) = (self::path(source)?, self::path(path)?);
        let restored = dictsqlite_core::restore_async(source, path, &options);
        awaitable(py, restored, |py, copied| number(py, copied.bytes))
    })
}
