//! What a file system can do, whatever it is made of.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::buf::Buf;
use super::file::{AsyncFile, Kind};
use crate::completion::Completion;

/// How a file is opened. Reading is always allowed.
///
/// ```
/// use dictsqlite_core::io::OpenOptions;
///
/// let private = OpenOptions { mode: Some(0o600), ..OpenOptions::create_new() };
/// assert!(private.write && private.create_new);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Each is a flag of the system's own call.
pub struct OpenOptions {
    /// Writing is allowed.
    pub write: bool,
    /// The file is made when it is not there. Needs `write`.
    pub create: bool,
    /// The file is made, and it is an error (`Io`) when it is there. Needs `write`.
    pub create_new: bool,
    /// The file is emptied. Needs `write`.
    pub truncate: bool,
    /// The page cache is passed by (`O_DIRECT`): buffers' addresses and lengths, and offsets, are
    /// multiples of [`ALIGNMENT`](super::ALIGNMENT). `Unsupported` where the file system has none, and
    /// on systems other than Linux.
    pub direct: bool,
    /// The permissions of a file that is made, before the process's mask; `None` is `0o666`. Unix only.
    pub mode: Option<u32>,
}

impl OpenOptions {
    /// Reading a file that is there. The same as the default.
    pub fn read() -> Self {
        Self::default()
    }

    /// Reading and writing a file that is there.
    pub fn write() -> Self {
        Self { write: true, ..Self::default() }
    }

    /// Reading and writing; the file is made when it is not there, and kept as it is when it is.
    pub fn create() -> Self {
        Self { create: true, ..Self::write() }
    }

    /// Reading and writing a file that must not be there yet.
    pub fn create_new() -> Self {
        Self { create_new: true, ..Self::write() }
    }
}

/// What [`AsyncVfs::access`] asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Is there anything at the path?
    Exists,
    /// May this process read it?
    Read,
    /// May this process read and write it?
    ReadWrite,
}

/// A file system. See the [module](super) for what all methods have in common, and [`AsyncFile`] for
/// the errors.
pub trait AsyncVfs: fmt::Debug + Send + Sync {
    /// Opens or makes a file. `Invalid` for a file of a store that is open in this process, for a
    /// directory, and for options that contradict each other.
    fn open(&self, path: &Path, options: &OpenOptions) -> Completion<Arc<dyn AsyncFile>>;

    /// Deletes a file; with `sync_dir`, that it is gone is brought to the disk as well. `Io` when it
    /// is not there, `Invalid` for a file of a store that is open in this process.
    fn delete(&self, path: &Path, sync_dir: bool) -> Completion<()>;

    /// Renames a file within one file system, in one step: `to` is the old or the new file at any
    /// moment, and replaced when it is there. With `sync_dir`, both directories are brought to the disk
    /// as well; sync the file itself before. `Invalid` when either is of a store that is open in this
    /// process.
    fn rename(&self, from: &Path, to: &Path, sync_dir: bool) -> Completion<()>;

    /// Whether a path is there, or may be read or written.
    fn access(&self, path: &Path, access: Access) -> Completion<bool>;

    /// The absolute path, with links resolved as far as there are files; what does not exist may be at
    /// its end.
    fn full_pathname(&self, path: &Path) -> Completion<PathBuf>;

    /// Is done after `duration`, and gives how long it was. No thread sleeps for each call.
    fn sleep(&self, duration: Duration) -> Completion<Duration>;

    /// Milliseconds since the Unix epoch.
    fn current_time(&self) -> Completion<i64>;

    /// Fills `buf` with random bytes that are fit for secrets.
    fn randomness(&self, buf: Buf) -> Completion<Buf>;

    /// What does the work.
    fn kind(&self) -> Kind;
}
