//! The file system that is taken when nobody chooses.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::buf::Buf;
use super::file::{AsyncFile, Kind};
use super::pool_vfs::PoolVfs;
use super::vfs::{Access, AsyncVfs, OpenOptions};
use crate::completion::Completion;

/// io_uring where the kernel allows it, else the pool of threads: looked at once a process.
///
/// ```
/// use dictsqlite_core::io::{AsyncVfs, DefaultVfs, Kind};
///
/// let vfs = DefaultVfs::new();
/// assert_eq!(vfs.kind() == Kind::Pool, vfs.fallback().is_some());
/// ```
#[derive(Clone, Debug)]
pub struct DefaultVfs {
    inner: Arc<dyn AsyncVfs>,
    fallback: Option<String>,
}

impl Default for DefaultVfs {
    fn default() -> Self {
        Self::new()
    }
}

impl DefaultVfs {
    /// The best back end there is.
    pub fn new() -> Self {
        match ring() {
            Ok(inner) => Self { inner, fallback: None },
            Err(why) => Self { inner: Arc::new(PoolVfs::new()), fallback: Some(why) },
        }
    }

    /// Why it is the pool and not io_uring, in words; `None` when it is io_uring.
    pub fn fallback(&self) -> Option<&str> {
        self.fallback.as_deref()
    }
}

/// Files by io_uring, or in words why not.
#[cfg(target_os = "linux")]
pub(super) fn ring() -> Result<Arc<dyn AsyncVfs>, String> {
    let vfs = super::uring::UringVfs::new().map_err(|e| e.message().to_owned())?;
    Ok(Arc::new(vfs))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn ring() -> Result<Arc<dyn AsyncVfs>, String> {
    Err("io_uring is for Linux only".to_owned())
}

impl AsyncVfs for DefaultVfs {
    fn open(&self, path: &Path, options: &OpenOptions) -> Completion<Arc<dyn AsyncFile>> {
        self.inner.open(path, options)
    }

    fn delete(&self, path: &Path, sync_dir: bool) -> Completion<()> {
        self.inner.delete(path, sync_dir)
    }

    fn rename(&self, from: &Path, to: &Path, sync_dir: bool) -> Completion<()> {
        self.inner.rename(from, to, sync_dir)
    }

    fn access(&self, path: &Path, access: Access) -> Completion<bool> {
        self.inner.access(path, access)
    }

    fn full_pathname(&self, path: &Path) -> Completion<PathBuf> {
        self.inner.full_pathname(path)
    }

    fn sleep(&self, duration: Duration) -> Completion<Duration> {
        self.inner.sleep(duration)
    }

    fn current_time(&self) -> Completion<i64> {
        self.inner.current_time()
    }

    fn randomness(&self, buf: Buf) -> Completion<Buf> {
        self.inner.randomness(buf)
    }

    fn kind(&self) -> Kind {
        self.inner.kind()
    }
}
