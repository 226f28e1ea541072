//! Where a result is put, and what must not be there.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Progress;
use super::aside::{Aside, COMPANIONS, exists, failed, with_suffix};
use crate::error::{Error, Result};
use crate::sqlite::{Alone, FileId};
use crate::store;

/// What is put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Database,
    Export,
}

/// The place of a result.
pub(super) struct Place {
    path: PathBuf,
    what: What,
    overwrite: bool,
    patience: Duration,
}

impl Place {
    /// Looks whether a result can be put at `path`, before it is made.
    pub(super) fn new(
        path: &Path,
        what: What,
        overwrite: bool,
        source: Option<FileId>,
        patience: Duration,
    ) -> Result<Self> {
        let absolute = std::path::absolute(path)
            .map_err(|e| Error::invalid(format!("{} is no path: {e}", path.display())))?;
        // What a link points to is replaced, not the link.
        let path = std::fs::canonicalize(&absolute).unwrap_or(absolute);
        let place = Self { path, what, overwrite, patience };
        if source.is_some() && FileId::of(&place.path) == source {
            return Err(Error::invalid(format!(
                "{} is the source itself; give another path",
                place.path.display()
            )));
        }
        place.check()?;
        drop(store::reserve(&place.path, Instant::now() + patience)?);
        Ok(place)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn check(&self) -> Result<()> {
        let path = &self.path;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let Some(name) = name else {
            return Err(Error::invalid(format!("{} names no file", path.display())));
        };
        if let Some(suffix) = COMPANIONS.iter().find(|suffix| name.ends_with(**suffix)) {
            return Err(Error::invalid(format!(
                "{} is a name of SQLite's own, since it ends in {suffix}; give another",
                path.display()
            )));
        }
        match std::fs::metadata(path) {
            Ok(there) if !there.is_file() => {
                return Err(Error::invalid(format!(
                    "{} is there and is no regular file; give another path",
                    path.display()
                )));
            }
            Ok(_) if !self.overwrite => return Err(exists(path)),
            Ok(_) if self.what == What::Export && is_database(path) => {
                return Err(Error::invalid(format!(
                    "{} is a database, which an export does not replace; give another path",
                    path.display()
                )));
            }
            Ok(_) => {}
            Err(_) => self.check_leftovers()?,
        }
        Ok(())
    }

    /// SQLite would take a log that another database left behind for the new one's.
    fn check_leftovers(&self) -> Result<()> {
        if self.what == What::Export || self.overwrite {
            return Ok(());
        }
        let left = COMPANIONS.iter().map(|suffix| with_suffix(&self.path, suffix));
        match left.into_iter().find(|left| left.exists()) {
            None => Ok(()),
            Some(left) => Err(Error::invalid(format!(
                "{} is left of a database that is not there any more; remove it, give another path, \
                 or turn overwriting on to have it removed",
                left.display()
            ))),
        }
    }

    /// Puts the result there. From here on it is too late to cancel.
    pub(super) fn put(&self, aside: Aside, progress: &Progress) -> Result<()> {
        // The long part, while it can still be cancelled.
        let doing = || format!("writing {}", self.path.display());
        aside.file().sync_all().map_err(|e| failed(&e, &doing()))?;
        progress.decide()?;
        let reserved = store::reserve(&self.path, Instant::now() + self.patience)?;
        self.check()?;
        // Kept open until it is not reserved any more: its number is nobody else's till then.
        let replaced = File::open(&self.path);
        let alone = match (self.what, &reserved) {
            (What::Database, Some(_)) => Some(Alone::with(&self.path)?),
            _ => None,
        };
        if self.what == What::Database {
            for suffix in COMPANIONS {
                remove_if_there(&with_suffix(&self.path, suffix))?;
            }
        }
        let placed = aside.place(self.overwrite);
        // Nobody opens what was there before, or what is there now, until here.
        drop(reserved);
        drop(alone);
        drop(replaced);
        placed
    }
}

fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(failed(&e, &format!("removing {}", path.display())))
        }
        _ => Ok(()),
    }
}

/// Asked only of files that this process has not open.
fn is_database(path: &Path) -> bool {
    let mut head = [0; 16];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && &head == b"SQLite format 3\0"
}
