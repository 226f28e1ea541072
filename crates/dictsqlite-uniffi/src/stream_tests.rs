use std::sync::Arc;

use crate::atomic::{NativeCheck, NativeWrite};
use crate::changes::NativeChangesOptions;
use crate::error::{ErrorKind, NativeError};
use crate::options::{NativeOptions, NativeTransactionOptions};
use crate::tests::{block_on, kind, opened, text};
use crate::types::ChangeKind;
use crate::{NativeDict, StorageMode, TransactionMode};

fn logged() -> Arc<NativeDict> {
    opened(&NativeOptions { changes: Some(true), ..NativeOptions::default() })
}

#[test]
fn a_transaction_that_is_dropped_leaves_nothing() {
    let dict = opened(&NativeOptions::default());
    let tx = dict.begin(NativeTransactionOptions::default()).expect("begins");
    tx.set(text("k"), b"v".to_vec(), f64::NAN).expect("sets");
    assert!(tx.is_open());
    drop(tx);
    assert_eq!(dict.get(text("k")).ok(), Some(None));
}

#[test]
fn a_transaction_of_a_thread_is_its_own_and_one_of_a_future_may_move() {
    let dict = opened(&NativeOptions::default());
    let tx = dict.begin(NativeTransactionOptions::default()).expect("begins");
    let moved = block_on(dict.begin_async(NativeTransactionOptions::default(), 0)).expect("begins");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(kind(tx.get(text("k"))), Some(ErrorKind::Invalid));
            moved.set(text("k"), b"v".to_vec(), f64::NAN).expect("sets");
            assert!(block_on(moved.commit_async(0)).expect("commits") > 0);
        });
    });
    tx.abandon();
    assert_eq!(kind(tx.commit()), Some(ErrorKind::Closed));
    assert_eq!(dict.get(text("k")).ok().flatten().as_deref(), Some(&b"v"[..]));
}

#[test]
fn a_conflict_names_its_key() {
    let dict = opened(&NativeOptions::default());
    let tx = dict.begin(NativeTransactionOptions::default()).expect("begins");
    assert_eq!(tx.incr(text("n"), 1).ok(), Some(1));
    dict.incr(text("n"), 1).expect("counts");
    let Err(NativeError::Failed { kind, key, .. }) = tx.commit() else {
        panic!("it does not conflict")
    };
    assert_eq!((kind, key), (ErrorKind::Conflict, Some(text("n"))));
}

#[test]
fn options_of_a_transaction_are_refused_or_kept() {
    let options = NativeTransactionOptions {
        mode: Some(TransactionMode::Read),
        timeout: Some(f64::INFINITY),
        ..NativeTransactionOptions::default()
    };
    let dict = opened(&NativeOptions::default());
    let tx = dict.begin(options).expect("begins");
    assert_eq!(kind(tx.set(text("k"), Vec::new(), f64::NAN)), Some(ErrorKind::ReadOnly));
    for (timeout, max_hold) in [(Some(-1.0), None), (None, Some(0.0)), (Some(f64::NAN), None)] {
        let options = NativeTransactionOptions { timeout, max_hold, ..Default::default() };
        assert_eq!(kind(dict.begin(options)), Some(ErrorKind::Invalid));
    }
}

#[test]
fn an_atomic_unit_checks_its_values_and_its_versions() {
    let mode = Some(StorageMode::Json);
    let dict = opened(&NativeOptions { storage_mode: mode, ..NativeOptions::default() });
    let set = |value: &[u8]| {
        vec![NativeWrite::Set { key: text("k"), value: value.to_vec(), ttl: f64::NAN }]
    };
    assert_eq!(kind(dict.atomic(Vec::new(), set(b"NaN"))), Some(ErrorKind::Codec));
    let version = dict.atomic(Vec::new(), set(b"1")).expect("is done");
    let checks = |version| vec![NativeCheck { key: text("k"), version }];
    let writes = vec![
        NativeWrite::Incr { key: text("k"), delta: 4 },
        NativeWrite::Delete { key: text("none") },
    ];
    assert!(block_on(dict.atomic_async(checks(version), writes.clone(), 0)).is_ok());
    assert_eq!(kind(dict.atomic(checks(version), writes)), Some(ErrorKind::Conflict));
    assert_eq!(dict.get(text("k")).ok().flatten().as_deref(), Some(&b"5"[..]));
}

#[test]
fn changes_come_in_order_and_end_with_the_handle() {
    let dict = logged();
    assert_eq!(dict.has_changes().ok(), Some(true));
    let options = NativeChangesOptions { since: Some(0), ..NativeChangesOptions::default() };
    let changes = block_on(dict.changes_async(options, 0)).expect("begins");
    dict.set(text("k"), b"v".to_vec(), f64::NAN).expect("sets");
    dict.flush(false).expect("flushes");
    block_on(changes.ready_async(0)).expect("is there");
    let page = changes.take_page();
    assert_eq!(page.len(), 1);
    assert_eq!((page[0].kind, page[0].new_value.as_deref()), (ChangeKind::Insert, Some(&b"v"[..])));
    assert_eq!(changes.position(), page[0].seq);
    assert_eq!(changes.next_page(0.0).ok(), Some(Vec::new()));
    assert_eq!(kind(changes.next_page(-1.0)), Some(ErrorKind::Invalid));
    assert_eq!(kind(dict.enable_changes(Some(-1), f64::NAN)), Some(ErrorKind::Invalid));
    dict.shut().expect("closes");
    assert_eq!(kind(block_on(changes.ready_async(0))), Some(ErrorKind::Closed));
}

#[test]
fn a_watch_gives_what_is_there_and_then_the_latest() {
    let dict = opened(&NativeOptions::default());
    let watch = dict.watch(vec![text("k")], None).expect("watches");
    let first = watch.next_page(f64::INFINITY).expect("is there");
    assert_eq!((first.len(), first[0].entry.as_ref()), (1, None));
    for value in [b"1", b"2"] {
        dict.set(text("k"), value.to_vec(), f64::NAN).expect("sets");
        dict.flush(false).expect("flushes");
    }
    block_on(watch.ready_async(0)).expect("is there");
    let page = watch.take_page();
    assert_eq!(page[0].entry.as_ref().map(|entry| entry.value.clone()), Some(b"2".to_vec()));
    watch.shut();
    assert_eq!(kind(watch.next_page(1.0)), Some(ErrorKind::Closed));
}
