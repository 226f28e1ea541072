//! A persistent dict on SQLite: fast, honest about durability, never stale.
//!
//! Writes are accepted into memory, visible at once, and committed in groups by one writer thread;
//! how much of that a write waits for is the handle's [`PersistMode`]. Reads are answered from
//! memory as long as SQLite's own stamp says that nobody committed in between, so no process ever
//! sees a stale value. The file is an ordinary SQLite database.
//!
//! # Quick start
//!
//! ```
//! use dictsqlite_core::{Dict, Options, PersistMode};
//!
//! # fn main() -> dictsqlite_core::Result<()> {
//! # let dir = tempfile::tempdir().unwrap();
//! # let path = dir.path().join("app.db");
//! let options = Options { persist_mode: PersistMode::Durable, ..Options::default() };
//! let dict = Dict::open(&path, &options)?;
//! dict.set("user:1", b"Ada")?; // committed and synced when it returns
//! assert_eq!(dict.get("user:1")?.as_deref(), Some(&b"Ada"[..]));
//! assert_eq!(dict.incr("hits", 1)?, 1);
//! dict.close()
//! # }
//! ```
//!
//! # Without blocking
//!
//! Each operation that may wait also gives a [`Completion`]: a future for any executor, which can be
//! waited for on a thread or handed to a callback as well.
//!
//! ```
//! use dictsqlite_core::{Dict, Options, Result, Ttl};
//! use std::sync::Arc;
//!
//! async fn greet() -> Result<()> {
//!     let dict = Arc::new(Dict::open_async(":memory:", &Options::default()).await?);
//!     dict.set_async("user:1", b"Ada", Ttl::Default).await?;
//!     assert_eq!(dict.get_async("user:1").await?.as_deref(), Some(&b"Ada"[..]));
//!     dict.close_async().await
//! }
//! # fn main() { smol::block_on(greet()).unwrap() }
//! ```
//!
//! # Where to look
//!
//! - [`Dict`] has the operations, [`Options`] what can be set when opening, [`ScanOptions`] what a
//!   scan can select.
//! - [`Key`] is text, a 64-bit integer, bytes or a tuple of these; [`AsKey`] is what is taken as one.
//! - [`Value`] is bytes as the table's codec wrote them; [`Dict::get_json`] and [`Dict::set_json`]
//!   speak serde.
//! - [`Transaction`] is a dict over all tables whose writes happen together or not at all.
//! - [`Error`] has a kind that is the same in every language, and says what to do.
//!
//! The examples of this crate run it under tokio, under smol, and without any runtime. `docs/rust.md`
//! in the repository is the guide, `docs/durability.md` has the promises, `docs/design.md` the inside.

mod backup;
mod cache;
mod changes;
mod clock;
mod codec;
mod completion;
mod dict;
mod error;
mod hold;
pub mod io;
mod listeners;
mod lookout;
mod maintenance;
mod memtable;
mod options;
mod readers;
mod scan;
mod sqlite;
mod state;
mod store;
#[doc(hidden)]
pub mod sync;
mod transaction;
mod types;
mod value_stream;
mod vfs;
mod writer;

pub use backup::{
    BackupOptions, Checkpoint, Copied, ExportFormat, ExportOptions, ImportOptions, Imported,
    OnConflict, Progress, RestoreOptions, Warmed, restore,
};
pub use changes::{Changes, ChangesOptions, Watch};
pub use clock::{Clock, ManualClock, SystemClock};
pub use codec::MAX_VALUE_BYTES;
pub use completion::{Canceller, Completion, interruptible};
pub use dict::{Answer, Atomic, Dict, Op, Peek, Stats, Ttl, restore_async};
#[doc(hidden)]
pub use dict::{Moment, MomentId};
pub use error::{Error, ErrorKind, Result};
pub use options::{LONGEST_TIMEOUT, Options};
pub use scan::{Cursor, Cursors, Item, Scan, ScanOptions};
pub use sqlite::{Inspection, Look, TableFacts, Users, ground_of, inspect, users};
pub use store::{end, shutdown};
pub use transaction::{Transaction, TransactionOptions, TransactionScan};
pub use types::{
    AsKey, Change, ChangeKind, ChangeRetention, Entry, Isolation, Key, KeyRef, MAX_KEY_BYTES,
    Order, Page, PersistMode, RowKey, RowRef, StorageMode, TransactionMode, Value, Watched,
};
pub use value_stream::{ValueReader, ValueWriter};
pub use vfs::fork::{generation as forks, is_main_thread};

/// The release of this engine, the same in every language.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

// The programs of the guide and of the README run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/rust.md")]
mod guide {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/io.md")]
mod files {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/transactions.md")]
mod transactions {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/changes.md")]
mod changes_page {}
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}
