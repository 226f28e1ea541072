//! The loop's side: which futures wait for which results, and the one socket that wakes the loop.

use std::any::Any;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sync::Mutex;
use dictsqlite_core::{Completion, Dict, Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyCFunction;

use super::done::{self, Done};
use crate::errors;

/// A result on its way to a loop; no Python object is in it.
type Answer = Result<Box<dyn Any + Send>, Error>;
/// What makes the Python value of an answer, on the loop's thread.
type Finish = Box<dyn FnOnce(Python<'_>, Answer) -> PyResult<Py<PyAny>> + Send>;

/// What the engine's threads see of a loop: they own no Python object.
struct Inbox {
    arrived: Mutex<Vec<(u64, Answer)>>,
    wake: UnixStream,
}

impl Inbox {
    /// Puts a result in; the first one since the loop last looked wakes it.
    fn put(&self, token: u64, answer: Answer) {
        let first = {
            let mut arrived = self.arrived.lock();
            arrived.push((token, answer));
            arrived.len() == 1
        };
        if first {
            // A full socket wakes the loop as well; a closed one has no loop any more.
            let _ = (&self.wake).write(&[1]);
        }
    }
}

/// One event loop's futures.
#[pyclass(frozen, module = "dictsqlite._dictsqlite")]
pub(crate) struct Hub {
    event_loop: Py<PyAny>,
    inbox: Arc<Inbox>,
    woken: UnixStream,
    waiting: Mutex<HashMap<u64, (Py<PyAny>, Finish)>>,
    next: AtomicU64,
    process: u32,
    /// Handles with reads queued in this turn of the loop.
    queued: Mutex<Vec<Arc<Dict>>>,
}

/// The hubs of this process's loops. Few programs have more than one loop, none has many.
static HUBS: Mutex<Vec<Py<Hub>>> = Mutex::new(Vec::new());

fn cached<'py>(
    py: Python<'py>,
    cell: &'static PyOnceLock<Py<PyAny>>,
    module: &str,
    name: &str,
) -> PyResult<&'py Bound<'py, PyAny>> {
    let object =
        cell.get_or_try_init(py, || py.import(module)?.getattr(name).map(Bound::unbind))?;
    Ok(object.bind(py))
}

/// The running loop.
///
/// # Errors
/// `RuntimeError` when there is none in this thread.
pub(super) fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    cached(py, &FUNCTION, "asyncio", "get_running_loop")?.call0()
}

/// The running loop, or the one that is about to run here (`run_until_complete` of a result).
pub(super) fn current_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match running_loop(py) {
        Ok(running) => Ok(running),
        Err(_) => cached(py, &FUNCTION, "asyncio", "get_event_loop")?.call0(),
    }
}

/// Has the running loop tell us when it turns.
pub(super) fn call_soon_turned(py: Python<'_>) -> PyResult<()> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let turned = FUNCTION.get_or_try_init(py, || {
        let function = PyCFunction::new_closure(py, None, None, |_, _| done::turned())?;
        Ok::<_, PyErr>(function.into_any().unbind())
    })?;
    running_loop(py)?.call_method1("call_soon", (turned.bind(py),)).map(drop)
}

/// The hub of the running loop, made on first use.
fn of_running_loop(py: Python<'_>) -> PyResult<Bound<'_, Hub>> {
    let event_loop = running_loop(py)?;
    let process = std::process::id();
    let known = {
        let hubs = HUBS.lock();
        let mine = hubs.iter().find(|hub| {
            let hub = hub.get();
            hub.process == process && hub.event_loop.is(&event_loop)
        });
        mine.map(|hub| hub.clone_ref(py))
    };
    match known {
        Some(hub) => Ok(hub.into_bound(py)),
        None => Hub::open(&event_loop, process),
    }
}

impl Hub {
    #[cold]
    fn open<'py>(event_loop: &Bound<'py, PyAny>, process: u32) -> PyResult<Bound<'py, Self>> {
        let py = event_loop.py();
        let (woken, wake) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        wake.set_nonblocking(true)?;
        let descriptor = woken.as_raw_fd();
        let hub = Bound::new(
            py,
            Self {
                event_loop: event_loop.clone().unbind(),
                inbox: Arc::new(Inbox { arrived: Mutex::default(), wake }),
                woken,
                waiting: Mutex::default(),
                next: AtomicU64::new(0),
                process,
                queued: Mutex::default(),
            },
        )?;
        event_loop.call_method1("add_reader", (descriptor, hub.getattr("_drain")?))?;
        // Hubs of closed loops, and of the parent's after a fork, have nobody to serve. They are
        // dropped after the lock is released, since dropping may run Python code.
        let others: Vec<Py<Self>> = HUBS.lock().drain(..).collect();
        let mut kept = vec![hub.clone().unbind()];
        for other in others {
            let closed = other.get().process != process
                || other.get().event_loop.bind(py).call_method0("is_closed")?.is_truthy()?;
            if !closed {
                kept.push(other);
            }
        }
        HUBS.lock().extend(kept);
        Ok(hub)
    }
}

