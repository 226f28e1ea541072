//! Tuple keys as bytes whose order is the tuples' order.
//!
//! A stored BLOB that begins with `0xFF` is a tuple, or, when a second `0xFF` follows, plain bytes
//! that themselves began with `0xFF` (the second one is an escape). Within a tuple every element is
//! a tag and a payload that ends itself, so a tuple's bytes are a prefix of every longer tuple's:
//! integers are 8 bytes, big-endian with the sign bit flipped; text and bytes escape `0x00` as
//! `0x00 0xFF` and end with `0x00`.

use super::key::{Key, KeyBuf, KeyRef};
use crate::error::{Error, ErrorKind, Result};

const PREFIX: u8 = 0xFF;
const INT: u8 = 0x10;
const TEXT: u8 = 0x20;
const BYTES: u8 = 0x30;
const END: u8 = 0x00;
const ESCAPE: u8 = 0xFF;
const SIGN: u64 = 1 << 63;

/// Appends plain bytes as they are stored.
#[inline]
pub(crate) fn push_plain(buf: &mut KeyBuf, bytes: &[u8]) {
    if bytes.first() == Some(&PREFIX) {
        buf.push(PREFIX);
    }
    buf.extend_from_slice(bytes);
}

/// Appends a tuple as it is stored.
pub(crate) fn push_tuple(buf: &mut KeyBuf, items: &[Key]) -> Result<()> {
    buf.push(PREFIX);
    for item in items {
        match item {
            Key::Int(i) => {
                buf.push(INT);
                buf.extend_from_slice(&((*i as u64) ^ SIGN).to_be_bytes());
            }
            Key::Text(s) => push_ended(buf, TEXT, s.as_bytes()),
            Key::Bytes(b) => push_ended(buf, BYTES, b),
            Key::Tuple(_) => {
                return Err(Error::new(
                    ErrorKind::KeyType,
                    "a tuple key holds text, integers and bytes only; flatten the inner tuple",
                ));
            }
        }
    }
    Ok(())
}

fn push_ended(buf: &mut KeyBuf, tag: u8, bytes: &[u8]) {
    buf.push(tag);
    for &b in bytes {
        buf.push(b);
        if b == END {
            buf.push(ESCAPE);
        }
    }
    buf.push(END);
}

/// True when a stored BLOB is more than plain bytes: a tuple, or bytes that are escaped.
#[inline]
pub(crate) fn may_be_marked(stored: &[u8]) -> bool {
    stored.first() == Some(&PREFIX)
}

/// The key a stored BLOB stands for. Bytes that claim to be a tuple and are not one (written by
/// another tool) are given back as plain bytes.
pub(crate) fn from_stored(stored: &[u8]) -> Key {
    match stored {
        [PREFIX, PREFIX, ..] => Key::Bytes(stored[1..].to_vec()),
        [PREFIX, rest @ ..] => parse(rest).map_or_else(|| Key::Bytes(stored.to_vec()), Key::Tuple),
        _ => Key::Bytes(stored.to_vec()),
    }
}

fn parse(mut rest: &[u8]) -> Option<Vec<Key>> {
    let mut items = Vec::new();
    while let Some((&tag, tail)) = rest.split_first() {
        rest = tail;
        match tag {
            INT => {
                let (bits, tail) = rest.split_first_chunk::<8>()?;
                items.push(Key::Int((u64::from_be_bytes(*bits) ^ SIGN) as i64));
                rest = tail;
            }
            TEXT | BYTES => {
                let (bytes, tail) = take_ended(rest)?;
                items.push(if tag == BYTES {
                    Key::Bytes(bytes)
                } else {
                    Key::Text(String::from_utf8(bytes).ok()?)
                });
                rest = tail;
            }
            _ => return None,
        }
    }
    Some(items)
}

fn take_ended(rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut bytes = Vec::new();
    let mut at = 0;
    loop {
        let b = *rest.get(at)?;
        at += 1;
        if b != END {
            bytes.push(b);
        } else if rest.get(at) == Some(&ESCAPE) {
            bytes.push(END);
            at += 1;
        } else {
            return Some((bytes, &rest[at..]));
        }
    }
}

/// The stored form every key with this prefix begins with: bytes by bytes, tuples by elements.
pub(crate) fn stored_prefix(prefix: KeyRef<'_>) -> Result<KeyBuf> {
    let mut buf = KeyBuf::new();
    match prefix {
        KeyRef::Text(s) => buf.extend_from_slice(s.as_bytes()),
        KeyRef::Bytes(b) => push_plain(&mut buf, b),
        KeyRef::Tuple(items) => push_tuple(&mut buf, items)?,
        KeyRef::Int(_) => {
            return Err(Error::new(
                ErrorKind::KeyType,
                "a prefix is text, bytes or a tuple; for integers use start and end",
            ));
        }
    }
    Ok(buf)
}
