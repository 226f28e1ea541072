use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::{Place, fill, open};
use crate::{
    BackupOptions, Completion, Dict, ErrorKind, ExportOptions, ImportOptions, Key, OnConflict,
    Options, Progress, StorageMode,
};

#[test]
fn warming_puts_entries_into_the_cache() {
    let place = Place::new();
    let dict = place.open("a.db");
    fill(&dict, 5000, 100);
    for n in 0..500_i64 {
        dict.set(Key::Tuple(vec![Key::Int(7), Key::Int(n)]), b"v").unwrap();
    }
    dict.close().unwrap();
    let dict = place.open("a.db");
    let seven = Key::Tuple(vec![Key::Int(7)]);
    let warmed = dict.warm(Some(&seven), &Progress::new()).unwrap();
    assert_eq!((warmed.read, warmed.cached), (500, 500));
    let misses = || dict.stats().unwrap().misses;
    let before = misses();
    for n in 0..500_i64 {
        assert!(dict.get(Key::Tuple(vec![Key::Int(7), Key::Int(n)])).unwrap().is_some());
    }
    assert_eq!(misses(), before);
    dict.get("key:000001").unwrap();
    assert_eq!(misses(), before + 1);
    let progress = Progress::new();
    let warmed = dict.warm(None, &progress).unwrap();
    assert_eq!((warmed.read, warmed.cached, progress.done()), (5500, 5500, 5500));
    let error = dict.warm(None, &Progress::calling(|_, _| false)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[test]
fn warming_stops_when_the_cache_is_full() {
    let place = Place::new();
    let dict = place.open("a.db");
    fill(&dict, 20_000, 500);
    dict.close().unwrap();
    let small = Options { cache_bytes: 1 << 20, ..Options::default() };
    let dict = Dict::open(place.path("a.db"), &small).unwrap();
    let warmed = dict.warm(None, &Progress::new()).unwrap();
    assert!(warmed.read < 6000 && warmed.cached > 1000, "{warmed:?}");
    dict.close().unwrap();
    let off = Options { cache_bytes: 0, ..Options::default() };
    let dict = Dict::open(place.path("a.db"), &off).unwrap();
    let warmed = dict.warm(None, &Progress::new()).unwrap();
    assert_eq!((warmed.read, warmed.cached), (20_000, 0));
}

#[test]
fn what_is_warmed_is_never_stale() {
    let place = Place::new();
    let dict = place.open("a.db");
    fill(&dict, 2000, 50);
    let other = Connection::open(place.path("a.db")).unwrap();
    other.busy_timeout(Duration::from_secs(10)).unwrap();
    std::thread::scope(|scope| {
        let warm = scope.spawn(|| {
            for _ in 0..40 {
                dict.warm(None, &Progress::new()).unwrap();
            }
        });
        let mut n = 0_i64;
        while !warm.is_finished() {
            n += 1;
            let value = n.to_le_bytes();
            let key = format!("key:{:06}", n % 2000);
            if n % 2 == 0 {
                let sql = "UPDATE main SET value = ?1, version = version + 1 WHERE key = ?2";
                other.execute(sql, rusqlite::params![&value[..], key]).unwrap();
            } else {
                dict.set(&key, &value).unwrap();
                dict.flush().unwrap();
            }
            assert_eq!(dict.get(&key).unwrap().as_deref(), Some(&value[..]), "{n}");
        }
    });
}

#[test]
fn vacuum_gives_room_back() {
    let place = Place::new();
    let dict = place.open("a.db");
    fill(&dict, 20_000, 500);
    let before = std::fs::metadata(place.path("a.db")).unwrap().len();
    for n in 0..19_000 {
        dict.delete(format!("key:{n:06}")).unwrap();
    }
    let (had, has) = dict.vacuum(&Progress::new()).unwrap();
    assert!(had > 8_000_000 && has < had / 5, "{had} {has}");
    let after = std::fs::metadata(place.path("a.db")).unwrap().len();
    assert_eq!(after, has, "{before}");
    assert_eq!(dict.len().unwrap(), 1000);
    dict.set("more", b"v").unwrap();
    dict.set("key:019999", b"new").unwrap();
    dict.flush().unwrap();
    assert_eq!(dict.get("key:019999").unwrap().as_deref(), Some(&b"new"[..]));
    assert!(dict.integrity_check(&Progress::new()).unwrap().is_empty());
    // In memory as well.
    let memory = open(":memory:".as_ref());
    fill(&memory, 2000, 500);
    memory.clear().unwrap();
    let (had, has) = memory.vacuum(&Progress::new()).unwrap();
    assert!(has < had, "{had} {has}");
    assert!(memory.integrity_check(&Progress::new()).unwrap().is_empty());
}

#[test]
fn vacuum_beside_writers_loses_nothing() {
    let place = Place::new();
    let dict = place.open("a.db");
    fill(&dict, 5000, 500);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 0..20_000_i64 {
                dict.set(n, &n.to_le_bytes()).unwrap();
                if n % 500 == 0 {
                    dict.flush().unwrap();
                }
            }
        });
        while !writer.is_finished() {
            dict.vacuum(&Progress::new()).unwrap();
        }
    });
    assert_eq!(dict.len().unwrap(), 25_000);
    assert!(dict.integrity_check(&Progress::new()).unwrap().is_empty());
}

