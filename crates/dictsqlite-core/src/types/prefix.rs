//! The keys with a prefix, as a range.

use super::key::{Key, KeyBuf, Tag};
use super::stored_prefix;
use crate::error::{Error, Result};
use crate::types::AsKey;

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

/// True for a key of the prefix's own type: tuples and bytes share SQLite's.
pub(crate) fn is_of_prefix_type(prefix: &Key, key: &Key) -> bool {
    std::mem::discriminant(prefix) == std::mem::discriminant(key)
}
