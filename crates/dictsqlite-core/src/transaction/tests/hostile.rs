//! What must be refused, and what must not be left behind.

use super::*;

#[test]
fn what_is_over_is_over() {
    let dict = fresh(PersistMode::WriteThrough);
    for options in [concurrent(), snapshot(), immediate()] {
        let tx = dict.transaction(&options).unwrap();
        tx.set("k", b"v").unwrap();
        let scan = tx.scan(&ScanOptions::default()).unwrap();
        tx.commit().unwrap();
        let mut scan = scan;
        let closed = [
            tx.commit().map(drop),
            tx.rollback(),
            tx.get("k").map(drop),
            tx.set("k", b"w"),
            tx.len().map(drop),
            tx.scan(&ScanOptions::default()).map(drop),
            tx.savepoint().map(drop),
            tx.rollback_to(1),
            tx.table("main", None).map(drop),
            tx.clear().map(drop),
            scan.next_page().map(drop),
            in_time(tx.commit_async()).map(drop),
            in_time(tx.get_async("k")).map(drop),
            in_time(tx.len_async()).map(drop),
        ];
        for result in closed {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Closed);
        }
        assert!(!tx.is_open());
    }
    assert_eq!(got(&dict, "k").as_deref(), Some("v"));
    assert_nothing_left(&dict);
}

#[test]
fn it_belongs_to_the_thread_that_began_it() {
    let dict = fresh(PersistMode::WriteThrough);
    let tx = dict.transaction(&concurrent()).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for result in
                [tx.get("k").map(drop), tx.set("k", b"v"), tx.commit().map(drop), tx.rollback()]
            {
                assert_eq!(result.unwrap_err().kind(), ErrorKind::Invalid);
            }
            let result = in_time(tx.get_async("k")).map(drop);
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Invalid);
        });
    });
    tx.set("k", b"v").unwrap();
    tx.commit().unwrap();
    // Dropping it elsewhere is fine.
    let tx = dict.transaction(&immediate()).unwrap();
    std::thread::spawn(move || drop(tx)).join().unwrap();
    assert_nothing_left(&dict);
}

#[test]
fn a_rollback_takes_nothing_of_anybody_else() {
    let dict = fresh(PersistMode::Lazy);
    for options in [concurrent(), snapshot(), immediate()] {
        let tx = dict.transaction(&options).unwrap();
        tx.set("mine", b"v").unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| dict.set("theirs", b"v").unwrap());
        });
        tx.rollback().unwrap();
        dict.flush().unwrap();
        assert_eq!((got(&dict, "mine"), got(&dict, "theirs").as_deref()), (None, Some("v")));
        dict.delete("theirs").unwrap();
    }
}

#[test]
fn a_transaction_that_only_reads_writes_nothing() {
    let file = File::new();
    let dict = file.open();
    dict.set("k", b"v").unwrap();
    let tx = dict.transaction(&read()).unwrap();
    for result in
        [tx.set("k", b"w"), tx.delete("k"), tx.incr("n", 1).map(drop), tx.clear().map(drop)]
    {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ReadOnly);
    }
    assert_eq!(in_time(tx.pop_async("k")).unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(read_in(&tx, "k").as_deref(), Some("v"));
    assert_eq!(tx.commit().unwrap(), 0);
    dict.close().unwrap();
    let options = Options { read_only: true, ..Options::default() };
    let dict = Dict::open(&file.path, &options).unwrap();
    for options in [read(), concurrent()] {
        let tx = dict.transaction(&options).unwrap();
        assert_eq!(read_in(&tx, "k").as_deref(), Some("v"));
        assert_eq!(tx.set("k", b"w").unwrap_err().kind(), ErrorKind::ReadOnly);
    }
    assert_eq!(dict.transaction(&immediate()).err().unwrap().kind(), ErrorKind::ReadOnly);
    let refused = dict.atomic().set("k", b"w").unwrap().commit();
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ReadOnly);
}