/// Has the reads that were queued done when the loop turns: those of all tasks of this turn together.
pub(super) fn kick_soon(py: Python<'_>, dict: &Arc<Dict>) -> PyResult<()> {
    let hub = of_running_loop(py)?;
    let first = {
        let mut queued = hub.get().queued.lock();
        if queued.iter().any(|known| Arc::ptr_eq(known, dict)) {
            return Ok(());
        }
        queued.push(Arc::clone(dict));
        queued.len() == 1
    };
    if first {
        let event_loop = hub.get().event_loop.bind(py);
        event_loop.call_method1("call_soon", (hub.getattr("_kick")?,))?;
    }
    Ok(())
}

#[pymethods]
impl Hub {
    /// Called by the loop when it turns.
    fn _kick(&self) {
        let queued = std::mem::take(&mut *self.queued.lock());
        queued.iter().for_each(|dict| dict.kick());
    }

    /// Called by the loop when results have arrived.
    fn _drain(&self, py: Python<'_>) -> PyResult<()> {
        let mut bytes = [0; 64];
        // Emptied before the inbox is looked at, so that what comes later wakes the loop again.
        while matches!((&self.woken).read(&mut bytes), Ok(n) if n == bytes.len()) {}
        let arrived = std::mem::take(&mut *self.inbox.arrived.lock());
        for (token, answer) in arrived {
            let waiting = self.waiting.lock().remove(&token);
            let Some((future, finish)) = waiting else { continue };
            let future = future.bind(py);
            if future.call_method0("done")?.is_truthy()? {
                continue; // cancelled; what was accepted happens all the same
            }
            match finish(py, answer) {
                Ok(value) => future.call_method1("set_result", (value,))?,
                Err(e) => future.call_method1("set_exception", (e.into_value(py),))?,
            };
        }
        Ok(())
    }
}

/// An awaitable for a result of the engine: done at once, or a future of the running loop.
/// `finish` makes the Python value, on the loop's thread.
pub(super) fn awaitable<'py, T: Send + 'static>(
    py: Python<'py>,
    completion: Completion<T>,
    finish: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>> {
    let completion = match completion.now() {
        Ok(result) => {
            let result = result.map_err(|e| errors::raise(py, &e)).and_then(|v| finish(py, v));
            return done(py, result.map(|value| value.into_bound(py)));
        }
        Err(pending) => pending,
    };
    let hub = of_running_loop(py)?;
    let hub = hub.get();
    let future = pending_future(py, &hub.event_loop)?;
    let token = hub.next.fetch_add(1, Ordering::Relaxed);
    let finish: Finish = Box::new(move |py, answer| match answer.map(|any| any.downcast::<T>()) {
        Ok(Ok(value)) => finish(py, *value),
        Ok(Err(_)) => Err(errors::of(py, ErrorKind::Internal, "an answer of another kind")),
        Err(e) => Err(errors::raise(py, &e)),
    });
    hub.waiting.lock().insert(token, (future.clone().unbind(), finish));
    let inbox = Arc::clone(&hub.inbox);
    completion.on_done(move |result: Result<T, Error>| {
        inbox.put(token, result.map(|value| Box::new(value) as Box<dyn Any + Send>));
    });
    Ok(future)
}

/// An awaitable that is done.
pub(super) fn done<'py>(
    py: Python<'py>,
    result: PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(Bound::new(py, Done::of(py, result))?.into_any())
}

/// A future that `create_task` and `TaskGroup` take as well; see `dictsqlite._future`.
fn pending_future<'py>(py: Python<'py>, event_loop: &Py<PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    cached(py, &CLASS, "dictsqlite._future", "make")?.call1((event_loop,))
}
