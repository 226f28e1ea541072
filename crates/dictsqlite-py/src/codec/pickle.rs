//! The pickle codec: what a handle lets pickles name, and the way of a value to its bytes and back.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pyo3::exceptions::{PyException, PyMemoryError, PyRecursionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyType};

use super::guard::SAFE_NESTS;
use super::known::Known;
use super::safe::{self, Rule};
use super::scalar::scalar;
use super::scan::{Op, Reader, scan};
use super::vm::{Fail, Machine};
use super::{CodecIssue, encode, shown};

type Names = HashMap<String, HashMap<String, Option<Py<PyAny>>>>;

/// What one handle's pickles may build.
#[derive(Debug)]
pub(crate) struct PicklePolicy {
    safe: bool,
    /// Module, then qualified name; the object itself where the user gave a class.
    names: Names,
    modules: HashSet<String>,
    dumps: Py<PyAny>,
    loads: Py<PyAny>,
    /// How protocols 0 to 2 spell names: `_compat_pickle`'s two tables.
    old_names: Py<PyAny>,
    old_modules: Py<PyAny>,
    /// Keys of the dicts that were read.
    pub(super) known: Known,
}

impl PicklePolicy {
    /// A policy of the safe types, the classes of `allowed_modules` (an iterable of module names) and exactly
    /// `allowed_names` (an iterable of classes, `"module.qualname"` or `"module:qualname"`). With `safe` false,
    /// pickles are obeyed as they are.
    ///
    /// # Errors
    /// `TypeError` and `ValueError` for items that name nothing.
    pub(crate) fn new(
        py: Python<'_>,
        safe: bool,
        allowed_modules: Option<&Bound<'_, PyAny>>,
        allowed_names: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut modules = HashSet::new();
        for item in items("safe_pickle_allowed_modules", allowed_modules)? {
            modules.insert(module_name(&item)?);
        }
        let mut names = Names::new();
        for item in items("safe_pickle_allowed_names", allowed_names)? {
            allow(&mut names, &item)?;
        }
        let pickle = py.import("pickle")?;
        let compat = py.import("_compat_pickle")?;
        Ok(Self {
            safe,
            names,
            modules,
            dumps: pickle.getattr("dumps")?.unbind(),
            loads: pickle.getattr("loads")?.unbind(),
            old_names: compat.getattr("NAME_MAPPING")?.unbind(),
            old_modules: compat.getattr("IMPORT_MAPPING")?.unbind(),
            known: Known::new(),
        })
    }

    /// The pickle of `obj`: a stream that `pickle.loads` reads and that `loads` is sure to accept.
    ///
    /// # Errors
    /// Refused when it could not be read back; raised when its own code raises.
    pub(crate) fn dumps(&self, obj: &Bound<'_, PyAny>) -> Result<Arc<[u8]>, CodecIssue> {
        if let Some(bytes) = encode::encode(obj) {
            return Ok(bytes.into());
        }
        let py = obj.py();
        let pickled =
            self.dumps.bind(py).call1((obj, 5)).map_err(|error| raised(py, error, "store"))?;
        let pickled = pickled.cast_into::<PyBytes>().map_err(PyErr::from)?;
        let data = pickled.as_bytes();
        if self.safe {
            let shape = scan(data).map_err(|error| issue(py, error.into(), "store"))?;
            if shape.active || shape.nests > SAFE_NESTS {
                // The reader itself is asked: nothing else is certain to agree with it.
                Machine::new(py, self).run(data).map_err(|fail| issue(py, fail, "store"))?;
            }
        }
        Ok(data.into())
    }

