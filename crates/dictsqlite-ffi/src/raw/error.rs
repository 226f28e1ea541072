//! Errors, as C owns them.

use std::ffi::{CString, c_char};

use dictsqlite_core::{Error, Key};

use super::code::dictsqlite_code;
use super::key::dictsqlite_key;

/// What went wrong: a code, a message that says what to do and, where one is concerned, the key.
/// Whoever gets one frees it with `dictsqlite_error_free`.
pub struct dictsqlite_error {
    code: dictsqlite_code,
    transient: bool,
    history_truncated: bool,
    message: CString,
    key: Option<Box<KeyOut>>,
}

/// A key and C's view of it.
struct KeyOut {
    view: dictsqlite_key,
    _key: Key,
    _tuples: Vec<Box<[dictsqlite_key]>>,
}

impl dictsqlite_error {
    pub(crate) fn new(error: &Error) -> Self {
        let message = error.to_string().replace('\0', "\\0");
        let key = error.key().map(|key| {
            let mut tuples = Vec::new();
            let key = key.clone();
            // The view points into the key's and the tuples' own heap memory, which moving them leaves
            // in its place.
            let view = dictsqlite_key::of(&key, &mut tuples);
            Box::new(KeyOut { view, _key: key, _tuples: tuples })
        });
        Self {
            code: error.kind().into(),
            transient: error.kind().is_transient(),
            history_truncated: error.is_history_truncated(),
            message: CString::new(message).unwrap_or_default(),
            key,
        }
    }

    pub(crate) fn code(&self) -> dictsqlite_code {
        self.code
    }

    pub(crate) fn is_transient(&self) -> bool {
        self.transient
    }

    pub(crate) fn is_history_truncated(&self) -> bool {
        self.history_truncated
    }

    pub(crate) fn message(&self) -> *const c_char {
        self.message.as_ptr()
    }

    pub(crate) fn key(&self) -> Option<dictsqlite_key> {
        self.key.as_ref().map(|key| key.view)
    }

    /// The error, for C to own.
    pub(crate) fn into_raw(self) -> *mut Self {
        Box::into_raw(Box::new(self))
    }

    /// Frees what `into_raw` gave, and forgets it.
    pub(crate) fn free(error: &mut *mut Self) {
        let error = std::mem::replace(error, std::ptr::null_mut());
        if !error.is_null() {
            // SAFETY: by the header's contract it came from `into_raw` and was not freed yet.
            drop(unsafe { Box::from_raw(error) });
        }
    }
}
