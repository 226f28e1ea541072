//! A handle's codec: Python objects to stored bytes and back.

use dictsqlite_core::{ErrorKind, StorageMode, Value};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::codec::{CodecIssue, PicklePolicy, json};
use crate::errors;

/// See the module. The pickle policy is kept for tables of the same store that use pickle.
pub(crate) struct Values {
    pub(crate) mode: StorageMode,
    pub(crate) pickle: std::sync::Arc<PicklePolicy>,
}

impl Values {
    /// The stored form of `object`; `key` is named when it is refused.
    #[inline]
    pub(crate) fn encode(
        &self,
        object: &Bound<'_, PyAny>,
        key: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Value> {
        let encoded = match self.mode {
            StorageMode::Bytes => match object.cast::<PyBytes>() {
                Ok(bytes) => return Ok(Value::from(bytes.as_bytes())),
                Err(_) => Err(CodecIssue::Refused(format!(
                    "storage_mode=\"bytes\" stores bytes as they are, and this is {}; \
                     encode it, or use another storage mode",
                    object.get_type().name()?
                ))),
            },
            StorageMode::Pickle => self.pickle.dumps(object),
            StorageMode::Json | StorageMode::Jsonb => json::dumps(object),
        };
        encoded.map_err(|issue| errors::of_codec(object.py(), issue, key))
    }

    /// The object a stored value is.
    #[inline]
    pub(crate) fn decode<'py>(
        &self,
        py: Python<'py>,
        value: &[u8],
        key: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let decoded = match self.mode {
            StorageMode::Bytes => return Ok(PyBytes::new(py, value).into_any()),
            StorageMode::Pickle => self.pickle.loads(py, value),
            StorageMode::Json | StorageMode::Jsonb => json::loads(py, value),
        };
        decoded.map_err(|issue| errors::of_codec(py, issue, key))
    }
}

/// The storage mode of a name.
pub(crate) fn storage_mode(py: Python<'_>, name: &str) -> PyResult<StorageMode> {
    name.parse().map_err(|e| errors::raise(py, &e))
}

/// Refuses what only `None` may be.
pub(crate) fn refuse_password(py: Python<'_>, password: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    match password {
        None => Ok(()),
        Some(_) => Err(errors::of(
            py,
            ErrorKind::Unsupported,
            "this build does not encrypt; leave encryption_password out",
        )),
    }
}
