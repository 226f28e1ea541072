//! Values by chunks: what the files of `dictsqlite._values` stand on.

use std::io::SeekFrom;
use std::sync::Arc;

use crate::sync::Mutex;
use dictsqlite_core::{Error, ErrorKind, ValueReader, ValueWriter, forks};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::asynchronous::{awaitable, later};
use crate::dict::arguments::if_version;
use crate::dict::{Dict, Open, blocking};
use crate::{errors, keys, open};

/// What is open, unless an operation has it just now.
struct Kept<T> {
    state: Mutex<State<T>>,
    /// How many forks there were when it was opened.
    forks: u32,
}

enum State<T> {
    Here(T),
    /// An operation has it, and brings it back.
    Away,
    /// Closed, or lost with this error.
    Ended(Option<Error>),
}

impl<T> Kept<T> {
    fn new(open: T) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::Here(open)), forks: forks() })
    }

    /// True in the child of a fork: whoever has the lock may not be there.
    fn is_inherited(&self) -> bool {
        self.forks != forks()
    }

    /// Takes it for an operation.
    fn take(&self, py: Python<'_>) -> PyResult<T> {
        if self.is_inherited() {
            let message = "the value was open when the process forked; open it again here";
            return Err(errors::of(py, ErrorKind::Closed, message));
        }
        let mut state = self.state.lock();
        match std::mem::replace(&mut *state, State::Away) {
            State::Here(open) => Ok(open),
            State::Away => {
                let message =
                    "the value is being read or written already; use it from one task or thread";
                Err(PyRuntimeError::new_err(message))
            }
            State::Ended(why) => {
                *state = State::Ended(why.clone());
                drop(state);
                Err(match why {
                    Some(e) => errors::raise(py, &e),
                    None => errors::of(py, ErrorKind::Closed, "the value is closed; open it again"),
                })
            }
        }
    }

    /// Brings it back; it goes if it was closed meanwhile.
    fn put_back(&self, open: T) {
        let mut state = self.state.lock();
        if matches!(*state, State::Away) {
            *state = State::Here(open);
        }
    }

    /// Ends it, with an error or not; gives it if it is there.
    fn end(&self, error: Option<Error>) -> Option<T> {
        if self.is_inherited() {
            return None;
        }
        let mut state = self.state.lock();
        if matches!(*state, State::Ended(_)) {
            return None;
        }
        match std::mem::replace(&mut *state, State::Ended(error)) {
            State::Here(open) => Some(open),
            State::Away | State::Ended(_) => None,
        }
    }
}

/// A value that is open for reading.
#[pyclass(frozen, module = "dictsqlite._dictsqlite")]
pub(crate) struct ReadValue {
    kept: Arc<Kept<ValueReader>>,
    size: u64,
}

impl ReadValue {
    fn new(reader: ValueReader) -> Self {
        Self { size: reader.size(), kept: Kept::new(reader) }
    }
}

#[pymethods]
impl ReadValue {
    /// Bytes of the value.
    #[getter]
    fn size(&self) -> u64 {
        self.size
    }

    /// At most `most` bytes from the position on, and at most a chunk; none at the end.
    fn read<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyBytes>> {
        let mut reader = self.kept.take(py)?;
        let kept = Arc::clone(&self.kept);
        let data = blocking(py, move || {
            let read = reader.read_some(most);
            kept.put_back(reader);
            read
        })?;
        Ok(PyBytes::new(py, &data))
    }

    /// `read` without blocking.
    fn aread<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyAny>> {
        later(py, || {
            let reader = self.kept.take(py)?;
            let kept = Arc::clone(&self.kept);
            // Brought back by the thread that read: cancelled, the await loses the place only.
            let read = reader.read_some_async(most).then(move |read| match read {
                Ok((reader, data)) => {
                    kept.put_back(reader);
                    Ok(data)
                }
                Err(e) => {
                    kept.end(Some(e.clone()));
                    Err(e)
                }
            });
            awaitable(py, read, |py, data| Ok(PyBytes::new(py, &data).into_any().unbind()))
        })
    }

    /// Moves the position by `offset` from the start (0), itself (1) or the end (2), and gives it.
    fn seek(&self, py: Python<'_>, offset: i64, whence: i32) -> PyResult<u64> {
        let to = match whence {
            0 => SeekFrom::Start(u64::try_from(offset).map_err(|_| {
                errors::of(
                    py,
                    ErrorKind::Invalid,
                    "the position would be before the start of the value",
                )
            })?),
            1 => SeekFrom::Current(offset),
            2 => SeekFrom::End(offset),
            _ => {
                let message = format!("whence is {whence}; it must be 0, 1 or 2");
                return Err(errors::of(py, ErrorKind::Invalid, message));
            }
        };
        let mut reader = self.kept.take(py)?;
        let moved = reader.seek(to);
        self.kept.put_back(reader);
        moved.map_err(|e| errors::raise(py, &e))
    }

