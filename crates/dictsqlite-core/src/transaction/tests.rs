//! What a transaction sees, what it conflicts with, and what is left of it.

mod atomic;
mod bank;
mod chunks;
mod hostile;
mod immediate;
mod isolation;
mod scans;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::{
    Completion, Dict, ErrorKind, Item, Key, ManualClock, Options, Order, PersistMode, Result,
    ScanOptions, Ttl, Value,
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

    fn open(&self) -> Dict {
        self.open_as(PersistMode::WriteThrough)
    }

    fn open_as(&self, persist_mode: PersistMode) -> Dict {
        Dict::open(&self.path, &Options { persist_mode, ..Options::default() }).unwrap()
    }

    /// Another tool on the same file.
    fn tool(&self) -> Connection {
        let connection = Connection::open(&self.path).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection
    }
}

/// A handle on a file of its own.
struct Fresh {
    dict: Dict,
    // Removed once the handle is closed.
    _file: File,
}

impl std::ops::Deref for Fresh {
    type Target = Dict;

    fn deref(&self) -> &Dict {
        &self.dict
    }
}

fn fresh(mode: PersistMode) -> Fresh {
    let file = File::new();
    Fresh { dict: file.open_as(mode), _file: file }
}

fn memory() -> Dict {
    Dict::open(":memory:", &Options::default()).unwrap()
}

fn concurrent() -> TransactionOptions {
    TransactionOptions::default()
}

fn snapshot() -> TransactionOptions {
    TransactionOptions { isolation: Isolation::Snapshot, ..Default::default() }
}

fn immediate() -> TransactionOptions {
    TransactionOptions { mode: TransactionMode::Immediate, ..Default::default() }
}

fn read() -> TransactionOptions {
    TransactionOptions { mode: TransactionMode::Read, ..Default::default() }
}

/// The result, or a failure instead of a test that hangs.
fn in_time<T: Send + 'static>(completion: Completion<T>) -> Result<T> {
    let (sender, receiver) = std::sync::mpsc::channel();
    completion.on_done(move |result| sender.send(result).unwrap());
    receiver.recv_timeout(Duration::from_secs(20)).expect("it is done in time")
}

fn text(value: Option<Value>) -> Option<String> {
    value.map(|value| String::from_utf8(value.to_vec()).unwrap())
}

fn got(dict: &Dict, key: &str) -> Option<String> {
    text(dict.get(key).unwrap())
}

fn read_in(tx: &Transaction, key: &str) -> Option<String> {
    text(tx.get(key).unwrap())
}

/// The conflict a commit ends with, and the key that it names.
fn conflict<T: std::fmt::Debug>(result: Result<T>) -> Option<Key> {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.message().contains("read again and retry"), "{error}");
    error.key().cloned()
}

fn keys(scan: TransactionScan) -> Vec<String> {
    scan.map(|item| match item.unwrap().key {
        Key::Text(key) => key,
        other => other.to_string(),
    })
    .collect()
}

