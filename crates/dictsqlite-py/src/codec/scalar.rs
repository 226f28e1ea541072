//! Values that one opcode holds whole.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyString};

use super::scan::Op;
use super::vm::{Fail, damaged};

type Any<'py> = Bound<'py, PyAny>;

/// The value of an opcode that holds one whole.
#[inline(always)]
pub(super) fn scalar<'py>(py: Python<'py>, op: &Op<'_>) -> Result<Option<Any<'py>>, Fail> {
    let value = match *op {
        Op::Str(bytes) => match PyString::from_bytes(py, bytes) {
            Ok(text) => text.into_any(),
            // Lone surrogates, which the interpreter writes as if they were characters.
            Err(_) => decode(py, bytes, "utf-8", "surrogatepass")?,
        },
        Op::Int(value) => PyInt::new(py, value).into_any(),
        Op::None => py.None().into_bound(py),
        Op::Bool(value) => PyBool::new(py, value).to_owned().into_any(),
        Op::Float(value) => PyFloat::new(py, value).into_any(),
        Op::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        Op::ByteArray(bytes) => PyByteArray::new(py, bytes).into_any(),
        Op::Long(bytes) => {
            let kwargs = PyDict::new(py);
            let from_bytes = |kwargs: &Bound<'py, PyDict>| {
                kwargs.set_item("signed", true)?;
                py.get_type::<PyInt>().call_method(
                    "from_bytes",
                    (PyBytes::new(py, bytes), "little"),
                    Some(kwargs),
                )
            };
            from_bytes(&kwargs).map_err(|error| damaged(py, error))?
        }
        Op::LongText(text) => {
            py.get_type::<PyInt>().call1((text,)).map_err(|error| damaged(py, error))?
        }
        Op::FloatText(text) => {
            py.get_type::<PyFloat>().call1((text,)).map_err(|error| damaged(py, error))?
        }
        Op::RawStr(bytes) => decode(py, bytes, "raw_unicode_escape", "strict")?,
        _ => return Ok(None),
    };
    Ok(Some(value))
}

fn decode<'py>(
    py: Python<'py>,
    bytes: &[u8],
    encoding: &str,
    errors: &str,
) -> Result<Any<'py>, Fail> {
    PyBytes::new(py, bytes)
        .call_method1("decode", (encoding, errors))
        .map_err(|error| damaged(py, error))
}
