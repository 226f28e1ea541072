//! What a transaction asks of the writer: what must still be so, and what is to be written then.

use super::{Command, KeyBuf, Order, PackedKey, Stamp, Value};

/// A transaction on its way to its commit: all of it happens, or nothing.
#[derive(Debug, Default)]
pub(crate) struct Proposal {
    /// The stamp of what was read: while it is the live one, nothing can have changed.
    pub(crate) stamp: Option<Stamp>,
    /// The operation counter in what was read.
    pub(crate) since: i64,
    /// Keys that are written and were not read: nobody may have written them since.
    pub(crate) blind: Vec<PackedKey>,
    /// Keys that must have the version that a caller names, 0 for no entry.
    pub(crate) checks: Vec<(PackedKey, i64)>,
    /// Keys that must be as they were read.
    pub(crate) reads: Vec<Seen>,
    /// Scans that must give the same again.
    pub(crate) ranges: Vec<Range>,
    /// Tables that must have so many entries.
    pub(crate) counts: Vec<(u32, u64)>,
    /// The last write of each key, in the order in which the keys were first written.
    pub(crate) writes: Vec<ProposedWrite>,
    /// How many operations those are.
    pub(crate) ops: u32,
    /// Operations that look before they write, one after the other.
    pub(crate) commands: Vec<Command>,
}

/// A key as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) key: PackedKey,
    /// 0 when there was no entry.
    pub(crate) version: i64,
    /// Compared as well, where it is known: another tool may leave the version as it is.
    pub(crate) value: Option<Value>,
}

/// The last write of a key; see the memtable's segments, whose entries mean the same.
#[derive(Clone, Debug)]
pub(crate) struct ProposedWrite {
    pub(crate) key: PackedKey,
    /// The value; none deletes.
    pub(crate) value: Option<Value>,
    pub(crate) expires_at: i64,
    /// Only the expiry is written: what the row has stays, and is not in `value`.
    pub(crate) kept: bool,
    /// Which operation of the transaction this is.
    pub(crate) op: u32,
    /// Which operation gave the key its place in insertion order.
    pub(crate) place: u32,
    /// The key was deleted before it was put, so it gets a new place.
    pub(crate) replaced: bool,
    /// With `replaced`: the operation that removed it.
    pub(crate) removed: u32,
}

/// What a scan gave, as far as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Range {
    pub(crate) table: u32,
    pub(crate) order: Order,
    pub(crate) reverse: bool,
    pub(crate) start: Option<KeyBuf>,
    pub(crate) end: Option<KeyBuf>,
    /// Whether values were read: without them only the keys must be the same.
    pub(crate) values: bool,
    /// Whether it was read to its end, behind which nothing may be now either.
    pub(crate) ended: bool,
    pub(crate) rows: Rows,
}

/// The rows of a scan, to be compared with what it gives another time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    keys: Vec<u8>,
    rows: Vec<(usize, u64)>,
}

impl Rows {
    /// Adds a row: its packed key, and what stands for the rest of it.
    pub(crate) fn push(&mut self, key: &[u8], print: u64) {
        self.keys.extend_from_slice(key);
        self.rows.push((self.keys.len(), print));
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// A row's packed key and print.
    pub(crate) fn get(&self, n: usize) -> Option<(&[u8], u64)> {
        let (end, print) = *self.rows.get(n)?;
        let start = if n == 0 { 0 } else { self.rows[n - 1].0 };
        Some((&self.keys[start..end], print))
    }
}

impl Proposal {
    /// Every key that may change.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &PackedKey> {
        let commands = self.commands.iter().filter_map(Command::key);
        self.writes.iter().map(|w| &w.key).chain(commands)
    }
}
