//! One store for all handles of a process, and its life beside other connections and processes.

mod checkpoints;
mod concurrency;
#[cfg(unix)]
mod forks;
mod ground;
mod processes;
mod simulation;
mod syncs;
mod tables;
mod together;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{EXIT_LIMIT, open};
use crate::types::{Command, Outcome, TableSpec};
use crate::{
    Completion, Dict, ErrorKind, Key, Options, PersistMode, Result, ScanOptions, Ttl, Value,
};

struct File {
    dir: TempDir,
    path: PathBuf,
}

impl File {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        Self { dir, path }
    }

    fn open(&self, mode: PersistMode) -> Dict {
        Dict::open(&self.path, &Options { persist_mode: mode, ..Options::default() }).unwrap()
    }

    /// A handle that commits only when it is told to, and waits for nothing for long.
    fn hasty(&self) -> Dict {
        let options = Options {
            persist_mode: PersistMode::Lazy,
            flush_interval: Duration::from_secs(3600),
            timeout: Duration::from_millis(300),
            ..Options::default()
        };
        Dict::open(&self.path, &options).unwrap()
    }

    /// Another connection that holds the write lock.
    fn locked(&self) -> Connection {
        let connection = Connection::open(&self.path).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        connection
    }
}

/// Waits until the writer has failed once more: what it takes then is all that is pending now.
fn next_attempt(dict: &Dict) {
    let before = dict.stats().unwrap().failed_commits;
    while dict.stats().unwrap().failed_commits == before {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The result, or a failure instead of a test that hangs.
fn in_time<T: Send + 'static>(completion: Completion<T>) -> Result<T> {
    let (sender, receiver) = std::sync::mpsc::channel();
    completion.on_done(move |result| sender.send(result).unwrap());
    receiver.recv_timeout(Duration::from_secs(20)).expect("it is done in time")
}

#[test]
fn opening_a_file_twice_gives_the_same_store() {
    // By whatever name: pending writes of one handle are there for the other.
    let file = File::new();
    let first = file.hasty();
    first.set("k", b"v").unwrap();
    let link = file.dir.path().join("link.db");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&file.path, &link).unwrap();
    let second = Dict::open(if cfg!(unix) { &link } else { &file.path }, &Options::default());
    let second = second.unwrap();
    let third = open(&file.path, &Options::default()).unwrap();
    assert!(Arc::ptr_eq(&third, &open(&link, &Options::default()).unwrap()));
    (0..2).for_each(|_| third.release(Instant::now() + EXIT_LIMIT).unwrap());
    assert_eq!(second.get("k").unwrap().as_deref(), Some(&b"v"[..]));
    first.close().unwrap();
    second.set("k", b"w").unwrap();
    assert_eq!(first.get("k").unwrap_err().kind(), ErrorKind::Closed);
    first.close().unwrap();
}

#[test]
fn reopening_right_after_a_drop_sees_everything() {
    // Without close: the drop flushes, and the next store begins where the last one ended.
    let file = File::new();
    for n in 0..20_i64 {
        let dict = file.open(PersistMode::Lazy);
        assert_eq!(dict.len().unwrap(), n as u64);
        dict.set(n, b"v").unwrap();
        drop(dict);
    }
}

