//! The loop's side: which futures wait for which results, and the one socket that wakes the loop.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::io::{PipeReader, Read};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dictsqlite_core::{Canceller, Completion, Error, ErrorKind};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyCFunction;

use super::done::{self, Done};
use super::inbox::{Answer, Arrived, Inbox, Look, Other};
use super::outside;
use super::reads::{Reads, Wanted};
use crate::errors;
use crate::sync::Mutex;

/// How long results are handed out before the loop turns.
pub(super) const SLICE: Duration = Duration::from_millis(1);

/// What makes the Python value of an answer, on the loop's thread.
pub(super) enum Finish {
    Read(Wanted),
    Other(Begin),
    Begun,
}
type Begin = Box<dyn FnOnce(Python<'_>, Other) -> PyResult<Step> + Send>;

/// A Python value, or what makes a large one a slice at a time.
pub(super) enum Step {
    Value(Py<PyAny>),
    Work(Work),
}
/// Works for about a [`SLICE`]; the value once it is done.
pub(super) type Work = Box<dyn FnMut(Python<'_>) -> PyResult<Option<Py<PyAny>>> + Send>;

/// A future, what makes its value, and what withdraws its operation.
struct Waiting {
    future: Py<PyAny>,
    finish: Finish,
    canceller: Option<Canceller>,
}

/// One event loop's futures.
#[pyclass(frozen, module = "dictsqlite._dictsqlite")]
pub(crate) struct Hub {
    event_loop: Py<PyAny>,
    pub(super) inbox: Arc<Inbox>,
    woken: PipeReader,
    waiting: Mutex<HashMap<u64, Waiting>>,
    /// Results that came, and are not handed out yet.
    arrived: Mutex<VecDeque<(u64, Answer)>>,
    next: AtomicU64,
    /// How many forks there were when it was made.
    process: u32,
    pub(super) reads: Mutex<Reads>,
}

/// The hubs of this process's loops. Few programs have more than one loop, none has many.
static HUBS: Mutex<Vec<Py<Hub>>> = Mutex::new(Vec::new());

pub(crate) fn cached<'py>(
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

/// Says that an error was never raised, since nobody awaited its operation.
pub(super) fn never_retrieved(py: Python<'_>, error: &Bound<'_, PyAny>) -> PyResult<()> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    cached(py, &FUNCTION, "dictsqlite._future", "never_retrieved")?.call1((error,)).map(drop)
}

/// Has the running loop tell us when it turns.
pub(super) fn call_soon_turned(py: Python<'_>) -> PyResult<()> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let turned = FUNCTION.get_or_try_init(py, || {
        let function = PyCFunction::new_closure(py, None, None, |_, _| done::turned())?;
        Ok::<_, PyErr>(function.into_any().unbind())
    })?;
    running_loop(py)?.call_method1(intern!(py, "call_soon"), (turned.bind(py),)).map(drop)
}

/// The hub of a loop that runs in this thread, made on first use.
pub(super) fn of_loop<'py>(event_loop: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Hub>> {
    let py = event_loop.py();
    // (Cheaper than asking the system for the process.)
    let process = dictsqlite_core::forks();
    let known = {
        let hubs = HUBS.lock();
        let mine = hubs.iter().find(|hub| {
            let hub = hub.get();
            hub.process == process && hub.event_loop.is(event_loop)
        });
        mine.map(|hub| hub.clone_ref(py))
    };
    match known {
        Some(hub) => Ok(hub.into_bound(py)),
        None => Hub::open(event_loop, process),
    }
}

impl Hub {
    #[cold]
    fn open<'py>(event_loop: &Bound<'py, PyAny>, process: u32) -> PyResult<Bound<'py, Self>> {
        let py = event_loop.py();
        let (woken, wake) = std::io::pipe()?;
        let descriptor = woken.as_raw_fd();
        let set_blocking = py.import("os")?.getattr("set_blocking")?;
        set_blocking.call1((descriptor, false))?;
        set_blocking.call1((wake.as_raw_fd(), false))?;
        let hub = Bound::new(
            py,
            Self {
                event_loop: event_loop.clone().unbind(),
                inbox: Arc::new(Inbox::new(wake)),
                woken,
                waiting: Mutex::default(),
                arrived: Mutex::default(),
                next: AtomicU64::new(0),
                process,
                reads: Mutex::default(),
            },
        )?;
        event_loop.call_method1("add_reader", (descriptor, hub.getattr("_drain")?))?;
        // Hubs of closed loops, and of the parent's after a fork, have nobody to serve. Python code
        // runs without the lock: asking loops, and dropping hubs.
        let known: Vec<Py<Self>> = HUBS.lock().iter().map(|hub| hub.clone_ref(py)).collect();
        let mut gone = Vec::new();
        for other in known {
            let event_loop = other.get().event_loop.bind(py);
            if other.get().process != process
                || event_loop.call_method0("is_closed")?.is_truthy()?
            {
                gone.push(other);
            }
        }
        let dropped: Vec<Py<Self>> = {
            let mut hubs = HUBS.lock();
            let is_gone = |hub: &mut Py<Self>| gone.iter().any(|other| other.is(&*hub));
            let dropped = hubs.extract_if(.., is_gone).collect();
            hubs.push(hub.clone().unbind());
            dropped
        };
        drop(dropped);
        Ok(hub)
    }
}

