//! One set of tests for all back ends, and what each has of its own.

mod cancelling;
mod executors;
mod files;
mod forks;
mod full;
mod limits;
mod live;
mod locks;
mod measured;
mod paths;
mod room;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::error::{ErrorKind, Result};

/// A back end, and a directory on it.
struct Ground {
    vfs: Box<dyn AsyncVfs>,
    dir: PathBuf,
    _temporary: tempfile::TempDir,
}

impl Ground {
    fn at(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn open(&self, name: &str, options: &OpenOptions) -> Result<Arc<dyn AsyncFile>> {
        self.vfs.open(&self.at(name), options).wait()
    }

    /// A new file with these bytes.
    fn file(&self, name: &str, bytes: &[u8]) -> Arc<dyn AsyncFile> {
        let file = self.open(name, &OpenOptions::create_new()).unwrap();
        file.write_at(Buf::from(bytes.to_vec()), 0).wait().unwrap().whole().unwrap();
        file
    }
}

/// Runs a test on every back end there is.
fn everywhere(test: impl Fn(&Ground)) {
    let mut all: Vec<Box<dyn AsyncVfs>> = vec![
        Box::new(MemoryVfs::new()),
        Box::new(PoolVfs::new()),
        Box::new(PoolVfs::with_threads(1)),
        Box::new(DefaultVfs::new()),
    ];
    #[cfg(target_os = "linux")]
    match UringVfs::new() {
        Ok(ring) => all.push(Box::new(ring)),
        Err(e) => println!("not on io_uring: {e}"),
    }
    for vfs in all {
        println!("on {}", vfs.kind().name());
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path().canonicalize().unwrap();
        test(&Ground { vfs, dir, _temporary: temporary });
    }
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

fn read(file: &dyn AsyncFile, len: usize, offset: u64) -> Vec<u8> {
    let read = file.read_at(Buf::zeroed(len), offset).wait().unwrap();
    assert_eq!(read.buf.len(), len, "the buffer comes back as long as it was");
    read.bytes().unwrap().into_vec()
}

fn buf(bytes: &[u8]) -> Buf {
    Buf::from(bytes.to_vec())
}

/// Bytes that tell their place.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

/// Numbers that are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

fn exists(path: &Path) -> bool {
    path.exists()
}
