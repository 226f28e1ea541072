//! `Dict`: the operations of one handle, with the interpreter released while SQLite works.
//!
//! `mapping` is the dict protocol, `conditional` what the writer decides, `many` batches and scans,
//! `handle` opening, closing and facts, `arguments` what Python hands over. The awaitable forms are in
//! `crate::asynchronous`.

pub(crate) mod arguments;
pub(crate) mod changing;
mod conditional;
mod handle;
mod many;
mod mapping;
mod near;

use std::cell::Cell;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dictsqlite_core::{Dict as Core, Error, ErrorKind, Peek, Ttl, interruptible, is_main_thread};
use pyo3::prelude::*;
use pyo3::types::PyString;

pub(crate) use conditional::entry_of;
use near::{Look, Near};

use crate::transaction::is_mine;
use crate::values::Values;
use crate::{errors, keys};

/// A handle on one table. Made empty; `_open` or `_attach` fill it.
#[pyclass(frozen, subclass, weakref, module = "dictsqlite._dictsqlite")]
pub(crate) struct Dict {
    pub(crate) open: OnceLock<Open>,
}

/// An open handle and its codec.
pub(crate) struct Open {
    pub(crate) dict: Arc<Core>,
    pub(crate) values: Arc<Values>,
    pub(crate) near: Near,
}

impl Drop for Open {
    fn drop(&mut self) {
        // The last reference may go while the interpreter is held: closing must not stop it.
        if Arc::strong_count(&self.dict) == 1 && !self.dict.is_closed() {
            let dict = Arc::clone(&self.dict);
            let close = move || {
                // Ours must be the last reference, or the interpreter's thread would close after all.
                while Arc::strong_count(&dict) > 1 {
                    std::thread::sleep(Duration::from_micros(50));
                }
                drop(dict);
            };
            // Without a thread, the handle is closed here.
            let _ = std::thread::Builder::new().name("dictsqlite-close".into()).spawn(close);
        }
    }
}

impl Dict {
    #[inline]
    pub(crate) fn opened(&self, py: Python<'_>) -> PyResult<&Open> {
        match self.open.get() {
            Some(open) if open.dict.lent_to_task() == 0 => Ok(open),
            Some(open) => open.not_lent(py),
            None => Err(errors::of(py, ErrorKind::Closed, "this handle was never opened")),
        }
    }

    /// The value of a key, asking SQLite without the interpreter if memory does not know.
    #[inline]
    pub(super) fn lookup<'py>(
        &self,
        object: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let open = self.opened(object.py())?;
        match open.recall(object)? {
            Some(found) => Ok(Some(found)),
            None => open.lookup(object),
        }
    }

    #[inline]
    pub(super) fn store(
        &self,
        object: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        ttl: Ttl,
    ) -> PyResult<()> {
        let py = object.py();
        let Open { dict, values, .. } = self.opened(py)?;
        let key = keys::borrowed(object)?;
        let value = values.encode(value, Some(object))?;
        match dict.try_set_encoded(&key, &value, ttl) {
            Ok(true) => Ok(()),
            Ok(false) => blocking(py, || dict.set_encoded(&key, value, ttl)),
            Err(e) => Err(errors::raise(py, &e)),
        }
    }
}

impl Open {
    /// The value of a key, if nothing is pending and memory has it. Who gets nothing asks on as if this
    /// were not there, and hears of whatever is wrong.
    #[inline]
    pub(crate) fn recall<'py>(
        &self,
        object: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = object.py();
        // Other keys may be equal and not the same. They are told first: the moment costs a look at the stamp.
        let Ok(text) = object.cast_exact::<PyString>() else { return Ok(None) };
        let Ok(Some(moment)) = self.dict.moment() else { return Ok(None) };
        let look = self.near.look(object, moment.id());
        if let Look::Hit(found) = look {
            return Ok(Some(found));
        }
        let Ok(text) = text.to_cow() else { return Ok(None) };
        let Ok(Some((value, lasts))) = moment.recall(&*text) else { return Ok(None) };
        let found = self.values.decode(py, &value, Some(object))?;
        let small = value.len().max(text.len()) <= near::LARGEST;
        if lasts && small && matches!(look, Look::Miss) {
            self.near.keep(object, &found, moment.id());
        }
        Ok(Some(found))
    }

    fn lookup<'py>(&self, object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = object.py();
        let key = keys::borrowed(object)?;
        let found = match self.dict.peek(&key) {
            Ok(Peek::Found(value)) => Some(value),
            Ok(Peek::Absent) => None,
            Ok(Peek::Unknown) => blocking(py, || self.dict.get(&key))?,
            Err(e) => return Err(errors::raise(py, &e)),
        };
        found.map(|value| self.values.decode(py, &value, Some(object))).transpose()
    }

    /// Refuses to wait for an immediate transaction that only this task could end.
    #[cold]
    pub(crate) fn not_lent(&self, py: Python<'_>) -> PyResult<&Self> {
        let number = self.dict.lent_to_task();
        if number == 0 || !is_mine(py, number)? {
            return Ok(self);
        }
        let message =
            "this task has an immediate transaction open; use the transaction, or end it first";
        Err(errors::of(py, ErrorKind::Invalid, message))
    }
}

thread_local! {
    /// What a signal's handler raised while this thread waited.
    static RAISED: Cell<Option<PyErr>> = const { Cell::new(None) };
}

/// Lets Python handle signals, as its own waiting does; true once a handler has raised.
fn signalled() -> bool {
    // Python's handlers run on the main thread only.
    if !is_main_thread() {
        return false;
    }
    let raised = RAISED.take().or_else(|| Python::attach(|py| py.check_signals()).err());
    let stop = raised.is_some();
    RAISED.set(raised);
    stop
}

/// Runs an operation of the engine with the interpreter released. A signal interrupts its waiting.
pub(crate) fn blocking<T: Send>(
    py: Python<'_>,
    operation: impl FnOnce() -> Result<T, Error> + Send,
) -> PyResult<T> {
    let result = py.detach(|| interruptible(signalled, operation));
    match (RAISED.take(), result) {
        (Some(raised), _) => Err(raised),
        (None, result) => result.map_err(|e| errors::raise(py, &e)),
    }
}

impl Dict {
    pub(crate) fn fill(&self, py: Python<'_>, dict: Core, values: Arc<Values>) -> PyResult<()> {
        let open = Open { dict: Arc::new(dict), values, near: Near::default() };
        self.open.set(open).map_err(|_| {
            errors::of(py, ErrorKind::Invalid, "this handle is open already; make a new one")
        })
    }
}
