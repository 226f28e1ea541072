use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::{Place, contents, fill, open};
use crate::{BackupOptions, Dict, ErrorKind, Key, Options, PersistMode, Progress, StorageMode};

fn replacing() -> BackupOptions {
    BackupOptions { overwrite: true, ..BackupOptions::default() }
}

fn watched(progress: Progress) -> BackupOptions {
    BackupOptions { progress, ..BackupOptions::default() }
}

/// The numbers 0..n that a writer has in a store, checked to have no gap, and each to be there whole.
fn written_by(dict: &Dict, writer: u64) -> u64 {
    let mut n = 0;
    loop {
        let (a, b) = (format!("{writer}:{n}:a"), format!("{writer}:{n}:b"));
        match (dict.get(&a).unwrap(), dict.get(&b).unwrap()) {
            (Some(a), Some(b)) => assert_eq!(a, b),
            (None, None) => break,
            _ => panic!("half of a batch"),
        }
        n += 1;
    }
    for later in n..n + 200 {
        assert_eq!(dict.get(format!("{writer}:{later}:a")).unwrap(), None, "a gap before {later}");
    }
    n
}

#[test]
fn a_backup_beside_writers_is_of_one_moment() {
    let place = Place::new();
    let dict = place.open("a.db");
    fill(&dict, 20_000, 500);
    let stop = AtomicBool::new(false);
    let acknowledged: [AtomicU64; 3] = Default::default();
    std::thread::scope(|scope| {
        for (writer, counter) in acknowledged.iter().enumerate() {
            let (dict, stop) = (&dict, &stop);
            scope.spawn(move || {
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let value = format!("{n}").into_bytes();
                    let (a, b) = (format!("{writer}:{n}:a"), format!("{writer}:{n}:b"));
                    dict.set_many(&[(a, &value), (b, &value)]).unwrap();
                    counter.store(n + 1, Ordering::Release);
                    std::thread::sleep(Duration::from_micros(100));
                }
            });
        }
        for round in 0..5 {
            let before: Vec<u64> =
                acknowledged.iter().map(|counter| counter.load(Ordering::Acquire)).collect();
            let dest = place.path(&format!("copy{round}.db"));
            let copied = dict.backup(&dest, &BackupOptions::default()).unwrap();
            assert_eq!(std::fs::metadata(&dest).unwrap().len(), copied.bytes);
            let copy = open(&dest);
            for (writer, before) in before.into_iter().enumerate() {
                let there = written_by(&copy, writer as u64);
                assert!(there >= before, "{there} of {before} acknowledged writes");
            }
            assert_eq!(copy.get("key:019999").unwrap().unwrap().len(), 500);
            assert!(copy.integrity_check(&Progress::new()).unwrap().is_empty());
            copy.close().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn another_connection_that_commits_does_not_begin_a_backup_anew() {
    // SQLite's backup starts again when another connection changes the source, unless the one it
    // reads from is in a read transaction: beside a busy writer it would never end.
    let place = Place::new();
    let dict = place.open("a.db");
    fill(&dict, 30_000, 200);
    let other = rusqlite::Connection::open(place.path("a.db")).unwrap();
    other.busy_timeout(Duration::from_secs(10)).unwrap();
    let other = std::sync::Mutex::new((other, 0));
    let options = watched(Progress::calling({
        let (last, other) = (AtomicU64::new(0), other);
        move |done, _| {
            let mut other = other.lock().unwrap();
            other.1 += 1;
            let sql = "UPDATE main SET value = x'00', version = ?1 WHERE key = 'key:000000'";
            other.0.execute(sql, [1_000_000 + other.1]).unwrap();
            let before = last.swap(done, Ordering::Relaxed);
            assert!(done >= before, "it began anew");
            true
        }
    }));
    dict.backup(place.path("copy.db"), &options).unwrap();
    let copy = place.open("copy.db");
    assert_eq!(copy.len().unwrap(), 30_000);
    // The callback was called at the start, before the moment of the backup.
    assert!(copy.get("key:000001").unwrap().is_some());
}

#[test]
fn a_cancelled_backup_leaves_nothing() {
    let place = Place::new();
    let dict = place.open("a.db");
    fill(&dict, 20_000, 1000);
    for round in 0..20_u64 {
        let dest = place.path("copy.db");
        let progress = Progress::new();
        let result = if round % 2 == 0 {
            std::thread::scope(|scope| {
                let canceller = progress.clone();
                scope.spawn(move || {
                    std::thread::sleep(Duration::from_millis(round * 2));
                    canceller.cancel()
                });
                dict.backup(&dest, &watched(progress))
            })
        } else {
            let completion = dict.backup_async(&dest, &watched(progress));
            let canceller = completion.canceller().unwrap();
            std::thread::sleep(Duration::from_millis(round * 2));
            let told = canceller.cancel();
            let result = completion.wait();
            assert_eq!(told, result.is_err(), "{result:?}");
            result
        };
        match result {
            Ok(_) => {
                assert_eq!(place.strangers(), ["copy.db"]);
                std::fs::remove_file(dest).unwrap();
            }
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::Cancelled, "{e}");
                assert!(place.strangers().is_empty(), "{:?}", place.strangers());
            }
        }
    }
    let cancelled = watched(Progress::calling(|_, _| false));
    let error = dict.backup(place.path("copy.db"), &cancelled).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(place.strangers().is_empty());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_and_leaves_nothing() {
    let (place, full) = (Place::new(), Place::new());
    let dict = place.open("a.db");
    fill(&dict, 5000, 1000);
    let broken = crate::vfs::Broken::writes(full.dir.path(), libc::ENOSPC);
    let error = dict.backup(full.path("copy.db"), &BackupOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert!(full.names().is_empty(), "{:?}", full.names());
    drop(broken);
    dict.backup(full.path("copy.db"), &BackupOptions::default()).unwrap();
    // What was there before stays when its replacement fails.
    let broken = crate::vfs::Broken::writes(full.dir.path(), libc::EIO);
    let error = dict.backup(full.path("copy.db"), &replacing()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    drop(broken);
    assert_eq!(full.names(), ["copy.db"]);
    assert_eq!(full.open("copy.db").len().unwrap(), 5000);
}

#[test]
fn places_that_a_backup_must_not_take_are_refused() {
    let place = Place::new();
    let dict = place.open("a.db");
    dict.set("k", b"v").unwrap();
    let kind = |name: &str, options: &BackupOptions| {
        let error = dict.backup(place.path(name), options).unwrap_err();
        (error.kind(), error.message().to_owned())
    };
    for options in [BackupOptions::default(), replacing()] {
        let (kind, message) = kind("a.db", &options);
        assert!(kind == ErrorKind::Invalid && message.contains("the source itself"), "{message}");
    }
    let other = place.open("other.db");
    assert_eq!(kind("other.db", &BackupOptions::default()).0, ErrorKind::Invalid);
    assert_eq!(kind("other.db", &replacing()).0, ErrorKind::Busy);
    drop(other);
    std::os::unix::fs::symlink(place.path("a.db"), place.path("link.db")).unwrap();
    assert_eq!(kind("link.db", &replacing()).0, ErrorKind::Invalid);
    assert_eq!(kind("other.db-wal", &replacing()).0, ErrorKind::Invalid);
    assert!(kind("none/copy.db", &replacing()).1.contains("there is no directory"));
    assert_eq!(kind(".", &replacing()).0, ErrorKind::Invalid);
    // Nobody else's connection is to be left on a file that is gone.
    let third = rusqlite::Connection::open(place.path("other.db")).unwrap();
    third.query_row("SELECT count(*) FROM main", [], |_| Ok(())).unwrap();
    assert_eq!(kind("other.db", &replacing()).0, ErrorKind::Busy);
    drop(third);
    dict.backup(place.path("other.db"), &replacing()).unwrap();
    assert_eq!(place.open("other.db").get("k").unwrap().as_deref(), Some(&b"v"[..]));
    // A log without its database would be taken for the new one's.
    std::fs::write(place.path("new.db-wal"), b"left").unwrap();
    assert!(kind("new.db", &BackupOptions::default()).1.contains("new.db-wal"));
    dict.backup(place.path("new.db"), &replacing()).unwrap();
    assert!(!place.path("new.db-wal").exists());
}

#[test]
fn private_and_read_only_stores_are_backed_up_as_well() {
    let place = Place::new();
    let options = Options { persist_mode: PersistMode::Memory, ..Options::default() };
    let dict = Dict::open(":memory:", &options).unwrap();
    for n in 0..5000_i64 {
        dict.set(n, &n.to_le_bytes()).unwrap();
    }
    // Large enough to be copied as files.
    fill(&dict, 5000, 1000);
    dict.table("other", Some(StorageMode::Json)).unwrap().set("k", b"[1]").unwrap();
    dict.backup(place.path("copy.db"), &BackupOptions::default()).unwrap();
    let options = Options { read_only: true, ..Options::default() };
    let copy = Dict::open(place.path("copy.db"), &options).unwrap();
    assert_eq!(contents(&copy), contents(&dict));
    copy.backup(place.path("again.db"), &BackupOptions::default()).unwrap();
    let again = place.open("again.db");
    assert_eq!(contents(&again), contents(&dict));
    let table = again.table("other", None).unwrap();
    assert_eq!(contents(&table), [(Key::from("k"), b"[1]".to_vec(), None)]);
}

#[test]
fn a_copy_is_readable_by_whom_its_source_is() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let dict = place.open("a.db");
    dict.set("secret", b"v").unwrap();
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(place.path("a.db"), private).unwrap();
    dict.backup(place.path("copy.db"), &BackupOptions::default()).unwrap();
    let mode = std::fs::metadata(place.path("copy.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_killed_processes_left_is_removed_when_it_is_old() {
    let place = Place::new();
    let dict = place.open("a.db");
    dict.set("k", b"v").unwrap();
    let name = |n: u8| format!("copy.db.tmp-{n:016x}");
    let old = std::time::SystemTime::now() - Duration::from_secs(3600);
    let made = |n: u8| {
        let file = std::fs::File::create(place.path(&name(n))).unwrap();
        file.set_modified(old).unwrap();
        file
    };
    drop(made(1));
    let written = made(2);
    written.lock().unwrap();
    std::fs::write(place.path(&name(3)), b"new").unwrap();
    std::fs::write(place.path("copy.db.tmp-mine"), b"").unwrap();
    dict.backup(place.path("copy.db"), &BackupOptions::default()).unwrap();
    let left = ["copy.db", &name(2), &name(3), "copy.db.tmp-mine"];
    assert_eq!(place.strangers(), left);
}

#[test]
fn progress_is_told_from_start_to_end() {
    let place = Place::new();
    let dict = place.open("a.db");
    fill(&dict, 20_000, 500);
    let told: Arc<std::sync::Mutex<Vec<(u64, u64)>>> = Arc::default();
    let list = Arc::clone(&told);
    let progress = Progress::calling(move |done, total| {
        list.lock().unwrap().push((done, total));
        true
    });
    let copied = dict.backup(place.path("copy.db"), &watched(progress.clone())).unwrap();
    let told = told.lock().unwrap();
    assert_eq!(told.first(), Some(&(0, 0)));
    assert_eq!(told.last(), Some(&(copied.pages, copied.pages)));
    assert!(told.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{told:?}");
    assert_eq!(told.iter().filter(|(done, total)| done == total && *total > 0).count(), 1);
    assert!(!progress.cancel(), "it is too late");
}
