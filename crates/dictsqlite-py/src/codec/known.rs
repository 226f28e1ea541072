//! Keys of dicts that were read before. Records have the same few keys again and again, and a text that is at
//! hand need not be made, decoded and hashed anew: a sixth of the instructions of a small nested dict.

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyString};

use crate::sync::Mutex;

/// Texts at hand; a power of two.
const PLACES: usize = 512;
/// Longer texts are seldom keys of records.
const LONGEST: usize = 32;

/// A text and its bytes, if there is one.
type Place = Option<(Box<[u8]>, Py<PyString>)>;

/// Texts by their bytes, each at the one place it can have; who comes later takes it.
#[derive(Debug)]
pub(super) struct Known(Mutex<Vec<Place>>);

impl Known {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// The text that `bytes` are in UTF-8, if it is of a kind that is kept here.
    #[inline]
    pub(super) fn text<'py>(&self, py: Python<'py>, bytes: &[u8]) -> Option<Bound<'py, PyAny>> {
        if bytes.is_empty() || bytes.len() > LONGEST {
            return None;
        }
        // Who has it may wait for the interpreter: what is no UTF-8 makes an exception below, and the
        // garbage collector may run then. So nobody waits here.
        let mut places = self.0.try_lock()?;
        if places.is_empty() {
            places.resize_with(PLACES, || None);
        }
        let place = &mut places[place_of(bytes)];
        if let Some((known, text)) = place
            && **known == *bytes
        {
            return Some(text.bind(py).clone().into_any());
        }
        // What is not UTF-8 is not for here.
        let text = PyString::from_bytes(py, bytes).ok()?;
        *place = Some((bytes.into(), text.clone().unbind()));
        Some(text.into_any())
    }
}

/// Where a text belongs: by its length and its first and last bytes, eight, four or one of each, and
/// the middle one. (Texts that are made to belong together make reading slower, and no more.)
#[inline]
fn place_of(bytes: &[u8]) -> usize {
    let (first, last) = if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk())
    {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into())
    } else {
        let byte = |at: usize| u64::from(bytes.get(at).copied().unwrap_or(0));
        (byte(0) | byte(bytes.len() / 2) << 8, byte(bytes.len().saturating_sub(1)))
    };
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let mixed = first.wrapping_mul(ODD) ^ last.rotate_left(23) ^ bytes.len() as u64;
    (mixed.wrapping_mul(ODD) >> 48) as usize % PLACES
}
