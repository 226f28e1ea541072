use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::error::{ErrorKind, NativeError, Result};
use crate::options::{NativeOptions, NativeScanOptions, ttl};
use crate::pending::known_tickets;
use crate::types::{Blob, Key, NativePair};
use crate::{NativeDict, cancel_ticket, free_ticket, native_open, new_ticket};

pub(crate) fn opened(options: &NativeOptions) -> Arc<NativeDict> {
    native_open(":memory:", options).expect("opens")
}

pub(crate) fn text(value: &str) -> Key {
    Key::Text { value: value.to_owned() }
}

pub(crate) fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|NativeError::Failed { kind, .. }| kind)
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return result;
        }
        std::thread::park();
    }
}

#[test]
fn keys_of_every_kind_cross_and_come_back() {
    let dict = opened(&NativeOptions::default());
    let keys = [
        text(""),
        Key::Integer { value: i64::MIN },
        Key::Bytes { value: Blob(vec![0xFF, 0]) },
        Key::Tuple { items: vec![text("a"), Key::Integer { value: -1 }] },
    ];
    for key in &keys {
        dict.set(key.clone(), b"v".to_vec(), f64::NAN).expect("sets");
    }
    let scan = dict
        .scan(NativeScanOptions {
            prefix: None,
            start: None,
            end: None,
            reverse: false,
            limit: None,
            order: None,
            consistent: false,
            values: true,
        })
        .expect("scans");
    let page = scan.next_page().expect("reads");
    assert_eq!(page.iter().map(|item| item.key.clone()).collect::<Vec<_>>(), keys);
    assert!(block_on(scan.next_page_async(0)).expect("reads").is_empty());
}

#[test]
fn values_are_checked_for_the_codec_on_every_way_in() {
    let mode = Some(crate::StorageMode::Json);
    let dict = opened(&NativeOptions { storage_mode: mode, ..NativeOptions::default() });
    let (key, bad) = (text("k"), b"NaN".to_vec());
    let pairs = || vec![NativePair { key: text("k"), value: b"NaN".to_vec() }];
    let codec = Some(ErrorKind::Codec);
    assert_eq!(kind(dict.set(key.clone(), bad.clone(), f64::NAN)), codec);
    assert_eq!(kind(dict.try_set(key.clone(), bad.clone(), f64::NAN)), codec);
    assert_eq!(kind(dict.set_many(pairs(), f64::NAN)), codec);
    assert_eq!(kind(dict.set_if_version(key.clone(), bad.clone(), 0, f64::NAN)), codec);
    assert_eq!(kind(dict.set_default(key.clone(), bad.clone(), f64::NAN)), codec);
    assert_eq!(kind(block_on(dict.set_async(key.clone(), bad.clone(), f64::NAN, 0))), codec);
    assert_eq!(kind(block_on(dict.set_many_async(pairs(), f64::NAN, 0))), codec);
    assert_eq!(
        kind(block_on(dict.set_if_version_async(key.clone(), bad.clone(), 0, 1.0, 0))),
        codec
    );
    assert_eq!(kind(block_on(dict.set_default_async(key, bad, 1.0, 0))), codec);
    assert_eq!(dict.len().ok(), Some(0));
}

#[test]
fn times_are_refused_or_kept() {
    use dictsqlite_core::Ttl;
    assert_eq!(ttl(f64::NAN).ok(), Some(Ttl::Default));
    assert_eq!(ttl(f64::INFINITY).ok(), Some(Ttl::Never));
    assert_eq!(ttl(0.5).ok(), Some(Ttl::After(std::time::Duration::from_millis(500))));
    for bad in [0.0, -1.0, f64::NEG_INFINITY, 1e13] {
        assert_eq!(kind(ttl(bad)), Some(ErrorKind::Invalid), "{bad}");
    }
}

#[test]
fn a_cancelled_ticket_ends_its_operation_and_is_forgotten() {
    let dict = opened(&NativeOptions::default());
    let ticket = new_ticket();
    cancel_ticket(ticket);
    assert_eq!(kind(block_on(dict.incr_async(text("n"), 1, ticket))), Some(ErrorKind::Cancelled));
    free_ticket(ticket);
    // Not known, or none: neither cancels anything.
    cancel_ticket(ticket);
    cancel_ticket(0);
    assert_eq!(block_on(dict.incr_async(text("n"), 1, ticket)).ok(), Some(1));
    assert_eq!(known_tickets(), 0);
}

#[test]
fn a_future_that_is_dropped_withdraws_what_was_not_accepted() {
    // One write takes all the room there is, so that the next one waits.
    let options = NativeOptions { memtable_bytes: Some(1 << 16), ..NativeOptions::default() };
    let dict = opened(&options);
    let waker = Waker::noop();
    let large = vec![0; 1 << 16];
    let mut withdrawn = Vec::new();
    for n in 0..50 {
        dict.set_many(vec![NativePair { key: text("full"), value: large.clone() }], f64::NAN)
            .expect("is accepted");
        let key = text(&format!("late {n}"));
        let mut future = Box::pin(dict.set_async(key.clone(), large.clone(), f64::NAN, 0));
        if future.as_mut().poll(&mut Context::from_waker(waker)).is_pending() {
            withdrawn.push(key);
        }
    }
    dict.flush(false).expect("flushes");
    // Those that were let in between the poll and the drop did happen, entirely.
    for key in withdrawn {
        let value = dict.get(key).expect("reads");
        assert!(value.is_none_or(|value| value == large));
    }
}

#[test]
fn a_scan_whose_page_was_cancelled_says_so() {
    let dict = opened(&NativeOptions::default());
    dict.set(text("k"), b"v".to_vec(), f64::NAN).expect("sets");
    let options = NativeScanOptions {
        prefix: None,
        start: None,
        end: None,
        reverse: false,
        limit: None,
        order: None,
        consistent: true,
        values: false,
    };
    let scan = dict.scan(options).expect("scans");
    let mut page = Box::pin(scan.next_page_async(0));
    if page.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
        return;
    }
    drop(page);
    assert_eq!(kind(scan.next_page()), Some(ErrorKind::Invalid));
}