#[pymethods]
impl Hub {
    /// Called by the loop when it turns.
    fn _send(&self) {
        self.send();
    }

    /// Called by the loop when results have arrived.
    fn _drain(slf: &Bound<'_, Self>) -> PyResult<()> {
        let mut bytes = [0; 64];
        // Emptied before the inbox is looked at, so that what comes later wakes the loop again.
        while matches!((&slf.get().woken).read(&mut bytes), Ok(n) if n == bytes.len()) {}
        let came = slf.get().inbox.take();
        Self::receive(slf, came)
    }

    /// Called by the loop when it turns while it looks for results by itself.
    fn _look(slf: &Bound<'_, Self>) -> PyResult<()> {
        match slf.get().inbox.look() {
            Look::Found(came) => Self::receive(slf, came),
            Look::Again => Self::look_soon(slf),
            Look::Ended => Ok(()),
        }
    }

    /// Takes back what a cancelled future was to do, if that was not accepted yet.
    fn _withdraw(&self, token: u64) {
        let waiting = self.waiting.lock().remove(&token);
        if let Some(canceller) = waiting.and_then(|waiting| waiting.canceller) {
            canceller.cancel();
        }
    }

    /// Hands out results for about a millisecond, and the rest when the loop has turned.
    #[pyo3(name = "_hand_out")]
    fn hand_out(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let hub = slf.get();
        let began = Instant::now();
        loop {
            // Taken out one by one: what runs in between may come back here.
            let Some((token, answer)) = hub.arrived.lock().pop_front() else { return Ok(()) };
            let more = hub.settle(py, token, answer).unwrap_or_else(|e| {
                e.write_unraisable(py, Some(slf));
                None
            });
            let look = more.is_some() || token % 16 == 0;
            if let Some(work) = more {
                hub.arrived.lock().push_front((token, Answer::Begun(work)));
            }
            if look && began.elapsed() >= SLICE && !hub.arrived.lock().is_empty() {
                let event_loop = hub.event_loop.bind(py);
                let again = slf.getattr(intern!(py, "_hand_out"))?;
                return event_loop.call_method1(intern!(py, "call_soon"), (again,)).map(drop);
            }
        }
    }
}

impl Hub {
    /// Has the loop look for results when it turns.
    pub(super) fn look_soon(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let event_loop = slf.get().event_loop.bind(py);
        slf.getattr(intern!(py, "_look"))
            .and_then(|look| event_loop.call_method1(intern!(py, "call_soon"), (look,)))
            .inspect_err(|_| slf.get().inbox.end_look())
            .map(drop)
    }

    fn receive(slf: &Bound<'_, Self>, came: Arrived) -> PyResult<()> {
        let hub = slf.get();
        for (token, answer) in came {
            if !matches!(answer, Answer::Other(_)) {
                hub.reads.lock().one_less();
            }
            match answer {
                Answer::Many(many) => {
                    let apart = hub.apart(many);
                    hub.arrived.lock().extend(apart);
                }
                one => hub.arrived.lock().push_back((token, one)),
            }
        }
        Self::hand_out(slf)
    }

