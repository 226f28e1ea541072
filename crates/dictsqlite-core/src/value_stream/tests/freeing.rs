//! Chunks of values that are gone are freed, whoever removed them.

use super::*;

const SIZE: usize = 3 * CHUNK_BYTES;

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let file = File::new();
    let dict = file.open();
    dict.set("k", b"old").unwrap();
    let part = bytes(CHUNK_BYTES + 1, 1);
    for calls in 1..5 {
        let mut writer = dict.write_value("k", Ttl::Default).unwrap();
        (0..calls).for_each(|_| writer.write(&part).unwrap());
        // For one call, its first chunk may still be under way.
        drop(writer);
        assert_eq!(dict.get("k").unwrap().as_deref(), Some(&b"old"[..]));
    }
    file.await_left(0, 0);
    // The same when it is lost in an operation that nobody waits for.
    let writer = dict.write_value("k", Ttl::Default).unwrap();
    drop(writer.write_async(bytes(10 * CHUNK_BYTES, 1)));
    dict.flush().unwrap();
    file.await_left(0, 0);
    assert_eq!(dict.get("k").unwrap().as_deref(), Some(&b"old"[..]));
}

#[test]
fn every_way_to_remove_a_value_frees_it() {
    type Removal = fn(&File, &Dict);
    let removals: [(&str, Removal); 12] = [
        ("set", |_, dict| dict.set("k", b"v").unwrap()),
        ("delete", |_, dict| dict.delete("k").unwrap()),
        ("remove", |_, dict| assert!(dict.remove("k").unwrap())),
        ("pop", |_, dict| assert!(dict.pop("k").unwrap().is_some())),
        ("pop_item", |_, dict| assert!(dict.pop_item(true).unwrap().is_some())),
        ("set_many", |_, dict| dict.set_many(&[("a", b"1"), ("k", b"2")]).unwrap()),
        ("clear", |_, dict| assert_eq!(dict.clear().unwrap(), 1)),
        ("expire", |file, dict| {
            assert!(dict.expire("k", Ttl::After(Duration::from_millis(5))).unwrap());
            file.clock.advance(10);
            // The sweep is due by the store's clock, and the thread sleeps by the machine's.
            dict.set_with_ttl("other", b"v", Ttl::After(Duration::from_millis(1))).unwrap();
        }),
        ("drop_table", |_, dict| assert!(dict.drop_table("main").unwrap())),
        ("shell delete", |file, _| {
            file.shell().execute("DELETE FROM main WHERE key = 'k'", []).unwrap();
        }),
        ("shell update", |file, _| {
            file.shell().execute("UPDATE main SET value = x'00', version = 77", []).unwrap();
        }),
        ("shell replace", |file, _| {
            let sql = "INSERT OR REPLACE INTO main(key, value) VALUES('k', x'00')";
            file.shell().execute(sql, []).unwrap();
        }),
    ];
    // Each waits for the thread that frees.
    let check = |name: &str, remove: Removal| {
        let file = File::new();
        let dict = file.open();
        put(&dict, "k", &bytes(SIZE, 1));
        assert_eq!(file.chunks(), 3, "{name}");
        remove(&file, &dict);
        if name != "drop_table" {
            dict.flush().unwrap();
        }
        file.await_left(0, 0);
    };
    std::thread::scope(|scope| {
        for (name, remove) in removals {
            scope.spawn(move || check(name, remove));
        }
    });
}

#[test]
fn what_an_insert_ignored_is_kept() {
    // The trigger cannot know that the row stays; whoever frees looks once more.
    let file = File::new();
    let dict = file.open();
    put(&dict, "k", &bytes(SIZE, 1));
    file.shell().execute("INSERT OR IGNORE INTO main(key, value) VALUES('k', x'00')", []).unwrap();
    assert_eq!(file.number("SELECT count(*) FROM _dictsqlite_streams WHERE at = 0"), 1);
    let until = Instant::now() + Duration::from_secs(20);
    while file.number("SELECT count(*) FROM _dictsqlite_streams WHERE at IS NULL") == 0 {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(dict.get("k").unwrap().unwrap()[..] == bytes(SIZE, 1)[..]);
}

#[test]
fn what_was_abandoned_by_a_dead_process_is_found_by_its_age() {
    let file = File::new();
    let dict = file.open();
    let mut writer = dict.write_value("k", Ttl::Default).unwrap();
    writer.write(&bytes(SIZE, 1)).unwrap();
    // The second chunk may still be under way, and is then added at a later time.
    dict.flush().unwrap();
    dict.state_of_tests().staged.lock().clear();
    std::mem::forget(writer);
    file.clock.advance(3_599_000);
    dict.set("other", b"1").unwrap();
    dict.flush().unwrap();
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(file.chunks(), 2);
    file.clock.advance(2_000);
    dict.set("other", b"2").unwrap();
    dict.flush().unwrap();
    file.await_left(0, 0);
}

#[test]
fn a_writer_that_idled_too_long_is_told() {
    let file = File::new();
    let dict = file.open();
    let mut writer = dict.write_value("k", Ttl::Default).unwrap();
    writer.write(&bytes(SIZE, 1)).unwrap();
    dict.flush().unwrap();
    file.clock.advance(3_601_000);
    dict.set("other", b"1").unwrap();
    dict.flush().unwrap();
    file.await_left(0, 0);
    let e = writer.write(&bytes(SIZE, 1)).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Conflict);
    assert!(e.message().contains("begin again"), "{e}");
    assert_eq!(dict.get("k").unwrap(), None);
}

