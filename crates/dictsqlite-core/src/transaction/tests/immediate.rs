//! The write lock, lent.

use super::*;

#[test]
fn others_wait_in_a_fair_queue_and_nothing_conflicts() {
    let dict = Arc::new(fresh(PersistMode::Lazy));
    let order = Arc::new(Mutex::new(Vec::new()));
    let first = in_time(dict.transaction_async(&immediate())).unwrap();
    let queued: Vec<_> = (0..6)
        .map(|n| {
            let order = Arc::clone(&order);
            let tx = dict.transaction_async(&immediate());
            let (sender, receiver) = std::sync::mpsc::channel();
            tx.on_done(move |tx| {
                order.lock().push(n);
                sender.send(tx.unwrap()).unwrap();
            });
            receiver
        })
        .collect();
    first.incr("n", 1).unwrap();
    assert!(order.lock().is_empty());
    first.commit().unwrap();
    for receiver in queued {
        let tx = receiver.recv_timeout(Duration::from_secs(20)).unwrap();
        tx.incr("n", 1).unwrap();
        in_time(tx.commit_async()).unwrap();
    }
    assert_eq!(*order.lock(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(got(&dict, "n").as_deref(), Some("7"));
    assert_nothing_left(&dict);
}

#[test]
fn the_dict_itself_is_refused_to_its_owner_and_to_nobody_else() {
    let dict = fresh(PersistMode::Lazy);
    dict.set("k", b"v").unwrap();
    let tx = dict.transaction(&immediate()).unwrap();
    let refused = |result: Result<()>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.message().contains("use the transaction"), "{error}");
    };
    refused(dict.get("k").map(drop));
    refused(dict.set("k", b"w"));
    refused(dict.len().map(drop));
    refused(dict.flush());
    refused(dict.incr("n", 1).map(drop));
    refused(dict.scan(&ScanOptions::default()).map(drop));
    refused(dict.transaction(&concurrent()).map(drop));
    refused(dict.transaction(&immediate()).map(drop));
    refused(dict.atomic().set("k", b"w").map(drop));
    refused(dict.close());
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            assert_eq!(got(&dict, "k").as_deref(), Some("v"));
            dict.set("theirs", b"accepted").unwrap();
            assert!(dict.len().is_ok());
        });
        assert_eq!(read_in(&tx, "theirs"), None);
        std::thread::sleep(Duration::from_millis(50));
        tx.set("k", b"w").unwrap();
        tx.commit().unwrap();
        // From here on the dict may be used again.
        dict.get("k").unwrap();
        other.join().unwrap();
    });
    assert_eq!(
        (got(&dict, "k").as_deref(), got(&dict, "theirs").as_deref()),
        (Some("w"), Some("accepted"))
    );
    let tx = dict.transaction(&immediate()).unwrap();
    tx.set("k", b"x").unwrap();
    tx.rollback().unwrap();
    assert_eq!(got(&dict, "k").as_deref(), Some("w"));
    drop(dict.transaction(&immediate()).unwrap());
    assert_eq!(got(&dict, "k").as_deref(), Some("w"));
    assert_nothing_left(&dict);
}

#[test]
fn another_process_is_kept_out_and_waited_for() {
    let file = File::new();
    let dict = file.open();
    let tool = file.tool();
    tool.busy_timeout(Duration::ZERO).unwrap();
    let tx = dict.transaction(&immediate()).unwrap();
    tx.set("k", b"v").unwrap();
    assert!(tool.execute("INSERT INTO main(key, value) VALUES('theirs', x'00')", []).is_err());
    tx.commit().unwrap();
    tool.execute("INSERT INTO main(key, value) VALUES('theirs', x'00')", []).unwrap();
    tool.execute_batch("BEGIN IMMEDIATE").unwrap();
    let short = TransactionOptions { timeout: Some(Duration::from_millis(200)), ..immediate() };
    let error = dict.transaction(&short).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    tool.execute_batch("COMMIT").unwrap();
    let tx = dict.transaction(&immediate()).unwrap();
    assert!(tx.contains("theirs").unwrap());
    drop(tx);
    assert_nothing_left(&dict);
}

#[test]
fn whoever_holds_it_for_too_long_is_rolled_back_and_told() {
    let dict = fresh(PersistMode::WriteThrough);
    let quick = Duration::from_millis(100);
    for options in [concurrent(), immediate(), read()] {
        let tx =
            dict.transaction(&TransactionOptions { max_hold: Some(quick), ..options }).unwrap();
        if options.mode != TransactionMode::Read {
            tx.set("k", b"late").unwrap();
        }
        std::thread::sleep(quick * 2);
        // Others go on, if the lock was theirs to wait for.
        std::thread::scope(|scope| {
            scope.spawn(|| dict.incr("others", 1).unwrap());
        });
        for result in [tx.get("k").map(drop), tx.commit().map(drop), tx.rollback()] {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
            assert!(error.message().contains("max_hold"), "{error}");
        }
        assert_nothing_left(&dict);
        assert_eq!(got(&dict, "k"), None);
    }
    let zero = TransactionOptions { max_hold: Some(Duration::ZERO), ..concurrent() };
    assert_eq!(dict.transaction(&zero).err().unwrap().kind(), ErrorKind::Invalid);
    // Nobody has to call it: the snapshot is given up by itself.
    let tx =
        dict.transaction(&TransactionOptions { max_hold: Some(quick), ..concurrent() }).unwrap();
    let begun = Instant::now();
    while dict_store(&dict).readers.pinned() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!tx.is_open());
}

