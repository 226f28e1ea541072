//! What the change log says, and what is watched.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::{Entry, Key, StorageMode, Value};
use crate::error::{Error, Result};

/// What happened to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// There was none, and now there is one.
    Insert,
    /// Its value or its expiry was written.
    Update,
    /// It was deleted.
    Delete,
    /// It had expired, and was removed.
    Expire,
}

impl ChangeKind {
    /// The name in the file and in every language.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Expire => "expire",
        }
    }
}

impl FromStr for ChangeKind {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self> {
        let all = [Self::Insert, Self::Update, Self::Delete, Self::Expire];
        let found = all.into_iter().find(|kind| kind.name() == s);
        found.ok_or_else(|| Error::invalid(format!("{s:?} is no kind of change")))
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One change of one entry, as it was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The number of the operation: larger than that of every change committed before, and the
    /// entry's version after an insert or update. To go on later, remember it.
    pub seq: i64,
    /// What happened.
    pub kind: ChangeKind,
    /// The table's name.
    pub table: Arc<str>,
    /// The codec of `old` and `new`.
    pub storage: StorageMode,
    /// The key.
    pub key: Key,
    /// The value before; `None` for an insert.
    pub old: Option<Value>,
    /// The value after; `None` for a delete and an expiry.
    pub new: Option<Value>,
    /// When the entry as it is now expires, in milliseconds since the Unix epoch; `None` for never.
    pub expires_at: Option<i64>,
    /// When it was written, in milliseconds since the Unix epoch.
    pub at: i64,
}

/// How much of the change log is kept: what is beyond either limit is removed in the background. It
/// holds for the whole store. `None` leaves a limit as it is; a new log keeps a million changes of the
/// last seven days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangeRetention {
    /// The newest changes, at most so many. 1 or more.
    pub count: Option<u64>,
    /// Changes that are no older than this. A millisecond or more.
    pub age: Option<Duration>,
}

/// An entry as a watch has found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The key.
    pub key: Key,
    /// The entry; `None` when there is none.
    pub entry: Option<Entry>,
}
