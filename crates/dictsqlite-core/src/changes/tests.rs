//! The change log and its streams: what is in it, whoever wrote, and who is told when.

mod log;
mod model;
mod others;
mod retention;
mod waiting;
mod watching;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

use crate::{
    Change, ChangeKind, ChangeRetention, Changes, ChangesOptions, Clock, Dict, Error, ErrorKind,
    Key, ManualClock, Options, PersistMode, Result, ScanOptions, StorageMode, Ttl,
};

struct File {
    _dir: TempDir,
    path: PathBuf,
}

impl File {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        Self { _dir: dir, path }
    }

    /// A handle that commits when it is told to, with the change log on.
    fn open(&self) -> Dict {
        self.with(Options::default())
    }

    fn with(&self, options: Options) -> Dict {
        Dict::open(&self.path, &patient(options)).unwrap()
    }

    /// Another tool's connection.
    fn shell(&self) -> Connection {
        let shell = Connection::open(&self.path).unwrap();
        shell.busy_timeout(Duration::from_secs(10)).unwrap();
        shell
    }
}

fn patient(options: Options) -> Options {
    Options {
        persist_mode: PersistMode::Lazy,
        flush_interval: Duration::from_secs(3600),
        changes: Some(true),
        ..options
    }
}

fn since(dict: &Dict, since: i64) -> Changes {
    dict.changes(&ChangesOptions { since: Some(since), ..ChangesOptions::default() }).unwrap()
}

/// What is in the log now.
fn rest(changes: &Changes) -> Vec<Change> {
    let mut all = Vec::new();
    loop {
        let page = changes.next_page(Some(Duration::ZERO)).unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// All of the log.
fn all(dict: &Dict) -> Vec<Change> {
    rest(&since(dict, 0))
}

/// Kind, key, old and new, as text.
fn told(changes: &[Change]) -> Vec<String> {
    let shown = |value: &Option<crate::Value>| match value {
        Some(value) => String::from_utf8_lossy(value).into_owned(),
        None => "-".to_owned(),
    };
    let tell = |c: &Change| format!("{} {} {} {}", c.kind, c.key, shown(&c.old), shown(&c.new));
    changes.iter().map(tell).collect()
}

/// What a follower of the log has, who checks every change against what it has.
#[derive(Default)]
struct Follower {
    entries: BTreeMap<Key, (Vec<u8>, i64, Option<i64>)>,
    last: i64,
    /// What was told last of each key, for when it goes wrong.
    history: BTreeMap<Key, Vec<String>>,
}

impl Follower {
    fn take(&mut self, changes: &[Change]) {
        for change in changes {
            assert!(change.seq > self.last, "{change:?} after {}", self.last);
            self.last = change.seq;
            let before = self.entries.remove(&change.key);
            let old = before.as_ref().map(|(value, ..)| &value[..]);
            let history = self.history.entry(change.key.clone()).or_default();
            assert_eq!(change.old.as_deref(), old, "{change:?} after {history:?}");
            history.push(format!("{}: {}", change.seq, told(std::slice::from_ref(change))[0]));
            history.drain(..history.len().saturating_sub(6));
            match change.kind {
                ChangeKind::Insert => assert!(before.is_none(), "{change:?}"),
                ChangeKind::Update | ChangeKind::Delete => assert!(before.is_some(), "{change:?}"),
                ChangeKind::Expire => {
                    let expired = before.and_then(|(.., at)| at).expect("it had a time to live");
                    assert!(expired <= change.at, "{change:?}");
                }
            }
            if let Some(new) = &change.new {
                let entry = (new.to_vec(), change.seq, change.expires_at);
                self.entries.insert(change.key.clone(), entry);
            }
        }
    }

    /// It has what the table has, with the versions.
    fn has_what(&self, dict: &Dict, now_ms: i64) {
        let alive = |at: &Option<i64>| at.is_none_or(|at| at > now_ms);
        let has: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, (.., at))| alive(at))
            .map(|(key, (value, version, at))| (key.clone(), value.clone(), *version, *at))
            .collect();
        let scan = dict
            .scan(&ScanOptions { order: Some(crate::Order::Key), ..ScanOptions::default() })
            .unwrap();
        let mut there: Vec<_> = scan
            .map(|item| item.unwrap())
            .map(|item| (item.key, item.value.unwrap().to_vec(), item.version, item.expires_at))
            .collect();
        there.sort();
        assert_eq!(has, there);
    }
}

/// Numbers that look random, the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}
