//! Bad ground: disks that fail and come back, and clocks that jump.

#[cfg(unix)]
use std::sync::atomic::Ordering;

use super::*;
#[cfg(target_os = "linux")]
use crate::vfs::Broken;
use crate::{BackupOptions, ManualClock, TransactionOptions};

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_fails_loses_nothing_that_was_accepted() {
    // EIO at every write, while all modes write; then the disk is well again.
    for (errno, kind) in [(libc::EIO, ErrorKind::Io), (libc::ENOSPC, ErrorKind::Full)] {
        let file = File::new();
        let dict = file.hasty();
        dict.set("before", b"v").unwrap();
        dict.flush().unwrap();
        let broken = Broken::writes(file.dir.path(), errno);
        for n in 0..100 {
            dict.set(n, b"v").unwrap();
        }
        let error = dict.flush().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let advice = if kind == ErrorKind::Full { "free some space" } else { "operating system" };
        assert!(error.message().contains(advice), "{error}");
        // A decision is not taken twice and not half.
        assert_eq!(dict.incr("n", 1).unwrap_err().kind(), kind);
        // Reads go on, of what is accepted and of what is committed.
        assert!(dict.get(99).unwrap().is_some() && dict.get("before").unwrap().is_some());
        // Closing says so and can be done again.
        assert_eq!(dict.close().unwrap_err().kind(), kind);
        drop(broken);
        assert_eq!(dict.incr("n", 1).unwrap(), 1);
        dict.flush().unwrap();
        dict.close().unwrap();
        let dict = file.open(PersistMode::Lazy);
        assert_eq!(dict.len().unwrap(), 102);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_cannot_be_read_says_so_and_comes_back() {
    let file = File::new();
    {
        let dict = file.open(PersistMode::Lazy);
        let value = vec![7; 3000];
        for n in 0..2000 {
            dict.set(n, &value).unwrap();
        }
        dict.flush().unwrap();
    }
    let dict = file.hasty();
    assert!(dict.get(1).unwrap().is_some());
    let broken = Broken::reads(file.dir.path(), libc::EIO);
    let errors = (0..2000).filter_map(|n| dict.get(n).err()).collect::<Vec<_>>();
    assert!(!errors.is_empty());
    // SQLite itself takes what a disk refuses to read for damage.
    let told = |e: &crate::Error| e.kind() == ErrorKind::Corrupt && e.message().contains("disk");
    assert!(errors.iter().all(told), "{:?}", errors[0]);
    drop(broken);
    assert!((0..2000).all(|n| dict.get(n).unwrap().is_some()));
    dict.set("k", b"v").unwrap();
    dict.flush().unwrap();
}

#[test]
fn a_clock_that_is_set_back_or_forward() {
    // An entry lives until the time that was written, whatever way the clock got there; setting it
    // back brings back what was not swept, and nothing overflows at either end.
    let file = File::new();
    let clock = ManualClock::at(1_000_000);
    let options = Options { clock: Arc::new(clock.clone()), ..Options::default() };
    let dict = Dict::open(&file.path, &options).unwrap();
    let ttl = |ms| Ttl::After(Duration::from_millis(ms));
    dict.set_with_ttl("k", b"v", ttl(500)).unwrap();
    dict.set_with_ttl("far", b"v", Ttl::After(Duration::MAX)).unwrap();
    dict.set_with_ttl("most", b"v", ttl(u64::MAX)).unwrap();
    dict.flush().unwrap();
    clock.advance(-900_000);
    assert!(dict.get("k").unwrap().is_some());
    assert_eq!(dict.len().unwrap(), 3);
    dict.set_with_ttl("young", b"v", ttl(500)).unwrap();
    clock.advance(600);
    assert!(dict.get("young").unwrap().is_none() && dict.get("k").unwrap().is_some());
    clock.advance(900_000);
    assert!(dict.get("k").unwrap().is_none());
    assert_eq!(dict.len().unwrap(), 2);
    for at in [i64::MAX - 1_000_000, -1, i64::MIN / 2] {
        clock.advance(at - crate::Clock::now_ms(&clock));
        dict.set_with_ttl("now", b"v", ttl(60_000)).unwrap();
        assert!(dict.get("now").unwrap().is_some(), "{at}");
        dict.flush().unwrap();
        assert!(dict.get("far").unwrap().is_some(), "{at}");
        assert!(dict.entry("now").unwrap().is_some(), "{at}");
        assert!(dict.len().unwrap() >= 3, "{at}");
    }
}

#[test]
fn numbers_at_the_end_of_64_bits_that_another_tool_wrote() {
    // A row with the largest id there is: the next operation had no number, and its id was negative.
    let file = File::new();
    let dict = file.open(PersistMode::Lazy);
    dict.set("a", b"v").unwrap();
    dict.flush().unwrap();
    let shell = Connection::open(&file.path).unwrap();
    shell
        .execute_batch(
            "INSERT INTO main(id, key, value, version, expires_at) VALUES \
             (9223372036854775807, 'last', x'01', 0, NULL), \
             (-9223372036854775808, 'first', x'01', 0, 9223372036854775808), \
             (7000000000000000000, 'near', x'01', 9223372036854775807, 1e300), \
             (4000000000000000000, 'counts', x'01', 1e300, 1e19)",
        )
        .unwrap();
    let keys = || {
        let rows = dict.scan(&ScanOptions::default()).unwrap().map(|item| item.unwrap().key);
        rows.map(|key| key.to_string()).collect::<Vec<_>>().join(" ")
    };
    for round in 0..2 {
        dict.set("b", b"v").unwrap();
        dict.flush().unwrap();
        assert_eq!(dict.incr("n", 1).unwrap(), round + 1);
        assert_eq!(dict.len().unwrap(), 7);
        assert_eq!(keys(), r#""first" "a" "counts" "b" "n" "near" "last""#);
    }
    // Every row has a version that a condition can name, and every expiry is a time far off.
    for key in ["first", "last", "near", "counts", "a"] {
        let entry = dict.entry(key).unwrap().unwrap();
        assert!(entry.expires_at.is_none_or(|at| at >= 0), "{key}");
        dict.set_if_version(key, Value::from(&b"w"[..]), entry.version, Ttl::Default).unwrap();
        assert_eq!(dict.get(key).unwrap().as_deref(), Some(&b"w"[..]));
    }
}

#[test]
fn a_counter_that_another_tool_made_useless_is_told_and_can_be_mended() {
    // Nothing is written with a wrong number, and what was accepted is committed once it is right.
    for useless in ["9223372036854775807", "'many'", "1e300"] {
        let file = File::new();
        let dict = file.hasty();
        dict.set("a", b"v").unwrap();
        dict.flush().unwrap();
        let shell = Connection::open(&file.path).unwrap();
        let set = |value: &str| {
            let sql = format!("UPDATE _dictsqlite SET value = {value} WHERE name = 'counter'");
            shell.execute_batch(&sql).unwrap();
        };
        set(useless);
        dict.set("b", b"v").unwrap();
        let error = dict.flush().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.message().contains("_dictsqlite"), "{error}");
        assert_eq!(dict.incr("n", 1).unwrap_err().kind(), ErrorKind::Corrupt);
        set("(SELECT max(version) FROM main)");
        assert_eq!(dict.incr("n", 1).unwrap(), 1);
        assert_eq!(dict.len().unwrap(), 3);
    }
}

#[test]
#[cfg(unix)]
fn a_handle_dropped_on_a_lost_file_leaves_the_others_theirs() {
    // It was counted off twice, so that the store was closed under the handle that was left.
    let file = File::new();
    let (first, second) = (file.hasty(), file.hasty());
    first.set("k", b"v").unwrap();
    std::fs::remove_file(&file.path).unwrap();
    assert_eq!(first.flush().unwrap_err().kind(), ErrorKind::Io);
    drop(first);
    assert_eq!(second.flush().unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(second.get("k").unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(second.close().unwrap_err().kind(), ErrorKind::Io);
}

#[test]
#[cfg(unix)]
fn what_reads_a_lost_file_does_not_wait_for_its_pending_writes() {
    // Found by simulation. What reads one state of the file waits until everything accepted is
    // committed, and went on waiting for all of its timeout when the file was gone and nothing could
    // be, although reads are to say so within 2 s.
    let file = File::new();
    let options = Options {
        persist_mode: PersistMode::Lazy,
        flush_interval: Duration::from_secs(3600),
        timeout: Duration::from_secs(20),
        ..Options::default()
    };
    let dict = Dict::open(&file.path, &options).unwrap();
    dict.set("k", b"v").unwrap();
    std::fs::remove_file(&file.path).unwrap();
    let lost = |error: crate::Error, since: Instant| {
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        assert!(error.message().contains("removed or replaced"), "{error}");
        assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    };
    let now = Instant::now();
    lost(dict.transaction(&TransactionOptions::default()).err().unwrap(), now);
    let now = Instant::now();
    let copy = file.dir.path().join("copy.db");
    lost(dict.backup(&copy, &BackupOptions::default()).unwrap_err(), now);
    assert!(!copy.exists());
    let now = Instant::now();
    lost(
        dict.scan(&ScanOptions::default()).and_then(|mut scan| scan.next_page()).err().unwrap(),
        now,
    );
    assert_eq!(dict.close().unwrap_err().kind(), ErrorKind::Io);
}

#[test]
#[cfg(unix)]
fn who_waits_on_a_lost_file_is_not_told_of_a_lock() {
    // That the file is gone was found while the writer waited for its lock. Everybody was told of the
    // lock then, and that what was accepted would be committed when it is free.
    let file = File::new();
    let options = Options {
        persist_mode: PersistMode::Lazy,
        flush_interval: Duration::from_secs(3600),
        timeout: Duration::from_secs(20),
        ..Options::default()
    };
    let dict = Dict::open(&file.path, &options).unwrap();
    let state = Arc::clone(&dict.store_of_test().state);
    dict.set("k", b"v").unwrap();
    let _theirs = file.locked();
    let flushed = dict.flush_async(false);
    let counted = dict.incr_async("n", 1);
    // All of it is in the writer's hands, which waits for the lock.
    next_attempt(&dict);
    while !state.at_lock.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
    std::fs::remove_file(&file.path).unwrap();
    assert_eq!(state.opener.check_in_place().unwrap_err().kind(), ErrorKind::Io);
    for error in [in_time(flushed).unwrap_err(), in_time(counted).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        assert!(error.message().contains("removed or replaced"), "{error}");
    }
    assert_eq!(dict.close().unwrap_err().kind(), ErrorKind::Io);
}
