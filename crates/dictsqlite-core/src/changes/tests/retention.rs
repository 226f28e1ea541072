//! What is kept of the log, and what becomes of who comes too late.

use super::*;

fn keep(dict: &Dict, count: u64, age: Duration) {
    dict.enable_changes(ChangeRetention { count: Some(count), age: Some(age) }).unwrap();
}

/// All of the log; nothing when it was trimmed between two pages, which is told and not skipped.
fn unless_trimmed(dict: &Dict) -> Option<Vec<Change>> {
    let options = ChangesOptions { since: Some(0), ..ChangesOptions::default() };
    let changes = dict.changes(&options).unwrap();
    let mut all = Vec::new();
    loop {
        match changes.next_page(Some(Duration::ZERO)) {
            Ok(page) if page.is_empty() => return Some(all),
            Ok(page) => all.extend(page),
            Err(e) if e.is_history_truncated() => return None,
            Err(e) => panic!("{e}"),
        }
    }
}

/// Waits until the log begins above `seq`.
fn await_trim(dict: &Dict, seq: i64) -> Vec<Change> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match unless_trimmed(dict) {
            Some(changes) if changes.first().is_none_or(|first| first.seq > seq) => return changes,
            _ => {}
        }
        assert!(Instant::now() < deadline, "the log is not trimmed");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_newest_changes_are_kept_by_count() {
    let file = File::new();
    let dict = file.open();
    keep(&dict, 100, Duration::from_secs(3600));
    // Numbers that are no changes do not count.
    let silent = dict.table_with_changes("silent", None, Some(false));
    let silent = silent.unwrap();
    for n in 0..5000_i64 {
        silent.set(n, b"1").unwrap();
        if n % 10 == 0 {
            dict.set(n, b"1").unwrap();
        }
    }
    dict.flush().unwrap();
    let first = dict.entry(3990).unwrap().unwrap().version;
    let changes = await_trim(&dict, first);
    assert_eq!(changes.len(), 100);
    assert_eq!(changes[0].key, Key::Int(4000));
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(all(&dict).len(), 100);
}

#[test]
fn old_changes_are_removed_by_age() {
    let file = File::new();
    let clock = Arc::new(ManualClock::at(1_000_000));
    let dict =
        file.with(Options { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..Options::default() });
    keep(&dict, 1_000_000, Duration::from_secs(60));
    for n in 0..2500_i64 {
        dict.set(n, b"1").unwrap();
    }
    dict.flush().unwrap();
    clock.advance(30_000);
    dict.set("new", b"1").unwrap();
    dict.flush().unwrap();
    let last = dict.entry(2499).unwrap().unwrap().version;
    clock.advance(30_001);
    let changes = await_trim(&dict, last);
    assert_eq!(told(&changes), ["insert \"new\" - 1"]);
}

#[test]
fn who_comes_too_late_is_told_and_misses_nothing_silently() {
    let file = File::new();
    let dict = file.open();
    dict.set("a", b"1").unwrap();
    dict.flush().unwrap();
    let begun = dict.changes(&ChangesOptions::default()).unwrap();
    let resumed = all(&dict)[0].seq;
    keep(&dict, 1, Duration::from_secs(3600));
    for n in 0..10_i64 {
        dict.set(n, b"1").unwrap();
        dict.flush().unwrap();
    }
    await_trim(&dict, dict.entry(8).unwrap().unwrap().version);
    let error = begun.next_page(None).unwrap_err();
    assert!(error.is_history_truncated(), "{error}");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    // And again, and for who begins there.
    assert!(begun.next_page(None).unwrap_err().is_history_truncated());
    let options = ChangesOptions { since: Some(resumed), ..ChangesOptions::default() };
    assert!(dict.changes(&options).err().unwrap().is_history_truncated());
    let last = all(&dict)[0].seq;
    assert!(rest(&since(&dict, last)).is_empty());
}

#[test]
fn numbers_go_on_when_the_log_is_emptied() {
    // By another tool, which is found out as well.
    let file = File::new();
    let dict = file.open();
    dict.set("a", b"1").unwrap();
    dict.set("b", b"1").unwrap();
    dict.flush().unwrap();
    let before = all(&dict);
    let reader = since(&dict, before[0].seq);
    let shell = file.shell();
    shell.execute("DELETE FROM _dictsqlite_changes", []).unwrap();
    assert!(reader.next_page(None).unwrap_err().is_history_truncated());
    shell.execute("INSERT INTO main(key, value) VALUES('c', x'31')", []).unwrap();
    dict.set("d", b"1").unwrap();
    dict.flush().unwrap();
    let after = all(&dict);
    assert_eq!(told(&after), ["insert \"c\" - 1", "insert \"d\" - 1"]);
    assert!(after[0].seq > before[1].seq);
    assert!(after[1].seq > after[0].seq);
    let last = before[1].seq;
    assert_eq!(rest(&since(&dict, last)).len(), 2);
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    let file = File::new();
    let dict = file.open();
    for (count, age) in [(0, Duration::from_secs(1)), (1, Duration::ZERO)] {
        let limits = ChangeRetention { count: Some(count), age: Some(age) };
        let refused = dict.enable_changes(limits).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
    }
    keep(&dict, u64::MAX, Duration::MAX);
    dict.set("a", b"1").unwrap();
    dict.flush().unwrap();
    assert_eq!(all(&dict).len(), 1);
}