/// Nothing is lent any more, and nobody is kept from writing.
fn assert_nothing_left(dict: &Dict) {
    let store = &dict_store(dict);
    let left = || (store.readers.pinned(), store.state.lent.owner());
    let begun = Instant::now();
    // What was dropped while it was being handed over is given back by the thread that did so.
    while left() != (0, 0) && begun.elapsed() < Duration::from_secs(2) {
        std::thread::yield_now();
    }
    assert_eq!(left(), (0, 0));
    let begun = Instant::now();
    dict.set("after all", b"v").unwrap();
    dict.flush().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

fn dict_store(dict: &Dict) -> Arc<Store> {
    dict.store_of_test()
}

#[test]
fn it_sees_its_own_writes_and_nobody_else_does_before_the_commit() {
    let file = File::new();
    let dict = file.open();
    dict.set("a", b"1").unwrap();
    for options in [concurrent(), snapshot(), immediate()] {
        let tx = dict.transaction(&options).unwrap();
        assert_eq!(read_in(&tx, "a").as_deref(), Some("1"));
        tx.set("a", b"2").unwrap();
        tx.set("b", b"new").unwrap();
        tx.delete("a").unwrap();
        assert_eq!((read_in(&tx, "a"), read_in(&tx, "b").as_deref()), (None, Some("new")));
        tx.set("a", b"3").unwrap();
        assert_eq!(tx.len().unwrap(), 2);
        let path = file.path.clone();
        // (The dict itself is refused to the owner of an immediate one.)
        std::thread::spawn(move || {
            let other = Dict::open(path, &Options::default()).unwrap();
            assert_eq!((got(&other, "a").as_deref(), got(&other, "b")), (Some("1"), None));
        })
        .join()
        .unwrap();
        tx.commit().unwrap();
        assert_eq!(
            (got(&dict, "a").as_deref(), got(&dict, "b").as_deref()),
            (Some("3"), Some("new"))
        );
        dict.set("a", b"1").unwrap();
        dict.delete("b").unwrap();
    }
    dict.close().unwrap();
    let dict = file.open();
    assert_eq!(got(&dict, "a").as_deref(), Some("1"));
}

#[test]
fn a_snapshot_includes_what_was_acknowledged_and_nothing_that_comes_after() {
    let dict = fresh(PersistMode::Lazy);
    for options in [concurrent(), snapshot(), read()] {
        dict.set("k", b"before").unwrap();
        let tx = dict.transaction(&options).unwrap();
        dict.set("k", b"after").unwrap();
        dict.set("new", b"v").unwrap();
        dict.flush().unwrap();
        assert_eq!((read_in(&tx, "k").as_deref(), read_in(&tx, "new")), (Some("before"), None));
        assert_eq!(tx.len().unwrap(), 1);
        assert_eq!(keys(tx.scan(&ScanOptions::default()).unwrap()), ["k"]);
        drop(tx);
        dict.delete("new").unwrap();
    }
    assert_nothing_left(&dict);
}

#[test]
fn operations_mean_in_a_transaction_what_they_mean_outside() {
    let dict = memory();
    dict.set("n", b"5").unwrap();
    let tx = dict.transaction(&concurrent()).unwrap();
    assert_eq!((tx.incr("n", 3).unwrap(), tx.incr("fresh", -2).unwrap()), (8, -2));
    let value = |text: &str| Value::from(text.as_bytes());
    assert_eq!(tx.set_default("d", value("1"), Ttl::Default).unwrap(), None);
    let there = tx.set_default("d", value("2"), Ttl::Default).unwrap().unwrap();
    assert_eq!(&there.value[..], b"1");
    assert_eq!(tx.pop("d").unwrap().map(|e| e.value), Some(value("1")));
    assert_eq!(tx.pop("d").unwrap(), None);
    assert!(tx.remove("fresh").unwrap() && !tx.remove("fresh").unwrap());
    assert!(tx.contains("n").unwrap() && !tx.contains("d").unwrap());
    assert!(tx.expire("n", Ttl::After(Duration::from_secs(60))).unwrap());
    assert!(!tx.expire("d", Ttl::Never).unwrap());
    assert_eq!(tx.entry("n").unwrap().unwrap().version, 0);
    let version = tx.commit().unwrap();
    let entry = dict.entry("n").unwrap().unwrap();
    assert!(entry.expires_at.is_some() && entry.version <= version);
    assert_eq!((&entry.value[..], dict.len().unwrap()), (&b"8"[..], 1));
    let tx = dict.transaction(&concurrent()).unwrap();
    let error = tx.incr("n", i64::MAX).unwrap_err();
    assert_eq!((error.kind(), error.key()), (ErrorKind::Invalid, Some(&Key::from("n"))));
    tx.set("text", b"abc").unwrap();
    assert_eq!(tx.incr("text", 1).unwrap_err().kind(), ErrorKind::Codec);
}

#[test]
fn savepoints_take_back_what_came_after_them() {
    let dict = memory();
    dict.set("a", b"0").unwrap();
    let tx = dict.transaction(&concurrent()).unwrap();
    tx.set("a", b"1").unwrap();
    let outer = tx.savepoint().unwrap();
    tx.set("a", b"2").unwrap();
    tx.set("b", b"2").unwrap();
    let inner = tx.savepoint().unwrap();
    tx.delete("a").unwrap();
    assert_eq!(read_in(&tx, "a"), None);
    tx.rollback_to(inner).unwrap();
    assert_eq!(read_in(&tx, "a").as_deref(), Some("2"));
    tx.set("c", b"3").unwrap();
    tx.release(inner).unwrap();
    assert_eq!(tx.rollback_to(inner).unwrap_err().kind(), ErrorKind::Invalid);
    tx.rollback_to(outer).unwrap();
    assert_eq!(
        (read_in(&tx, "a").as_deref(), read_in(&tx, "b"), read_in(&tx, "c")),
        (Some("1"), None, None)
    );
    tx.set("d", b"4").unwrap();
    tx.rollback_to(outer).unwrap();
    tx.commit().unwrap();
    assert_eq!((got(&dict, "a").as_deref(), dict.len().unwrap()), (Some("1"), 1));
}

#[test]
fn it_is_over_all_tables_of_the_store() {
    let file = File::new();
    let dict = file.open();
    let other = dict.table("other", Some(StorageMode::Json)).unwrap();
    other.set("k", b"[1]").unwrap();
    let tx = dict.transaction(&concurrent()).unwrap();
    let there = tx.table("other", None).unwrap();
    assert_eq!(there.storage_mode(), StorageMode::Json);
    assert_eq!(read_in(&there, "k").as_deref(), Some("[1]"));
    assert_eq!(there.set("k", b"no json").unwrap_err().kind(), ErrorKind::Codec);
    assert_eq!(tx.table("other", Some(StorageMode::Bytes)).err().unwrap().kind(), ErrorKind::Codec);
    let made = tx.table("made", None).unwrap();
    assert_eq!((made.get("x").unwrap(), made.len().unwrap()), (None, 0));
    there.set("k", b"[2]").unwrap();
    made.set("x", b"y").unwrap();
    tx.set("k", b"main").unwrap();
    assert_eq!(keys(made.scan(&ScanOptions::default()).unwrap()), ["x"]);
    made.commit().unwrap();
    assert_eq!(got(&other, "k").as_deref(), Some("[2]"));
    assert_eq!(got(&dict.table("made", None).unwrap(), "x").as_deref(), Some("y"));
    assert_eq!(got(&dict, "k").as_deref(), Some("main"));
    for options in [read(), immediate()] {
        let tx = dict.transaction(&options).unwrap();
        assert_eq!(tx.table("nothing", None).err().unwrap().kind(), ErrorKind::Invalid);
        assert_eq!(read_in(&tx.table("made", None).unwrap(), "x").as_deref(), Some("y"));
    }
    // Made by somebody else meanwhile: in the transaction there is nothing in it, and it must stay so.
    let tx = dict.transaction(&concurrent()).unwrap();
    dict.table("late", None).unwrap().set("x", b"theirs").unwrap();
    dict.flush().unwrap();
    let late = tx.table("late", None).unwrap();
    assert_eq!(late.get("x").unwrap(), None);
    late.set("x", b"ours").unwrap();
    assert_eq!(conflict(tx.commit()), Some(Key::from("x")));
}

#[test]
fn what_it_writes_has_places_and_versions_as_if_it_were_written_one_by_one() {
    let file = File::new();
    let dict = file.open();
    for key in ["a", "b", "c"] {
        dict.set(key, b"0").unwrap();
    }
    let tx = dict.transaction(&concurrent()).unwrap();
    tx.delete("a").unwrap();
    tx.set("d", b"1").unwrap();
    tx.set("b", b"1").unwrap();
    tx.set("a", b"1").unwrap();
    tx.set("d", b"2").unwrap();
    let in_it = keys(tx.scan(&ScanOptions::default()).unwrap());
    let last = tx.commit().unwrap();
    let order: Vec<Key> =
        dict.scan(&ScanOptions::default()).unwrap().map(|item| item.unwrap().key).collect();
    assert_eq!(order, ["b", "c", "d", "a"].map(Key::from));
    assert_eq!(in_it, ["b", "c", "d", "a"]);
    assert_eq!(dict.entry("d").unwrap().unwrap().version, last);
    assert_eq!(dict.entry("a").unwrap().unwrap().version, last - 1);
    assert_eq!(dict.len().unwrap(), 4);
    drop(dict);
    let dict = file.open();
    assert_eq!((dict.len().unwrap(), dict.entry("d").unwrap().unwrap().version), (4, last));
}

#[test]
fn what_expires_is_absent_and_its_expiry_is_a_change() {
    let clock = Arc::new(ManualClock::at(1_000));
    let options = Options { clock: clock.clone(), ..Options::default() };
    let dict = Dict::open(":memory:", &options).unwrap();
    let after = |ms| Ttl::After(Duration::from_millis(ms));
    dict.set_with_ttl("k", b"v", after(100)).unwrap();
    let tx = dict.transaction(&concurrent()).unwrap();
    assert_eq!(read_in(&tx, "k").as_deref(), Some("v"));
    tx.set("seen", b"yes").unwrap();
    clock.advance(200);
    // Its snapshot is of one moment, in time as well.
    assert_eq!(read_in(&tx, "k").as_deref(), Some("v"));
    dict.set("elsewhere", b"so that something was committed").unwrap();
    dict.flush().unwrap();
    assert_eq!(conflict(tx.commit()), Some(Key::from("k")));
    let tx = dict.transaction(&concurrent()).unwrap();
    assert_eq!(read_in(&tx, "k"), None);
    tx.set_with_ttl("k", b"again", after(50)).unwrap();
    tx.set("seen", b"no").unwrap();
    tx.commit().unwrap();
    assert_eq!(got(&dict, "k").as_deref(), Some("again"));
    clock.advance(60);
    assert_eq!((got(&dict, "k"), got(&dict, "seen").as_deref()), (None, Some("no")));
}

#[test]
fn all_of_it_goes_without_blocking_too() {
    let dict = fresh(PersistMode::WriteThrough);
    dict.set("a", b"1").unwrap();
    for options in [concurrent(), snapshot(), immediate()] {
        let tx = in_time(dict.transaction_async(&options)).unwrap();
        let a = text(in_time(tx.get_async("a")).unwrap());
        assert_eq!(a.as_deref(), Some("1"));
        assert!(!in_time(tx.contains_async("cold")).unwrap());
        assert_eq!(in_time(tx.incr_async("n", 1)).unwrap(), 1);
        let default = tx.set_default_async("d", Value::from(&b"x"[..]), Ttl::Default);
        assert_eq!(in_time(default).unwrap(), None);
        assert!(in_time(tx.remove_async("d")).unwrap());
        assert!(in_time(tx.expire_async("n", Ttl::Never)).unwrap());
        assert_eq!(in_time(tx.len_async()).unwrap(), 2, "{options:?}");
        let scan = tx.scan(&ScanOptions::default()).unwrap();
        let (scan, page) = in_time(scan.next_page_async()).unwrap();
        let (_, own) = in_time(scan.next_page_async()).unwrap();
        assert_eq!((page.len(), own.len()), (1, 1));
        let table = in_time(tx.table_async("main", None)).unwrap();
        assert_eq!(
            in_time(table.pop_async("n")).unwrap().map(|e| e.value.to_vec()),
            Some(b"1".to_vec())
        );
        // It is moved to another thread, which an executor may do.
        std::thread::spawn(move || in_time(tx.commit_async()).unwrap()).join().unwrap();
        assert_eq!(dict.len().unwrap(), 1);
    }
    let tx = in_time(dict.transaction_async(&concurrent())).unwrap();
    assert_eq!(in_time(tx.clear_async()).unwrap(), 1);
    in_time(tx.commit_async()).unwrap();
    assert!(dict.is_empty().unwrap());
    assert_nothing_left(&dict);
}
