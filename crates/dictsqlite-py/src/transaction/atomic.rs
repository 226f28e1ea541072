//! Checks and writes that are one unit, gathered in Python.

use dictsqlite_core::{Atomic, Completion};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::asynchronous::{Awaitable, awaitable, later};
use crate::dict::arguments::{delta, version};
use crate::dict::{Dict, Open, blocking};
use crate::{errors, keys, open};

/// One step: its name, its key, and what it is done with.
type Step<'py> = (String, Bound<'py, PyAny>, Bound<'py, PyTuple>);

fn gathered<'a>(py: Python<'_>, open: &'a Open, steps: &[Step<'_>]) -> PyResult<Atomic<'a>> {
    let mut atomic = open.dict.atomic();
    for (name, object, with) in steps {
        let key = keys::borrowed(object)?;
        let step = match name.as_str() {
            "check" => atomic.check(&key, version(&with.get_item(0)?)?),
            "set" => {
                let value = open.values.encode(&with.get_item(0)?, Some(object))?;
                let ttl = with.get_item(1)?;
                let ttl = open::ttl((!ttl.is_none()).then_some(&ttl))?;
                atomic.set_encoded(&key, value, ttl)
            }
            "incr" => atomic.incr(&key, delta(&with.get_item(0)?)?),
            _ => atomic.delete(&key),
        };
        step.map_err(|e| errors::raise(py, &e))?;
    }
    Ok(atomic)
}

#[pymethods]
impl Dict {
    /// Does all the steps as one unit.
    fn _atomic(&self, py: Python<'_>, steps: Vec<Step<'_>>) -> PyResult<i64> {
        let mut atomic = gathered(py, self.opened(py)?, &steps)?;
        blocking(py, || atomic.commit())
    }

    /// The same without blocking.
    fn _aatomic<'py>(&self, py: Python<'py>, steps: Vec<Step<'py>>) -> Awaitable<'py> {
        later(py, || {
            let committed: Completion<i64> = gathered(py, self.opened(py)?, &steps)?.commit_async();
            awaitable(py, committed, |py, version: i64| {
                Ok(version.into_pyobject(py)?.into_any().unbind())
            })
        })
    }
}
