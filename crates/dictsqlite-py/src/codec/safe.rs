//! The types that a pickle may build without the user's leave, and the arguments each may be built from.
//!
//! The list names data types whose constructors run no code of the value's choosing. The arguments are checked
//! because some constructors do more than rebuild: `bytearray(10**12)` allocates, `Fraction("1e999999999")`
//! computes. Left out on purpose: `re.compile` (a stored pattern could hang whoever matches with it), `object`
//! instances (they would not come back equal), functions, and exceptions.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyModule, PyString, PyTuple, PyType,
};

/// What may be done with a named object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Allowed by the user: called, built and filled as its pickle says.
    Any,
    /// Stands as a value; never called.
    Value,
    /// Called with arguments of this form, and filled if it is a container.
    Call(Form),
    /// `uuid.UUID`: made bare, then given its number.
    Uuid,
    /// A helper that the codec stands in for; never a value.
    Helper(Helper),
}

/// The arguments a safe type may be called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Nothing,
    /// One list.
    Items,
    /// `()`, `(bytes,)` or `(str, "latin-1")`.
    Bytes,
    /// One to seven integers.
    Ints,
    Slice,
    Floats,
    OrderedDict,
    Deque,
    DefaultDict,
    Counter,
    /// Packed bytes, then maybe a time zone.
    Packed,
    Timezone,
    /// One string.
    Text,
    /// One string or integer.
    Address,
    /// Any number of strings.
    Texts,
    Fraction,
    SafeUuid,
}

/// Functions that picklers name and that are never handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Helper {
    /// `_codecs.encode`: how protocols 0 to 2 write bytes.
    Latin1,
    /// `builtins.getattr`: how `ZoneInfo._unpickle` and some enum members are written.
    Getattr,
    /// `copyreg._reconstructor`: how protocols 0 and 1 make an instance.
    Reconstruct,
    /// `zoneinfo.ZoneInfo._unpickle`, reached through `getattr`.
    Zone,
}

struct Entry {
    module: &'static str,
    name: &'static str,
    /// Where the object lives, if not under the name it is written as.
    home: &'static str,
    rule: Rule,
}

const fn at(module: &'static str, name: &'static str, rule: Rule) -> Entry {
    Entry { module, name, home: module, rule }
}

/// Python 3.13 writes paths as `pathlib._local`; every version reads both.
const fn path(module: &'static str, name: &'static str) -> Entry {
    Entry { module, name, home: "pathlib", rule: Call(Form::Texts) }
}

use Rule::{Call, Uuid, Value};

