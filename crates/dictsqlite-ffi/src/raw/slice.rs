//! Borrowed bytes, strings and lists: what C hands over for the time of a call.

use std::ffi::{CStr, c_char, c_void};
use std::path::PathBuf;
use std::slice;

use dictsqlite_core::{AsKey, Error, ErrorKind, Key, Order, Result, ScanOptions};

use super::key::{KeyIn, dictsqlite_key};

/// Bytes that somebody else owns. `data` may be NULL if `len` is 0; given by the library, NULL says
/// that there is no value at all.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_slice {
    pub(super) data: *const c_void,
    /// In bytes.
    pub(super) len: usize,
}

/// A string that ends with NUL, in UTF-8.
/// cbindgen:transparent-typedef
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_string(*const c_char);

/// A key and its value, for `dictsqlite_set_many`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_pair {
    key: dictsqlite_key,
    value: dictsqlite_slice,
}

/// Pairs that the caller owns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_pair_list {
    items: *const dictsqlite_pair,
    len: usize,
}

/// An option of `dictsqlite_open` by its name. The value is text as well: `"true"`, `"100"`, `"0.2"`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_option {
    name: *const c_char,
    value: *const c_char,
}

/// Options that the caller owns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_option_list {
    items: *const dictsqlite_option,
    len: usize,
}

/// What to scan. Zero-initialised: everything, in insertion order. With `prefix`, `start` or `end` the order
/// is key order, unless a flag says otherwise.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_scan_options {
    /// Only keys of the prefix's own type that begin with it: text, bytes, or a tuple's elements. Or NULL.
    prefix: *const dictsqlite_key,
    /// Only keys not below this one, in key order across types. Or NULL.
    start: *const dictsqlite_key,
    /// Only keys below this one. Or NULL.
    end: *const dictsqlite_key,
    /// At most so many entries. Or NULL.
    limit: *const u64,
    /// `DICTSQLITE_SCAN_...`, or-ed.
    flags: u32,
}

/// From the end to the start.
pub const DICTSQLITE_SCAN_REVERSE: u32 = 1;
/// One moment for the whole scan, at the price of a read transaction that stays open until it is closed.
pub const DICTSQLITE_SCAN_CONSISTENT: u32 = 2;
/// Values are left out, which makes a scan of large values cheap.
pub const DICTSQLITE_SCAN_KEYS_ONLY: u32 = 4;
/// In the order of the keys: integers, text by its UTF-8 bytes, bytes and tuples.
pub const DICTSQLITE_SCAN_KEY_ORDER: u32 = 8;
/// In the order in which the keys were first set.
pub const DICTSQLITE_SCAN_INSERTION_ORDER: u32 = 16;

/// The elements behind a pointer; refuses NULL with a length, and lengths that no memory has.
pub(super) fn elements<'a, T>(first: *const T, len: usize, what: &str) -> Result<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    if first.is_null() {
        return Err(invalid(format!("{what} is NULL, but its length is {len}")));
    }
    if len > isize::MAX as usize / size_of::<T>() {
        return Err(invalid(format!("{what} has the length {len}, which no memory has")));
    }
    if !first.is_aligned() {
        return Err(invalid(format!("{what} is not aligned")));
    }
    // SAFETY: it is not NULL and aligned, the bytes fit an address space, and by the header's
    // contract there are `len` elements that stay as they are while the call lasts. The lifetime is
    // bound by the callers to that of what C handed over.
    Ok(unsafe { slice::from_raw_parts(first, len) })
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

/// The text behind a pointer to a string; `None` for NULL.
fn text<'a>(string: *const c_char, what: &str) -> Result<Option<&'a str>> {
    if string.is_null() {
        return Ok(None);
    }
    // SAFETY: it is not NULL, and by the header's contract it ends with NUL and stays as it is while
    // the call lasts.
    let text = unsafe { CStr::from_ptr(string) };
    text.to_str().map(Some).map_err(|_| invalid(format!("{what} is not UTF-8")))
}

