//! What a scan read at once: keys and values one after the other in a single buffer, so that a row
//! costs no allocation of its own.

use std::borrow::Cow;

use super::entry::{Entry, NEVER, Value};
use super::key::{Key, SqlKey, packed_parts, sql_key, unpack};
use super::tuple;

/// Rows of a scan, in its order. They do not change any more.
#[derive(Debug, Default)]
pub struct Page {
    data: Vec<u8>,
    rows: Vec<Row>,
}

/// Where a row is in the buffer, and what is known of it beyond its bytes.
#[derive(Debug)]
struct Row {
    start: usize,
    key_end: usize,
    end: usize,
    /// Some, if the scan reads values.
    has_value: bool,
    version: i64,
    expires_at: i64,
}

/// A row of a [`Page`].
#[derive(Clone, Copy, Debug)]
pub struct RowRef<'a> {
    packed: &'a [u8],
    value: &'a [u8],
    row: &'a Row,
}

/// The key of a row, borrowed where its stored form allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowKey<'a> {
    /// See [`Key::Int`].
    Int(i64),
    /// See [`Key::Text`]; what is no UTF-8, which only another tool can have written, is replaced.
    Text(Cow<'a, str>),
    /// See [`Key::Bytes`].
    Bytes(&'a [u8]),
    /// See [`Key::Tuple`].
    Tuple(Vec<Key>),
}

impl Page {
    /// The row at a place, counted from 0; `None` behind the last one.
    #[inline]
    pub fn row(&self, n: usize) -> Option<RowRef<'_>> {
        let row = self.rows.get(n)?;
        let (packed, value) =
            (&self.data[row.start..row.key_end], &self.data[row.key_end..row.end]);
        Some(RowRef { packed, value, row })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of all keys and values.
    pub(crate) fn bytes(&self) -> usize {
        self.data.len()
    }

    /// Begins a row with its key, as it was stored, and gives the key packed.
    pub(crate) fn push_key(&mut self, table: u32, key: SqlKey<'_>) -> &[u8] {
        let start = self.rows.last().map_or(0, |row| row.end);
        // What an unfinished row left behind.
        self.data.truncate(start);
        let data = &mut self.data;
        packed_parts(table, key, |part| data.extend_from_slice(part));
        &self.data[start..]
    }

    /// Ends the row that `push_key` began.
    pub(crate) fn push_value(&mut self, value: Option<&[u8]>, version: i64, expires_at: i64) {
        let start = self.rows.last().map_or(0, |row| row.end);
        let key_end = self.data.len();
        self.data.extend_from_slice(value.unwrap_or_default());
        let (end, has_value) = (self.data.len(), value.is_some());
        self.rows.push(Row { start, key_end, end, has_value, version, expires_at });
    }

    /// The packed key of the last row.
    pub(crate) fn last_key(&self) -> Option<&[u8]> {
        self.row(self.len().checked_sub(1)?).map(|row| row.packed)
    }

    /// Leaves only the rows that are wanted; their bytes stay.
    pub(crate) fn retain(&mut self, mut wanted: impl FnMut(RowKey<'_>) -> bool) {
        let data = &self.data;
        self.rows.retain(|row| wanted(row_key(&data[row.start..row.key_end])));
    }
}

impl<'a> RowRef<'a> {
    /// The key.
    #[inline]
    pub fn key(&self) -> RowKey<'a> {
        row_key(self.packed)
    }

    /// The value as its codec wrote it; empty in a scan without values.
    #[inline]
    pub fn value(&self) -> &'a [u8] {
        self.value
    }

    /// The same, owned.
    pub(crate) fn owned_value(&self) -> Option<Value> {
        self.row.has_value.then(|| Value::from(self.value))
    }

    /// The packed key.
    pub(crate) fn packed(&self) -> &'a [u8] {
        self.packed
    }

    /// The key, owned.
    pub(crate) fn owned_key(&self) -> Key {
        unpack(self.packed)
    }

    /// The entry, if the scan reads values.
    pub(crate) fn entry(&self) -> Option<Entry> {
        let value = self.owned_value()?;
        Some(Entry { value, version: self.version(), expires_at: self.expires_at() })
    }

    pub(crate) fn version(&self) -> i64 {
        self.row.version
    }

    pub(crate) fn expires_at(&self) -> Option<i64> {
        (self.row.expires_at != NEVER).then_some(self.row.expires_at)
    }
}

