//! The operating system's files, transferred by the ring.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Ring;
use super::file::UringFile;
use crate::completion::Completion;
use crate::error::{Error, ErrorKind, Result};
use crate::io::buf::Buf;
use crate::io::file::{AsyncFile, Kind};
use crate::io::paths;
use crate::io::pool_vfs::PoolVfs;
use crate::io::vfs::{Access, AsyncVfs, OpenOptions};

/// Files by io_uring: reads, writes and syncs; what else may block is done by the pool of threads. All
/// share one ring and its thread. Linux only.
#[derive(Clone, Debug)]
pub struct UringVfs {
    pool: PoolVfs,
}

impl UringVfs {
    /// The ring of this process, started if it was not yet.
    ///
    /// # Errors
    /// `Unsupported`, saying why, when the kernel gives no ring or one that cannot do what is needed
    /// (before Linux 5.6, or forbidden by `kernel.io_uring_disabled` or a sandbox).
    pub fn new() -> Result<Self> {
        match Ring::shared() {
            Ok(_) => Ok(Self { pool: PoolVfs::new() }),
            Err(why) => Err(Error::new(ErrorKind::Unsupported, why)),
        }
    }
}

impl AsyncVfs for UringVfs {
    fn open(&self, path: &Path, options: &OpenOptions) -> Completion<Arc<dyn AsyncFile>> {
        // In the child of a fork, the ring is another one, or none.
        let ring = match Ring::shared() {
            Ok(ring) => ring,
            Err(why) => return Completion::ready(Err(Error::new(ErrorKind::Unsupported, why))),
        };
        let (path, options, pool) = (path.to_path_buf(), options.clone(), self.pool.pool());
        let files = Arc::clone(&pool);
        pool.ask(move || {
            let open = paths::open(&path, &options)?;
            Ok(Arc::new(UringFile::new(open, ring, files)) as Arc<dyn AsyncFile>)
        })
    }

    fn delete(&self, path: &Path, sync_dir: bool) -> Completion<()> {
        self.pool.delete(path, sync_dir)
    }

    fn rename(&self, from: &Path, to: &Path, sync_dir: bool) -> Completion<()> {
        self.pool.rename(from, to, sync_dir)
    }

    fn access(&self, path: &Path, access: Access) -> Completion<bool> {
        self.pool.access(path, access)
    }

    fn full_pathname(&self, path: &Path) -> Completion<PathBuf> {
        self.pool.full_pathname(path)
    }

    fn sleep(&self, duration: Duration) -> Completion<Duration> {
        self.pool.sleep(duration)
    }

    fn current_time(&self) -> Completion<i64> {
        self.pool.current_time()
    }

    fn randomness(&self, buf: Buf) -> Completion<Buf> {
        self.pool.randomness(buf)
    }

    fn kind(&self) -> Kind {
        Kind::Uring
    }
}
