//! Writes plain values as pickles without calling `pickle`.
//!
//! Only what a plain reader gives back equal and of the same type is written here: exact builtin types, no object
//! met twice whose identity matters, not too deep, not too large. Everything else goes to `pickle.dumps`.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

const HEADER: [u8; 2] = [0x80, 4];
const STOP: u8 = b'.';
const MARK: u8 = b'(';

/// Containers nested deeper, longer, more of them, or more bytes: `pickle` is faster there, and writes a string it
/// meets again only once.
const MAX_DEPTH: usize = 16;
const MAX_LEN: usize = 32;
const MAX_CONTAINERS: usize = 24;
const MAX_SHARED_BYTES: usize = 1 << 16;

/// The pickle of `obj`, if it is plain enough to be written here.
pub(super) fn encode(obj: &Bound<'_, PyAny>) -> Option<Vec<u8>> {
    let mut encoder = Encoder { out: Vec::with_capacity(128), containers: Vec::new() };
    encoder.out.extend_from_slice(&HEADER);
    if !encoder.scalar(obj)? && !encoder.container(obj, 0)? {
        return None;
    }
    encoder.out.push(STOP);
    Some(encoder.out)
}

struct Encoder {
    out: Vec<u8>,
    /// Addresses of the containers written so far: one met again is shared or a cycle.
    containers: Vec<usize>,
}

impl Encoder {
    fn sized(&mut self, codes: [u8; 3], bytes: &[u8]) {
        let len = bytes.len();
        self.out.reserve(len + 10);
        if let Ok(len) = u8::try_from(len) {
            self.out.extend([codes[0], len]);
        } else if let Ok(len) = u32::try_from(len) {
            self.out.push(codes[1]);
            self.out.extend_from_slice(&len.to_le_bytes());
        } else {
            self.out.push(codes[2]);
            self.out.extend_from_slice(&(len as u64).to_le_bytes());
        }
        self.out.extend_from_slice(bytes);
    }

    fn int(&mut self, value: i64) {
        if let Ok(value) = u8::try_from(value) {
            self.out.extend_from_slice(&[b'K', value]);
        } else if let Ok(value) = u16::try_from(value) {
            self.out.push(b'M');
            self.out.extend_from_slice(&value.to_le_bytes());
        } else if let Ok(value) = i32::try_from(value) {
            self.out.push(b'J');
            self.out.extend_from_slice(&value.to_le_bytes());
        } else {
            self.out.extend_from_slice(&[0x8a, 8]);
            self.out.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// Writes an exact scalar. `Some(false)` when it is none, `None` when `pickle` must write it.
    #[inline(always)]
    fn scalar(&mut self, obj: &Bound<'_, PyAny>) -> Option<bool> {
        if let Ok(text) = obj.cast_exact::<PyString>() {
            // Lone surrogates are left to pickle.
            let text = text.to_cow().ok()?;
            self.sized([0x8c, b'X', 0x8d], text.as_bytes());
        } else if obj.is_exact_instance_of::<PyInt>() {
            self.int(obj.extract().ok()?);
        } else if obj.is_none() {
            self.out.push(b'N');
        } else if let Ok(value) = obj.cast_exact::<PyBool>() {
            self.out.push(if value.is_true() { 0x88 } else { 0x89 });
        } else if let Ok(value) = obj.cast_exact::<PyFloat>() {
            self.out.push(b'G');
            self.out.extend_from_slice(&value.value().to_be_bytes());
        } else if let Ok(bytes) = obj.cast_exact::<PyBytes>() {
            self.sized([b'C', b'B', 0x8e], bytes.as_bytes());
        } else {
            return Some(false);
        }
        Some(true)
    }

    #[inline]
    fn item(&mut self, obj: &Bound<'_, PyAny>, depth: usize) -> Option<()> {
        if self.out.len() > MAX_SHARED_BYTES {
            return None;
        }
        (self.scalar(obj)? || self.container(obj, depth)?).then_some(())
    }

    /// Writes an exact dict, list or tuple of plain things; `Some(false)` when it is something else.
    fn container(&mut self, obj: &Bound<'_, PyAny>, depth: usize) -> Option<bool> {
        if let Ok(dict) = obj.cast_exact::<PyDict>() {
            self.enter(obj, dict.len(), depth)?;
            self.out.push(b'}');
            if !dict.is_empty() {
                self.out.push(MARK);
                // No Python code runs in here, so nothing changes the dict meanwhile.
                for (key, value) in dict.iter() {
                    self.item(&key, depth + 1)?;
                    self.item(&value, depth + 1)?;
                }
                self.out.push(b'u');
            }
        } else if let Ok(list) = obj.cast_exact::<PyList>() {
            self.enter(obj, list.len(), depth)?;
            self.out.push(b']');
            if !list.is_empty() {
                self.out.push(MARK);
                for value in list.iter() {
                    self.item(&value, depth + 1)?;
                }
                self.out.push(b'e');
            }
        } else if let Ok(tuple) = obj.cast_exact::<PyTuple>() {
            match tuple.len() {
                0 => self.out.push(b')'),
                len => {
                    self.enter(obj, len, depth)?;
                    if len > 3 {
                        self.out.push(MARK);
                    }
                    for value in tuple.iter_borrowed() {
                        self.item(&value, depth + 1)?;
                    }
                    self.out.push([b't', 0x85, 0x86, 0x87][if len > 3 { 0 } else { len }]);
                }
            }
        } else {
            return Some(false);
        }
        Some(true)
    }

    fn enter(&mut self, obj: &Bound<'_, PyAny>, len: usize, depth: usize) -> Option<()> {
        let address = obj.as_ptr() as usize;
        let small = len <= MAX_LEN && depth < MAX_DEPTH && self.containers.len() < MAX_CONTAINERS;
        (small && !self.containers.contains(&address)).then(|| self.containers.push(address))
    }
}
