//! Python keys as the engine's, borrowed where that is possible, and back.

use std::borrow::Cow;

use dictsqlite_core::{AsKey, ErrorKind, Key, KeyRef, RowKey};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyString, PyTuple};

use crate::errors;

/// A key taken from a Python object that outlives it.
pub(crate) enum PyKey<'a> {
    Int(i64),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
    Tuple(Vec<Key>),
}

impl AsKey for PyKey<'_> {
    #[inline]
    fn as_key(&self) -> KeyRef<'_> {
        match self {
            PyKey::Int(i) => KeyRef::Int(*i),
            PyKey::Text(s) => KeyRef::Text(s),
            PyKey::Bytes(b) => KeyRef::Bytes(b),
            PyKey::Tuple(t) => KeyRef::Tuple(t),
        }
    }
}

/// The key a Python object is.
#[inline]
pub(crate) fn borrowed<'a>(object: &'a Bound<'_, PyAny>) -> PyResult<PyKey<'a>> {
    if let Ok(text) = object.cast::<PyString>() {
        return match text.to_cow() {
            Ok(text) => Ok(PyKey::Text(text)),
            Err(_) => Err(errors::of(
                object.py(),
                ErrorKind::KeyType,
                "the key is text with a lone surrogate, which UTF-8 cannot hold",
            )),
        };
    }
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(PyKey::Bytes(bytes.as_bytes()));
    }
    other(object)
}

fn other<'a>(object: &Bound<'_, PyAny>) -> PyResult<PyKey<'a>> {
    let py = object.py();
    if object.cast::<PyInt>().is_ok() {
        return object.extract::<i64>().map(PyKey::Int).map_err(|_| {
            errors::of(py, ErrorKind::KeyType, "an integer key must fit 64 bits; use its str()")
        });
    }
    if let Ok(tuple) = object.cast::<PyTuple>() {
        let items = tuple.iter().map(|item| element(&item)).collect::<PyResult<Vec<_>>>()?;
        return Ok(PyKey::Tuple(items));
    }
    let name = object.get_type().name()?;
    Err(errors::of(
        py,
        ErrorKind::KeyType,
        format!("a key is str, int, bytes or a tuple of these, not {name}"),
    ))
}

/// An element of a tuple. An inner tuple is refused here: walked down, deep ones overrun the stack.
fn element(object: &Bound<'_, PyAny>) -> PyResult<Key> {
    if object.cast::<PyTuple>().is_ok() {
        return Err(errors::of(
            object.py(),
            ErrorKind::KeyType,
            "a tuple key holds str, int and bytes only; flatten the inner tuple",
        ));
    }
    owned(object)
}

/// The key a Python object is, owned.
pub(crate) fn owned(object: &Bound<'_, PyAny>) -> PyResult<Key> {
    borrowed(object).map(|key| Key::from(key.as_key()))
}

/// The Python object for the key of a row.
#[inline]
pub(crate) fn of_row<'py>(py: Python<'py>, key: RowKey<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match key {
        RowKey::Int(i) => i.into_pyobject(py)?.into_any(),
        RowKey::Text(s) => PyString::new(py, &s).into_any(),
        RowKey::Bytes(b) => PyBytes::new(py, b).into_any(),
        RowKey::Tuple(items) => to_python(py, &Key::Tuple(items))?,
    })
}

/// The Python object for a key.
pub(crate) fn to_python<'py>(py: Python<'py>, key: &Key) -> PyResult<Bound<'py, PyAny>> {
    Ok(match key {
        Key::Int(i) => i.into_pyobject(py)?.into_any(),
        Key::Text(s) => PyString::new(py, s).into_any(),
        Key::Bytes(b) => PyBytes::new(py, b).into_any(),
        Key::Tuple(items) => {
            let items =
                items.iter().map(|item| to_python(py, item)).collect::<PyResult<Vec<_>>>()?;
            PyTuple::new(py, items)?.into_any()
        }
    })
}
