//! The operating system's files by a pool of threads: on every system, and the back end of the calls
//! that io_uring is not used for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::buf::Buf;
use super::file::{AsyncFile, Kind};
use super::per_fork::PerFork;
use super::pool::Pool;
use super::pool_file::PoolFile;
use super::vfs::{Access, AsyncVfs, OpenOptions};
use super::{paths, timer};
use crate::clock::{Clock, SystemClock};
use crate::completion::Completion;
use crate::error::{Error, ErrorKind, Result};

/// Threads of the pool that all share.
const THREADS: usize = 4;

static SHARED: PerFork<Arc<Pool>> = PerFork::new();

/// Files by threads that make blocking calls. Threads start when there is work, and end when there
/// was none for five seconds.
#[derive(Clone, Debug, Default)]
pub struct PoolVfs {
    own: Option<Arc<Own>>,
}

#[derive(Debug)]
struct Own {
    pools: PerFork<Arc<Pool>>,
    threads: usize,
}

impl PoolVfs {
    /// The pool of this process, with at most four threads.
    pub fn new() -> Self {
        Self::default()
    }

    /// A pool of its own, with at most `threads` threads (at least one). They end when this value, its
    /// clones and the files opened by it are gone.
    pub fn with_threads(threads: usize) -> Self {
        Self { own: Some(Arc::new(Own { pools: PerFork::new(), threads })) }
    }

    /// The pool of this generation of forks.
    pub(super) fn pool(&self) -> Arc<Pool> {
        let pool = match &self.own {
            Some(own) => own.pools.get(|| Arc::new(Pool::new(own.threads))),
            None => SHARED.get(|| Arc::new(Pool::new(THREADS))),
        };
        Arc::clone(pool)
    }

    fn ask<T: Send + 'static>(
        &self,
        path: &Path,
        f: impl FnOnce(&Path) -> Result<T> + Send + 'static,
    ) -> Completion<T> {
        let path = path.to_path_buf();
        self.pool().ask(move || f(&path))
    }
}

impl AsyncVfs for PoolVfs {
    fn open(&self, path: &Path, options: &OpenOptions) -> Completion<Arc<dyn AsyncFile>> {
        let (options, pool) = (options.clone(), self.pool());
        self.ask(path, move |path| {
            let open = paths::open(path, &options)?;
            Ok(Arc::new(PoolFile::new(open, pool)) as Arc<dyn AsyncFile>)
        })
    }

    fn delete(&self, path: &Path, sync_dir: bool) -> Completion<()> {
        self.ask(path, move |path| paths::delete(path, sync_dir))
    }

    fn rename(&self, from: &Path, to: &Path, sync_dir: bool) -> Completion<()> {
        let to = to.to_path_buf();
        self.ask(from, move |from| paths::rename(from, &to, sync_dir))
    }

    fn access(&self, path: &Path, access: Access) -> Completion<bool> {
        self.ask(path, move |path| paths::access(path, access))
    }

    fn full_pathname(&self, path: &Path) -> Completion<PathBuf> {
        self.ask(path, paths::full)
    }

    fn sleep(&self, duration: Duration) -> Completion<Duration> {
        timer::after(duration)
    }

    fn current_time(&self) -> Completion<i64> {
        Completion::ready(Ok(SystemClock.now_ms()))
    }

    fn randomness(&self, buf: Buf) -> Completion<Buf> {
        random(buf)
    }

    fn kind(&self) -> Kind {
        Kind::Pool
    }
}

/// The system's random source answers at once, save in the first moments after the machine began.
pub(super) fn random(mut buf: Buf) -> Completion<Buf> {
    let filled = getrandom::fill(&mut buf)
        .map_err(|e| Error::new(ErrorKind::Io, format!("the system gives no random bytes: {e}")));
    Completion::ready(filled.map(|()| buf))
}
