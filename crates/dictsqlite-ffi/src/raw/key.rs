//! Keys, in both directions.

use std::ffi::c_void;

use dictsqlite_core::{AsKey, Error, ErrorKind, Key, KeyRef, Result};

use super::slice::elements;

/// What a key is; the `type` of a `dictsqlite_key`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum dictsqlite_key_type {
    /// A 64-bit integer.
    DICTSQLITE_KEY_INTEGER = 1,
    /// UTF-8 text.
    DICTSQLITE_KEY_TEXT = 2,
    /// Bytes.
    DICTSQLITE_KEY_BYTES = 3,
    /// A tuple of integers, text and bytes.
    DICTSQLITE_KEY_TUPLE = 4,
}

const INTEGER: u32 = dictsqlite_key_type::DICTSQLITE_KEY_INTEGER as u32;
const TEXT: u32 = dictsqlite_key_type::DICTSQLITE_KEY_TEXT as u32;
const BYTES: u32 = dictsqlite_key_type::DICTSQLITE_KEY_BYTES as u32;
const TUPLE: u32 = dictsqlite_key_type::DICTSQLITE_KEY_TUPLE as u32;

/// A key. `dictsqlite_text`, `_integer`, `_bytes` and `_tuple` make one; what it points to stays the caller's.
/// 1 and "1" are different keys.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_key {
    /// One of `dictsqlite_key_type`.
    r#type: u32,
    /// Integers: the key.
    integer: i64,
    /// Text and bytes: the first one, as `const char *` or `const uint8_t *`. Tuples: the first element,
    /// as `const dictsqlite_key *`.
    data: *const c_void,
    /// Text and bytes: so many bytes. Tuples: so many elements.
    len: usize,
}

/// Keys that the caller owns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_key_list {
    items: *const dictsqlite_key,
    len: usize,
}

/// A key that C handed over: borrowed, but for the elements of a tuple.
pub(crate) enum KeyIn<'a> {
    Int(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Tuple(Vec<Key>),
}

impl AsKey for KeyIn<'_> {
    #[inline]
    fn as_key(&self) -> KeyRef<'_> {
        match self {
            KeyIn::Int(i) => KeyRef::Int(*i),
            KeyIn::Text(s) => KeyRef::Text(s),
            KeyIn::Bytes(b) => KeyRef::Bytes(b),
            KeyIn::Tuple(t) => KeyRef::Tuple(t),
        }
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::KeyType, message)
}

impl dictsqlite_key {
    /// No key: what a page of other things has in its place.
    pub(crate) const NONE: Self = Self { r#type: 0, integer: 0, data: std::ptr::null(), len: 0 };

    /// The key, borrowed.
    #[inline]
    pub(crate) fn read(&self) -> Result<KeyIn<'_>> {
        match self.r#type {
            INTEGER => Ok(KeyIn::Int(self.integer)),
            TEXT => {
                let bytes = elements(self.data.cast(), self.len, "the text of a key")?;
                let text = std::str::from_utf8(bytes);
                text.map(KeyIn::Text).map_err(|e| {
                    refused(format!(
                        "the key is not UTF-8 from byte {} on; give it as bytes",
                        e.valid_up_to()
                    ))
                })
            }
            BYTES => Ok(KeyIn::Bytes(elements(self.data.cast(), self.len, "the bytes of a key")?)),
            TUPLE => {
                let items: &[Self] = elements(self.data.cast(), self.len, "the items of a key")?;
                let items = items.iter().map(Self::element).collect::<Result<Vec<_>>>()?;
                Ok(KeyIn::Tuple(items))
            }
            other => Err(refused(format!(
                "the type of the key is {other}; make keys with dictsqlite_text, _integer, _bytes or \
                 _tuple"
            ))),
        }
    }

    /// An element of a tuple. An inner tuple is refused here: walked down, deep ones overrun the stack.
    fn element(&self) -> Result<Key> {
        if self.r#type == TUPLE {
            return Err(refused(
                "a tuple key holds text, integers and bytes only; flatten the inner tuple",
            ));
        }
        Ok(Key::from(self.read()?.as_key()))
    }

    /// A view of `key`; the elements of a tuple are put into `tuples`, which must live as long.
    pub(super) fn of(key: &Key, tuples: &mut Vec<Box<[Self]>>) -> Self {
        match key {
            Key::Int(i) => Self { r#type: INTEGER, integer: *i, ..Self::NONE },
            Key::Text(s) => {
                Self { r#type: TEXT, data: s.as_ptr().cast(), len: s.len(), ..Self::NONE }
            }
            Key::Bytes(b) => {
                Self { r#type: BYTES, data: b.as_ptr().cast(), len: b.len(), ..Self::NONE }
            }
            Key::Tuple(items) => {
                let items: Box<[Self]> = items.iter().map(|item| Self::of(item, tuples)).collect();
                let (data, len) = (items.as_ptr().cast(), items.len());
                tuples.push(items);
                Self { r#type: TUPLE, data, len, ..Self::NONE }
            }
        }
    }
}

impl dictsqlite_key_list {
    /// The keys, borrowed.
    pub(crate) fn read(&self) -> Result<Vec<KeyIn<'_>>> {
        elements(self.items, self.len, "keys")?.iter().map(dictsqlite_key::read).collect()
    }
}