#[test]
fn who_holds_the_lock_is_waited_for_and_then_told_of() {
    let place = Place::new();
    let options = Options { timeout: Duration::from_millis(400), ..Options::default() };
    let dict = Dict::open(place.path("a.db"), &options).unwrap();
    dict.set("k", b"v").unwrap();
    dict.flush().unwrap();
    let other = Connection::open(place.path("a.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = dict.vacuum(&Progress::new()).unwrap_err();
    assert!(error.kind() == ErrorKind::Busy && error.message().contains("try again"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    dict.vacuum(&Progress::new()).unwrap();
    dict.close().unwrap();
    let options = Options { read_only: true, ..Options::default() };
    let dict = Dict::open(place.path("a.db"), &options).unwrap();
    assert_eq!(dict.vacuum(&Progress::new()).unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(dict.checkpoint().unwrap_err().kind(), ErrorKind::ReadOnly);
    assert!(dict.integrity_check(&Progress::new()).unwrap().is_empty());
}

#[test]
fn a_checkpoint_empties_the_log() {
    let place = Place::new();
    let options = Options { timeout: Duration::from_millis(300), ..Options::default() };
    let dict = Dict::open(place.path("a.db"), &options).unwrap();
    for n in 0..100_i64 {
        dict.set(n, &[0; 1000]).unwrap();
    }
    let log = || std::fs::metadata(place.path("a.db-wal")).unwrap().len();
    dict.flush().unwrap();
    assert!(log() > 0);
    let done = dict.checkpoint().unwrap();
    assert!(done.emptied && done.frames > 20 && done.moved == done.frames, "{done:?}");
    assert_eq!((log(), dict.stats().unwrap().wal_frames), (0, 0));
    assert_eq!(dict.checkpoint().unwrap().frames, 0);
    assert_eq!(dict.len().unwrap(), 100);
    // A reader keeps what it may still look at.
    dict.set("k", b"v").unwrap();
    dict.flush().unwrap();
    let other = Connection::open(place.path("a.db")).unwrap();
    other.execute_batch("BEGIN; SELECT count(*) FROM main").unwrap();
    dict.set("k", b"w").unwrap();
    dict.flush().unwrap();
    let done = dict.checkpoint().unwrap();
    assert!(!done.emptied && done.moved < done.frames, "{done:?}");
}

/// The problems of a store that `damage` was done to, closed and by SQL.
fn problems(damage: &str) -> String {
    let place = Place::new();
    let dict = place.open("a.db");
    fill(&dict, 100, 10);
    dict.table("j", Some(StorageMode::Json)).unwrap().set("k", b"[1]").unwrap();
    dict.close().unwrap();
    let other = Connection::open(place.path("a.db")).unwrap();
    other.execute_batch(damage).unwrap();
    drop(other);
    let found = place.open("a.db").integrity_check(&Progress::new()).unwrap();
    found.join("; ")
}

#[test]
fn what_we_rely_on_beyond_sqlite_is_checked() {
    assert_eq!(problems("SELECT 1"), "");
    for (damage, says) in [
        (
            "UPDATE _dictsqlite SET value = 50 WHERE name = 'counter'",
            "beyond the operation counter",
        ),
        ("UPDATE _dictsqlite SET value = 'x' WHERE name = 'counter'", "counter is no number"),
        ("DELETE FROM _dictsqlite WHERE name = 'counter'", "counter is missing"),
        ("DROP INDEX _dictsqlite_expires_j", "lost its index"),
        ("DROP TABLE j", "is not there"),
        ("UPDATE _dictsqlite SET value = '{' WHERE name = 'table:j'", "\"j\" is damaged"),
        ("UPDATE _dictsqlite SET value = 5 WHERE name = 'table:j'", "no text"),
        ("UPDATE j SET value = x'00'", "1 values that are no json"),
        ("UPDATE j SET value = '{'", "1 values that are no json"),
        ("UPDATE j SET version = 1000000", "version 1000000"),
        ("ALTER TABLE j DROP COLUMN version", "checking table \"j\""),
        ("INSERT INTO j(key, value) VALUES(1.5, '1')", "keys of a type"),
    ] {
        let found = problems(damage);
        assert!(found.contains(says), "{damage}: {found}");
    }
}

#[test]
fn damage_is_found_and_is_no_error() {
    let place = Place::new();
    let dict = place.open("a.db");
    fill(&dict, 5000, 100);
    dict.close().unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(place.path("a.db")).unwrap();
    file.write_all_at(&[0xA5; 4096], 50 * 4096).unwrap();
    drop(file);
    let dict = place.open("a.db");
    let found = dict.integrity_check_async(&Progress::new()).wait().unwrap();
    assert!(!found.is_empty());
    let cancelled = Progress::new();
    cancelled.cancel();
    assert_eq!(dict.integrity_check(&cancelled).unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn what_has_ended_well_cannot_be_cancelled_any_more() {
    // Only what puts a file in its place decided that it was too late: cancelling the rest in its last
    // moment was answered with "it never happens", and then it was there all the same.
    let place = Place::new();
    let dict = place.open("a.db");
    fill(&dict, 100, 10);
    let (vacuumed, checked, warmed) = (Progress::new(), Progress::new(), Progress::new());
    dict.vacuum(&vacuumed).unwrap();
    assert!(!vacuumed.cancel(), "vacuum");
    dict.integrity_check(&checked).unwrap();
    assert!(!checked.cancel(), "integrity_check");
    dict.warm(None, &warmed).unwrap();
    assert!(!warmed.cancel(), "warm");
    dict.export(place.path("export"), &ExportOptions::default()).unwrap();
    let options = ImportOptions::default();
    dict.import(place.path("export"), &options).unwrap();
    assert!(!options.progress.cancel(), "import");
    // In whichever moment it comes, what was said is what is.
    for round in 0..60_u64 {
        let vacuum = dict.vacuum_async(&Progress::new());
        let canceller = vacuum.canceller().unwrap();
        std::thread::sleep(Duration::from_micros(round * 200));
        let told = canceller.cancel();
        let result = vacuum.wait();
        assert_eq!(told, result.is_err(), "{result:?}");
    }
}

#[test]
fn waiting_for_the_writer_can_be_cancelled() {
    // It waited for what was pending up to the timeout, whoever cancelled it, and so did everybody who
    // awaited its end.
    let place = Place::new();
    let options = Options { timeout: Duration::from_secs(60), ..Options::default() };
    let dict = Arc::new(Dict::open(place.path("a.db"), &options).unwrap());
    fill(&dict, 100, 10);
    dict.export(place.path("export"), &ExportOptions::default()).unwrap();
    let other = Connection::open(place.path("a.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    dict.set("pending", b"v").unwrap();
    fn cancelled<T: std::fmt::Debug>(what: &str, waiting: Completion<T>) {
        // As long as the writer has looked in vain.
        std::thread::sleep(Duration::from_millis(100));
        assert!(!waiting.is_done(), "{what}");
        let since = Instant::now();
        assert!(waiting.canceller().unwrap().cancel(), "{what}");
        let error = waiting.wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{what}: {error}");
        assert!(since.elapsed() < Duration::from_secs(20), "{what}: {:?}", since.elapsed());
    }
    cancelled("backup", dict.backup_async(place.path("b.db"), &BackupOptions::default()));
    cancelled("export", dict.export_async(place.path("e"), &ExportOptions::default()));
    cancelled("vacuum", dict.vacuum_async(&Progress::new()));
    cancelled("integrity_check", dict.integrity_check_async(&Progress::new()));
    cancelled("warm", dict.warm_async(None, &Progress::new()));
    for on_conflict in [OnConflict::Replace, OnConflict::Skip] {
        let options = ImportOptions { on_conflict, ..ImportOptions::default() };
        cancelled("import", dict.import_async(place.path("export"), &options));
    }
    assert_eq!(place.strangers(), ["export"]);
    other.execute_batch("ROLLBACK").unwrap();
    dict.flush().unwrap();
    assert_eq!(dict.len().unwrap(), 101);
}
