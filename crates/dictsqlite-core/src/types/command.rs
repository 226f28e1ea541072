//! What only the writer can decide: operations that look before they write.

use std::sync::Arc;

use super::{Entry, Key, PackedKey, Proposal, StorageMode, Value};

/// What must hold for a conditional write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Nothing.
    Any,
    /// The entry has this version; 0 means that there is none.
    Version(i64),
}

/// The name and codec of a table to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableSpec {
    pub(crate) name: String,
    pub(crate) storage: StorageMode,
}

/// An operation decided inside the writer's SQLite transaction.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// Writes when the expectation holds, else fails with `Conflict`.
    Set { key: PackedKey, value: Value, expires_at: i64, expect: Expect },
    /// Deletes when the expectation holds, else fails with `Conflict`.
    Delete { key: PackedKey, expect: Expect },
    /// Removes and returns an entry.
    Pop { key: PackedKey },
    /// Removes and returns the newest (or oldest) entry of a table.
    PopItem { table: u32, newest: bool },
    /// Returns the entry there is, or writes this one.
    SetDefault { key: PackedKey, value: Value, expires_at: i64 },
    /// Adds to an integer, which counts from 0 when there is none; `expires_at` is for a new one.
    Incr { key: PackedKey, delta: i64, expires_at: i64 },
    /// Changes when an entry expires and nothing else.
    Expire { key: PackedKey, expires_at: i64 },
    /// Removes every entry of a table.
    Clear { table: u32 },
    /// Finds or makes a table.
    OpenTable(TableSpec),
    /// Removes a table.
    DropTable { table: u32 },
    /// Removes up to `limit` expired entries of a table.
    Sweep { table: u32, limit: u32 },
    /// Makes everything committed before it safe against a power cut.
    Sync,
    /// Has a table's changes logged from now on; the limits of the log, where they do not stay: changes
    /// and milliseconds.
    EnableChanges { table: u32, count: Option<i64>, age_ms: Option<i64> },
    /// Removes up to `limit` changes that are beyond the limits of the log.
    TrimChanges { limit: u32 },
    /// A transaction: all of it, if what it has read is still so.
    Transaction(Arc<Proposal>),
    /// Lends the write lock, in a transaction by itself; the request has the details.
    Hold,
    /// Returns the entry there is, in its turn among the commands.
    Get { key: PackedKey },
    /// A step of writing a large value by chunks, or of tidying up after it.
    Stream(StreamStep),
}

/// See [`Command::Stream`]. The numbers of streams are numbers of operations, so none is given twice.
#[derive(Clone, Debug)]
pub(crate) enum StreamStep {
    /// Puts chunk `n` of a value beside the table; `stream` is 0 for the first one, and the answer is
    /// the stream's number.
    Stage { key: PackedKey, stream: i64, n: i64, data: Value },
    /// Makes a staged stream the value of `key`.
    Publish { key: PackedKey, stream: i64, expires_at: i64, expect: Expect },
    /// A staged stream will not be published.
    Abandon { stream: i64 },
    /// Frees a part of a stream that no row has and that was last added to before this time (ms).
    Collect { before: i64 },
}

impl Command {
    /// The table all of which the command may change.
    pub(crate) fn whole_table(&self) -> Option<u32> {
        match self {
            Self::PopItem { table, .. } | Self::Clear { table } | Self::DropTable { table } => {
                Some(*table)
            }
            // What is swept is absent for every reader already.
            _ => None,
        }
    }

    /// The one key the command changes, if it is one.
    pub(crate) fn key(&self) -> Option<&PackedKey> {
        match self {
            Self::Set { key, .. }
            | Self::Delete { key, .. }
            | Self::Pop { key }
            | Self::SetDefault { key, .. }
            | Self::Incr { key, .. }
            | Self::Expire { key, .. }
            | Self::Stream(StreamStep::Publish { key, .. }) => Some(key),
            // What only looks, or stages, replaces nothing that memory knows.
            _ => None,
        }
    }
}

/// What a command did.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Written under this version.
    Version(i64),
    /// The entry that was there, if there was one.
    Entry(Option<Entry>),
    /// The item that was removed, if there was one.
    Item(Option<(Key, Entry)>),
    /// The new value of a counter.
    Number(i64),
    /// So many entries were removed or changed.
    Count(u64),
    /// So many expired entries were removed, and when the next one expires (`i64::MAX` for never).
    Swept(u64, i64),
    /// The log was trimmed; true if there is more to remove.
    Trimmed(bool),
    /// The table's number.
    Table(u32),
    /// Nothing to say.
    Done,
}
