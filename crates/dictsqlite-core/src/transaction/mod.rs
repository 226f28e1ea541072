//! Transactions over all tables of a store.
//!
//! A transaction reads a snapshot (a read transaction of SQLite, pinned once everything acknowledged
//! is committed) and its own writes, which it gathers. A concurrent one notes what it reads; its
//! commit is one command to the writer, which looks at all of that again inside its own SQLite
//! transaction and then writes everything or nothing. An immediate one has the writer lend it
//! SQLite's write lock before it reads, so nothing it reads can change, and hands its writes over.

mod begin;
mod buffer;
mod commit;
mod lifetime;
mod read;
mod savepoint;
mod scan;
mod table;
mod write;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::hold::Hold;
use crate::readers::Pinned;
use crate::sqlite::Table;
use crate::store::Store;
use crate::sync::Mutex;
use crate::types::{Entry, Isolation, PackedKey, Range, Stamp, StorageMode, TransactionMode};

pub(crate) use begin::{Begin, begin, begin_async};
use buffer::Buffer;
use lifetime::Over;
pub use scan::TransactionScan;

/// How long a transaction may be open unless its options say otherwise.
const MAX_HOLD: Duration = Duration::from_secs(60);
/// The same for an immediate one, which everybody who writes waits for.
const MAX_IMMEDIATE_HOLD: Duration = Duration::from_secs(5);

/// What can be set when a transaction is begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransactionOptions {
    /// Whether it keeps others out, or looks whether they were in its way.
    pub mode: TransactionMode,
    /// What is looked at when a concurrent one commits.
    pub isolation: Isolation,
    /// How long beginning and committing may each wait; `None` takes the handle's timeout.
    pub timeout: Option<Duration>,
    /// How long it may be open before it is rolled back: its snapshot keeps the write-ahead log from
    /// being cut, its lock keeps everybody from writing. `None`: 60 s, and 5 s for an immediate one.
    pub max_hold: Option<Duration>,
    /// Stands for an owner that is no thread, in language bindings: asynchronous ones only. 0: nobody
    /// in particular.
    #[doc(hidden)]
    pub task: u64,
}

/// A transaction, as a dict on one of the store's tables: [`Transaction::table`] gives the same
/// transaction on another one. Begun by [`Dict::transaction`](crate::Dict::transaction) it belongs to
/// its thread, and others are refused; begun by its asynchronous form it may be moved between threads.
///
/// When the last handle on it is dropped before [`Transaction::commit`], it is rolled back.
///
/// ```
/// use dictsqlite_core::{Dict, Options, TransactionOptions};
/// let dict = Dict::open(":memory:", &Options::default())?;
/// dict.set("a", b"10")?;
/// let tx = dict.transaction(&TransactionOptions::default())?;
/// let a = tx.incr("a", -3)?;
/// tx.set("b", b"3")?;
/// assert_eq!(dict.get("b")?, None); // nobody sees it yet
/// tx.commit()?;
/// assert_eq!((a, dict.get("b")?.as_deref()), (7, Some(&b"3"[..])));
/// # Ok::<(), dictsqlite_core::Error>(())
/// ```
pub struct Transaction {
    shared: Arc<Shared>,
    table: Arc<Table>,
    /// How long new entries live unless a call says otherwise.
    ttl: Option<Duration>,
}

/// What all handles on a transaction share.
struct Shared {
    store: Arc<Store>,
    mode: TransactionMode,
    isolation: Isolation,
    durable: bool,
    timeout: Duration,
    max_hold: Duration,
    /// When it is rolled back.
    until: Instant,
    /// The number of the thread it belongs to; zero when it may be moved.
    thread: u64,
    hold: Option<Arc<Hold>>,
    /// By this time it is decided what has expired.
    now_ms: i64,
    snapshot: Snapshot,
    inner: Mutex<Inner>,
}

/// Which state of the file is read.
#[derive(Clone, Copy, Default)]
struct Snapshot {
    /// The number of the last operation in it.
    since: i64,
    /// Its stamp, where that is certain.
    stamp: Option<Stamp>,
    /// The cache's epoch: what the cache has of it and is not newer than `since` is in the snapshot.
    epoch: Option<u64>,
}

/// What changes as it goes on.
struct Inner {
    over: Option<Over>,
    reader: Option<Pinned>,
    buffer: Buffer,
    /// What was read, by key.
    reads: HashMap<PackedKey, Option<Entry>, ahash::RandomState>,
    /// The versions of values in chunks that were not read, only found to be there.
    found: HashMap<PackedKey, i64, ahash::RandomState>,
    ranges: Vec<Range>,
    /// The number of entries in the snapshot, by table.
    counts: HashMap<u32, u64>,
    /// Tables that were made after the snapshot: nothing is in them.
    newer: Vec<u32>,
    savepoints: Vec<savepoint::Mark>,
    next_savepoint: u64,
}

impl Transaction {
    /// The name of the table that this handle is on.
    pub fn name(&self) -> &str {
        &self.table.name
    }

    /// The codec of that table.
    pub fn storage_mode(&self) -> StorageMode {
        self.table.storage
    }

    /// How it keeps out of the way of others.
    pub fn mode(&self) -> TransactionMode {
        self.shared.mode
    }
}

impl Shared {
    /// Whether what is read is looked at again when it commits.
    fn notes_reads(&self) -> bool {
        self.mode == TransactionMode::Concurrent && self.isolation == Isolation::Serializable
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }
}
