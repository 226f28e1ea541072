//! The store for Kotlin and Swift, by way of UniFFI.
//!
//! What is generated from this crate is the ground for a small layer by hand in each language
//! (`bindings/kotlin`, `bindings/swift`), which gives it that language's idioms; programs use that
//! layer. So names here are plain, and what crosses often crosses as numbers: a record or an option
//! as an argument costs an allocation and a crossing of its own.
//!
//! Every operation that may wait comes twice: blocking, and as a future (`_async`). Dropping the
//! future cancels the operation if it is not accepted yet. Swift cannot drop it, so there a *ticket*
//! ([`new_ticket`]) cancels it; 0 stands for none.
//!
//! A time to live is in seconds: infinity for no expiry, NaN for what the handle was opened with.
//! Values are the bytes the table's codec stores; in `json` and `jsonb` tables, JSON text in UTF-8.

mod asynchronous;
mod atomic;
mod changes;
mod dict;
mod error;
mod files;
mod options;
mod pending;
mod scan;
mod transaction;
mod transaction_async;
mod types;
mod watch;
mod writing;

#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use asynchronous::native_open_async;
pub use atomic::{NativeCheck, NativeWrite};
pub use changes::{NativeChange, NativeChanges, NativeChangesOptions};
pub use dict::{NativeDict, NativeInfo, NativeStats, NativeTable, native_open};
pub use error::{ErrorKind, NativeError};
pub use files::{
    NativeCheckpoint, NativeExportOptions, NativeImported, NativeProgress, NativeVacuumed,
    NativeWarmed, native_restore, native_restore_async,
};
pub use options::{NativeOptions, NativeScanOptions, NativeTransactionOptions};
pub use pending::{cancel_ticket, free_ticket, new_ticket};
pub use scan::{NativeItem, NativeScan};
pub use transaction::NativeTransaction;
pub use types::{
    Blob, ChangeKind, ExportFormat, Isolation, Key, NativeEntry, NativePair, NativePeek,
    OnConflict, Order, PersistMode, StorageMode, TransactionMode,
};
pub use watch::{NativeWatch, NativeWatched};

uniffi::setup_scaffolding!("dictsqlite");

/// This release, as `major.minor.patch`.
#[uniffi::export]
pub fn native_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Does nothing: what it costs is what crossing costs.
#[uniffi::export]
pub fn native_nothing() {}

/// Flushes every open store before the process ends, for at most `seconds`, and has every later
/// write wait for its commit. Gives a line for each store that still has uncommitted writes.
#[uniffi::export]
pub fn native_end(seconds: f64) -> Vec<String> {
    // Not a number, negative or endless: the limit every other handle has.
    let limit = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(10));
    dictsqlite_core::end(limit)
}
