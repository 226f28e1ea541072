//! What is done where nothing is written.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::LONGEST;
use crate::{Dict, ErrorKind, Options, Transaction, TransactionMode, TransactionOptions};

const PATIENCE: Duration = Duration::from_secs(20);

/// A handle that only reads.
fn read_only(dir: &tempfile::TempDir) -> Dict {
    let path = dir.path().join("a.db");
    let dict = Dict::open(&path, &Options::default()).unwrap();
    dict.set("k", b"v").unwrap();
    dict.close().unwrap();
    Dict::open(&path, &Options { read_only: true, ..Options::default() }).unwrap()
}

fn options() -> TransactionOptions {
    TransactionOptions { mode: TransactionMode::Read, ..TransactionOptions::default() }
}

#[test]
fn a_snapshot_that_nobody_asks_for_is_given_up_in_a_read_only_store() {
    // It keeps the log of whoever writes to the file from being cut, and its owner may have gone.
    let dir = tempfile::tempdir().unwrap();
    let dict = read_only(&dir);
    let store = dict.store_of_test();
    let short = TransactionOptions { max_hold: Some(Duration::from_millis(50)), ..options() };
    let (short, long) = (dict.transaction(&short).unwrap(), dict.transaction(&options()).unwrap());
    assert_eq!(store.readers.pinned(), 2);
    let begun = Instant::now();
    while store.readers.pinned() > 1 {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(short.get("k").unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(long.get("k").unwrap().as_deref(), Some(&b"v"[..]));
}

#[test]
fn whoever_waits_for_a_snapshot_is_told_in_time_in_a_read_only_store() {
    // There are so many at a time, and nobody needs to come by for the next one to be refused.
    let dir = tempfile::tempdir().unwrap();
    let dict = read_only(&dir);
    let all: Vec<Transaction> = (0..64).map(|_| dict.transaction(&options()).unwrap()).collect();
    let (sender, told) = channel();
    let short = TransactionOptions { timeout: Some(Duration::from_millis(50)), ..options() };
    // Nobody is there to be told once the test has failed.
    dict.transaction_async(&short).on_done(move |tx| drop(sender.send(tx.map(drop))));
    let refused = told.recv_timeout(PATIENCE).expect("it is told").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Timeout, "{refused}");
    drop(all);
}

#[test]
fn closing_a_read_only_store_does_not_wait_for_its_thread_to_wake() {
    // It sleeps for seconds at a time; that it has ended shows by nobody having the state any more.
    let dir = tempfile::tempdir().unwrap();
    let dict = read_only(&dir);
    let state = Arc::downgrade(&dict.store_of_test().state);
    // It is asleep by then.
    std::thread::sleep(Duration::from_millis(100));
    let begun = Instant::now();
    dict.close().unwrap();
    assert!(begun.elapsed() < LONGEST / 2, "{:?}", begun.elapsed());
    drop(dict);
    assert!(state.upgrade().is_none());
}
