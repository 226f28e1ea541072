//! Scans as Python iterators.

use std::sync::Arc;

use dictsqlite_core::{Error, Item};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::values::Values;
use crate::{errors, keys};

/// What a scan gives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Keys,
    Values,
    Items,
}

/// A scan under way; an iterator that reads a page at a time.
#[pyclass(frozen, module = "dictsqlite._dictsqlite")]
pub(crate) struct Scan {
    inner: Mutex<Inner>,
    values: Arc<Values>,
    what: What,
}

struct Inner {
    scan: Option<dictsqlite_core::Scan>,
    page: std::vec::IntoIter<Item>,
}

impl Scan {
    pub(crate) fn new(scan: dictsqlite_core::Scan, values: Arc<Values>, what: What) -> Self {
        let inner = Mutex::new(Inner { scan: Some(scan), page: Vec::new().into_iter() });
        Self { inner, values, what }
    }

    /// The next entry, without the interpreter where SQLite is asked.
    fn next_item(&self, py: Python<'_>) -> PyResult<Option<Item>> {
        if let Some(mut inner) = self.inner.try_lock()
            && let Some(item) = inner.page.next()
        {
            return Ok(Some(item));
        }
        let next = py.detach(|| -> Result<Option<Item>, Error> {
            let mut inner = self.inner.lock();
            if let Some(item) = inner.page.next() {
                return Ok(Some(item));
            }
            let Some(scan) = &mut inner.scan else { return Ok(None) };
            let page = scan.next_page()?;
            if page.is_empty() {
                inner.scan = None;
            }
            inner.page = page.into_iter();
            Ok(inner.page.next())
        });
        next.map_err(|e| errors::raise(py, &e))
    }
}

#[pymethods]
impl Scan {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(item) = self.next_item(py)? else { return Ok(None) };
        if self.what == What::Keys {
            return keys::to_python(py, &item.key).map(Some);
        }
        let key = keys::to_python(py, &item.key)?;
        let value = item.value.unwrap_or_else(|| dictsqlite_core::Value::from(&b""[..]));
        let value = self.values.decode(py, &value, Some(&key))?;
        if self.what == What::Values {
            return Ok(Some(value));
        }
        Ok(Some(PyTuple::new(py, [key, value])?.into_any()))
    }

    /// Ends the scan and gives up what it holds.
    fn close(&self, py: Python<'_>) {
        py.detach(|| {
            let mut inner = self.inner.lock();
            inner.scan = None;
            inner.page = Vec::new().into_iter();
        });
    }
}
