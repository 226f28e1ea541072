//! Keys: text, 64-bit integers, bytes, and tuples of these.
//!
//! Inside the engine a key is *packed*: table id, a tag, and the payload, so that the order of the
//! packed bytes is the order of tables, then SQLite's own order of keys (integers, text, bytes).

use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use super::tuple;
use crate::error::{Error, ErrorKind, Result};

/// The longest key, in bytes of its stored form.
pub const MAX_KEY_BYTES: usize = 16 * 1024 * 1024;

/// An owned key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A 64-bit signed integer, stored as SQLite INTEGER.
    Int(i64),
    /// Text, stored as SQLite TEXT, ordered by its UTF-8 bytes.
    Text(String),
    /// Bytes, stored as SQLite BLOB.
    Bytes(Vec<u8>),
    /// A tuple of integers, text and bytes, stored as a BLOB whose order is the tuples' order.
    Tuple(Vec<Key>),
}

/// A borrowed key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRef<'a> {
    /// See [`Key::Int`].
    Int(i64),
    /// See [`Key::Text`].
    Text(&'a str),
    /// See [`Key::Bytes`].
    Bytes(&'a [u8]),
    /// See [`Key::Tuple`].
    Tuple(&'a [Key]),
}

/// Anything that can be used as a key.
pub trait AsKey {
    /// The key, borrowed.
    fn as_key(&self) -> KeyRef<'_>;
}

impl AsKey for Key {
    fn as_key(&self) -> KeyRef<'_> {
        match self {
            Key::Int(i) => KeyRef::Int(*i),
            Key::Text(s) => KeyRef::Text(s),
            Key::Bytes(b) => KeyRef::Bytes(b),
            Key::Tuple(t) => KeyRef::Tuple(t),
        }
    }
}

impl AsKey for KeyRef<'_> {
    fn as_key(&self) -> KeyRef<'_> {
        *self
    }
}

impl AsKey for str {
    fn as_key(&self) -> KeyRef<'_> {
        KeyRef::Text(self)
    }
}

impl AsKey for String {
    fn as_key(&self) -> KeyRef<'_> {
        KeyRef::Text(self)
    }
}

impl AsKey for i64 {
    fn as_key(&self) -> KeyRef<'_> {
        KeyRef::Int(*self)
    }
}

impl AsKey for [u8] {
    fn as_key(&self) -> KeyRef<'_> {
        KeyRef::Bytes(self)
    }
}

impl AsKey for Vec<u8> {
    fn as_key(&self) -> KeyRef<'_> {
        KeyRef::Bytes(self)
    }
}

impl<const N: usize> AsKey for [u8; N] {
    fn as_key(&self) -> KeyRef<'_> {
        KeyRef::Bytes(self)
    }
}

impl<T: AsKey + ?Sized> AsKey for &T {
    fn as_key(&self) -> KeyRef<'_> {
        (**self).as_key()
    }
}

impl From<&str> for Key {
    fn from(s: &str) -> Self {
        Key::Text(s.to_owned())
    }
}

impl From<i64> for Key {
    fn from(i: i64) -> Self {
        Key::Int(i)
    }
}

impl From<&[u8]> for Key {
    fn from(b: &[u8]) -> Self {
        Key::Bytes(b.to_vec())
    }
}

