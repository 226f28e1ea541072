use std::os::unix::fs::FileExt;

use super::{Place, contents, fill};
use crate::{
    BackupOptions, Dict, ErrorKind, Options, Progress, RestoreOptions, restore, restore_async,
};

fn replacing() -> RestoreOptions {
    RestoreOptions {
        overwrite: true,
        timeout: std::time::Duration::from_millis(300),
        progress: Progress::new(),
    }
}

/// A store `a.db`, closed, and a backup `copy.db` of a state before.
fn prepared() -> Place {
    let place = Place::new();
    let dict = place.open("a.db");
    fill(&dict, 3000, 100);
    dict.backup(place.path("copy.db"), &BackupOptions::default()).unwrap();
    dict.set("later", b"v").unwrap();
    dict.close().unwrap();
    place
}

#[test]
fn a_backup_takes_the_place_of_a_closed_store() {
    let place = prepared();
    let error = restore(place.path("copy.db"), place.path("a.db"), &RestoreOptions::default());
    let error = error.unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.message().contains("overwriting"));
    let copied = restore(place.path("copy.db"), place.path("a.db"), &replacing()).unwrap();
    assert_eq!(place.names(), ["a.db", "copy.db"], "nothing beside the source, nothing left");
    assert_eq!(std::fs::metadata(place.path("a.db")).unwrap().len(), copied.bytes);
    let dict = place.open("a.db");
    assert_eq!((dict.len().unwrap(), dict.get("later").unwrap()), (3000, None));
    let options = RestoreOptions::default();
    restore_async(place.path("copy.db"), place.path("b.db"), &options).wait().unwrap();
    assert_eq!(contents(&place.open("b.db")), contents(&dict));
}

#[test]
fn what_a_crash_left_in_the_log_is_part_of_a_source_and_goes_with_a_target() {
    let place = prepared();
    // As a killed process leaves it: a log that was never moved into the database.
    let dict = place.open("a.db");
    for n in 0..100_i64 {
        dict.set(n, b"in the log").unwrap();
    }
    dict.flush().unwrap();
    for suffix in ["", "-wal"] {
        let (from, to) = (format!("a.db{suffix}"), format!("crashed.db{suffix}"));
        std::fs::copy(place.path(&from), place.path(&to)).unwrap();
    }
    assert!(std::fs::metadata(place.path("crashed.db-wal")).unwrap().len() > 0);
    restore(place.path("crashed.db"), place.path("b.db"), &replacing()).unwrap();
    assert_eq!(place.open("b.db").len().unwrap(), 3101);
    restore(place.path("copy.db"), place.path("crashed.db"), &replacing()).unwrap();
    assert!(!place.path("crashed.db-wal").exists());
    assert_eq!(place.open("crashed.db").len().unwrap(), 3000);
}

#[test]
fn a_store_that_is_open_is_not_replaced() {
    let place = prepared();
    let busy = || {
        let error = restore(place.path("copy.db"), place.path("a.db"), &replacing()).unwrap_err();
        (error.kind(), error.message().to_owned())
    };
    let dict = place.open("a.db");
    assert_eq!(busy().0, ErrorKind::Busy);
    assert!(busy().1.contains("open in this process"), "{}", busy().1);
    dict.close().unwrap();
    // Idle, and open all the same.
    let other = rusqlite::Connection::open(place.path("a.db")).unwrap();
    other.query_row("SELECT count(*) FROM main", [], |_| Ok(())).unwrap();
    let (kind, message) = busy();
    assert!(kind == ErrorKind::Busy && message.contains("another"), "{message}");
    drop(other);
    let dict = place.open("a.db");
    assert_eq!(dict.get("later").unwrap().as_deref(), Some(&b"v"[..]), "nothing happened to it");
    assert_eq!(dict.len().unwrap(), 3001);
    dict.close().unwrap();
    restore(place.path("copy.db"), place.path("a.db"), &replacing()).unwrap();
}

#[test]
fn what_is_damaged_or_not_ours_is_not_restored() {
    let place = prepared();
    let before = std::fs::read(place.path("a.db")).unwrap();
    let kind = |name: &str| {
        let error = restore(place.path(name), place.path("a.db"), &replacing()).unwrap_err();
        assert_eq!(std::fs::read(place.path("a.db")).unwrap(), before, "{name}");
        error.kind()
    };
    assert_eq!(kind("none.db"), ErrorKind::Io);
    std::fs::write(place.path("text.db"), "no database, but more than a page of text\n".repeat(99))
        .unwrap();
    assert_eq!(kind("text.db"), ErrorKind::Corrupt);
    let foreign = rusqlite::Connection::open(place.path("foreign.db")).unwrap();
    foreign.execute_batch("CREATE TABLE t(x)").unwrap();
    drop(foreign);
    assert_eq!(kind("foreign.db"), ErrorKind::Unsupported);
    std::fs::copy(place.path("copy.db"), place.path("torn.db")).unwrap();
    let torn = std::fs::OpenOptions::new().write(true).open(place.path("torn.db")).unwrap();
    let middle = torn.metadata().unwrap().len() / 2 / 4096 * 4096;
    torn.write_all_at(&[0xA5; 4096], middle).unwrap();
    assert_eq!(kind("torn.db"), ErrorKind::Corrupt);
    torn.set_len(middle).unwrap();
    assert_eq!(kind("torn.db"), ErrorKind::Corrupt);
    assert_eq!(kind("a.db"), ErrorKind::Invalid);
    let mut left = place.names();
    left.retain(|name| !name.ends_with(".db"));
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_damaged_store_is_what_a_backup_replaces() {
    let place = prepared();
    std::fs::write(place.path("a.db"), b"not even a header").unwrap();
    assert!(Dict::open(place.path("a.db"), &Options::default()).is_err());
    restore(place.path("copy.db"), place.path("a.db"), &replacing()).unwrap();
    assert_eq!(place.open("a.db").len().unwrap(), 3000);
    let torn = std::fs::OpenOptions::new().write(true).open(place.path("a.db")).unwrap();
    torn.write_all_at(&[0xA5; 8192], 4096).unwrap();
    restore(place.path("copy.db"), place.path("a.db"), &replacing()).unwrap();
    assert_eq!(place.open("a.db").len().unwrap(), 3000);
}

#[test]
fn a_cancelled_restore_changes_nothing() {
    let place = prepared();
    let before = std::fs::read(place.path("a.db")).unwrap();
    let options = RestoreOptions { progress: Progress::new(), ..replacing() };
    options.progress.cancel();
    let error = restore(place.path("copy.db"), place.path("a.db"), &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(std::fs::read(place.path("a.db")).unwrap(), before);
    assert_eq!(place.names(), ["a.db", "copy.db"]);
}
