//! A file that is written beside its place and put there when it is whole.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

/// What a file is called before it is whole: this and sixteen digits behind its name.
const MARK: &str = ".tmp-";
const DIGITS: usize = 16;
/// What a killed process left behind is removed once it is that old.
const STALE: Duration = Duration::from_secs(60);
/// What SQLite puts beside a database.
pub(super) const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// See the module. Dropped before it is placed, it is removed.
pub(super) struct Aside {
    file: File,
    temporary: PathBuf,
    place: PathBuf,
    placed: bool,
}

impl Aside {
    /// An empty file beside `place`. It is readable by whom `like` is, if that is there.
    pub(super) fn beside(place: &Path, like: Option<&Path>) -> Result<Self> {
        remove_stale(place);
        let random = RandomState::new().build_hasher().finish();
        let temporary = with_suffix(place, &format!("{MARK}{random:0DIGITS$x}"));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        let model = like.and_then(|like| std::fs::metadata(like).ok());
        #[cfg(unix)]
        if model.is_some() {
            use std::os::unix::fs::OpenOptionsExt;
            // Never more than its model, not even for a moment.
            options.mode(0o600);
        }
        let file = options.open(&temporary).map_err(|e| {
            let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty());
            match parent {
                Some(parent) if !parent.is_dir() => Error::invalid(format!(
                    "there is no directory {}; make it first",
                    parent.display()
                )),
                _ => failed(&e, &format!("creating {}", temporary.display())),
            }
        })?;
        let aside = Self { file, temporary, place: place.to_path_buf(), placed: false };
        if let Some(model) = model {
            // Where that cannot be done, it stays its owner's alone.
            let _ = aside.file.set_permissions(model.permissions());
        }
        // Held until the end of this process, so that others see that it is not stale. Where a file
        // system has no locks, its age protects it.
        // (Windows would not let SQLite write to it then.)
        if cfg!(unix) {
            let _ = aside.file.try_lock();
        }
        Ok(aside)
    }

    /// Where the file is written.
    pub(super) fn path(&self) -> &Path {
        &self.temporary
    }

    /// The file, open for writing.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Syncs the file and puts it in its place.
    ///
    /// # Errors
    /// `Invalid` when there is something already and it is not to be overwritten.
    pub(super) fn place(mut self, overwrite: bool) -> Result<()> {
        let doing = || format!("writing {}", self.place.display());
        self.file.sync_all().map_err(|e| failed(&e, &doing()))?;
        if overwrite {
            std::fs::rename(&self.temporary, &self.place).map_err(|e| failed(&e, &doing()))?;
        } else {
            self.place_new().map_err(|e| match e.kind() {
                io::ErrorKind::AlreadyExists => exists(&self.place),
                _ => failed(&e, &doing()),
            })?;
        }
        self.placed = true;
        sync_directory(&self.place).map_err(|e| failed(&e, &doing()))
    }

    /// Puts it where nothing is, and finds out in the same step.
    fn place_new(&self) -> io::Result<()> {
        match std::fs::hard_link(&self.temporary, &self.place) {
            Ok(()) => std::fs::remove_file(&self.temporary),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(e),
            // The file system has no links.
            Err(_) if self.place.exists() => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => std::fs::rename(&self.temporary, &self.place),
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // There is nobody to tell; what stays is removed as stale some day.
        if !self.placed {
            let _ = std::fs::remove_file(&self.temporary);
        }
        for suffix in COMPANIONS {
            let _ = std::fs::remove_file(with_suffix(&self.temporary, suffix));
        }
    }
}

/// The refusal of a place that is taken.
pub(super) fn exists(place: &Path) -> Error {
    Error::invalid(format!(
        "{} exists already; give another path, or turn overwriting on to replace it",
        place.display()
    ))
}

/// A path with more behind its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Removes what processes that were killed left behind for the same place.
fn remove_stale(place: &Path) {
    let (Some(name), Some(parent)) = (place.file_name(), place.parent()) else { return };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let mut prefix = name.to_string_lossy().into_owned();
    prefix.push_str(MARK);
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(&prefix)) else {
            continue;
        };
        let ours = rest.len() == DIGITS && rest.bytes().all(|b| b.is_ascii_hexdigit());
        let old = entry
            .metadata()
            .and_then(|m| m.modified())
            .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > STALE));
        // Whoever still writes it has it locked.
        if ours && old && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = std::fs::remove_file(entry.path());
            for suffix in COMPANIONS {
                let _ = std::fs::remove_file(with_suffix(&entry.path(), suffix));
            }
        }
    }
}

/// Makes a change of names in the directory of `path` last.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if cfg!(unix) {
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// An error of the operating system in our words.
pub(super) fn failed(e: &io::Error, doing: &str) -> Error {
    use io::ErrorKind as Os;
    let (kind, advice) = match e.kind() {
        Os::StorageFull | Os::QuotaExceeded | Os::FileTooLarge => {
            (ErrorKind::Full, "the disk or the quota is full; free some space and try again")
        }
        Os::PermissionDenied | Os::ReadOnlyFilesystem => {
            (ErrorKind::ReadOnly, "it is not permitted; check the permissions")
        }
        _ => (ErrorKind::Io, "the operating system refused"),
    };
    Error::new(kind, format!("{doing}: {advice} ({e})"))
}
