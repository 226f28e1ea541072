//! How Python values become the bytes of a table, and back.
//!
//! A value that could not be read back is refused when it is written; bytes that would build anything but plain
//! data, safe types and what the user allowed are refused when they are read.

mod call;
mod encode;
mod fill;
mod guard;
pub(crate) mod json;
mod known;
mod pickle;
mod safe;
mod scalar;
mod scan;
mod vm;

pub(crate) use pickle::PicklePolicy;

use pyo3::prelude::*;

/// Why a value was not encoded or decoded.
#[derive(Debug)]
pub(crate) enum CodecIssue {
    /// The codec says no; the text says to what, and what to do.
    Refused(String),
    /// Python code of the value's own class raised, or the interpreter did (`MemoryError`, `KeyboardInterrupt`).
    Raised(PyErr),
}

impl From<PyErr> for CodecIssue {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

/// At most `limit` characters of untrusted text, fit for a message.
fn shown(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for letter in text.chars().take(limit) {
        match letter {
            '\'' => out.push(letter),
            _ => out.extend(letter.escape_debug()),
        }
    }
    if text.chars().nth(limit).is_some() {
        out.push_str("...");
    }
    out
}

/// `module.Class` of an object, for messages; builtins without the module.
fn type_name(obj: &Bound<'_, PyAny>) -> String {
    let name = obj.get_type().fully_qualified_name();
    name.map_or_else(
        |_| "object of an unknown type".to_owned(),
        |name| shown(&name.to_string_lossy(), 200),
    )
}
