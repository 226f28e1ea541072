//! Where transactions, the change log, values in chunks, pipelines and whole-file work meet.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::changes::ChangesOptions;
use crate::sqlite::CHUNK_BYTES;
use crate::{
    BackupOptions, Dict, ErrorKind, Key, Op, Options, Progress, RestoreOptions, StorageMode,
    TransactionMode, TransactionOptions, Ttl, restore,
};

const PATIENCE: Duration = Duration::from_secs(20);

fn options() -> Options {
    Options { storage_mode: StorageMode::Bytes, ..Options::default() }
}

fn immediate() -> TransactionOptions {
    TransactionOptions { mode: TransactionMode::Immediate, ..TransactionOptions::default() }
}

fn put_large(dict: &Dict, key: &str, chunks: usize) {
    let mut writer = dict.write_value(key, Ttl::Default).unwrap();
    (0..chunks).for_each(|_| writer.write(&vec![7; CHUNK_BYTES]).unwrap());
    writer.close().unwrap();
}

#[test]
fn a_value_in_chunks_is_no_damage() {
    // The check took its row for one of another tool, so no backup with a large value could be restored.
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let dict = Dict::open(at("a.db"), &options()).unwrap();
    put_large(&dict, "k", 3);
    assert_eq!(dict.integrity_check(&Progress::new()).unwrap(), Vec::<String>::new());
    dict.backup(at("copy.db"), &BackupOptions::default()).unwrap();
    restore(at("copy.db"), at("b.db"), &RestoreOptions::default()).unwrap();
    let restored = Dict::open(at("b.db"), &options()).unwrap();
    assert_eq!(restored.get("k").unwrap().unwrap().len(), 3 * CHUNK_BYTES);
}

#[test]
fn an_immediate_transaction_is_news_in_memory_too() {
    // Only commits of groups were told, and in memory nobody else looks: a stream slept for ever.
    let dict = Dict::open(":memory:", &options()).unwrap();
    let logged = dict.table_with_changes("logged", None, Some(true)).unwrap();
    let changes = logged.changes(&ChangesOptions::default()).unwrap();
    let waiting = std::thread::spawn(move || changes.next_page(Some(PATIENCE)).unwrap().len());
    std::thread::sleep(Duration::from_millis(100));
    let tx = logged.transaction(&immediate()).unwrap();
    tx.set("k", b"v").unwrap();
    tx.commit().unwrap();
    let begun = Instant::now();
    assert_eq!(waiting.join().unwrap(), 1);
    assert!(begun.elapsed() < PATIENCE / 2);
}

#[test]
fn chunks_are_no_new_entries() {
    // Chunks took the numbers by which new entries are told from others, and `len` counted one twice.
    let dir = tempfile::tempdir().unwrap();
    let dict = Dict::open(dir.path().join("a.db"), &options()).unwrap();
    for chunks in 2..8 {
        dict.set("k", b"v").unwrap();
        dict.flush().unwrap();
        assert_eq!(dict.len().unwrap(), 1);
        put_large(&dict, "k", chunks);
        assert_eq!(dict.len().unwrap(), 1, "after {chunks} chunks");
    }
}

#[test]
fn a_flush_waits_for_a_pipeline() {
    // A pipeline was not counted among what is written, so a flush behind it returned at once.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let dict = Dict::open(&path, &options()).unwrap();
    dict.flush().unwrap();
    let ops = (0..2000).map(|n| Op::Set {
        key: Key::Int(n),
        value: b"v"[..].into(),
        ttl: Ttl::Default,
        if_version: None,
    });
    let answers = dict.pipeline_async(ops.collect());
    dict.flush().unwrap();
    let other = Connection::open(&path).unwrap();
    let rows = other.query_row("SELECT count(*) FROM main", [], |row| row.get::<_, i64>(0));
    assert_eq!(rows.unwrap(), 2000);
    drop(answers.wait().unwrap());
}

#[test]
fn nothing_waits_for_its_own_immediate_transaction() {
    // What began before it waited for the writer, which waited for this thread.
    let dir = tempfile::tempdir().unwrap();
    let dict = Dict::open(dir.path().join("a.db"), &options()).unwrap();
    let earlier = dict.transaction(&TransactionOptions::default()).unwrap();
    earlier.set("a", b"1").unwrap();
    let mut writer = dict.write_value("k", Ttl::Default).unwrap();
    let tx = dict.transaction(&immediate()).unwrap();
    tx.set("b", b"2").unwrap();
    assert_eq!(writer.write(&vec![1; 3 * CHUNK_BYTES]).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(earlier.commit().unwrap_err().kind(), ErrorKind::Invalid);
    tx.commit().unwrap();
    assert_eq!(dict.get("b").unwrap().as_deref(), Some(&b"2"[..]));
}

#[test]
fn a_trigger_that_carries_a_write_to_a_logged_table_does_not_set_numbers_back() {
    // The counter was written back as the writer knew it, and the next rows of the log collided.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let users = Dict::open(&path, &options()).unwrap();
    let sessions = users.table_with_changes("sessions", None, Some(true)).unwrap();
    for n in 0..100 {
        users.set(n, b"u").unwrap();
        sessions.set(n, b"s").unwrap();
    }
    users.flush().unwrap();
    let shell = Connection::open(&path).unwrap();
    shell
        .execute_batch(
            "CREATE TRIGGER carry AFTER DELETE ON main \
             BEGIN DELETE FROM sessions WHERE key = old.key; END",
        )
        .unwrap();
    assert_eq!(users.clear().unwrap(), 100);
    assert_eq!(sessions.len().unwrap(), 0);
    for n in 0..100 {
        sessions.set(n, b"again").unwrap();
    }
    sessions.flush().unwrap();
    assert_eq!(sessions.len().unwrap(), 100);
}
