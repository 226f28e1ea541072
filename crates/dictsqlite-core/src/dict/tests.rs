//! A handle's behaviour, end to end on real files.

use std::sync::Arc;

use super::*;
use crate::{ErrorKind, Key, ManualClock, Order, ScanOptions};

fn lazy() -> Options {
    Options { persist_mode: PersistMode::Lazy, ..Options::default() }
}

#[test]
fn what_is_set_is_there_at_once_and_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    for mode in [PersistMode::Lazy, PersistMode::WriteThrough, PersistMode::Durable] {
        let options = Options { persist_mode: mode, ..Options::default() };
        let dict = Dict::open(&path, &options).unwrap();
        for n in 0..1000_i64 {
            dict.set(n, n.to_string().as_bytes()).unwrap();
            assert_eq!(dict.get(n).unwrap().as_deref(), Some(n.to_string().as_bytes()));
        }
        dict.delete(7_i64).unwrap();
        assert_eq!(dict.get(7_i64).unwrap(), None);
        assert_eq!(dict.len().unwrap(), 999);
        dict.close().unwrap();
        let dict = Dict::open(&path, &options).unwrap();
        assert_eq!(dict.len().unwrap(), 999);
        assert_eq!(dict.get(999_i64).unwrap().as_deref(), Some(&b"999"[..]));
        assert_eq!(dict.get(7_i64).unwrap(), None);
        assert_eq!(dict.clear().unwrap(), 999);
        assert_eq!(dict.len().unwrap(), 0);
        assert_eq!(dict.get(999_i64).unwrap(), None);
    }
}

#[test]
fn keys_of_different_types_differ_and_keep_insertion_order() {
    let dict = Dict::open(":memory:", &lazy()).unwrap();
    let keys = [
        Key::Text("1".into()),
        Key::Int(1),
        Key::Bytes(b"1".to_vec()),
        Key::Tuple(vec![Key::Int(1)]),
        Key::Bytes(vec![0xFF, 0x10]),
        Key::Text(String::new()),
        Key::Int(i64::MIN),
    ];
    for (n, key) in keys.iter().enumerate() {
        dict.set(key, &[n as u8]).unwrap();
    }
    dict.set(&keys[0], b"again").unwrap();
    let scanned: Vec<Key> =
        dict.scan(&ScanOptions::default()).unwrap().map(|i| i.unwrap().key).collect();
    assert_eq!(scanned, keys);
    dict.delete(&keys[0]).unwrap();
    dict.set(&keys[0], b"moved").unwrap();
    let by_key = ScanOptions { order: Some(Order::Key), ..Default::default() };
    let scanned: Vec<Key> = dict.scan(&by_key).unwrap().map(|i| i.unwrap().key).collect();
    let expected = [6, 1, 5, 0, 2, 3, 4].map(|n: usize| keys[n].clone());
    assert_eq!(scanned, expected);
    let last = ScanOptions { reverse: true, limit: Some(1), ..Default::default() };
    assert_eq!(dict.scan(&last).unwrap().next().unwrap().unwrap().key, keys[0]);
}

#[test]
fn conditional_writes_see_everything_accepted_before() {
    let dict = Dict::open(":memory:", &lazy()).unwrap();
    dict.set("n", b"41").unwrap();
    assert_eq!(dict.incr("n", 1).unwrap(), 42);
    let version = dict.entry("n").unwrap().unwrap().version;
    let next = dict.set_if_version("n", Value::from(&b"x"[..]), version, Ttl::Default).unwrap();
    assert!(next > version);
    let e = dict.set_if_version("n", Value::from(&b"y"[..]), version, Ttl::Default).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Conflict);
    assert_eq!(e.key(), Some(&Key::Text("n".into())));
    assert_eq!(dict.incr("n", 1).unwrap_err().kind(), ErrorKind::Codec);
    assert_eq!(dict.pop("n").unwrap().unwrap().value.as_ref(), b"x");
    assert_eq!(dict.pop("n").unwrap(), None);
    assert!(dict.set_default("n", Value::from(&b"1"[..]), Ttl::Default).unwrap().is_none());
    assert!(dict.set_default("n", Value::from(&b"2"[..]), Ttl::Default).unwrap().is_some());
    assert_eq!(dict.pop_item(true).unwrap().unwrap().0, Key::Text("n".into()));
    assert_eq!(dict.pop_item(true).unwrap(), None);
}

#[test]
fn an_expired_entry_is_absent_for_everybody_at_once() {
    let clock = ManualClock::at(1_000_000);
    let options = Options { clock: Arc::new(clock.clone()), ..lazy() };
    let dict = Dict::open(":memory:", &options).unwrap();
    let second = Ttl::After(Duration::from_secs(1));
    dict.set_with_ttl("pending", b"1", second).unwrap();
    clock.advance(999);
    assert!(dict.contains("pending").unwrap());
    dict.flush().unwrap();
    assert_eq!(dict.len().unwrap(), 1);
    clock.advance(1);
    assert_eq!(dict.get("pending").unwrap(), None);
    assert_eq!(dict.len().unwrap(), 0);
    assert_eq!(dict.scan(&ScanOptions::default()).unwrap().count(), 0);
    assert_eq!(dict.incr("pending", 5).unwrap(), 5);
    assert_eq!(dict.entry("pending").unwrap().unwrap().expires_at, None);
}

