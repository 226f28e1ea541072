//! The JSON codec: strict both ways, so that what comes back is what was stored.

use std::sync::Arc;

use pyo3::exceptions::{PyException, PyMemoryError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyType};

use super::{CodecIssue, shown, type_name};

/// What other readers of JSON accept too.
const MAX_DEPTH: usize = 127;

/// A refusal on its way up: what, and the steps from the value back to the root.
struct Refusal {
    what: String,
    advice: &'static str,
    place: Vec<String>,
}

impl Refusal {
    fn new(what: impl Into<String>, advice: &'static str) -> Self {
        Self { what: what.into(), advice, place: Vec::new() }
    }

    fn under(mut self, step: impl FnOnce() -> String) -> Self {
        self.place.push(step());
        self
    }

    fn message(self) -> String {
        // The steps are escaped already; a long way is told by its beginning.
        let place: String = self.place.into_iter().rev().take(24).collect();
        format!("value at ${place} {}; {}", self.what, self.advice)
    }
}

enum Stop {
    Refusal(Refusal),
    Raised(PyErr),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

/// The compact JSON text of `obj`, its keys in their order.
///
/// # Errors
/// Refused, by name and place, when JSON cannot hold a part of it.
pub(crate) fn dumps(obj: &Bound<'_, PyAny>) -> Result<Arc<[u8]>, CodecIssue> {
    let mut out = Vec::with_capacity(128);
    match write(&mut out, obj, 0) {
        Ok(()) => Ok(out.into()),
        Err(Stop::Raised(error)) => Err(CodecIssue::Raised(error)),
        Err(Stop::Refusal(refusal)) => Err(CodecIssue::Refused(refusal.message())),
    }
}

fn write(out: &mut Vec<u8>, obj: &Bound<'_, PyAny>, depth: usize) -> Result<(), Stop> {
    if let Ok(text) = obj.cast_exact::<PyString>() {
        return write_text(out, text);
    }
    if obj.is_none() {
        out.extend(b"null");
    } else if let Ok(value) = obj.cast_exact::<PyBool>() {
        out.extend_from_slice(if value.is_true() { b"true" } else { b"false" });
    } else if obj.is_exact_instance_of::<PyInt>() {
        write_int(out, obj)?;
    } else if let Ok(value) = obj.cast_exact::<PyFloat>() {
        let value = value.value();
        if !value.is_finite() {
            return Err(Refusal::new(
                format!("is {value}, which JSON cannot hold"),
                "use None or text",
            )
            .into());
        }
        put(out, &value)?;
    } else if let Ok(dict) = obj.cast_exact::<PyDict>() {
        check_depth(depth)?;
        write_dict(out, dict, depth)?;
    } else if let Ok(list) = obj.cast_exact::<PyList>() {
        check_depth(depth)?;
        out.push(b'[');
        for (index, item) in list.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write(out, &item, depth + 1).map_err(|stop| at(stop, || format!("[{index}]")))?;
        }
        out.push(b']');
    } else {
        return Err(refuse(obj).into());
    }
    Ok(())
}

fn at(stop: Stop, step: impl FnOnce() -> String) -> Stop {
    match stop {
        Stop::Refusal(refusal) => Stop::Refusal(refusal.under(step)),
        raised => raised,
    }
}

fn check_depth(depth: usize) -> Result<(), Refusal> {
    if depth < MAX_DEPTH {
        return Ok(());
    }
    Err(Refusal::new(
        "is nested more than 127 levels deep, or contains itself",
        "store it in parts",
    ))
}

fn write_dict(out: &mut Vec<u8>, dict: &Bound<'_, PyDict>, depth: usize) -> Result<(), Stop> {
    out.push(b'{');
    let mut first = true;
    // No Python code runs in here, so nothing changes the dict meanwhile.
    for (key, value) in dict.iter() {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        let Ok(text) = key.cast_exact::<PyString>() else {
            let what = format!("has the key {}, but JSON keys are text", shown_key(&key));
            return Err(Refusal::new(what, "use str keys, or storage_mode=\"pickle\"").into());
        };
        let step = || step(&text.to_string_lossy());
        write_text(out, text).map_err(|stop| at(stop, step))?;
        out.push(b':');
        write(out, &value, depth + 1).map_err(|stop| at(stop, step))?;
    }
    out.push(b'}');
    Ok(())
}

