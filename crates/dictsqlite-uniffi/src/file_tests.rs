use std::future::Future;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};

use crate::error::ErrorKind;
use crate::files::{NativeExportOptions, NativeImported, NativeProgress, native_restore};
use crate::options::NativeOptions;
use crate::tests::{block_on, kind, opened, text};
use crate::types::{ExportFormat, OnConflict};
use crate::{
    NativeDict, cancel_ticket, free_ticket, native_open, native_restore_async, new_ticket,
};

/// Gives up at the first call, or never.
struct Told {
    goes_on: bool,
}

impl NativeProgress for Told {
    fn report(&self, _: u64, _: u64) -> bool {
        self.goes_on
    }
}

fn told(goes_on: bool) -> Option<Box<dyn NativeProgress>> {
    Some(Box::new(Told { goes_on }))
}

fn filled() -> std::sync::Arc<NativeDict> {
    let dict = opened(&NativeOptions::default());
    for n in 0..100 {
        dict.set(text(&format!("k{n}")), vec![7; 100], f64::NAN).expect("sets");
    }
    dict
}

fn everything() -> NativeExportOptions {
    NativeExportOptions {
        format: ExportFormat::JsonLines,
        tables: Vec::new(),
        all_tables: false,
        prefix: None,
        overwrite: false,
    }
}

#[test]
fn a_backup_comes_back_and_an_export_too() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    let dict = filled();
    let bytes = dict.backup(&path("copy.db"), false, told(true)).expect("is backed up");
    assert_eq!(kind(dict.backup(&path("copy.db"), false, None)), Some(ErrorKind::Invalid));
    let again = dict.backup_async(path("copy.db"), true, None, 0);
    assert_eq!(block_on(again).expect("is backed up"), bytes);
    native_restore(&path("copy.db"), &path("a.db"), false, 1.0, None).expect("is restored");
    let restored = native_restore_async(path("copy.db"), path("a.db"), true, 1.0, told(true), 0);
    block_on(restored).expect("is restored");
    let copy = native_open(&path("a.db"), &NativeOptions::default()).expect("opens");
    assert_eq!(copy.len().ok(), Some(100));
    assert_eq!(copy.integrity_check().ok(), Some(Vec::new()));
    assert_eq!(block_on(copy.integrity_check_async(0)).ok(), Some(Vec::new()));
    assert_eq!(copy.warm(Some(text("k1")), None).expect("is warmed").read, 11);
    assert_eq!(block_on(copy.warm_async(None, None, 0)).expect("is warmed").read, 100);
    assert_eq!(copy.export_to(&path("a.jsonl"), everything(), None).ok(), Some(100));
    let again = NativeExportOptions { overwrite: true, ..everything() };
    assert_eq!(block_on(copy.export_to_async(path("a.jsonl"), again, None, 0)).ok(), Some(100));
    copy.clear().expect("is cleared");
    let vacuumed = copy.vacuum().expect("is vacuumed");
    assert!(vacuumed.after < vacuumed.before, "{vacuumed:?}");
    assert!(block_on(copy.vacuum_async(0)).is_ok());
    let all = NativeImported { read: 100, written: 100, skipped: 0, expired: 0 };
    assert_eq!(copy.import_from(&path("a.jsonl"), vec![], OnConflict::Error, None).ok(), Some(all));
    let again = copy.import_from_async(path("a.jsonl"), vec![], OnConflict::Error, None, 0);
    assert_eq!(kind(block_on(again)), Some(ErrorKind::Conflict));
    assert!(copy.checkpoint().expect("is moved").emptied);
    assert!(block_on(copy.checkpoint_async(0)).expect("is moved").emptied);
}

#[test]
fn a_callback_that_gives_up_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("copy.db").to_string_lossy().into_owned();
    let dict = filled();
    let cancelled = Some(ErrorKind::Cancelled);
    assert_eq!(kind(dict.backup(&path, false, told(false))), cancelled);
    assert_eq!(kind(block_on(dict.backup_async(path.clone(), false, told(false), 0))), cancelled);
    assert_eq!(kind(dict.export_to(&path, everything(), told(false))), cancelled);
    assert_eq!(std::fs::read_dir(dir.path()).expect("reads").count(), 0);
}

/// Says that it was called, and waits to be let go.
#[derive(Default)]
struct Held {
    calls: AtomicU64,
    gate: Mutex<()>,
}

struct Holder(&'static Held);

impl NativeProgress for Holder {
    fn report(&self, _: u64, _: u64) -> bool {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        drop(self.0.gate.lock());
        true
    }
}

#[test]
fn a_ticket_ends_an_operation_and_waits_for_its_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("copy.db").to_string_lossy().into_owned();
    let dict = filled();
    let held: &'static Held = Box::leak(Box::default());
    let closed = held.gate.lock().expect("is free");
    let ticket = new_ticket();
    let mut backup = Box::pin(dict.backup_async(path, false, Some(Box::new(Holder(held))), ticket));
    let mut context = Context::from_waker(Waker::noop());
    assert!(backup.as_mut().poll(&mut context).is_pending());
    while held.calls.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    cancel_ticket(ticket);
    // The operation is still there, held by the callback.
    assert!(backup.as_mut().poll(&mut context).is_pending());
    drop(closed);
    assert_eq!(kind(block_on(backup)), Some(ErrorKind::Cancelled));
    assert_eq!(std::fs::read_dir(dir.path()).expect("reads").count(), 0);
    free_ticket(ticket);
}