    /// The value of a pickle.
    ///
    /// # Errors
    /// Refused when the stream is damaged, or names or does what the policy does not allow; raised when code of an
    /// allowed class raises.
    pub(crate) fn loads<'py>(
        &self,
        py: Python<'py>,
        data: &[u8],
    ) -> Result<Bound<'py, PyAny>, CodecIssue> {
        if let Some(value) = lone_scalar(py, data) {
            return Ok(value);
        }
        if self.safe {
            Machine::new(py, self).run(data).map_err(|fail| issue(py, fail, "load"))
        } else {
            self.loads
                .bind(py)
                .call1((PyBytes::new(py, data),))
                .map_err(|error| raised(py, error, "load"))
        }
    }

    /// The object that a stream calls `module.name`, and what may be done with it. `legacy` streams use the names
    /// of Python 2.
    pub(super) fn find<'py>(
        &self,
        py: Python<'py>,
        module: &str,
        name: &str,
        legacy: bool,
    ) -> Option<PyResult<(Bound<'py, PyAny>, Rule)>> {
        if legacy {
            return match self.modern(py, module, name) {
                Ok((module, name)) => self.find(py, &module, &name, false),
                Err(error) => Some(Err(error)),
            };
        }
        let found = safe::find(py, module, name);
        // What the codec knows how to rebuild is not loosened by being allowed once more.
        if !matches!(found, None | Some(Ok((_, Rule::Value)))) {
            return found;
        }
        if let Some(given) = self.names.get(module).and_then(|names| names.get(name)) {
            let object = match given {
                Some(object) => Ok(object.bind(py).clone()),
                None => walk(py, module, name),
            };
            return Some(object.map(|object| (object, Rule::Any)));
        }
        if found.is_none() && self.modules.contains(module) {
            return class_of(py, module, name)
                .map(|class| class.map(|class| (class, Rule::Any)))
                .transpose();
        }
        found
    }

    fn modern<'a>(
        &self,
        py: Python<'_>,
        module: &'a str,
        name: &'a str,
    ) -> PyResult<(Cow<'a, str>, Cow<'a, str>)> {
        let missing: Option<Bound<'_, PyAny>> = None;
        let pair = self.old_names.bind(py).call_method1("get", ((module, name), missing))?;
        if !pair.is_none() {
            let (module, name) = pair.extract::<(String, String)>()?;
            return Ok((module.into(), name.into()));
        }
        let renamed = self.old_modules.bind(py).call_method1("get", (module, module))?;
        Ok((renamed.extract::<String>()?.into(), name.into()))
    }
}

/// The value of a stream that is one scalar, without a machine. Anything else, and any fault, is left to the machine.
fn lone_scalar<'py>(py: Python<'py>, data: &[u8]) -> Option<Bound<'py, PyAny>> {
    let mut reader = Reader::new(data);
    let mut op = reader.next_op().ok()?;
    while matches!(op, Op::Proto(_) | Op::Frame) {
        op = reader.next_op().ok()?;
    }
    let ends = |reader: &mut Reader<'_>| match reader.next_op() {
        Ok(Op::Memoize) => matches!(reader.next_op(), Ok(Op::Stop)),
        other => matches!(other, Ok(Op::Stop)),
    };
    // Looked at before the value is built: a container's first item is no lone scalar.
    if matches!(op, Op::Mark | Op::EmptyDict | Op::EmptyList | Op::EmptyTuple) || !ends(&mut reader)
    {
        return None;
    }
    scalar(py, &op).ok().flatten()
}

/// The object at `module.name`, its qualified name walked attribute by attribute.
fn walk<'py>(py: Python<'py>, module: &str, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let module = py.import(module)?.into_any();
    name.split('.').try_fold(module, |object, part| object.getattr(part))
}

/// The class at `module.name`, if it is a class that this very module defines under this very name.
fn class_of<'py>(py: Python<'py>, module: &str, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    let mut object = py.import(module)?.into_any();
    for part in name.split('.') {
        object = object.getattr(part)?;
        if !object.is_instance_of::<PyType>() {
            return Ok(None);
        }
    }
    let Ok(class) = object.cast::<PyType>() else { return Ok(None) };
    // A class of classes would let a stream make classes.
    let fits = class.module()?.to_cow()? == module
        && class.qualname()?.to_cow()? == name
        && !class.is_subclass(&py.get_type::<PyType>())?;
    Ok(fits.then_some(object))
}

fn items<'py>(option: &str, given: Option<&Bound<'py, PyAny>>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let Some(given) = given.filter(|given| !given.is_none()) else { return Ok(Vec::new()) };
    // A string is an iterable of its letters, which nobody means; a class that is an Enum is one of its members.
    if given.is_instance_of::<PyString>() || given.is_instance_of::<PyType>() {
        return Err(PyTypeError::new_err(format!(
            "{option} takes a list; put the one item into [...]"
        )));
    }
    let iter = given
        .try_iter()
        .map_err(|_| PyTypeError::new_err(format!("{option} takes a list of items")))?;
    iter.collect()
}