#[test]
fn a_row_that_can_never_be_written_takes_its_transaction_with_it_and_no_other() {
    for raise in ["ABORT", "ROLLBACK"] {
        let file = File::new();
        let dict = file.open_as(PersistMode::Durable);
        dict.set("k", b"v").unwrap();
        let trigger = format!(
            "CREATE TRIGGER no BEFORE INSERT ON main WHEN new.key = 'bad' \
             BEGIN SELECT RAISE({raise}, 'never'); END"
        );
        file.tool().execute_batch(&trigger).unwrap();
        for options in [concurrent(), immediate()] {
            let lock = file.tool();
            let begin = |key: &str| {
                let tx = in_time(dict.transaction_async(&options)).unwrap();
                tx.set(format!("{key} before"), b"v").unwrap();
                tx.set(key, b"v").unwrap();
                tx.set(format!("{key} after"), b"v").unwrap();
                tx
            };
            if options.mode == TransactionMode::Immediate {
                let error = in_time(begin("bad").commit_async()).unwrap_err();
                assert!(error.message().contains("nothing of the transaction"), "{error}");
                in_time(begin("good").commit_async()).unwrap();
            } else {
                let (good, bad, other) = (begin("good"), begin("bad"), begin("other"));
                lock.execute_batch("BEGIN IMMEDIATE").unwrap();
                let commits = [good.commit_async(), bad.commit_async(), other.commit_async()];
                let blind = dict.set_async("blind", b"v", Ttl::Default);
                lock.execute_batch("COMMIT").unwrap();
                let [good, bad, other] = commits.map(in_time);
                assert!(good.is_ok() && other.is_ok(), "{good:?} {other:?}");
                let error = bad.unwrap_err();
                assert!(error.message().contains("nothing of the transaction"), "{error}");
                in_time(blind).unwrap();
            }
            assert_eq!((got(&dict, "bad before"), got(&dict, "bad after")), (None, None));
            assert_eq!(got(&dict, "good before").as_deref(), Some("v"));
            for key in ["good before", "good", "good after"] {
                dict.delete(key).unwrap();
            }
        }
        // The count of entries holds too.
        let counted = dict.len().unwrap();
        drop(dict);
        assert_eq!(file.open().len().unwrap(), counted);
    }
}

#[test]
fn a_table_that_was_dropped_meanwhile_ends_it() {
    let dict = fresh(PersistMode::WriteThrough);
    for options in [concurrent(), snapshot()] {
        let other = dict.table("other", None).unwrap();
        other.set("k", b"v").unwrap();
        let tx = dict.transaction(&options).unwrap();
        let there = tx.table("other", None).unwrap();
        assert_eq!(read_in(&there, "k").as_deref(), Some("v"));
        there.set("k", b"w").unwrap();
        tx.set("mine", b"v").unwrap();
        assert!(dict.drop_table("other").unwrap());
        let error = tx.commit().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Closed | ErrorKind::Conflict), "{error}");
        assert_eq!(got(&dict, "mine"), None);
    }
    assert_nothing_left(&dict);
}

#[test]
fn more_of_them_than_there_are_connections_wait_their_turn() {
    let dict = Arc::new(fresh(PersistMode::WriteThrough));
    dict.set("k", b"v").unwrap();
    let mut open: Vec<_> =
        (0..64).map(|_| in_time(dict.transaction_async(&concurrent())).unwrap()).collect();
    let waiting: Vec<_> = (0..10).map(|_| dict.transaction_async(&concurrent())).collect();
    assert!(waiting.iter().all(|tx| !tx.is_done()));
    // Nobody else is kept from reading.
    assert_eq!(dict.scan(&ScanOptions::default()).unwrap().count(), 1);
    assert_eq!(text(in_time(open[0].get_async("cold")).unwrap()), None);
    let short = TransactionOptions { timeout: Some(Duration::from_millis(50)), ..concurrent() };
    assert_eq!(dict.transaction(&short).err().unwrap().kind(), ErrorKind::Timeout);
    open.truncate(54);
    for tx in waiting {
        assert_eq!(read_in(&in_time(tx).unwrap(), "k").as_deref(), Some("v"));
    }
    drop(open);
    assert_nothing_left(&dict);
}

#[test]
fn who_gives_up_waiting_leaves_no_connection_behind() {
    let dict = fresh(PersistMode::WriteThrough);
    let open: Vec<_> =
        (0..64).map(|_| in_time(dict.transaction_async(&concurrent())).unwrap()).collect();
    drop(dict.transaction_async(&concurrent()));
    let late = TransactionOptions { timeout: Some(Duration::from_millis(10)), ..concurrent() };
    assert_eq!(in_time(dict.transaction_async(&late)).err().unwrap().kind(), ErrorKind::Timeout);
    drop(open);
    let begun = Instant::now();
    while dict_store(&dict).readers.pinned() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_nothing_left(&dict);
}

#[test]
fn keys_and_values_that_cannot_be_are_refused_when_they_are_given() {
    let dict = memory();
    let json = dict.table("json", Some(StorageMode::Json)).unwrap();
    let tx = json.transaction(&concurrent()).unwrap();
    assert_eq!(tx.set("k", b"{").unwrap_err().kind(), ErrorKind::Codec);
    let long = "x".repeat(crate::MAX_KEY_BYTES + 1);
    assert_eq!(tx.set(long.as_str(), b"1").unwrap_err().kind(), ErrorKind::KeyType);
    assert_eq!(tx.get(long.as_str()).unwrap_err().kind(), ErrorKind::KeyType);
    let nothing = ScanOptions { prefix: Some(Key::from("")), ..ScanOptions::default() };
    drop(tx.scan(&nothing));
    assert_eq!(tx.table("", None).err().unwrap().kind(), ErrorKind::Invalid);
    tx.set("k", b"1").unwrap();
    tx.commit().unwrap();
    assert_eq!(got(&json, "k").as_deref(), Some("1"));
}