impl From<KeyRef<'_>> for Key {
    fn from(k: KeyRef<'_>) -> Self {
        match k {
            KeyRef::Int(i) => Key::Int(i),
            KeyRef::Text(s) => Key::Text(s.to_owned()),
            KeyRef::Bytes(b) => Key::Bytes(b.to_vec()),
            KeyRef::Tuple(t) => Key::Tuple(t.to_vec()),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 60;
        match self {
            Key::Int(i) => write!(f, "{i}"),
            Key::Text(s) if s.chars().count() <= SHOWN => write!(f, "{s:?}"),
            Key::Text(s) => {
                write!(f, "{:?}... ({} bytes)", s.chars().take(SHOWN).collect::<String>(), s.len())
            }
            Key::Bytes(b) => {
                let head = b.iter().take(SHOWN).flat_map(|b| b.escape_ascii());
                write!(f, "b\"{}\"", head.map(char::from).collect::<String>())?;
                if b.len() > SHOWN { write!(f, "... ({} bytes)", b.len()) } else { Ok(()) }
            }
            Key::Tuple(items) => {
                f.write_str("(")?;
                for (n, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if n > 0 { ", " } else { "" })?;
                }
                f.write_str(if items.len() == 1 { ",)" } else { ")" })
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A packed key, shared between the memtable and the cache.
pub(crate) type PackedKey = Arc<[u8]>;

/// A packed key on the stack.
pub(crate) type KeyBuf = SmallVec<[u8; INLINE]>;

/// Bytes of a packed key that need no memory of their own.
const INLINE: usize = 96;
/// The longest text of which that is true.
const SHORT: usize = INLINE - HEAD;

/// The type byte of a packed key; their order is SQLite's order of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Tag {
    Int = 1,
    Text = 2,
    Bytes = 3,
}

const HEAD: usize = 5;
const SIGN: u64 = 1 << 63;

/// Packs `key` of table number `table`.
#[inline(always)] // Else the buffer is copied from one caller to the next, on the hottest paths.
pub(crate) fn pack(table: u32, key: KeyRef<'_>) -> Result<KeyBuf> {
    match key {
        KeyRef::Text(s) if s.len() <= SHORT => Ok(pack_short(table, s.as_bytes())),
        key => pack_any(table, key),
    }
}

/// A short text is put together without asking for room again and again.
#[inline(always)]
fn pack_short(table: u32, text: &[u8]) -> KeyBuf {
    let [a, b, c, d] = table.to_be_bytes();
    let mut bytes = [0; INLINE];
    bytes[..HEAD].copy_from_slice(&[a, b, c, d, Tag::Text as u8]);
    bytes[HEAD..HEAD + text.len()].copy_from_slice(text);
    KeyBuf::from_buf_and_len(bytes, HEAD + text.len())
}

fn pack_any(table: u32, key: KeyRef<'_>) -> Result<KeyBuf> {
    let mut buf = KeyBuf::new();
    buf.extend_from_slice(&table.to_be_bytes());
    match key {
        KeyRef::Int(i) => {
            buf.push(Tag::Int as u8);
            buf.extend_from_slice(&((i as u64) ^ SIGN).to_be_bytes());
        }
        KeyRef::Text(s) => {
            buf.push(Tag::Text as u8);
            buf.extend_from_slice(s.as_bytes());
        }
        KeyRef::Bytes(b) => {
            buf.push(Tag::Bytes as u8);
            tuple::push_plain(&mut buf, b);
        }
        KeyRef::Tuple(items) => {
            buf.push(Tag::Bytes as u8);
            tuple::push_tuple(&mut buf, items)?;
        }
    }
    if buf.len() > MAX_KEY_BYTES {
        return Err(Error::new(
            ErrorKind::KeyType,
            format!("the key has {} bytes; at most {MAX_KEY_BYTES} are allowed", buf.len() - HEAD),
        ));
    }
    Ok(buf)
}

/// Packs a key as SQLite stored it.
pub(crate) fn pack_stored(table: u32, key: SqlKey<'_>) -> KeyBuf {
    let mut buf = KeyBuf::new();
    packed_parts(table, key, |part| buf.extend_from_slice(part));
    buf
}

/// The same in parts, one after the other.
#[inline]
pub(crate) fn packed_parts(table: u32, key: SqlKey<'_>, mut push: impl FnMut(&[u8])) {
    let [a, b, c, d] = table.to_be_bytes();
    match key {
        SqlKey::Int(i) => {
            push(&[a, b, c, d, Tag::Int as u8]);
            push(&((i as u64) ^ SIGN).to_be_bytes());
        }
        SqlKey::Text(s) => {
            push(&[a, b, c, d, Tag::Text as u8]);
            push(s);
        }
        SqlKey::Blob(blob) => {
            push(&[a, b, c, d, Tag::Bytes as u8]);
            push(blob);
        }
    }
}

/// The table number of a packed key.
pub(crate) fn packed_table(packed: &[u8]) -> u32 {
    packed.first_chunk().map_or(0, |head| u32::from_be_bytes(*head))
}

/// A key in SQLite's terms.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SqlKey<'a> {
    Int(i64),
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

/// What SQLite is to bind for a packed key.
#[inline]
pub(crate) fn sql_key(packed: &[u8]) -> SqlKey<'_> {
    let (tag, payload) = (packed[HEAD - 1], &packed[HEAD..]);
    if tag == Tag::Int as u8 {
        let bits = payload.first_chunk().map_or(0, |b| u64::from_be_bytes(*b));
        SqlKey::Int((bits ^ SIGN) as i64)
    } else if tag == Tag::Text as u8 {
        SqlKey::Text(payload)
    } else {
        SqlKey::Blob(payload)
    }
}

/// The key a packed key stands for.
pub(crate) fn unpack(packed: &[u8]) -> Key {
    match sql_key(packed) {
        SqlKey::Int(i) => Key::Int(i),
        SqlKey::Text(s) => Key::Text(String::from_utf8_lossy(s).into_owned()),
        SqlKey::Blob(b) => tuple::from_stored(b),
    }
}

/// The type byte of a packed key.
pub(crate) fn packed_tag(packed: &[u8]) -> u8 {
    packed[HEAD - 1]
}

/// The key whose type byte and payload these are.
pub(crate) fn unpack_parts(tag: u8, payload: &[u8]) -> Key {
    let mut packed = KeyBuf::from_slice(&[0; HEAD - 1]);
    packed.push(tag);
    packed.extend_from_slice(payload);
    unpack(&packed)
}