fn module_name(item: &Bound<'_, PyAny>) -> PyResult<String> {
    let Ok(text) = item.cast::<PyString>() else {
        return Err(PyTypeError::new_err(format!(
            "safe_pickle_allowed_modules takes names of modules as text, such as \"shop.models\", not {}",
            super::type_name(item)
        )));
    };
    let text = text.to_cow()?.into_owned();
    if !is_dotted(&text) {
        return Err(PyValueError::new_err(format!(
            "{text:?} is no name of a module: safe_pickle_allowed_modules takes names such as \"shop.models\""
        )));
    }
    Ok(text)
}

fn is_dotted(text: &str) -> bool {
    let word = |part: &str| {
        let starts = part.chars().next().is_some_and(|first| first == '_' || first.is_alphabetic());
        starts && part.chars().all(|letter| letter == '_' || letter.is_alphanumeric())
    };
    text.split('.').all(word)
}

fn allow(names: &mut Names, item: &Bound<'_, PyAny>) -> PyResult<()> {
    let mut add = |module: &str, name: &str, object: Option<Py<PyAny>>| {
        names.entry(module.to_owned()).or_default().insert(name.to_owned(), object);
    };
    if let Ok(class) = item.cast::<PyType>() {
        let (module, name) =
            (class.module()?.to_cow()?.into_owned(), class.qualname()?.to_cow()?.into_owned());
        if name.contains("<locals>") {
            return Err(PyValueError::new_err(format!(
                "{module}.{name} is defined inside a function, where no pickle can name it; define it at module level"
            )));
        }
        add(&module, &name, Some(item.clone().unbind()));
        return Ok(());
    }
    let Ok(text) = item.cast::<PyString>() else {
        return Err(PyTypeError::new_err(format!(
            "safe_pickle_allowed_names takes classes and names such as \"shop.models.Order\", not {}",
            super::type_name(item)
        )));
    };
    let text = text.to_cow()?;
    let odd = || {
        PyValueError::new_err(format!(
            "{text:?} names no class: safe_pickle_allowed_names takes \"module.qualname\" or \"module:qualname\""
        ))
    };
    if let Some((module, name)) = text.split_once(':') {
        if !is_dotted(module) || !is_dotted(name) {
            return Err(odd());
        }
        add(module, name, None);
        return Ok(());
    }
    if !is_dotted(&text) || !text.contains('.') {
        return Err(odd());
    }
    // Where the module ends is not told, and importing to find out would run code at open: each reading is the
    // same object.
    for (dot, _) in text.match_indices('.') {
        add(&text[..dot], &text[dot + 1..], None);
    }
    Ok(())
}

/// Tells what the interpreter refused from what a class's own code raised: only the latter has a traceback, as no
/// Python code calls the codec.
fn raised(py: Python<'_>, error: PyErr, doing: &str) -> CodecIssue {
    if error.is_instance_of::<PyRecursionError>(py) {
        return CodecIssue::Refused(format!(
            "the value is nested too deep to {doing}; store it in parts"
        ));
    }
    let ours = error.is_instance_of::<PyException>(py)
        && !error.is_instance_of::<PyMemoryError>(py)
        && error.traceback(py).is_none();
    if ours {
        CodecIssue::Refused(format!("cannot {doing} the value: {}", shown(&error.to_string(), 300)))
    } else {
        CodecIssue::Raised(error)
    }
}

/// Says why the machine stopped; `doing` is what it was asked for.
fn issue(py: Python<'_>, fail: Fail, doing: &str) -> CodecIssue {
    CodecIssue::Refused(match fail {
        Fail::Raised(error) => return raised(py, error, doing),
        Fail::Name { module, name } => {
            let full = format!("{}.{}", shown(&module, 100), shown(&name, 100));
            format!(
                "refused to {doing} {full}: it is none of the safe types; allow it with \
                 safe_pickle_allowed_names=[\"{full}\"] or open with trusted=True"
            )
        }
        Fail::Missing(full, why) => format!(
            "cannot {doing} {}: it is allowed, but was not found under this name ({})",
            shown(&full, 200),
            shown(&why, 200)
        ),
        Fail::Use(what) => format!(
            "refused to {doing} {what}: no pickle of plain data, safe types or allowed classes holds this; open with \
             trusted=True only if all who write the file are trusted"
        ),
        Fail::Damaged(why) if doing == "store" => {
            format!("the value could not be read back: {}", shown(&why, 300))
        }
        Fail::Damaged(why) => format!("the stored value is no sound pickle: {}", shown(&why, 300)),
    })
}
