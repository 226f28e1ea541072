//! What Python hands over: pairs, integers, versions.

use dictsqlite_core::ErrorKind;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::Dict;
use crate::errors;

pub(crate) type Pair<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// Items given as a mapping or as an iterable of pairs.
pub(crate) fn pairs<'py>(items: &Bound<'py, PyAny>) -> PyResult<Vec<Pair<'py>>> {
    if let Ok(dict) = items.cast::<PyDict>() {
        return Ok(dict.iter().collect());
    }
    if items.cast::<Dict>().is_ok() {
        // Asked key by key, it could lose one in between.
        return items.call_method0("items")?.try_iter()?.map(|item| item?.extract()).collect();
    }
    if items.hasattr("keys")? {
        let keys = items.call_method0("keys")?;
        return keys
            .try_iter()?
            .map(|key| {
                let key = key?;
                let value = items.get_item(&key)?;
                Ok((key, value))
            })
            .collect();
    }
    items.try_iter()?.enumerate().map(|(at, item)| pair(at, &item?)).collect()
}

/// A key and a value, from anything of length two, as `dict.update` takes them.
fn pair<'py>(at: usize, item: &Bound<'py, PyAny>) -> PyResult<Pair<'py>> {
    if let Ok(pair) = item.extract() {
        return Ok(pair);
    }
    let Ok(parts) = item.try_iter() else {
        let name = item.get_type().name()?;
        let message = format!("item {at} is no pair of key and value but {name}");
        return Err(PyTypeError::new_err(message));
    };
    let mut parts = parts.take(3).collect::<PyResult<Vec<_>>>()?;
    match (parts.pop(), parts.pop(), parts.is_empty()) {
        (Some(value), Some(key), true) => Ok((key, value)),
        _ => Err(PyValueError::new_err(format!("item {at} is no pair of key and value"))),
    }
}

/// An integer argument; one beyond 64 bits is refused in our own words.
pub(crate) fn integer(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    value.extract().map_err(|e: PyErr| {
        let py = value.py();
        if e.is_instance_of::<PyOverflowError>(py) {
            errors::of(py, ErrorKind::Invalid, "an integer argument must fit 64 bits")
        } else {
            e
        }
    })
}

/// A version argument.
pub(crate) fn version(value: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    if value.is_none() { Ok(None) } else { integer(value).map(Some) }
}
