//! Transactions: one that has begun, as a mapping on one of the store's tables.
//!
//! `blocking` has its operations, `awaited` the awaitable ones, `begin` how it begins and ends,
//! `atomic` what needs no transaction to be one unit.

mod atomic;
mod awaited;
mod begin;
mod blocking;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use dictsqlite_core::{ErrorKind, Transaction as Core};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::asynchronous::cached;
use crate::errors;
use crate::values::Values;

/// See the module. Made empty; `_begin` or `_attach` fill it.
#[pyclass(frozen, subclass, weakref, module = "dictsqlite._dictsqlite")]
pub(crate) struct Transaction {
    open: OnceLock<Open>,
}

/// A transaction that has begun, and the codec of its table.
pub(crate) struct Open {
    tx: Core,
    values: Arc<Values>,
    owner: Arc<Owner>,
}

/// What all handles on it share.
#[derive(Default)]
struct Owner {
    /// The task that began it, if one did, by a weak reference.
    task: Option<Py<PyAny>>,
    /// It was committed or rolled back by a call.
    over: AtomicBool,
}

impl Owner {
    fn is_current(&self, py: Python<'_>) -> PyResult<bool> {
        let Some(task) = &self.task else { return Ok(true) };
        let current = current_task(py)?;
        Ok(current
            .is_some_and(|current| task.call0(py).is_ok_and(|task| task.bind(py).is(&current))))
    }
}

/// The asyncio task that runs on this thread.
pub(crate) fn current_task(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    static LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static TASK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let running = cached(py, &LOOP, "asyncio", "_get_running_loop")?.call0()?;
    if running.is_none() {
        return Ok(None);
    }
    let task = cached(py, &TASK, "asyncio", "current_task")?.call1((running,))?;
    Ok((!task.is_none()).then_some(task))
}

impl Transaction {
    /// The transaction, for the task or thread that it belongs to.
    fn opened(&self, py: Python<'_>) -> PyResult<&Open> {
        let Some(open) = self.open.get() else {
            let message = "the transaction has not begun; use it in a with block, or call begin()";
            return Err(errors::of(py, ErrorKind::Invalid, message));
        };
        if !open.owner.is_current(py)? {
            let message =
                "the transaction belongs to the task that began it; begin another one here";
            return Err(errors::of(py, ErrorKind::Invalid, message));
        }
        Ok(open)
    }

    fn fill(
        &self,
        py: Python<'_>,
        tx: Core,
        values: Arc<Values>,
        owner: Arc<Owner>,
    ) -> PyResult<()> {
        self.open.set(Open { tx, values, owner }).map_err(|_| {
            let message = "the transaction has begun already; make a new one";
            errors::of(py, ErrorKind::Invalid, message)
        })
    }
}

impl Open {
    fn set_over(&self) {
        self.owner.over.store(true, Ordering::Release);
    }
}