#[inline]
fn row_key(packed: &[u8]) -> RowKey<'_> {
    match sql_key(packed) {
        SqlKey::Int(i) => RowKey::Int(i),
        SqlKey::Text(s) => RowKey::Text(String::from_utf8_lossy(s)),
        SqlKey::Blob(b) if !tuple::may_be_marked(b) => RowKey::Bytes(b),
        SqlKey::Blob(b) => match tuple::from_stored(b) {
            Key::Tuple(items) => RowKey::Tuple(items),
            // Escaped, or no tuple after all.
            Key::Bytes(plain) => RowKey::Bytes(&b[b.len() - plain.len()..]),
            _ => RowKey::Bytes(b),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{KeyRef, pack};

    fn page() -> Page {
        let mut page = Page::default();
        let packed: Vec<_> = [
            KeyRef::Int(-5),
            KeyRef::Text("a"),
            KeyRef::Bytes(b"\xffb"),
            KeyRef::Tuple(&[Key::Int(1)]),
        ]
        .map(|key| pack(7, key).unwrap())
        .into();
        for (n, packed) in packed.iter().enumerate() {
            page.push_key(7, sql_key(packed));
            page.push_value(Some(&[b'v'; 3][..n.min(3)]), n as i64, NEVER + n as i64);
        }
        page
    }

    #[test]
    fn rows_come_back_as_they_were_put_in() {
        // All share one buffer, so a place that is off by one would show in each row behind it.
        let page = page();
        let keys: Vec<_> = (0..page.len()).map(|n| page.row(n).unwrap().key()).collect();
        let (text, tuple) = (RowKey::Text("a".into()), RowKey::Tuple(vec![Key::Int(1)]));
        assert_eq!(keys, [RowKey::Int(-5), text, RowKey::Bytes(b"\xffb"), tuple]);
        let values: Vec<_> = (0..page.len()).map(|n| page.row(n).unwrap().value()).collect();
        assert_eq!(values, [&b""[..], b"v", b"vv", b"vvv"]);
        let row = page.row(3).unwrap();
        assert_eq!((row.version(), row.expires_at()), (3, Some(3)));
        assert_eq!(page.row(0).unwrap().expires_at(), None);
        assert!(page.row(4).is_none());
    }

    #[test]
    fn a_row_that_was_begun_and_not_ended_leaves_nothing_behind() {
        // A value that cannot be read ends a page in the middle of a row.
        let mut page = page();
        let last = page.last_key().unwrap().to_vec();
        page.push_key(7, SqlKey::Text(b"unfinished"));
        assert_eq!((page.len(), page.last_key().unwrap()), (4, &last[..]));
        page.push_key(7, SqlKey::Blob(b"\xff\xff"));
        page.push_value(None, 0, NEVER);
        let row = page.row(4).unwrap();
        assert_eq!((row.key(), row.owned_value()), (RowKey::Bytes(b"\xff"), None));
        page.retain(|key| matches!(key, RowKey::Bytes(_)));
        assert_eq!(page.len(), 2);
        assert_eq!(page.row(1).unwrap().owned_key(), Key::Bytes(vec![0xff]));
    }

    #[test]
    fn text_that_is_no_utf8_is_replaced_as_in_keys_elsewhere() {
        // Another tool wrote it; `unpack` does the same for all other ways of reading.
        let mut page = Page::default();
        page.push_key(7, SqlKey::Text(b"a\xf0\x9f\x98b"));
        page.push_value(Some(b"v"), 0, NEVER);
        let row = page.row(0).unwrap();
        assert_eq!(row.key(), RowKey::Text("a\u{fffd}b".into()));
        assert_eq!(row.owned_key(), Key::Text("a\u{fffd}b".into()));
    }
}
