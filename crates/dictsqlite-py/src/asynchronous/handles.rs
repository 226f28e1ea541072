//! Opening, closing, tables and scans without blocking.

use std::sync::Arc;

use dictsqlite_core::{Dict as Core, Error};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::hub::{awaitable, done, later};
use super::methods::Awaitable;
use super::pages::AsyncScan;
use crate::codec::PicklePolicy;
use crate::dict::Dict;
use crate::dict::changing::retention;
use crate::errors;
use crate::memory;
use crate::open::Arguments;
use crate::scan::{self, What};
use crate::values::{Values, storage_mode};

/// A handle that nobody has taken over yet. Dropped, it is closed on a thread of its own: closing
/// waits for commits, and an event loop must not.
struct Fresh(Option<Core>);

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(dict) = self.0.take() {
            let close = move || drop(dict);
            // Without a thread, it is closed here.
            let _ = std::thread::Builder::new().name("dictsqlite-close".into()).spawn(close);
        }
    }
}

impl Fresh {
    fn of(opened: Result<Core, Error>) -> Result<Self, Error> {
        opened.map(|dict| Self(Some(dict)))
    }

    fn fill(
        mut self,
        py: Python<'_>,
        handle: &Py<Dict>,
        pickle: Arc<PicklePolicy>,
    ) -> PyResult<Py<PyAny>> {
        if let Some(dict) = self.0.take() {
            let values = Arc::new(Values { mode: dict.storage_mode(), pickle });
            handle.get().fill(py, dict, values)?;
        }
        Ok(py.None())
    }
}

#[pymethods]
impl Dict {
    /// `close` without blocking.
    fn aclose<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        later(py, || match self.open.get() {
            Some(open) => {
                open.not_lent(py)?;
                let (dict, held) = (Arc::clone(&open.dict), open.dict.cached_bytes());
                let closed = open.dict.close_async().then(move |closed| {
                    memory::give_back_of(&dict, held);
                    closed
                });
                awaitable(py, closed, |py, ()| Ok(py.None()))
            }
            None => done(py, Ok(py.None().into_bound(py))),
        })
    }

    /// `stats`, which never blocks, for symmetry.
    fn astats<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        later(py, || done(py, self.stats(py)))
    }

    /// `tables` without blocking.
    fn atables<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        later(py, || {
            let tables = self.opened(py)?.dict.run_async(|dict| dict.tables());
            awaitable(py, tables, |py, tables| {
                let names = tables.into_iter().map(|(name, _)| name);
                Ok(PyList::new(py, names.collect::<Vec<_>>())?.into_any().unbind())
            })
        })
    }

    /// `drop_table` without blocking.
    fn adrop_table<'py>(&self, py: Python<'py>, name: String) -> Awaitable<'py> {
        later(py, || {
            let dropped = self.opened(py)?.dict.spawn_async(move |dict| dict.drop_table(&name));
            awaitable(py, dropped, |py, there: bool| {
                Ok(there.into_pyobject(py)?.to_owned().into_any().unbind())
            })
        })
    }

    /// `enable_changes` without blocking.
    #[pyo3(signature = (*, count=None, age=None))]
    fn aenable_changes<'py>(
        &self,
        py: Python<'py>,
        count: Option<u64>,
        age: Option<&Bound<'py, PyAny>>,
    ) -> Awaitable<'py> {
        later(py, || {
            let retention = retention(count, age)?;
            let enabled = self.opened(py)?.dict.enable_changes_async(retention);
            awaitable(py, enabled, |py, ()| Ok(py.None()))
        })
    }

    /// `has_changes` without blocking.
    fn ahas_changes<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        later(py, || {
            let logged = self.opened(py)?.dict.run_async(|dict| dict.has_changes());
            awaitable(py, logged, |py, logged: bool| {
                Ok(logged.into_pyobject(py)?.to_owned().into_any().unbind())
            })
        })
    }

    /// Which store and table of this process this is.
    fn _identity(&self, py: Python<'_>) -> PyResult<(usize, u32)> {
        self.opened(py)?.dict.identity().map_err(|e| errors::raise(py, &e))
    }

    /// An asynchronous scan of "keys", "values" or "items".
    #[pyo3(signature = (what, **options))]
    fn _ascan(
        &self,
        py: Python<'_>,
        what: &str,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<AsyncScan> {
        let open = self.opened(py)?;
        let what = What::named(what);
        let scan = open.dict.scan(&scan::options(py, what, options)?);
        let scan = scan.map_err(|e| errors::raise(py, &e))?;
        Ok(AsyncScan::new(scan, Arc::clone(&open.values), what))
    }

    /// Opens the file at `path` with the options of the constructor, without blocking.
    fn _aopen<'py>(
        slf: &Bound<'py, Self>,
        path: &Bound<'py, PyAny>,
        options: &Bound<'py, PyDict>,
    ) -> Awaitable<'py> {
        let py = slf.py();
        later(py, || {
            let arguments = Arguments(options);
            let path = arguments.path(path)?;
            let options = arguments.options()?;
            let pickle = Arc::new(arguments.pickle()?);
            let handle = slf.clone().unbind();
            let opened = Core::open_async(&path, &options).then(Fresh::of);
            awaitable(py, opened, move |py, fresh| fresh.fill(py, &handle, pickle))
        })
    }

    /// Opens another table of the store of `other`, without blocking.
    #[pyo3(signature = (other, name, storage, changes=None))]
    fn _aattach<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, Dict>,
        name: String,
        storage: Option<&str>,
        changes: Option<bool>,
    ) -> Awaitable<'py> {
        let py = slf.py();
        later(py, || {
            let other = other.get().opened(py)?;
            let storage = storage.map(|name| storage_mode(py, name)).transpose()?;
            let pickle = Arc::clone(&other.values.pickle);
            let handle = slf.clone().unbind();
            let opened = other.dict.spawn_async(move |dict| match changes {
                Some(_) => dict.table_with_changes(&name, storage, changes),
                None => dict.table(&name, storage),
            });
            awaitable(py, opened.then(Fresh::of), move |py, fresh| fresh.fill(py, &handle, pickle))
        })
    }
}