/// Sorted by module and name.
static SAFE: [Entry; 52] = [
    at("_codecs", "encode", Rule::Helper(Helper::Latin1)),
    at("builtins", "Ellipsis", Value),
    at("builtins", "NotImplemented", Value),
    at("builtins", "bool", Value),
    at("builtins", "bytearray", Call(Form::Bytes)),
    at("builtins", "bytes", Call(Form::Nothing)),
    at("builtins", "complex", Call(Form::Floats)),
    at("builtins", "dict", Value),
    at("builtins", "float", Value),
    at("builtins", "frozenset", Call(Form::Items)),
    at("builtins", "getattr", Rule::Helper(Helper::Getattr)),
    at("builtins", "int", Value),
    at("builtins", "list", Value),
    at("builtins", "object", Value),
    at("builtins", "range", Call(Form::Ints)),
    at("builtins", "set", Call(Form::Items)),
    at("builtins", "slice", Call(Form::Slice)),
    at("builtins", "str", Value),
    at("builtins", "tuple", Value),
    at("collections", "Counter", Call(Form::Counter)),
    at("collections", "OrderedDict", Call(Form::OrderedDict)),
    at("collections", "defaultdict", Call(Form::DefaultDict)),
    at("collections", "deque", Call(Form::Deque)),
    at("copyreg", "_reconstructor", Rule::Helper(Helper::Reconstruct)),
    at("datetime", "date", Call(Form::Packed)),
    at("datetime", "datetime", Call(Form::Packed)),
    at("datetime", "time", Call(Form::Packed)),
    at("datetime", "timedelta", Call(Form::Ints)),
    at("datetime", "timezone", Call(Form::Timezone)),
    at("decimal", "Decimal", Call(Form::Text)),
    at("fractions", "Fraction", Call(Form::Fraction)),
    at("ipaddress", "IPv4Address", Call(Form::Address)),
    at("ipaddress", "IPv4Interface", Call(Form::Text)),
    at("ipaddress", "IPv4Network", Call(Form::Text)),
    at("ipaddress", "IPv6Address", Call(Form::Address)),
    at("ipaddress", "IPv6Interface", Call(Form::Text)),
    at("ipaddress", "IPv6Network", Call(Form::Text)),
    path("pathlib", "Path"),
    path("pathlib", "PosixPath"),
    path("pathlib", "PurePath"),
    path("pathlib", "PurePosixPath"),
    path("pathlib", "PureWindowsPath"),
    path("pathlib", "WindowsPath"),
    path("pathlib._local", "Path"),
    path("pathlib._local", "PosixPath"),
    path("pathlib._local", "PurePath"),
    path("pathlib._local", "PurePosixPath"),
    path("pathlib._local", "PureWindowsPath"),
    path("pathlib._local", "WindowsPath"),
    at("uuid", "SafeUUID", Call(Form::SafeUuid)),
    at("uuid", "UUID", Uuid),
    at("zoneinfo", "ZoneInfo", Value),
];

/// Where a safe type was found: its module is imported on first use, and the attribute is read anew each time, so
/// that a test's patched `datetime` is met the way `pickle` meets it.
struct Place {
    module: Py<PyModule>,
    name: Py<PyString>,
}

static PLACES: [PyOnceLock<Place>; SAFE.len()] = [const { PyOnceLock::new() }; SAFE.len()];

/// The safe object written as `module.name`, if there is one.
pub(crate) fn find<'py>(
    py: Python<'py>,
    module: &str,
    name: &str,
) -> Option<PyResult<(Bound<'py, PyAny>, Rule)>> {
    let index =
        SAFE.binary_search_by(|entry| (entry.module, entry.name).cmp(&(module, name))).ok()?;
    Some(resolve(py, index).map(|object| (object, SAFE[index].rule)))
}

