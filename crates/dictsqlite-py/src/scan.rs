//! Scans as Python iterators.

use std::borrow::Cow;
use std::sync::Arc;

use crate::sync::Mutex;
use dictsqlite_core::{
    Completion, Cursor, Cursors, Error, ErrorKind, Page, RowRef, ScanOptions, TransactionScan,
};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::values::Values;
use crate::{errors, keys};

/// What a scan gives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Keys,
    Values,
    Items,
}

impl What {
    /// What a name stands for.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "keys" => Self::Keys,
            "values" => Self::Values,
            _ => Self::Items,
        }
    }
}

/// The options of a scan by their names: `prefix`, `start`, `end`, `reverse`, `limit`, `order`,
/// `consistent`, `cursor`. The Python package refuses other names.
pub(crate) fn options(
    py: Python<'_>,
    what: What,
    named: Option<&Bound<'_, PyDict>>,
) -> PyResult<ScanOptions> {
    let mut options = ScanOptions { values: what != What::Keys, ..ScanOptions::default() };
    for (name, value) in named.into_iter().flatten() {
        if value.is_none() {
            continue;
        }
        match name.extract::<Cow<'_, str>>()?.as_ref() {
            "prefix" => options.prefix = Some(keys::owned(&value)?),
            "start" => options.start = Some(keys::owned(&value)?),
            "end" => options.end = Some(keys::owned(&value)?),
            "reverse" => options.reverse = value.is_truthy()?,
            "limit" => options.limit = Some(value.extract()?),
            "cursor" => {
                let cursor = Cursor::parse(value.extract::<Cow<'_, str>>()?.as_ref());
                options.after = Some(cursor.map_err(|e| errors::raise(py, &e))?);
            }
            "consistent" => options.consistent = value.is_truthy()?,
            "order" => {
                let order = value.extract::<Cow<'_, str>>()?.parse();
                options.order = Some(order.map_err(|e: Error| errors::raise(py, &e))?);
            }
            other => return Err(PyTypeError::new_err(format!("unknown option {other:?}"))),
        }
    }
    Ok(options)
}

/// What a scan gives for one entry.
pub(crate) fn element<'py>(
    py: Python<'py>,
    values: &Values,
    what: What,
    row: RowRef<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let key = keys::of_row(py, row.key())?;
    if what == What::Keys {
        return Ok(key);
    }
    let value = values.decode(py, row.value(), Some(&key))?;
    if what == What::Values {
        return Ok(value);
    }
    Ok(PyTuple::new(py, [key, value])?.into_any())
}

/// Where rows come from: a scan of a dict, or one in a transaction.
#[allow(clippy::large_enum_variant)] // It is moved once a page.
pub(crate) enum Source {
    Plain(dictsqlite_core::Scan),
    Within(TransactionScan),
}

impl From<dictsqlite_core::Scan> for Source {
    fn from(scan: dictsqlite_core::Scan) -> Self {
        Self::Plain(scan)
    }
}

impl From<TransactionScan> for Source {
    fn from(scan: TransactionScan) -> Self {
        Self::Within(scan)
    }
}

impl Source {
    /// What makes cursors of its rows; a scan in a transaction has none, since it ends with it.
    pub(crate) fn cursors(&self) -> Option<Cursors> {
        match self {
            Self::Plain(scan) => Some(scan.cursors()),
            Self::Within(_) => None,
        }
    }

    pub(crate) fn next_rows(&mut self) -> Result<Page, Error> {
        match self {
            Self::Plain(scan) => scan.next_rows(),
            Self::Within(scan) => scan.next_rows(),
        }
    }

    pub(crate) fn next_rows_async(self) -> Completion<(Self, Page)> {
        match self {
            Self::Plain(scan) => {
                scan.next_rows_async().then(|page| page.map(|(scan, page)| (scan.into(), page)))
            }
            Self::Within(scan) => {
                scan.next_rows_async().then(|page| page.map(|(scan, page)| (scan.into(), page)))
            }
        }
    }
}

/// What was read and is not given out yet. It is given out without a lock, since making Python
/// objects may run code of anybody's.
pub(crate) struct Rest {
    page: Arc<Page>,
    given: usize,
    cursors: Option<Cursors>,
    /// Where it is while nothing of the page is given out.
    place: Option<Cursor>,
}