#[test]
fn a_read_only_store_refuses_writes_and_does_not_mix_with_a_writable_one() {
    // Each refusal says what it is; nothing in the file changes.
    let file = File::new();
    let read_only = Options { read_only: true, ..Options::default() };
    let kind = |result: Result<Dict>| result.err().map(|e| e.kind());
    assert_eq!(kind(Dict::open(&file.path, &read_only)), Some(ErrorKind::Io), "there is no file");
    let writable = file.open(PersistMode::WriteThrough);
    writable.set("k", b"v").unwrap();
    assert_eq!(kind(Dict::open(&file.path, &read_only)), Some(ErrorKind::Invalid));
    writable.close().unwrap();
    let before = std::fs::read(&file.path).unwrap();
    let dict = Dict::open(&file.path, &read_only).unwrap();
    assert_eq!(kind(Dict::open(&file.path, &Options::default())), Some(ErrorKind::Invalid));
    assert_eq!(dict.get("k").unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(dict.len().unwrap(), 1);
    let refused = [
        dict.set("k", b"w").unwrap_err(),
        dict.delete("k").unwrap_err(),
        dict.set_many(&[("k", b"w")]).unwrap_err(),
        dict.pop("k").unwrap_err(),
        dict.clear().unwrap_err(),
        dict.incr("n", 1).unwrap_err(),
        in_time(dict.set_async("k", b"w", Ttl::Default)).unwrap_err(),
    ];
    assert!(refused.iter().all(|e| e.kind() == ErrorKind::ReadOnly), "{refused:?}");
    assert_eq!(kind(dict.table("other", None)), Some(ErrorKind::Invalid));
    dict.flush().unwrap();
    dict.flush_async(false).wait().unwrap();
    dict.close().unwrap();
    assert_eq!(std::fs::read(&file.path).unwrap(), before);
}

#[test]
fn private_stores_share_nothing() {
    // Every open of :memory: is a store of its own; its tables are shared by its handles only.
    let options = Options { persist_mode: PersistMode::Memory, ..Options::default() };
    let first = Dict::open("named.db", &options).unwrap();
    let second = Dict::open("named.db", &options).unwrap();
    first.set("k", b"v").unwrap();
    assert_eq!(second.get("k").unwrap(), None);
    assert_eq!(first.table("main", None).unwrap().len().unwrap(), 1);
    assert!(!std::path::Path::new("named.db").exists(), "no path is touched");
}

#[test]
fn while_another_holds_the_lock_writes_are_kept_and_committed_later() {
    // Accepted is accepted; flush says why it takes long, and conditional writes do not happen late.
    let file = File::new();
    let dict = file.hasty();
    let lock = file.locked();
    dict.set("k", b"v").unwrap();
    assert_eq!(dict.get("k").unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(dict.flush().unwrap_err().kind(), ErrorKind::Busy);
    let e = dict.incr("n", 1).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Busy);
    assert!(e.message().contains("not begun"), "{e}");
    assert_eq!(dict.close().unwrap_err().kind(), ErrorKind::Busy);
    dict.set("k", b"w").expect("the handle is still open");
    drop(lock);
    dict.flush().unwrap();
    assert_eq!(dict.get("n").unwrap(), None, "what was refused did not happen afterwards");
    assert_eq!(dict.stats().unwrap().committed_operations, 2, "failed attempts are not counted");
    dict.close().unwrap();
    let dict = file.hasty();
    assert_eq!(dict.get("k").unwrap().as_deref(), Some(&b"w"[..]));
}

#[test]
fn writes_behind_the_drop_of_their_table_do_not_stop_the_store() {
    // Both came while the lock was taken, so they share a commit: the table is gone when the write
    // is applied. It is lost with its table; the drop and other tables' writes must go through.
    let file = File::new();
    let dict = Arc::new(file.open(PersistMode::Lazy));
    // Never written to, so the writer has no statement for it yet.
    let other = dict.table("other", None).unwrap();
    let lock = file.locked();
    let dropping = dict.run_async(|dict| dict.drop_table("other"));
    while dict.stats().unwrap().pending_writes == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    other.set("after", b"v").unwrap();
    let other = Arc::new(other);
    let popping = other.run_async(|other| other.pop("before"));
    dict.set("k", b"v").unwrap();
    while dict.stats().unwrap().pending_writes < 4 {
        std::thread::sleep(Duration::from_millis(1));
    }
    next_attempt(&dict);
    let start = Instant::now();
    drop(lock);
    assert!(in_time(dropping).unwrap());
    assert_eq!(in_time(popping).unwrap_err().kind(), ErrorKind::Closed);
    let news = dict.flush().unwrap_err();
    assert_eq!(news.kind(), ErrorKind::Closed, "{news}");
    dict.flush().unwrap();
    assert_eq!(dict.len().unwrap(), 1);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn a_table_dropped_and_opened_in_one_commit_is_new_and_usable() {
    // The second is decided while the first is not committed yet.
    let file = File::new();
    let dict = Arc::new(file.open(PersistMode::Lazy));
    dict.table("other", None).unwrap().set("k", b"v").unwrap();
    dict.flush().unwrap();
    let lock = file.locked();
    let dropping = dict.run_async(|dict| dict.drop_table("other"));
    while dict.stats().unwrap().pending_writes == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let spec = TableSpec { name: "other".into(), storage: dict.storage_mode() };
    let deadline = Instant::now() + Duration::from_secs(30);
    let store = open(&file.path, &Options::default()).unwrap();
    let opening = store.command(Command::OpenTable(spec), deadline, false);
    next_attempt(&dict);
    drop(lock);
    assert!(in_time(dropping).unwrap());
    let Outcome::Table(id) = in_time(opening).unwrap() else { panic!("it gives a table") };
    assert!(!store.state.tables.get(id).unwrap().is_dropped());
    store.release(deadline).unwrap();
    let again = dict.table("other", None).unwrap();
    assert_eq!(again.get("k").unwrap(), None);
    again.set("k", b"w").unwrap();
    again.flush().unwrap();
    assert_eq!(again.get("k").unwrap().as_deref(), Some(&b"w"[..]));
}

#[test]
fn a_scan_outlives_the_handle_it_came_from() {
    // And a consistent one holds its moment, whatever happens meanwhile.
    let file = File::new();
    let dict = file.open(PersistMode::Lazy);
    for n in 0..1000_i64 {
        dict.set(n, b"old").unwrap();
    }
    let consistent = ScanOptions { consistent: true, ..Default::default() };
    let mut scan = dict.scan(&consistent).unwrap();
    assert_eq!(scan.next().unwrap().unwrap().key, Key::Int(0));
    dict.set(999_i64, b"new").unwrap();
    dict.delete(998_i64).unwrap();
    dict.flush().unwrap();
    let rest: Vec<_> = scan.by_ref().map(|item| item.unwrap().value.unwrap()).collect();
    assert_eq!(rest.len(), 999);
    assert!(rest.iter().all(|value| value.as_ref() == b"old"));
    let mut scan = dict.scan(&ScanOptions::default()).unwrap();
    scan.next().unwrap().unwrap();
    dict.close().unwrap();
    // A page was read already; more of a closed store is refused, and nothing hangs.
    let last = scan.last().unwrap();
    assert_eq!(last.unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn the_last_handle_may_go_in_a_callback() {
    // It runs on the writing thread, which must not wait for its own end.
    let file = File::new();
    let dict = Arc::new(file.open(PersistMode::Durable));
    let (sender, receiver) = std::sync::mpsc::channel();
    let write = dict.set_async("k", b"v", Ttl::Default);
    write.on_done(move |result| {
        drop(dict);
        sender.send(result).unwrap();
    });
    receiver.recv_timeout(Duration::from_secs(5)).expect("it does not hang").unwrap();
    let start = Instant::now();
    let dict = file.open(PersistMode::Durable);
    assert_eq!(dict.get("k").unwrap().as_deref(), Some(&b"v"[..]));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_full_memtable_makes_writers_wait_and_an_async_one_goes_on_later() {
    // Backpressure: the call waits up to its timeout, and says that it was not accepted.
    let file = File::new();
    let options = Options {
        persist_mode: PersistMode::Lazy,
        memtable_bytes: 1 << 16,
        timeout: Duration::from_millis(300),
        ..Options::default()
    };
    let dict = Dict::open(&file.path, &options).unwrap();
    let lock = file.locked();
    let large = vec![b'x'; 60_000];
    dict.set("a", &large).unwrap();
    let e = dict.set("b", &large).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Busy, "{e}");
    assert!(e.message().contains("not accepted"), "{e}");
    assert!(!dict.try_set_encoded("b", &Value::from(&large[..]), Ttl::Default).unwrap());
    let write = dict.set_async("c", &large, Ttl::Default);
    assert!(!write.is_done());
    drop(lock);
    in_time(write).unwrap();
    dict.flush().unwrap();
    let found: Vec<_> =
        dict.get_many(&["a", "b", "c"]).unwrap().into_iter().map(|v| v.is_some()).collect();
    assert_eq!(found, [true, false, true]);
}