fn resolve(py: Python<'_>, index: usize) -> PyResult<Bound<'_, PyAny>> {
    let (entry, place) = (&SAFE[index], &PLACES[index]);
    if matches!(entry.rule, Rule::Helper(_)) {
        // A stand-in: the helper itself never reaches the stack.
        return py.get_type::<PyAny>().call0();
    }
    if let Some(place) = place.get(py) {
        return place.module.bind(py).getattr(place.name.bind(py));
    }
    let module = py.import(entry.home)?;
    let object = module.getattr(entry.name)?;
    // Lost races are harmless: both found the same.
    let _ = place.set(
        py,
        Place { module: module.unbind(), name: PyString::intern(py, entry.name).unbind() },
    );
    Ok(object)
}

fn is<T: pyo3::PyTypeInfo>(obj: &Bound<'_, PyAny>) -> bool {
    obj.is_exact_instance_of::<T>()
}

fn text_is(obj: &Bound<'_, PyAny>, choices: &[&str]) -> bool {
    is::<PyString>(obj)
        && obj
            .cast::<PyString>()
            .is_ok_and(|text| text.to_cow().is_ok_and(|text| choices.contains(&text.as_ref())))
}

impl Form {
    /// Freed by recursion without a limit, so that they may not lie in each other without end.
    pub(super) fn is_tower(self) -> bool {
        matches!(self, Form::Deque | Form::DefaultDict)
    }

    /// Whether `args` are what the type's own pickle is made of. `named` tells the classes a pickle may name.
    pub(crate) fn fits(
        self,
        args: &Bound<'_, PyTuple>,
        named: impl Fn(&Bound<'_, PyAny>) -> bool,
    ) -> bool {
        let items: Vec<Bound<'_, PyAny>> = args.iter().collect();
        match (self, items.as_slice()) {
            (
                Form::Nothing | Form::Bytes | Form::OrderedDict | Form::Deque | Form::DefaultDict,
                [],
            ) => true,
            (Form::Items, [items]) => is::<PyList>(items),
            (Form::Bytes, [bytes]) => is::<PyBytes>(bytes) || is::<PyByteArray>(bytes),
            (Form::Bytes, [text, encoding]) => {
                is::<PyString>(text) && text_is(encoding, &["latin-1", "latin1"])
            }
            (Form::Ints, [_, ..]) => items.len() <= 7 && items.iter().all(is::<PyInt>),
            // Flat: slices in slices are hashed and freed by recursion without a limit.
            (Form::Slice, [_, _, _]) => items.iter().all(|end| {
                end.is_none() || is::<PyInt>(end) || is::<PyFloat>(end) || is::<PyString>(end)
            }),
            (Form::Floats, [real, imag]) => is::<PyFloat>(real) && is::<PyFloat>(imag),
            (Form::Deque, [items, len]) => {
                items.cast_exact::<PyTuple>().is_ok_and(|items| items.is_empty())
                    && (len.is_none() || is::<PyInt>(len))
            }
            (Form::DefaultDict, [factory]) => {
                factory.is_none() || (is_type(factory) && named(factory))
            }
            (Form::Counter, [counts]) => is::<PyDict>(counts),
            (Form::Packed, [bytes]) => is::<PyBytes>(bytes),
            (Form::Packed, [bytes, _zone]) => is::<PyBytes>(bytes),
            (Form::Timezone, [_offset]) => true,
            (Form::Timezone, [_offset, name]) => is::<PyString>(name),
            (Form::Text, [text]) => is::<PyString>(text),
            (Form::Address, [address]) => is::<PyInt>(address) || is::<PyString>(address),
            (Form::Texts, texts) => texts.iter().all(is::<PyString>),
            (Form::Fraction, [over, under]) => is::<PyInt>(over) && is::<PyInt>(under),
            (Form::Fraction, [text]) => is::<PyString>(text) && is_ratio(text),
            (Form::SafeUuid, [value]) => value.is_none() || is::<PyInt>(value),
            _ => false,
        }
    }
}

fn is_type(obj: &Bound<'_, PyAny>) -> bool {
    obj.is_instance_of::<PyType>()
}

/// `-7/3` or `5`: what `Fraction` writes before Python 3.11. Exponents would make it compute.
fn is_ratio(text: &Bound<'_, PyAny>) -> bool {
    let Ok(text) = text
        .cast::<PyString>()
        .map_err(PyErr::from)
        .and_then(|text| text.to_cow().map(|t| t.into_owned()))
    else {
        return false;
    };
    let text = text.strip_prefix('-').unwrap_or(&text);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('/').map_or_else(|| digits(text), |(over, under)| digits(over) && digits(under))
}

/// Whether `state` is what `UUID.__getstate__` returns.
pub(crate) fn is_uuid_state(state: &Bound<'_, PyAny>) -> bool {
    let Ok(state) = state.cast_exact::<PyDict>() else { return false };
    let int = |name: &str| state.get_item(name).ok().flatten().filter(is::<PyInt>);
    let in_range = int("int").is_some_and(|int| int.extract::<u128>().is_ok());
    in_range && (state.len() == 1 || (state.len() == 2 && int("is_safe").is_some()))
}

/// Whether a time zone's key is a plain relative name: it becomes part of a file's path.
pub(crate) fn is_zone_key(key: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-'))
    };
    key.len() <= 255 && key.split('/').all(part)
}
