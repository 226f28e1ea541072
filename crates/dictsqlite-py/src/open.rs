//! Opening: Python's arguments as the engine's options, each refused by name when it is absurd.

use std::path::PathBuf;
use std::time::Duration;

use dictsqlite_core::{ErrorKind, LONGEST_TIMEOUT, Options, PersistMode, Ttl};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};

use crate::errors;
use crate::values::{refuse_password, storage_mode};

/// How many seconds an option may be, and that in words.
struct Range {
    most: f64,
    zero: bool,
    words: &'static str,
}

/// As long as can be asked for: thirty thousand years.
const ANY: Range = Range { most: 1e12, zero: true, words: "from 0 to 1e12" };
const TTL: Range =
    Range { most: 1e12, zero: false, words: "above 0 and up to 1e12, or math.inf for no expiry" };
const HANDLE_TTL: Range =
    Range { most: 1e12, zero: false, words: "above 0 and up to 1e12, or None for no expiry" };
const FLUSH: Range = Range { most: 3600.0, zero: false, words: "from 0.001 to 3600" };
const HANDLE_TIMEOUT: Range =
    Range { most: 1e6, zero: true, words: "from 0 to 1000000, or math.inf for no limit" };

impl Range {
    /// Seconds as a duration; `None` stands for "without end".
    fn seconds(&self, name: &str, value: f64) -> PyResult<Option<Duration>> {
        if value == f64::INFINITY {
            return Ok(None);
        }
        if (0.0..=self.most).contains(&value) {
            let seconds = Duration::from_secs_f64(value);
            if self.zero || !seconds.is_zero() {
                return Ok(Some(seconds));
            }
        }
        let message = format!("{name} is {value:?}; it is a number of seconds, {}", self.words);
        Python::attach(|py| Err(errors::of(py, ErrorKind::Invalid, message)))
    }

