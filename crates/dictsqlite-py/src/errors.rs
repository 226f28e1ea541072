//! Errors of the engine as Python exceptions, which are defined in `dictsqlite.errors`.

use dictsqlite_core::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;

use crate::codec::CodecIssue;
use crate::keys;

static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

fn class_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::KeyMissing => "KeyMissingError",
        ErrorKind::KeyType => "KeyTypeError",
        ErrorKind::Codec => "CodecError",
        ErrorKind::Conflict => "ConflictError",
        ErrorKind::Busy => "BusyError",
        ErrorKind::Timeout => "TimeoutError",
        ErrorKind::Cancelled => "CancelledError",
        ErrorKind::Closed => "ClosedError",
        ErrorKind::Corrupt => "CorruptError",
        ErrorKind::Full => "FullError",
        ErrorKind::ReadOnly => "ReadOnlyError",
        ErrorKind::Password => "PasswordError",
        ErrorKind::Unsupported => "UnsupportedError",
        ErrorKind::Invalid => "InvalidError",
        ErrorKind::Io => "IoError",
        ErrorKind::Internal => "InternalError",
    }
}

/// An exception of the class for `kind`.
fn exception<'py>(
    py: Python<'py>,
    kind: ErrorKind,
    argument: impl IntoPyObject<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    exception_of(py, class_name(kind), argument)
}

fn exception_of<'py>(
    py: Python<'py>,
    class: &str,
    argument: impl IntoPyObject<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let module = MODULE
        .get_or_try_init(py, || PyModule::import(py, "dictsqlite.errors").map(Bound::unbind))?;
    module.bind(py).getattr(class)?.call1((argument,))
}

/// The Python exception for an error of the engine; its `key` attribute names the key concerned.
#[cold]
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    let file = error.file().filter(|_| error.kind() == ErrorKind::Io);
    let class = match file {
        Some((std::io::ErrorKind::NotFound, ..)) => "FileMissingError",
        _ if error.is_history_truncated() => "HistoryTruncatedError",
        _ => class_name(error.kind()),
    };
    let made = exception_of(py, class, error.to_string()).and_then(|exception| {
        let key = error.key().map(|key| keys::to_python(py, key)).transpose()?;
        exception.setattr("key", key)?;
        if let Some((_, Some(code), path)) = file {
            exception.setattr("errno", code)?;
            exception.setattr("strerror", py.import("os")?.call_method1("strerror", (code,))?)?;
            exception.setattr("filename", path.to_string_lossy())?;
        }
        Ok(exception)
    });
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(failure) => failure,
    }
}

/// `KeyError` for a key that is not there: its argument is the key itself, as with a dict.
#[cold]
pub(crate) fn missing(key: &Bound<'_, PyAny>) -> PyErr {
    match exception(key.py(), ErrorKind::KeyMissing, key) {
        Ok(exception) => PyErr::from_value(exception),
        Err(failure) => failure,
    }
}

/// `KeyError` for an item of a dict that has none.
#[cold]
pub(crate) fn empty(py: Python<'_>) -> PyErr {
    missing(pyo3::types::PyString::new(py, "the dict is empty").as_any())
}

/// An error that begins here.
#[cold]
pub(crate) fn of(py: Python<'_>, kind: ErrorKind, message: impl Into<String>) -> PyErr {
    raise(py, &Error::new(kind, message))
}

/// What a codec refused, naming the key; what Python code raised goes on as it is.
#[cold]
pub(crate) fn of_codec(py: Python<'_>, issue: CodecIssue, key: Option<&Bound<'_, PyAny>>) -> PyErr {
    let message = match issue {
        CodecIssue::Raised(raised) => return raised,
        CodecIssue::Refused(message) => message,
    };
    let error = Error::new(ErrorKind::Codec, message);
    let error = match key.map(keys::owned) {
        Some(Ok(key)) => error.with_key(key),
        _ => error,
    };
    raise(py, &error)
}