/// `.name` or `["other text"]`.
fn step(key: &str) -> String {
    let word = !key.is_empty()
        && key.chars().all(|letter| letter == '_' || letter.is_ascii_alphanumeric());
    if word && key.len() <= 60 { format!(".{key}") } else { format!("[\"{}\"]", shown(key, 60)) }
}

/// Only builtin keys are shown by value: others would run code of theirs.
fn shown_key(key: &Bound<'_, PyAny>) -> String {
    let plain = key.is_none()
        || key.is_exact_instance_of::<PyInt>()
        || key.is_exact_instance_of::<PyBool>()
        || key.is_exact_instance_of::<PyFloat>();
    let text = if plain { key.str().ok() } else { None };
    text.map_or_else(
        || type_phrase(key),
        |text| format!("{} ({})", shown(&text.to_string_lossy(), 60), type_phrase(key)),
    )
}

fn write_text(out: &mut Vec<u8>, text: &Bound<'_, PyString>) -> Result<(), Stop> {
    match text.to_cow() {
        Ok(text) => put(out, text.as_ref()),
        Err(_) => Err(Refusal::new(
            "is text with a lone surrogate, which JSON cannot hold",
            "use storage_mode=\"pickle\"",
        )
        .into()),
    }
}

fn write_int(out: &mut Vec<u8>, obj: &Bound<'_, PyAny>) -> Result<(), Stop> {
    if let Ok(value) = obj.extract::<i64>() {
        return put(out, &value);
    }
    // The interpreter's own limit on digits, which the reader would meet as well.
    match obj.str() {
        Ok(digits) => {
            out.extend_from_slice(digits.to_string_lossy().as_bytes());
            Ok(())
        }
        Err(_) => {
            Err(Refusal::new("is an int of more digits than Python reads back", "store it as text")
                .into())
        }
    }
}

fn put<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), Stop> {
    let written = serde_json::to_writer(out, value);
    written.map_err(|error| Stop::Raised(PyException::new_err(error.to_string())))
}

/// `a set`, `an int`.
fn type_phrase(obj: &Bound<'_, PyAny>) -> String {
    let name = type_name(obj);
    let vowel = name.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']);
    format!("{} {name}", if vowel { "an" } else { "a" })
}

fn refuse(obj: &Bound<'_, PyAny>) -> Refusal {
    let py = obj.py();
    let bases: [(&str, Bound<'_, PyType>); 5] = [
        ("a dict", py.get_type::<PyDict>()),
        ("a list", py.get_type::<PyList>()),
        ("text", py.get_type::<PyString>()),
        ("an int", py.get_type::<PyInt>()),
        ("a float", py.get_type::<PyFloat>()),
    ];
    // By the type, not `isinstance`, which asks the object.
    let class = obj.get_type();
    let base = bases.iter().find(|(_, base)| class.is_subclass(base).unwrap_or(false));
    let what = match base {
        Some((plain, _)) => {
            format!("is {}, which JSON would give back as {plain}", type_phrase(obj))
        }
        None => format!("is {}, which JSON cannot hold", type_phrase(obj)),
    };
    Refusal::new(what, "convert it, or use storage_mode=\"pickle\"")
}

/// The value of a JSON text, read by the interpreter's own reader: integers of any size stay exact.
///
/// # Errors
/// Refused when the text is no strict JSON.
pub(crate) fn loads<'py>(py: Python<'py>, data: &[u8]) -> Result<Bound<'py, PyAny>, CodecIssue> {
    static DECODE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let unsound = |why: &str| {
        CodecIssue::Refused(format!("the stored value is no strict JSON: {}", shown(why, 300)))
    };
    let text = std::str::from_utf8(data).map_err(|error| unsound(&error.to_string()))?;
    let decode = DECODE.get_or_try_init(py, || -> PyResult<Py<PyAny>> {
        let kwargs = PyDict::new(py);
        // Asked what NaN and Infinity mean, `int` raises.
        kwargs.set_item("parse_constant", py.get_type::<PyInt>())?;
        let decoder = py.import("json")?.getattr("JSONDecoder")?.call((), Some(&kwargs))?;
        Ok(decoder.getattr("decode")?.unbind())
    })?;
    decode.bind(py).call1((text,)).map_err(|error| {
        let ours =
            error.is_instance_of::<PyException>(py) && !error.is_instance_of::<PyMemoryError>(py);
        if ours { unsound(&error.value(py).to_string()) } else { CodecIssue::Raised(error) }
    })
}