    /// Gives a future its value; what is left to do if that takes long.
    fn settle(&self, py: Python<'_>, token: u64, answer: Answer) -> PyResult<Option<Work>> {
        // Cancelled, if it is not there; what was accepted happens all the same.
        let Some(Waiting { future, finish, .. }) = self.waiting.lock().remove(&token) else {
            return Ok(None);
        };
        let step = match (finish, answer) {
            (Finish::Read(wanted), Answer::Read(found)) => {
                wanted.of(py, found).map(|value| Step::Value(value.unbind()))
            }
            (Finish::Other(finish), Answer::Other(result)) => finish(py, result),
            (Finish::Begun, Answer::Begun(work)) => Ok(Step::Work(work)),
            _ => Err(errors::of(py, ErrorKind::Internal, "an answer of another kind")),
        };
        let value = match step {
            Ok(Step::Value(value)) => Ok(value),
            Ok(Step::Work(mut work)) => match work(py) {
                Ok(Some(value)) => Ok(value),
                Ok(None) => {
                    let waiting = Waiting { future, finish: Finish::Begun, canceller: None };
                    self.waiting.lock().insert(token, waiting);
                    return Ok(Some(work));
                }
                Err(e) => Err(e),
            },
            Err(e) => Err(e),
        };
        let future = future.bind(py);
        let set = match value {
            Ok(value) => future.call_method1(intern!(py, "set_result"), (value,)),
            Err(e) => future.call_method1(intern!(py, "set_exception"), (e.into_value(py),)),
        };
        match set {
            // Somebody else gave it a result.
            Err(_) if future.call_method0(intern!(py, "done"))?.is_truthy()? => Ok(None),
            set => set.map(|_| None),
        }
    }
}

/// An awaitable for a result of the engine: done at once, or a future of the running loop.
/// `finish` makes the Python value, on the loop's thread.
pub(crate) fn awaitable<'py, T: Send + 'static>(
    py: Python<'py>,
    completion: Completion<T>,
    finish: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>> {
    in_steps(py, completion, move |py, value| finish(py, value).map(Step::Value))
}

/// The same for a value that may take long to make.
pub(super) fn in_steps<'py, T: Send + 'static>(
    py: Python<'py>,
    completion: Completion<T>,
    finish: impl FnOnce(Python<'_>, T) -> PyResult<Step> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>> {
    let completion = match completion.now() {
        Ok(result) => {
            let made = result.map_err(|e| errors::raise(py, &e)).and_then(|v| finish(py, v));
            let made = made.and_then(|step| match step {
                Step::Value(value) => Ok(value),
                // It was there at once, so there cannot be much of it.
                Step::Work(mut work) => loop {
                    if let Some(value) = work(py)? {
                        break Ok(value);
                    }
                },
            });
            return done(py, made.map(|value| value.into_bound(py)));
        }
        Err(pending) => pending,
    };
    let Ok(event_loop) = running_loop(py) else {
        return outside::coroutine(py, move |py| in_steps(py, completion, finish));
    };
    let hub = of_loop(&event_loop)?;
    let finish = Finish::Other(Box::new(move |py, answer: Other| {
        match answer.map(|any| any.downcast::<T>()) {
            Ok(Ok(value)) => finish(py, *value),
            Ok(Err(_)) => Err(errors::of(py, ErrorKind::Internal, "an answer of another kind")),
            Err(e) => Err(errors::raise(py, &e)),
        }
    }));
    let (token, future) = expected(&hub, finish, completion.canceller())?;
    let inbox = Arc::clone(&hub.get().inbox);
    completion.on_done(move |result: Result<T, Error>| {
        let result = result.map(|value| Box::new(value) as Box<dyn Any + Send>);
        inbox.put(token, Answer::Other(result));
    });
    Ok(future)
}

/// A future for an answer that will come, and the token it is known by.
pub(super) fn expected<'py>(
    hub: &Bound<'py, Hub>,
    finish: Finish,
    canceller: Option<Canceller>,
) -> PyResult<(u64, Bound<'py, PyAny>)> {
    let token = hub.get().next.fetch_add(1, Ordering::Relaxed);
    let event_loop = hub.get().event_loop.bind(hub.py());
    let future = pending_future(event_loop, hub.as_any(), token)?;
    let waiting = Waiting { future: future.clone().unbind(), finish, canceller };
    hub.get().waiting.lock().insert(token, waiting);
    Ok((token, future))
}

/// What goes wrong is raised by the await, as with a coroutine.
#[inline]
pub(crate) fn later<'py>(
    py: Python<'py>,
    operation: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    operation().or_else(|e| done(py, Err(e)))
}

/// An awaitable that is done.
pub(crate) fn done<'py>(
    py: Python<'py>,
    result: PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(Bound::new(py, Done::of(py, result))?.into_any())
}

/// A future that `create_task` and `TaskGroup` take as well; see `dictsqlite._future`.
fn pending_future<'py>(
    event_loop: &Bound<'py, PyAny>,
    hub: &Bound<'py, PyAny>,
    token: u64,
) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make = cached(event_loop.py(), &CLASS, "dictsqlite._future", "make")?;
    make.call1((event_loop, hub, token))
}