impl Rest {
    pub(crate) fn new(cursors: Option<Cursors>) -> Self {
        let place = cursors.as_ref().map(Cursors::start);
        Self { page: Arc::default(), given: 0, cursors, place }
    }

    /// Goes on with the next page.
    pub(crate) fn renew(&mut self, page: Page) {
        self.place = self.cursor();
        self.page = Arc::new(page);
        self.given = 0;
    }

    /// Where the scan is: behind the row that was given out last. Nothing in a transaction.
    pub(crate) fn cursor(&self) -> Option<Cursor> {
        match self.given.checked_sub(1).and_then(|last| self.page.row(last)) {
            Some(row) => self.cursors.as_ref().map(|cursors| cursors.after(row)),
            None => self.place.clone(),
        }
    }

    /// The next row: its page, and its place there.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<(Arc<Page>, usize)> {
        let place = self.given;
        if place == self.page.len() {
            return None;
        }
        self.given += 1;
        Some((Arc::clone(&self.page), place))
    }
}

/// A cursor as text.
pub(crate) fn text_of(py: Python<'_>, cursor: Option<Cursor>) -> PyResult<String> {
    let message = "a scan in a transaction has no cursor, since it ends with the transaction";
    let none = || errors::of(py, ErrorKind::Unsupported, message);
    cursor.map(|cursor| cursor.to_string()).ok_or_else(none)
}

/// A scan under way; an iterator that reads a page at a time.
#[pyclass(frozen, module = "dictsqlite._dictsqlite")]
pub(crate) struct Scan {
    inner: Mutex<Inner>,
    values: Arc<Values>,
    what: What,
    /// How many forks there were when it began.
    forks: u32,
}

struct Inner {
    scan: Option<Source>,
    rest: Rest,
}

impl Scan {
    pub(crate) fn new(scan: impl Into<Source>, values: Arc<Values>, what: What) -> Self {
        let scan = scan.into();
        let rest = Rest::new(scan.cursors());
        let inner = Mutex::new(Inner { scan: Some(scan), rest });
        Self { inner, values, what, forks: dictsqlite_core::forks() }
    }

    /// Refuses a scan of the parent's in the child of a fork: whoever has its lock is not there.
    fn check_process(&self, py: Python<'_>) -> PyResult<()> {
        if self.forks == dictsqlite_core::forks() {
            return Ok(());
        }
        let message = "the scan was open when the process forked; begin it again here";
        Err(errors::of(py, ErrorKind::Closed, message))
    }

    /// The next row, without the interpreter where SQLite is asked.
    fn next_row(&self, py: Python<'_>) -> PyResult<Option<(Arc<Page>, usize)>> {
        self.check_process(py)?;
        if let Some(mut inner) = self.inner.try_lock()
            && let Some(row) = inner.rest.next()
        {
            return Ok(Some(row));
        }
        let next = py.detach(|| -> Result<Option<(Arc<Page>, usize)>, Error> {
            let mut inner = self.inner.lock();
            if let Some(row) = inner.rest.next() {
                return Ok(Some(row));
            }
            let Some(scan) = &mut inner.scan else { return Ok(None) };
            let page = scan.next_rows()?;
            if page.is_empty() {
                inner.scan = None;
            }
            inner.rest.renew(page);
            Ok(inner.rest.next())
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
        let Some((page, place)) = self.next_row(py)? else { return Ok(None) };
        let Some(row) = page.row(place) else { return Ok(None) };
        element(py, &self.values, self.what, row).map(Some)
    }

    /// Ends the scan and gives up what it holds.
    fn close(&self, py: Python<'_>) {
        if self.check_process(py).is_err() {
            return;
        }
        py.detach(|| {
            let mut inner = self.inner.lock();
            inner.scan = None;
            inner.rest.renew(Page::default());
        });
    }

    /// Where the scan is, as text: a view with the same options and this `cursor` gives the rest. A scan
    /// in a transaction has none.
    #[getter]
    fn cursor(&self, py: Python<'_>) -> PyResult<String> {
        self.check_process(py)?;
        text_of(py, py.detach(|| self.inner.lock().rest.cursor()))
    }
}
