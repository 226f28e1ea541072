//! The engine of dictsqlite: a persistent dict on SQLite.
//!
//! Writes are accepted into memory, visible at once, and committed in groups by one writer thread;
//! how much of that a write waits for is the handle's [`PersistMode`]. Reads are answered from
//! memory as long as SQLite's own stamp says that nobody committed in between, so no process ever
//! sees a stale value. Every operation exists blocking and, as a [`Completion`], for any executor.
//!
//! The modules stand on floors; each imports only from floors below its own. `docs/design.md` in
//! the repository is the plan of the house.

mod cache;
mod clock;
mod codec;
mod completion;
mod dict;
mod error;
mod maintenance;
mod memtable;
mod options;
mod readers;
mod scan;
mod sqlite;
mod state;
mod store;
mod sync;
mod types;
mod vfs;
mod writer;

pub use clock::{Clock, ManualClock, SystemClock};
pub use codec::MAX_VALUE_BYTES;
pub use completion::{Canceller, Completion};
pub use dict::{Dict, Peek, Stats, Ttl};
pub use error::{Error, ErrorKind, Result};
pub use options::Options;
pub use scan::{Item, Scan, ScanOptions};
pub use store::{end, shutdown};
pub use types::{AsKey, Entry, Key, KeyRef, MAX_KEY_BYTES, Order, PersistMode, StorageMode, Value};
pub use vfs::fork::generation as forks;

/// The release of this engine, the same in every language.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
