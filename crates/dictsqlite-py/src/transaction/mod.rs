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
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use dictsqlite_core::{ErrorKind, Transaction as Core};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::asynchronous::cached;
use crate::errors;
use crate::sync::Mutex;
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
    /// What the engine knows it by, if it asks for the write lock; else zero.
    number: u64,
}

/// The tasks that ask for a write lock, or have it, by weak references. (Their addresses would not do:
/// a task that was cancelled while it asked may be gone, and another one be in its place.)
static ASKING: Mutex<Vec<(u64, Py<PyAny>)>> = Mutex::new(Vec::new());

impl Drop for Owner {
    fn drop(&mut self) {
        if self.number != 0 {
            let mut asking = ASKING.lock();
            let place = asking.iter().position(|(number, _)| *number == self.number);
            let gone = place.map(|place| asking.swap_remove(place));
            drop(asking);
            drop(gone);
        }
    }
}

/// True when the write lock that is lent under this number is the running task's.
pub(crate) fn is_mine(py: Python<'_>, number: u64) -> PyResult<bool> {
    let task = {
        let asking = ASKING.lock();
        asking.iter().find(|(asks, _)| *asks == number).map(|(_, task)| task.clone_ref(py))
    };
    let (Some(task), Some(current)) = (task, current_task(py)?) else { return Ok(false) };
    Ok(task.call0(py)?.bind(py).is(&current))
}

impl Owner {
    /// The running task, if there is one; it is to be known by a number if it asks for the lock.
    fn of_current_task(py: Python<'_>, asks: bool) -> PyResult<Arc<Self>> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let Some(task) = current_task(py)? else { return Ok(Arc::default()) };
        let weak = py.import("weakref")?.getattr("ref")?.call1((&task,))?.unbind();
        let number = if asks { NEXT.fetch_add(1, Ordering::Relaxed) } else { 0 };
        if asks {
            ASKING.lock().push((number, weak.clone_ref(py)));
        }
        Ok(Arc::new(Self { task: Some(weak), over: AtomicBool::new(false), number }))
    }

    fn is_current(&self, py: Python<'_>) -> PyResult<bool> {
        let Some(task) = &self.task else { return Ok(true) };
        let current = current_task(py)?;
        Ok(current
            .is_some_and(|current| task.call0(py).is_ok_and(|task| task.bind(py).is(&current))))
    }
}

/// The asyncio task that runs on this thread.
fn current_task(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
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
