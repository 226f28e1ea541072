//! Backups, exports and upkeep, beside writers, through faults, and cancelled.

mod copying;
mod exporting;
mod importing;
mod raw;
mod restoring;
mod upkeep;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use crate::{Dict, Key, Options, PersistMode, ScanOptions, StorageMode};

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn open(&self, name: &str) -> Arc<Dict> {
        open(&self.path(name))
    }

    /// Every name in the directory, sorted.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The names that a store `a.db` does not account for.
    fn strangers(&self) -> Vec<String> {
        let mut names = self.names();
        names.retain(|name| !matches!(name.as_str(), "a.db" | "a.db-wal" | "a.db-shm"));
        names
    }
}

fn open(path: &Path) -> Arc<Dict> {
    let options = Options { persist_mode: PersistMode::Lazy, ..Options::default() };
    Arc::new(Dict::open(path, &options).unwrap())
}

fn with_codec(path: &Path, storage_mode: StorageMode) -> Arc<Dict> {
    let options = Options { persist_mode: PersistMode::Lazy, storage_mode, ..Options::default() };
    Arc::new(Dict::open(path, &options).unwrap())
}

/// Key, value and expiry of everything in a table, in its order.
fn contents(dict: &Dict) -> Vec<(Key, Vec<u8>, Option<i64>)> {
    let scan = dict.scan(&ScanOptions::default()).unwrap();
    let item = |item: crate::Item| (item.key, item.value.unwrap().to_vec(), item.expires_at);
    scan.map(|found| item(found.unwrap())).collect()
}

fn fill(dict: &Dict, entries: usize, bytes: usize) {
    let value = vec![b'v'; bytes];
    let items: Vec<(String, &[u8])> =
        (0..entries).map(|n| (format!("key:{n:06}"), &value[..])).collect();
    for part in items.chunks(1000) {
        dict.set_many(part).unwrap();
    }
    dict.flush().unwrap();
}
