//! What Python hands over: pairs, integers, versions.

use dictsqlite_core::ErrorKind;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

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

/// The keys of a batch. A lone key that is a `str` or `bytes` would be taken for its characters.
pub(crate) fn listed<'py>(keys: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    if keys.is_instance_of::<PyString>() || keys.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err("keys takes a list; put the one item into [...]"));
    }
    keys.try_iter()?.collect()
}

/// Names of tables; a lone `str` would be taken for its letters.
pub(crate) fn tables(tables: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<String>> {
    let Some(tables) = tables.filter(|tables| !tables.is_none()) else { return Ok(Vec::new()) };
    let wrong = || {
        errors::of(tables.py(), ErrorKind::Invalid, "tables is a list of names of tables, or None")
    };
    if tables.is_instance_of::<PyString>() {
        return Err(wrong());
    }
    let names: Vec<String> = tables
        .try_iter()
        .and_then(|names| names.map(|name| name?.extract()).collect())
        .map_err(|_| wrong())?;
    if names.is_empty() {
        return Err(wrong());
    }
    Ok(names)
}

/// An integer argument; what is none, or beyond 64 bits, is refused by name.
fn integer(name: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    value.extract().map_err(|e: PyErr| refused(name, value, e))
}

#[cold]
fn refused(name: &str, value: &Bound<'_, PyAny>, e: PyErr) -> PyErr {
    let py = value.py();
    if e.is_instance_of::<PyOverflowError>(py) {
        let message = format!("{name} is an integer that must fit 64 bits");
        errors::of(py, ErrorKind::Invalid, message)
    } else if e.is_instance_of::<PyTypeError>(py) {
        let kind = value.get_type().name().map_or_else(|_| "?".to_owned(), |n| n.to_string());
        PyTypeError::new_err(format!("{name} is an int, not {kind}"))
    } else {
        e
    }
}

/// What is added to a counter.
pub(crate) fn delta(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    integer("delta", value)
}

/// The version that an entry must have; 0 is no entry. (Rows of other tools have negative ones.)
pub(crate) fn version(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    integer("version", value)
}

/// The argument `if_version`.
pub(crate) fn if_version(value: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    if value.is_none() { Ok(None) } else { integer("if_version", value).map(Some) }
}

/// The argument `last`.
pub(crate) fn last(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.extract().map_err(|_| {
        let kind = value.get_type().name().map_or_else(|_| "?".to_owned(), |n| n.to_string());
        PyTypeError::new_err(format!("last is True or False, not {kind}"))
    })
}
