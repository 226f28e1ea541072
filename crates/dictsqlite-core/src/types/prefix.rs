//! The keys that a prefix selects.

use super::key::{Key, KeyBuf, Tag};
use super::page::RowKey;
use super::tuple::stored_prefix;
use crate::error::{Error, Result};
use crate::types::AsKey;

/// The type a prefix restricts keys to; tuples and bytes share SQLite's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Bytes,
    Tuple,
}

impl Kind {
    pub(crate) fn of(key: &Key) -> Option<Self> {
        match key {
            Key::Int(_) => None,
            Key::Text(_) => Some(Self::Text),
            Key::Bytes(_) => Some(Self::Bytes),
            Key::Tuple(_) => Some(Self::Tuple),
        }
    }

    pub(crate) fn is_of(self, key: &RowKey<'_>) -> bool {
        match key {
            RowKey::Int(_) => false,
            RowKey::Text(_) => self == Self::Text,
            RowKey::Bytes(_) => self == Self::Bytes,
            RowKey::Tuple(_) => self == Self::Tuple,
        }
    }
}

/// The first packed key with this prefix, and the first one behind all of them.
pub(crate) fn prefix_bounds(table: u32, prefix: &Key) -> Result<(KeyBuf, Option<KeyBuf>)> {
    let tag = if matches!(prefix, Key::Text(_)) { Tag::Text } else { Tag::Bytes };
    let head = table.to_be_bytes();
    let mut start = KeyBuf::from_slice(&head);
    start.push(tag as u8);
    start.extend_from_slice(&stored_prefix(prefix.as_key())?);
    let mut end = start.clone();
    if matches!(prefix, Key::Tuple(_)) {
        // An element follows, or nothing; `0xFF` here goes on with the last element, escaped.
        end.push(u8::MAX);
        return Ok((start, Some(end)));
    }
    while end.last() == Some(&u8::MAX) {
        end.pop();
    }
    match end.last_mut() {
        Some(last) => *last += 1,
        None => return Err(Error::invalid("the prefix is empty")),
    }
    // Behind all text come bytes; behind all bytes comes nothing.
    let beyond_bytes = end.len() == head.len() + 1 && end[head.len()] > Tag::Bytes as u8;
    Ok((start, (!beyond_bytes).then_some(end)))
}
