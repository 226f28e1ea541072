//! Files in the memory of this process: for tests, and for systems without files.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::buf::Buf;
use super::file::{AsyncFile, Kind};
use super::memory_file::{MemoryFile, Node, Space};
use super::paths;
use super::pool_vfs::random;
use super::timer;
use super::vfs::{Access, AsyncVfs, OpenOptions};
use crate::clock::{Clock, SystemClock};
use crate::completion::Completion;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::Mutex;

/// A file system of its own in memory; clones share it. There are no directories: every path's parent is
/// there. Everything is done when its method returns. `direct` and `mode` are ignored.
///
/// ```
/// use dictsqlite_core::io::{AsyncVfs, Buf, MemoryVfs, OpenOptions};
///
/// # fn main() -> dictsqlite_core::Result<()> {
/// let vfs = MemoryVfs::new();
/// let file = vfs.open("a".as_ref(), &OpenOptions::create()).wait()?;
/// file.write_at(Buf::from(b"hello".to_vec()), 3).wait()?.whole()?;
/// assert_eq!(file.len().wait()?, 8);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct MemoryVfs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    files: Mutex<BTreeMap<PathBuf, Arc<Node>>>,
    space: Arc<Space>,
}

impl Default for MemoryVfs {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryVfs {
    /// Empty, and as large as memory allows.
    pub fn new() -> Self {
        Self::with_capacity(u64::MAX)
    }

    /// Empty, with room for `bytes` bytes in all its files together; beyond that, writing is `Full`.
    pub fn with_capacity(bytes: u64) -> Self {
        let space = Arc::new(Space::new(bytes));
        Self(Arc::new(Shared { files: Mutex::default(), space }))
    }

    fn open_now(&self, path: &Path, options: &OpenOptions) -> Result<Arc<dyn AsyncFile>> {
        paths::check(options)?;
        let path = absolute(path);
        let mut files = self.0.files.lock();
        let there = files.get(&path).cloned();
        let node = match there {
            Some(_) if options.create_new => {
                return Err(Error::new(
                    ErrorKind::Io,
                    format!("cannot open {}: it is there already", path.display()),
                ));
            }
            Some(node) => node,
            None if options.create || options.create_new => {
                let node = Arc::new(Node::new(Arc::clone(&self.0.space)));
                files.insert(path, Arc::clone(&node));
                node
            }
            None => return Err(missing("open", &path)),
        };
        drop(files);
        if options.truncate {
            node.resize(0)?;
        }
        Ok(Arc::new(MemoryFile::new(node, options.write)))
    }

    fn delete_now(&self, path: &Path) -> Result<()> {
        let path = absolute(path);
        match self.0.files.lock().remove(&path) {
            Some(_) => Ok(()),
            None => Err(missing("delete", &path)),
        }
    }

    fn rename_now(&self, from: &Path, to: &Path) -> Result<()> {
        let (from, to) = (absolute(from), absolute(to));
        let mut files = self.0.files.lock();
        let node = files.remove(&from).ok_or_else(|| missing("rename", &from))?;
        files.insert(to, node);
        Ok(())
    }
}

fn missing(what: &str, path: &Path) -> Error {
    Error::new(ErrorKind::Io, format!("cannot {what} {}: there is no such file", path.display()))
}

/// From the root on, without `.` and `..`.
fn absolute(path: &Path) -> PathBuf {
    let mut full = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => full.push(name),
            Component::ParentDir => {
                full.pop();
            }
            _ => {}
        }
    }
    full
}

impl AsyncVfs for MemoryVfs {
    fn open(&self, path: &Path, options: &OpenOptions) -> Completion<Arc<dyn AsyncFile>> {
        Completion::ready(self.open_now(path, options))
    }

    fn delete(&self, path: &Path, _sync_dir: bool) -> Completion<()> {
        Completion::ready(self.delete_now(path))
    }

    fn rename(&self, from: &Path, to: &Path, _sync_dir: bool) -> Completion<()> {
        Completion::ready(self.rename_now(from, to))
    }

    fn access(&self, path: &Path, _access: Access) -> Completion<bool> {
        Completion::ready(Ok(self.0.files.lock().contains_key(&absolute(path))))
    }

    fn full_pathname(&self, path: &Path) -> Completion<PathBuf> {
        Completion::ready(Ok(absolute(path)))
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
        Kind::Memory
    }
}
