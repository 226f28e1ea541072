//! A backup put into the place of a store that nobody has open.

use std::path::Path;
use std::time::Duration;

use super::aside::{Aside, failed};
use super::place::{Place, What};
use super::{Copied, Progress, copy};
use crate::error::{Error, ErrorKind, Result};
use crate::sqlite::{FileId, Source, problems_of_file};

/// How a backup is restored.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// Whether a store, or any other file, that is there already is replaced.
    pub overwrite: bool,
    /// How long it may wait for others to close the file that is replaced, or for a lock.
    pub timeout: Duration,
    /// How far it is, in pages, and its cancelling.
    pub progress: Progress,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        let timeout = Duration::from_secs(30);
        Self { overwrite: false, timeout, progress: Progress::default() }
    }
}

/// Puts a copy of the store `source` at `path`, where no process may have a store open.
///
/// The copy is written beside its place, checked, synced, and renamed: what was at `path` is there
/// whole until the copy is. The source is only read.
///
/// # Errors
/// `Invalid` when something is at `path` and `overwrite` is false; `Busy` when a store is open there;
/// `Unsupported` when the source is no store of ours, `Corrupt` when it is damaged; `Full`, `Io`,
/// `ReadOnly`, `Cancelled`. Then what was at `path` is as it was.
pub fn restore(
    source: impl AsRef<Path>,
    path: impl AsRef<Path>,
    options: &RestoreOptions,
) -> Result<Copied> {
    let (source, progress) = (source.as_ref(), &options.progress);
    progress.begin()?;
    let metadata = std::fs::metadata(source)
        .map_err(|e| failed(&e, &format!("reading {}", source.display())))?;
    if !metadata.is_file() {
        return Err(Error::invalid(format!("{} is no file", source.display())));
    }
    let source = std::path::absolute(source)
        .map_err(|e| Error::invalid(format!("{} is no path: {e}", source.display())))?;
    let place = Place::new(
        path.as_ref(),
        What::Database,
        options.overwrite,
        FileId::of(&source),
        options.timeout,
    )?;
    let pinned = Source::open_file(&source, options.timeout)
        .map_err(|e| Error::new(e.kind(), format!("{}: {}", source.display(), e.message())))?;
    pinned.check_ours(&source)?;
    let like = if place.path().exists() { place.path() } else { &source };
    let aside = Aside::beside(place.path(), Some(like))?;
    let copied = copy::copy(pinned, &aside, progress)?;
    if let Some(problem) = problems_of_file(aside.path())?.first() {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!("{} is damaged and was not restored: {problem}", source.display()),
        ));
    }
    place.put(aside, progress)?;
    progress.finish(copied.pages);
    Ok(copied)
}
