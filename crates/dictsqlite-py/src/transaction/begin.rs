//! Beginning, other tables, savepoints, and the end.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use dictsqlite_core::{Error, ErrorKind, TransactionMode, TransactionOptions};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::{Owner, Transaction};
use crate::asynchronous::{Awaitable, awaitable, done, later};
use crate::dict::{Dict, blocking};
use crate::values::{Values, storage_mode};
use crate::{errors, open};

/// The options by their names: `mode`, `isolation`, `timeout`, `max_hold`.
fn options(py: Python<'_>, named: &Bound<'_, PyDict>) -> PyResult<TransactionOptions> {
    let text = |name: &str| -> PyResult<Option<String>> {
        let text = |value: Bound<'_, PyAny>| {
            value.extract().map_err(|_| open::wrong(name, &value, "a str"))
        };
        named.get_item(name)?.map(text).transpose()
    };
    let seconds = |name: &str| match named.get_item(name)? {
        Some(value) => open::as_seconds(name, &value).map(Some),
        None => Ok(None),
    };
    let raise = |e: Error| errors::raise(py, &e);
    // What has no end is as long as can be.
    let forever = std::time::Duration::MAX;
    Ok(TransactionOptions {
        mode: text("mode")?.map_or(Ok(Default::default()), |name| name.parse()).map_err(raise)?,
        isolation: text("isolation")?
            .map_or(Ok(Default::default()), |name| name.parse())
            .map_err(raise)?,
        timeout: seconds("timeout")?.map(|limit| limit.unwrap_or(forever)),
        max_hold: seconds("max_hold")?.map(|limit| limit.unwrap_or(forever)),
        task: 0,
    })
}

#[pymethods]
impl Transaction {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { open: OnceLock::new() }
    }

    /// Refuses now what could not begin: a closed handle (not one that is not open yet), wrong options.
    #[staticmethod]
    fn _check(dict: &Bound<'_, Dict>, named: &Bound<'_, PyDict>) -> PyResult<()> {
        let py = dict.py();
        if dict.get().open.get().is_some_and(|open| open.dict.is_closed()) {
            let message = "this handle is closed; open the store again to go on";
            return Err(errors::of(py, ErrorKind::Closed, message));
        }
        options(py, named).map(drop)
    }

    /// Begins it on the table of `dict`.
    fn _begin(&self, dict: &Bound<'_, Dict>, named: &Bound<'_, PyDict>) -> PyResult<()> {
        let py = dict.py();
        let handle = dict.get().opened(py)?;
        let owner = Owner::of_current_task(py, false)?;
        let options = options(py, named)?;
        let tx = blocking(py, || handle.dict.transaction(&options))?;
        self.fill(py, tx, Arc::clone(&handle.values), owner)
    }

    /// The same without blocking.
    fn _abegin<'py>(
        slf: &Bound<'py, Self>,
        dict: &Bound<'py, Dict>,
        named: &Bound<'py, PyDict>,
    ) -> Awaitable<'py> {
        let py = dict.py();
        later(py, || {
            let handle = dict.get().opened(py)?;
            let options = options(py, named)?;
            let asks = options.mode == TransactionMode::Immediate;
            let owner = Owner::of_current_task(py, asks)?;
            let options = TransactionOptions { task: owner.number, ..options };
            let (this, values) = (slf.clone().unbind(), Arc::clone(&handle.values));
            awaitable(py, handle.dict.transaction_async(&options), move |py, tx| {
                this.get().fill(py, tx, values, owner)?;
                Ok(py.None())
            })
        })
    }

    /// Makes this the transaction of `other` on another table.
    fn _attach(
        &self,
        py: Python<'_>,
        other: &Bound<'_, Self>,
        name: &str,
        storage: Option<&str>,
    ) -> PyResult<()> {
        let other = other.get().opened(py)?;
        let storage = storage.map(|name| storage_mode(py, name)).transpose()?;
        let tx = blocking(py, || other.tx.table(name, storage))?;
        let pickle = Arc::clone(&other.values.pickle);
        let values = Arc::new(Values { mode: tx.storage_mode(), pickle });
        self.fill(py, tx, values, Arc::clone(&other.owner))
    }

    /// The same without blocking.
    fn _aattach<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, Self>,
        name: &str,
        storage: Option<&str>,
    ) -> Awaitable<'py> {
        let py = slf.py();
        later(py, || {
            let other = other.get().opened(py)?;
            let storage = storage.map(|name| storage_mode(py, name)).transpose()?;
            let (this, owner) = (slf.clone().unbind(), Arc::clone(&other.owner));
            let pickle = Arc::clone(&other.values.pickle);
            awaitable(py, other.tx.table_async(name, storage), move |py, tx| {
                let values = Arc::new(Values { mode: tx.storage_mode(), pickle });
                this.get().fill(py, tx, values, owner)?;
                Ok(py.None())
            })
        })
    }

    /// Commits; returns when all of it is committed, and synced in `durable`.
    fn commit(&self, py: Python<'_>) -> PyResult<i64> {
        let open = self.opened(py)?;
        open.set_over();
        blocking(py, || open.tx.commit())
    }

    /// `commit` without blocking.
    fn acommit<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        later(py, || {
            let open = self.opened(py)?;
            open.set_over();
            awaitable(py, open.tx.commit_async(), |py, version: i64| {
                Ok(version.into_pyobject(py)?.into_any().unbind())
            })
        })
    }

    /// Gives up everything that was written in it.
    fn rollback(&self, py: Python<'_>) -> PyResult<()> {
        let open = self.opened(py)?;
        open.set_over();
        open.tx.rollback().map_err(|e| errors::raise(py, &e))
    }

    /// `rollback`, which never waits, for symmetry.
    fn arollback<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        later(py, || {
            self.rollback(py)?;
            done(py, Ok(py.None().into_bound(py)))
        })
    }

    /// Gives it up, whoever asks, and whether it has begun or is over.
    fn _abandon(&self) {
        if let Some(open) = self.open.get() {
            open.set_over();
            open.tx.abandon();
        }
    }

    /// Whether it was committed or rolled back by a call.
    fn _is_over(&self) -> bool {
        self.open.get().is_some_and(|open| open.owner.over.load(Ordering::Acquire))
    }

    /// Whether it has begun, was neither committed nor rolled back, and its time is not up.
    #[getter]
    fn is_open(&self) -> bool {
        self.open.get().is_some_and(|open| open.tx.is_open())
    }

    fn _savepoint(&self, py: Python<'_>) -> PyResult<u64> {
        self.opened(py)?.tx.savepoint().map_err(|e| errors::raise(py, &e))
    }

    fn _rollback_to(&self, py: Python<'_>, savepoint: u64) -> PyResult<()> {
        self.opened(py)?.tx.rollback_to(savepoint).map_err(|e| errors::raise(py, &e))
    }

    fn _release(&self, py: Python<'_>, savepoint: u64) -> PyResult<()> {
        self.opened(py)?.tx.release(savepoint).map_err(|e| errors::raise(py, &e))
    }

    /// The table.
    #[getter]
    fn table_name(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.begun(py)?.tx.name().to_owned())
    }

    /// The table's codec.
    #[getter]
    fn storage_mode(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.begun(py)?.tx.storage_mode().name())
    }
}

impl Transaction {
    fn begun(&self, py: Python<'_>) -> PyResult<&super::Open> {
        self.open.get().ok_or_else(|| {
            errors::of(py, ErrorKind::Invalid, "the transaction has not begun; use a with block")
        })
    }
}