impl dictsqlite_string {
    /// The text; NULL is refused.
    pub(crate) fn read(&self, what: &str) -> Result<&str> {
        self.read_optional(what)?.ok_or_else(|| invalid(format!("{what} is NULL")))
    }

    /// The text; `None` for NULL.
    pub(crate) fn read_optional(&self, what: &str) -> Result<Option<&str>> {
        text(self.0, what)
    }

    /// A path: on Unix any bytes, elsewhere UTF-8; NULL is refused.
    pub(crate) fn read_path(&self, what: &str) -> Result<PathBuf> {
        #[cfg(unix)]
        if !self.0.is_null() {
            // SAFETY: as in `text`.
            let bytes = unsafe { CStr::from_ptr(self.0) }.to_bytes();
            let path: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(bytes);
            return Ok(path.into());
        }
        self.read(what).map(PathBuf::from)
    }

    pub(crate) const fn of(text: &'static CStr) -> Self {
        Self(text.as_ptr())
    }

    pub(crate) const NULL: Self = Self(std::ptr::null());
}

impl dictsqlite_slice {
    /// No bytes, and not even an empty value.
    pub(crate) const NONE: Self = Self { data: std::ptr::null(), len: 0 };

    /// The bytes.
    pub(crate) fn read(&self, what: &str) -> Result<&[u8]> {
        elements(self.data.cast(), self.len, what)
    }

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr().cast(), len: bytes.len() }
    }
}

impl dictsqlite_pair_list {
    /// The pairs, borrowed.
    pub(crate) fn read(&self) -> Result<Vec<(KeyIn<'_>, &[u8])>> {
        let pairs = elements(self.items, self.len, "items")?;
        pairs.iter().map(|pair| Ok((pair.key.read()?, pair.value.read("value")?))).collect()
    }
}

impl dictsqlite_option_list {
    /// Names and values.
    pub(crate) fn read(&self) -> Result<Vec<(&str, &str)>> {
        let options = elements(self.items, self.len, "options")?;
        let missing = |what: &str| invalid(format!("the {what} of an option is NULL"));
        options
            .iter()
            .map(|option| {
                let name = text(option.name, "the name of an option")?;
                let name = name.ok_or_else(|| missing("name"))?;
                Ok((name, text(option.value, name)?.ok_or_else(|| missing(name))?))
            })
            .collect()
    }
}

impl dictsqlite_scan_options {
    /// The engine's options.
    pub(crate) fn read(&self) -> Result<ScanOptions> {
        let key = |key: *const dictsqlite_key, what: &str| -> Result<Option<Key>> {
            let key = elements(key, usize::from(!key.is_null()), what)?.first();
            key.map(|key| Ok(Key::from(key.read()?.as_key()))).transpose()
        };
        let limit = elements(self.limit, usize::from(!self.limit.is_null()), "limit")?.first();
        let known = (DICTSQLITE_SCAN_INSERTION_ORDER << 1) - 1;
        if self.flags & !known != 0 {
            return Err(invalid(format!("flags is {:#x}; only {known:#x} are known", self.flags)));
        }
        let has = |flag| self.flags & flag != 0;
        let order = match (has(DICTSQLITE_SCAN_KEY_ORDER), has(DICTSQLITE_SCAN_INSERTION_ORDER)) {
            (true, true) => return Err(invalid("flags ask for two orders; give one")),
            (true, false) => Some(Order::Key),
            (false, true) => Some(Order::Insertion),
            (false, false) => None,
        };
        Ok(ScanOptions {
            prefix: key(self.prefix, "prefix")?,
            start: key(self.start, "start")?,
            end: key(self.end, "end")?,
            reverse: has(DICTSQLITE_SCAN_REVERSE),
            limit: limit.copied(),
            order,
            consistent: has(DICTSQLITE_SCAN_CONSISTENT),
            values: !has(DICTSQLITE_SCAN_KEYS_ONLY),
            after: None,
        })
    }
}