    /// The same of a number or a timedelta; `None` gives `None`.
    fn read(&self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<Duration>> {
        if value.is_none() {
            return Ok(None);
        }
        let number = match value.extract::<f64>() {
            Ok(number) if !value.is_instance_of::<PyBool>() => number,
            _ => match value.call_method0("total_seconds").and_then(|s| s.extract::<f64>()) {
                Ok(number) => number,
                Err(_) => {
                    let (kind, words) = (value.get_type().name()?, self.words);
                    let message = format!("{name} is seconds ({words}) or a timedelta, not {kind}");
                    return Err(errors::of(value.py(), ErrorKind::Invalid, message));
                }
            },
        };
        self.seconds(name, number)
    }
}

/// Seconds as a duration; `None` stands for "without end".
pub(crate) fn seconds(name: &str, value: f64) -> PyResult<Option<Duration>> {
    ANY.seconds(name, value)
}

/// A time to live as it is given to a call: `None` for the handle's, infinity for none.
pub(crate) fn ttl(value: Option<&Bound<'_, PyAny>>) -> PyResult<Ttl> {
    let Some(value) = value else { return Ok(Ttl::Default) };
    Ok(TTL.read("ttl", value)?.map_or(Ttl::Never, Ttl::After))
}

/// A number of seconds or a timedelta; `None` and infinity give `None`.
pub(crate) fn as_seconds(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<Duration>> {
    ANY.read(name, value)
}

pub(crate) fn wrong(name: &str, value: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    let shown = value.repr().map_or_else(|_| "?".to_owned(), |repr| repr.to_string());
    let shown: String = shown.chars().take(60).collect();
    errors::of(value.py(), ErrorKind::Invalid, format!("{name} is {shown}; it must be {expected}"))
}

/// A path; a `str` or anything with `__fspath__`.
pub(crate) fn path(name: &str, object: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    let path = object
        .extract::<PathBuf>()
        .map_err(|_| wrong(name, object, "a path: str or os.PathLike"))?;
    if path.as_os_str().is_empty() || path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(wrong(name, object, "a path that is not empty and has no NUL"));
    }
    Ok(path)
}

/// What the Python package passes to `_open`, taken out one by one.
pub(crate) struct Arguments<'a, 'py>(pub(crate) &'a Bound<'py, PyDict>);

impl<'py> Arguments<'_, 'py> {
    fn get(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.0.get_item(name)?.filter(|value| !value.is_none()))
    }

    fn text(&self, name: &str) -> PyResult<Option<String>> {
        self.get(name)?
            .map(|value| value.extract::<String>().map_err(|_| self.wrong(name, &value, "a str")))
            .transpose()
    }

    fn flag(&self, name: &str) -> PyResult<Option<bool>> {
        self.get(name)?
            .map(|value| {
                value.extract::<bool>().map_err(|_| self.wrong(name, &value, "True or False"))
            })
            .transpose()
    }

    fn count(&self, name: &str) -> PyResult<Option<u64>> {
        self.get(name)?
            .map(|value| match value.extract::<u64>() {
                Ok(n) if !value.is_instance_of::<PyBool>() => Ok(n),
                _ => Err(self.wrong(name, &value, "an int from 0 on")),
            })
            .transpose()
    }

    fn wrong(&self, name: &str, value: &Bound<'_, PyAny>, expected: &str) -> PyErr {
        wrong(name, value, expected)
    }

    /// The path; a `str` or anything with `__fspath__`.
    pub(crate) fn path(&self, object: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
        path("db_path", object)
    }

    /// The engine's options.
    pub(crate) fn options(&self) -> PyResult<Options> {
        let py = self.0.py();
        refuse_password(py, self.get("encryption_password")?.as_ref())?;
        let mut options = Options::default();
        if let Some(name) = self.text("persist_mode")? {
            options.persist_mode =
                name.parse::<PersistMode>().map_err(|e| errors::raise(py, &e))?;
        }
        if let Some(name) = self.text("storage_mode")? {
            options.storage_mode = storage_mode(py, &name)?;
        }
        if let Some(name) = self.text("table_name")? {
            options.table = name;
        }
        if let Some(n) = self.count("buffer_size")? {
            options.buffer_size = usize::try_from(n).unwrap_or(usize::MAX);
        }
        if let Some(n) = self.count("hot_capacity")? {
            options.hot_capacity = usize::try_from(n).unwrap_or(usize::MAX);
        }
        if let Some(n) = self.count("cache_bytes")? {
            // More than any machine has; kept from overflowing sums.
            options.cache_bytes = n.min(1 << 48);
        }
        if let Some(value) = self.get("flush_interval")? {
            options.flush_interval = FLUSH
                .read("flush_interval", &value)?
                .ok_or_else(|| self.wrong("flush_interval", &value, "from 1 ms to 1 h"))?;
        }
        if let Some(value) = self.get("timeout")? {
            options.timeout = HANDLE_TIMEOUT.read("timeout", &value)?.unwrap_or(LONGEST_TIMEOUT);
        }
        if let Some(value) = self.get("ttl")? {
            options.ttl = HANDLE_TTL.read("ttl", &value)?;
        }
        options.read_only = self.flag("read_only")?.unwrap_or(false);
        options.changes = self.flag("changes")?;
        options.adopt = self.flag("adopt")?.unwrap_or(false);
        Ok(options)
    }

    /// Whether pickles are restricted, and what is allowed beyond the safe types.
    pub(crate) fn pickle(&self) -> PyResult<crate::codec::PicklePolicy> {
        let trusted = self.flag("trusted")?.unwrap_or(false);
        let safe = self.flag("enable_safe_pickle")?.unwrap_or(true) && !trusted;
        let modules = self.get("safe_pickle_allowed_modules")?;
        let names = self.get("safe_pickle_allowed_names")?;
        crate::codec::PicklePolicy::new(self.0.py(), safe, modules.as_ref(), names.as_ref())
    }
}