    /// The position, in bytes from the start.
    fn tell(&self, py: Python<'_>) -> PyResult<u64> {
        let reader = self.kept.take(py)?;
        let position = reader.position();
        self.kept.put_back(reader);
        Ok(position)
    }

    /// Lets go of it.
    fn close(&self) {
        drop(self.kept.end(None));
    }
}

/// A value that is being written.
#[pyclass(frozen, module = "dictsqlite._dictsqlite")]
pub(crate) struct WrittenValue {
    kept: Arc<Kept<ValueWriter>>,
}

#[pymethods]
impl WrittenValue {
    /// Adds bytes.
    fn write(&self, py: Python<'_>, data: &Bound<'_, PyBytes>) -> PyResult<()> {
        let mut writer = self.kept.take(py)?;
        let (kept, data) = (Arc::clone(&self.kept), data.as_bytes());
        blocking(py, move || {
            let written = writer.write(data);
            kept.put_back(writer);
            written
        })
    }

    /// `write` without blocking.
    fn awrite<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyBytes>,
    ) -> PyResult<Bound<'py, PyAny>> {
        later(py, || {
            let writer = self.kept.take(py)?;
            let kept = Arc::clone(&self.kept);
            let written = writer.write_async(data.as_bytes()).then(move |written| match written {
                Ok(writer) => {
                    kept.put_back(writer);
                    Ok(())
                }
                Err(e) => {
                    kept.end(Some(e.clone()));
                    Err(e)
                }
            });
            awaitable(py, written, |py, ()| Ok(py.None()))
        })
    }

    /// Bytes written so far.
    fn tell(&self, py: Python<'_>) -> PyResult<u64> {
        let writer = self.kept.take(py)?;
        let written = writer.written();
        self.kept.put_back(writer);
        Ok(written)
    }

    /// Makes it the value of its key, and gives the entry's version.
    fn close(&self, py: Python<'_>) -> PyResult<i64> {
        let writer = self.kept.take(py)?;
        self.kept.end(None);
        blocking(py, move || writer.close())
    }

    /// `close` without blocking.
    fn aclose<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        later(py, || {
            let writer = self.kept.take(py)?;
            self.kept.end(None);
            awaitable(py, writer.close_async(), |py, version| {
                Ok(version.into_pyobject(py)?.into_any().unbind())
            })
        })
    }

    /// Lets go of what was written; the entry is as it was.
    fn discard(&self) {
        drop(self.kept.end(None));
    }
}

/// A key that is not there is no error yet: Python's names the key's own object.
fn there(opened: Result<ValueReader, Error>) -> Result<Option<ValueReader>, Error> {
    match opened {
        Err(e) if e.kind() == ErrorKind::KeyMissing => Ok(None),
        opened => opened.map(Some),
    }
}

#[pymethods]
impl Dict {
    /// Opens the value of `key` for reading by chunks.
    fn _read_value(&self, key: &Bound<'_, PyAny>) -> PyResult<ReadValue> {
        let py = key.py();
        let dict = &self.opened(py)?.dict;
        let packed = keys::borrowed(key)?;
        let reader = blocking(py, || there(dict.read_value(&packed)))?;
        reader.map(ReadValue::new).ok_or_else(|| errors::missing(key))
    }

    /// The same without blocking.
    fn _aread_value<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        later(py, || {
            let reader = self.opened(py)?.dict.read_value_async(&keys::borrowed(key)?);
            let key = key.clone().unbind();
            awaitable(py, reader.then(there), move |py, reader| {
                let reader = reader.ok_or_else(|| errors::missing(key.bind(py)))?;
                Ok(Bound::new(py, ReadValue::new(reader))?.into_any().unbind())
            })
        })
    }

    /// Begins to write a value of `key` by chunks.
    #[pyo3(signature = (key, ttl=None, if_version=None))]
    fn _write_value(
        &self,
        key: &Bound<'_, PyAny>,
        ttl: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = if_version)] if_version: Option<i64>,
    ) -> PyResult<WrittenValue> {
        let py = key.py();
        let Open { dict, .. } = self.opened(py)?;
        let ttl = open::ttl(ttl)?;
        let key = keys::borrowed(key)?;
        let writer = match if_version {
            Some(version) => dict.write_value_if_version(&key, ttl, version),
            None => dict.write_value(&key, ttl),
        };
        let writer = writer.map_err(|e| errors::raise(py, &e))?;
        Ok(WrittenValue { kept: Kept::new(writer) })
    }
}
