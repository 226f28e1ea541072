//! Threads that share a batch read one state, and a share that is lost is told.

use std::time::Duration;

use super::*;
use crate::types::{AsKey, pack};
use crate::{Dict, Options, Ttl};

/// A batch of keys 0 to 299 of the main table, all of which have this value.
fn filled(dict: &Dict, value: &[u8]) -> Vec<KeyBuf> {
    let value = Value::from(value);
    let items: Vec<(i64, Value)> = (0..300).map(|k| (k, Arc::clone(&value))).collect();
    dict.set_many_encoded(&items, Ttl::Default).unwrap();
    dict.flush().unwrap();
    (0..300).map(|k: i64| pack(0, k.as_key()).unwrap()).collect()
}

fn batch(store: &Store, keys: Vec<KeyBuf>) -> Batch {
    let table = store.state.tables.get(0).unwrap();
    Batch {
        places: (0..keys.len()).collect(),
        asked: Arc::new(Asked { table, keys }),
        view: None,
        stamp: store.state.stamps.live(),
        begun: AtomicUsize::new(0),
        done: Mutex::default(),
        changed: Condvar::new(),
    }
}

fn opened() -> (tempfile::TempDir, Dict, Arc<Store>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let dict = Dict::open(&path, &Options::default()).unwrap();
    let store = super::super::open(&path, &Options::default()).unwrap();
    (dir, dict, store)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

#[test]
fn a_thread_helps_only_when_it_reads_the_state_that_the_batch_is_of() {
    // Otherwise one batch would be half before and half after a commit.
    let (_dir, dict, store) = opened();
    let late = batch(&store, filled(&dict, b"1"));
    let keys = filled(&dict, b"2");
    let reader = store.readers.borrow(soon()).unwrap();
    reader.begin().unwrap();
    late.help(&store, &reader);
    reader.end().unwrap();
    assert_eq!(late.begun.load(Ordering::Relaxed), 0, "it was committed in between");
    let now = batch(&store, keys);
    reader.begin().unwrap();
    now.help(&store, &reader);
    reader.end().unwrap();
    let found = now.wait().unwrap();
    assert_eq!(found.len(), 300);
    assert!(found.iter().all(|(_, value)| value.as_deref() == Some(&b"2"[..])));
    drop(reader);
    drop(dict);
    store.release(soon()).unwrap();
}

#[test]
fn keys_are_read_in_their_order() {
    // Whatever they begin with, and where one is the beginning of another.
    let texts =
        ["k", "", "kaaaaaaaab", "kaaaaaaaaa", "kaaaaaaaa", "kb", "ka", "k\0", "kaaaaaaaa\0"];
    for texts in [&texts[..], &texts[2..5], &texts[..1], &[]] {
        let keys: Vec<_> = texts.iter().map(|text| pack(7, text.as_key()).unwrap()).collect();
        let mut expected: Vec<_> = (0..keys.len()).collect();
        expected.sort_by(|a, b| keys[*a].cmp(&keys[*b]));
        assert_eq!(in_order((0..keys.len()).collect(), &keys), expected);
    }
}

#[test]
fn a_share_that_is_lost_is_told_and_waited_for_no_longer() {
    // A thread that panics while it reads its share must not leave the others waiting for ever.
    let (_dir, dict, store) = opened();
    let batch = batch(&store, filled(&dict, b"1"));
    batch.begun.fetch_add(1, Ordering::Relaxed);
    let lost = Error::new(ErrorKind::Internal, "lost");
    drop(Share { batch: &batch, found: Err(lost) });
    let reader = store.readers.borrow(soon()).unwrap();
    batch.work(&store, &reader);
    assert_eq!(batch.wait().unwrap_err().kind(), ErrorKind::Internal);
    drop(reader);
    drop(dict);
    store.release(soon()).unwrap();
}
