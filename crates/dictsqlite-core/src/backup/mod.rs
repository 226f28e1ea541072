//! Whole-file work: backups and their restoring, exports and imports, and the upkeep of a file.
//!
//! What is written goes to a file beside its place, is synced, and is then put there in one step, so
//! that there is never half of it. The live database is read through SQLite only. Everything reports
//! how far it is and can be cancelled by a [`Progress`].

mod aside;
mod binary;
mod copy;
mod export;
mod files;
mod import;
mod lines;
mod place;
mod progress;
mod record;
mod restore;
mod upkeep;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::{Duration, Instant};

use aside::Aside;
use place::{Place, What};

use crate::completion::Completion;
use crate::error::Result;
use crate::sqlite::Source;
use crate::store::Store;

pub use export::ExportOptions;
pub(crate) use export::export;
pub(crate) use import::import;
pub use import::{ImportOptions, Imported, OnConflict};
pub use progress::Progress;
pub use record::ExportFormat;
pub use restore::{RestoreOptions, restore};
pub use upkeep::{Checkpoint, Warmed};
pub(crate) use upkeep::{checkpoint, integrity_check, vacuum, warm};

/// How a store is backed up.
#[derive(Clone, Debug, Default)]
pub struct BackupOptions {
    /// Whether a file that is there already is replaced.
    pub overwrite: bool,
    /// How far it is, in pages, and its cancelling.
    pub progress: Progress,
}

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Pages of the database.
    pub pages: u64,
    /// Bytes of the copy.
    pub bytes: u64,
}

/// Everything accepted so far is committed, so that SQLite alone knows all of it.
fn barrier(store: &Store, deadline: Instant, progress: &Progress) -> Result<()> {
    await_writer(store, store.barrier_async(deadline), Some(deadline), progress)
}

/// Waits for the writer to commit what was accepted. Cancelled, it is not waited for any more.
fn await_writer(
    store: &Store,
    completion: Completion<()>,
    deadline: Option<Instant>,
    progress: &Progress,
) -> Result<()> {
    progress.wait_until(completion, deadline).unwrap_or_else(|_still_waiting| {
        progress.check()?;
        Err(store.state.too_late(true))
    })
}

/// Copies the store, as of one moment, to `dest`.
pub(crate) fn backup(
    store: &Store,
    dest: &Path,
    options: &BackupOptions,
    timeout: Duration,
) -> Result<Copied> {
    let progress = &options.progress;
    progress.begin()?;
    let file = store.state.opener.file;
    let place = Place::new(dest, What::Database, options.overwrite, file, timeout)?;
    barrier(store, Instant::now() + timeout, progress)?;
    let source = Source::open(&store.state.opener)?;
    let aside = Aside::beside(place.path(), store.path())?;
    let copied = copy::copy(source, &aside, progress)?;
    place.put(aside, progress)?;
    progress.finish(copied.pages);
    Ok(copied)
}
