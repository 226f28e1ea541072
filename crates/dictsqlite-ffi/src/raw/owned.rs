//! Values and entries that C owns. A value is the engine's own, shared with its cache: nothing is copied.

use std::sync::Arc;

use dictsqlite_core::{Entry, Value};

/// A value, or the absence of one: `data` is NULL if there is none, and not NULL for an empty value. The
/// bytes may be read from any thread and not be written. Free it with `dictsqlite_value_free`.
#[repr(C)]
#[derive(Debug)]
pub struct dictsqlite_value {
    data: *const u8,
    /// In bytes.
    len: usize,
}

/// A value with what the store knows about it. Free it with `dictsqlite_entry_free`.
#[repr(C)]
#[derive(Debug, Default)]
pub struct dictsqlite_entry {
    value: dictsqlite_value,
    /// The number of the operation that wrote it; never reused within a store.
    version: i64,
    /// When it expires, in milliseconds since the Unix epoch; 0 for never.
    expires_at: i64,
}

impl Default for dictsqlite_value {
    fn default() -> Self {
        Self { data: std::ptr::null(), len: 0 }
    }
}

impl From<Value> for dictsqlite_value {
    #[inline]
    fn from(value: Value) -> Self {
        let len = value.len();
        Self { data: Arc::into_raw(value).cast(), len }
    }
}

impl From<Option<Value>> for dictsqlite_value {
    #[inline]
    fn from(value: Option<Value>) -> Self {
        value.map(Self::from).unwrap_or_default()
    }
}

impl From<Option<Entry>> for dictsqlite_entry {
    fn from(entry: Option<Entry>) -> Self {
        let Some(entry) = entry else { return Self::default() };
        Self {
            value: entry.value.into(),
            version: entry.version,
            expires_at: entry.expires_at.unwrap_or(0),
        }
    }
}

impl dictsqlite_value {
    /// Frees it; nothing is left.
    #[inline]
    pub(crate) fn free(&mut self) {
        let Self { data, len } = std::mem::take(self);
        if !data.is_null() {
            // SAFETY: by the header's contract it came from `Arc::into_raw` with this length, and was
            // not freed yet.
            drop(unsafe { Arc::from_raw(std::ptr::slice_from_raw_parts(data, len)) });
        }
    }
}

impl dictsqlite_entry {
    /// Frees it; nothing is left.
    pub(crate) fn free(&mut self) {
        self.value.free();
        *self = Self::default();
    }
}