#[test]
fn a_table_remembers_its_codec_and_a_dropped_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dict = Dict::open(dir.path().join("a.db"), &lazy()).unwrap();
    for name in ["Main", "sqlite_x", "_dictsqlite", "a \"b\"", "t1", "päckchen"] {
        let table = dict.table(name, Some(StorageMode::Json)).unwrap();
        table.set("k", b"[1]").unwrap();
        assert_eq!(table.set("k", b"{").unwrap_err().kind(), ErrorKind::Codec);
        assert_eq!(table.get("k").unwrap().as_deref(), Some(&b"[1]"[..]));
    }
    let other = dict.table("Main", Some(StorageMode::Bytes));
    assert_eq!(other.err().unwrap().kind(), ErrorKind::Codec);
    assert_eq!(dict.tables().unwrap().len(), 7);
    let table = dict.table("Main", None).unwrap();
    assert!(dict.drop_table("Main").unwrap());
    assert_eq!(table.get("k").unwrap_err().kind(), ErrorKind::Closed);
    let again = dict.table("Main", Some(StorageMode::Bytes)).unwrap();
    assert_eq!(again.get("k").unwrap(), None);
}

#[test]
fn prefixes_select_keys_of_their_own_type() {
    let dict = Dict::open(":memory:", &lazy()).unwrap();
    let tuple = |items: &[&str]| Key::Tuple(items.iter().map(|s| Key::from(*s)).collect());
    for key in [tuple(&["a"]), tuple(&["a", "b"]), tuple(&["ab"]), tuple(&[])] {
        dict.set(&key, b"").unwrap();
    }
    for key in [&b"\xFF\xFF"[..], b"\xFF", b"a", b""] {
        dict.set(key, b"").unwrap();
    }
    for key in ["", "a", "aé", "b", "\u{10FFFF}"] {
        dict.set(key, b"").unwrap();
    }
    let count = |prefix: Key| {
        let options = ScanOptions { prefix: Some(prefix), ..Default::default() };
        dict.scan(&options).unwrap().filter(|item| item.is_ok()).count()
    };
    assert_eq!(count(Key::from("")), 5);
    assert_eq!(count(Key::from("a")), 2);
    assert_eq!(count(Key::from("\u{10FFFF}")), 1);
    assert_eq!(count(Key::Bytes(vec![])), 4);
    assert_eq!(count(Key::Bytes(vec![0xFF])), 2);
    assert_eq!(count(tuple(&["a"])), 2);
    assert_eq!(count(tuple(&[])), 4);
}

#[test]
fn a_moment_ends_with_whatever_changes_an_entry() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let dict = Dict::open(&path, &lazy()).unwrap();
    let other = dict.table("other", None).unwrap();
    dict.set("k", b"1").unwrap();
    assert!(dict.moment().unwrap().is_none(), "something is pending");
    let minute = Ttl::After(Duration::from_secs(60));
    dict.set_with_ttl("short", b"2", minute).unwrap();
    dict.flush().unwrap();
    let now = || dict.moment().unwrap().unwrap();
    let recall =
        |key: &str| now().recall(key).unwrap().map(|(value, lasts)| (value.to_vec(), lasts));
    let (before, moment) = (dict.get("k").unwrap(), now().id());
    assert_eq!(before.as_deref(), Some(&b"1"[..]));
    assert_eq!(recall("k"), Some((b"1".to_vec(), true)));
    assert_eq!(recall("short"), Some((b"2".to_vec(), false)));
    assert_eq!(recall("none"), None);
    assert_eq!(now().id(), moment, "nothing has changed");

    let shell = rusqlite::Connection::open(&path).unwrap();
    let changes: [&dyn Fn(); 6] = [
        &|| dict.set("k", b"3").unwrap(),
        &|| other.set("k", b"4").unwrap(),
        &|| assert_eq!(dict.incr("n", 5).unwrap(), 5),
        &|| dict.delete("k").unwrap(),
        &|| assert_eq!(shell.execute("UPDATE other SET value = x'35'", []).unwrap(), 1),
        &|| assert!(dict.drop_table("other").unwrap()),
    ];
    let mut seen = vec![moment];
    for change in changes {
        change();
        dict.flush().unwrap();
        // A look at the file, after which memory may answer again.
        let _ = dict.get("none").unwrap();
        let moment = now().id();
        assert!(!seen.contains(&moment));
        seen.push(moment);
    }
    assert_eq!(other.moment().err().map(|e| e.kind()), Some(ErrorKind::Closed));
}