#[test]
fn one_that_ended_long_ago_says_nothing_of_the_next_one() {
    let dict = fresh(PersistMode::WriteThrough);
    let quick = TransactionOptions { max_hold: Some(Duration::from_millis(20)), ..immediate() };
    let first = dict.transaction(&quick).unwrap();
    while dict_store_lent(&dict) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = dict.transaction(&immediate()).unwrap();
    drop(first);
    assert_eq!(dict.get("k").unwrap_err().kind(), ErrorKind::Invalid);
    drop(second);
    assert_nothing_left(&dict);
}

/// Whether somebody has the lock.
fn dict_store_lent(dict: &Dict) -> bool {
    dict.get("k").is_err()
}

#[test]
fn what_was_asked_for_and_not_begun_can_be_withdrawn() {
    let dict = fresh(PersistMode::WriteThrough);
    let first = in_time(dict.transaction_async(&immediate())).unwrap();
    let second = dict.transaction_async(&immediate());
    let third = dict.transaction_async(&immediate());
    assert!(second.canceller().unwrap().cancel());
    first.set("k", b"1").unwrap();
    first.commit().unwrap();
    assert_eq!(in_time(second).err().unwrap().kind(), ErrorKind::Cancelled);
    // Nobody waits for this one any more when it is there: it is given back.
    drop(third);
    assert_nothing_left(&dict);
    let first = in_time(dict.transaction_async(&immediate())).unwrap();
    let short = TransactionOptions { timeout: Some(Duration::from_millis(50)), ..immediate() };
    let late = dict.transaction_async(&short);
    assert_eq!(in_time(late).err().unwrap().kind(), ErrorKind::Timeout);
    drop(first);
    assert_nothing_left(&dict);
}

#[test]
fn a_commit_that_is_refused_says_that_nothing_was_written() {
    // What failed while the writes were applied said nothing of that.
    for (trigger, kept) in [
        ("BEFORE UPDATE ON _dictsqlite_writer", "; begin it again"),
        ("BEFORE INSERT ON main WHEN NEW.key = 'k'", ""),
        ("BEFORE UPDATE ON _dictsqlite", "; begin it again"),
    ] {
        let file = File::new();
        let options = Options { changes: Some(true), ..Options::default() };
        let dict = Dict::open(&file.path, &options).unwrap();
        dict.set("before", b"v").unwrap();
        dict.flush().unwrap();
        let sql = format!("CREATE TRIGGER no {trigger} BEGIN SELECT RAISE(ABORT, 'never'); END");
        file.tool().execute_batch(&sql).unwrap();
        let tx = dict.transaction(&immediate()).unwrap();
        tx.set("first", b"v").unwrap();
        tx.set("k", b"v").unwrap();
        let error = tx.commit().unwrap_err();
        let told = error.message().split_once("; nothing of the transaction was written");
        assert_eq!(told.map(|(_, more)| more), Some(kept), "{trigger}: {error}");
        file.tool().execute_batch("DROP TRIGGER no").unwrap();
        assert_eq!(dict.len().unwrap(), 1, "{trigger}");
    }
}

#[test]
fn closing_the_store_takes_it_back() {
    let file = File::new();
    let dict = file.open();
    let tx = in_time(dict.transaction_async(&immediate())).unwrap();
    tx.set("k", b"never").unwrap();
    let begun = Instant::now();
    let short = Dict::open(
        &file.path,
        &Options { timeout: Duration::from_millis(200), ..Options::default() },
    );
    let short = short.unwrap();
    drop(dict);
    drop(tx);
    short.close().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(got(&file.open(), "k"), None);
    // The handle of the owner's own thread, dropped first, does not wait for it.
    let dict = file.open();
    let tx = dict.transaction(&immediate()).unwrap();
    let begun = Instant::now();
    drop(dict);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(tx.commit().is_err() || tx.commit().is_err());
    drop(tx);
    file.open().close().unwrap();
}

#[test]
fn closing_refuses_those_who_wait_for_it_and_whoever_has_it() {
    // Whoever had it was told of `max_hold`, long before that had passed.
    let file = File::new();
    let dict = Arc::new(file.open());
    dict.set("k", b"before").unwrap();
    let open = in_time(dict.transaction_async(&immediate())).unwrap();
    open.set("k", b"never").unwrap();
    let (sender, told) = std::sync::mpsc::channel();
    for _ in 0..4 {
        let sender = sender.clone();
        let queued = dict.transaction_async(&immediate());
        queued.on_done(move |tx| drop(sender.send(tx.map(drop))));
    }
    let waiting = std::thread::spawn({
        let dict = Arc::clone(&dict);
        move || sender.send(dict.transaction(&immediate()).map(drop)).unwrap()
    });
    let store = dict_store(&dict);
    while store.state.memtable.backlog().0 < 6 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let begun = Instant::now();
    dict.close().unwrap();
    waiting.join().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    for _ in 0..5 {
        let error = told.try_recv().expect("it was told").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    }
    assert_eq!(dict.transaction(&immediate()).err().unwrap().kind(), ErrorKind::Closed);
    for _ in 0..2 {
        let error = open.commit().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    }
    drop((open, dict, store));
    assert_eq!(got(&file.open(), "k").as_deref(), Some("before"));
}