#[test]
fn a_table_that_is_dropped_while_a_value_is_written() {
    let file = File::new();
    let dict = file.open();
    let table = dict.table("films", None).unwrap();
    let mut writer = table.write_value("k", Ttl::Default).unwrap();
    writer.write(&bytes(SIZE, 1)).unwrap();
    dict.drop_table("films").unwrap();
    assert_eq!(kind(writer.write(&bytes(SIZE, 1))), ErrorKind::Closed);
    drop(writer);
    file.await_left(0, 0);
}

#[test]
fn a_large_value_is_freed_in_parts() {
    let file = File::new();
    let dict = file.open();
    put(&dict, "k", &bytes(100 * CHUNK_BYTES, 1));
    let before = dict.stats().unwrap().commits;
    dict.delete("k").unwrap();
    dict.flush().unwrap();
    file.await_left(0, 0);
    assert!(dict.stats().unwrap().commits - before >= 4);
}

#[test]
fn chunks_beside_a_change_log_in_another_table_are_freed() {
    // The writer runs triggers of its own where the file has none but the change log's; with them it
    // once passed by those that free chunks, and every value that was replaced stayed for ever.
    let file = File::new();
    let dict = file.open();
    let logged = dict.table_with_changes("logged", None, Some(true)).unwrap();
    let options = ChangesOptions { since: Some(0), ..ChangesOptions::default() };
    let changes = logged.changes(&options).unwrap();
    logged.set("a", b"1").unwrap();
    logged.flush().unwrap();
    put(&dict, "k", &bytes(SIZE, 1));
    logged.set("a", b"2").unwrap();
    dict.set("k", b"short").unwrap();
    // What is committed together is one change of a key.
    logged.flush().unwrap();
    logged.delete("a").unwrap();
    logged.flush().unwrap();
    file.await_left(0, 0);
    let wait = Some(Duration::from_secs(10));
    let mut kinds = Vec::new();
    while kinds.len() < 3 {
        let page = changes.next_page(wait).unwrap();
        assert!(!page.is_empty(), "only {kinds:?}");
        kinds.extend(page.iter().map(|change| change.kind.name()));
    }
    assert_eq!(kinds, ["insert", "update", "delete"]);
    // The same for a store that is opened with both.
    put(&dict, "k", &bytes(SIZE, 2));
    drop((changes, logged));
    dict.close().unwrap();
    let dict = file.open();
    dict.table("logged", None).unwrap().set("a", b"3").unwrap();
    dict.delete("k").unwrap();
    dict.flush().unwrap();
    file.await_left(0, 0);
}

#[test]
fn a_table_has_a_change_log_or_values_in_chunks() {
    let file = File::new();
    let dict = file.open();
    let logged = dict.table_with_changes("logged", None, Some(true)).unwrap();
    let mut writer = logged.write_value("k", Ttl::Default).unwrap();
    let refused = writer.write(&bytes(SIZE, 1)).and_then(|()| writer.close());
    assert_eq!(kind(refused), ErrorKind::Unsupported);
    // What fits one chunk is an ordinary row, and logged like any.
    put(&logged, "k", b"short");
    assert_eq!(logged.get("k").unwrap().as_deref(), Some(&b"short"[..]));
    put(&dict, "k", &bytes(SIZE, 1));
    let refused = dict.enable_changes(ChangeRetention::default());
    assert_eq!(kind(refused), ErrorKind::Unsupported);
    assert!(!dict.has_changes().unwrap());
}
