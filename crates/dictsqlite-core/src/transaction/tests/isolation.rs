//! What conflicts with what.

use super::*;

/// One begins, `meanwhile` happens, and the first one tries to commit.
fn against(
    dict: &Dict,
    options: &TransactionOptions,
    first: impl FnOnce(&Transaction),
    meanwhile: impl FnOnce(),
) -> Result<i64> {
    let tx = dict.transaction(options).unwrap();
    first(&tx);
    meanwhile();
    let result = tx.commit();
    assert_nothing_left(dict);
    result
}

#[test]
fn the_first_one_to_commit_wins() {
    let dict = fresh(PersistMode::WriteThrough);
    dict.set("k", b"1").unwrap();
    for options in [concurrent(), snapshot()] {
        let (a, b) = (dict.transaction(&options).unwrap(), dict.transaction(&options).unwrap());
        assert_eq!(a.get("k").unwrap(), b.get("k").unwrap());
        a.set("k", b"a").unwrap();
        b.set("k", b"b").unwrap();
        b.commit().unwrap();
        assert_eq!(conflict(a.commit()), Some(Key::from("k")));
        assert_eq!(got(&dict, "k").as_deref(), Some("b"));
        // Without having read it as well.
        let (a, b) = (dict.transaction(&options).unwrap(), dict.transaction(&options).unwrap());
        a.set("k", b"a").unwrap();
        b.set("k", b"c").unwrap();
        a.commit().unwrap();
        assert_eq!(conflict(b.commit()), Some(Key::from("k")));
        assert_eq!(got(&dict, "k").as_deref(), Some("a"));
    }
}

#[test]
fn write_skew_is_prevented_in_the_default_mode_and_happens_in_snapshot_mode() {
    // Two doctors are on call, and each may leave as long as the other one stays.
    for (options, on_call) in [(concurrent(), 1), (snapshot(), 0)] {
        let dict = memory();
        dict.set_many(&[("ann", "on"), ("bob", "on")]).unwrap();
        let leave = |tx: &Transaction, who: &str| {
            let others = ["ann", "bob"].into_iter().filter(|other| *other != who);
            if others.into_iter().all(|other| read_in(tx, other).as_deref() == Some("on")) {
                tx.set(who, b"off").unwrap();
            }
        };
        let (a, b) = (dict.transaction(&options).unwrap(), dict.transaction(&options).unwrap());
        leave(&a, "ann");
        leave(&b, "bob");
        a.commit().unwrap();
        assert_eq!(b.commit().is_err(), on_call == 1);
        let still = ["ann", "bob"].iter().filter(|who| got(&dict, who).as_deref() == Some("on"));
        assert_eq!(still.count(), on_call);
    }
}

#[test]
fn a_key_that_was_deleted_and_put_again_with_the_same_value_has_changed() {
    let dict = fresh(PersistMode::WriteThrough);
    for options in [concurrent(), snapshot()] {
        dict.set("k", b"same").unwrap();
        let result = against(
            &dict,
            &options,
            |tx| {
                assert_eq!(read_in(tx, "k").as_deref(), Some("same"));
                tx.set("k", b"mine").unwrap();
            },
            || {
                dict.delete("k").unwrap();
                dict.set("k", b"same").unwrap();
            },
        );
        assert_eq!(conflict(result), Some(Key::from("k")));
        assert_eq!(got(&dict, "k").as_deref(), Some("same"));
    }
}

#[test]
fn an_absent_key_is_read_as_well() {
    let dict = fresh(PersistMode::WriteThrough);
    let result = against(
        &dict,
        &concurrent(),
        |tx| {
            assert_eq!(read_in(tx, "k"), None);
            tx.set("other", b"v").unwrap();
        },
        || dict.set("k", b"now").unwrap(),
    );
    assert_eq!(conflict(result), Some(Key::from("k")));
    // It was there, and is not any more.
    let result = against(
        &dict,
        &concurrent(),
        |tx| {
            assert!(tx.contains("k").unwrap());
            tx.set("other", b"v").unwrap();
        },
        || dict.delete("k").unwrap(),
    );
    assert_eq!(conflict(result), Some(Key::from("k")));
    // Absent before and after is the same, though somebody was there meanwhile.
    let result = against(
        &dict,
        &concurrent(),
        |tx| {
            assert_eq!(read_in(tx, "k"), None);
            tx.set("other", b"v").unwrap();
        },
        || {
            dict.set("k", b"now").unwrap();
            dict.delete("k").unwrap();
        },
    );
    result.unwrap();
}

#[test]
fn what_another_tool_changes_without_a_version_is_a_change() {
    for cached in [true, false] {
        let file = File::new();
        let dict = file.open();
        dict.set("k", b"v").unwrap();
        dict.flush().unwrap();
        if !cached {
            assert_eq!(dict.clear().unwrap(), 1);
            file.tool().execute("INSERT INTO main(key, value) VALUES('k', x'76')", []).unwrap();
        }
        let tool = file.tool();
        let result = against(
            &dict,
            &concurrent(),
            |tx| {
                assert_eq!(read_in(tx, "k").as_deref(), Some("v"));
                tx.set("other", b"v").unwrap();
            },
            || assert!(tool.execute("UPDATE main SET value = x'77' WHERE key = 'k'", []).is_ok()),
        );
        assert_eq!(conflict(result), Some(Key::from("k")));
    }
}

#[test]
fn what_another_tool_puts_or_removes_without_a_version_is_a_change() {
    // Its row has version 0, which stands for no entry as well.
    for whole in [true, false] {
        let file = File::new();
        let dict = file.open();
        let tool = file.tool();
        let removed = "DELETE FROM main WHERE key = 'k'";
        for sql in ["INSERT INTO main(key, value) VALUES('k', x'76')", removed] {
            let result = against(
                &dict,
                &concurrent(),
                |tx| {
                    if whole { tx.get("k").map(drop) } else { tx.contains("k").map(drop) }.unwrap();
                    tx.set("other", b"v").unwrap();
                },
                || assert_eq!(tool.execute(sql, []).unwrap(), 1),
            );
            assert_eq!(conflict(result), Some(Key::from("k")), "{sql}");
        }
    }
}

#[test]
fn writes_that_depend_on_nothing_that_changed_commit_together() {
    let dict = fresh(PersistMode::Durable);
    for n in 0..64_i64 {
        dict.set(n, b"0").unwrap();
    }
    let before = dict.stats().unwrap().commits;
    let transactions: Vec<_> = (0..64_i64)
        .map(|n| {
            let tx = in_time(dict.transaction_async(&concurrent())).unwrap();
            tx.incr(n, 1).unwrap();
            tx
        })
        .collect();
    let commits: Vec<_> = transactions.iter().map(Transaction::commit_async).collect();
    for commit in commits {
        assert!(in_time(commit).unwrap() > 0);
    }
    for n in 0..64_i64 {
        assert_eq!(dict.get(n).unwrap().as_deref(), Some(&b"1"[..]));
    }
    let commits = dict.stats().unwrap().commits - before;
    assert!(commits < 40, "{commits} commits for 64 transactions");
}

#[test]
fn two_of_one_group_commit_conflict_with_each_other() {
    // The second one is compared with what the first one has just written, not yet committed.
    let file = File::new();
    let dict = file.open_as(PersistMode::Durable);
    dict.set("k", b"0").unwrap();
    let lock = file.tool();
    let begin = || {
        let tx = in_time(dict.transaction_async(&concurrent())).unwrap();
        tx.incr("k", 1).unwrap();
        tx
    };
    let (a, b, c) = (begin(), begin(), begin());
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (a, b) = (a.commit_async(), b.commit_async());
    let blind = dict.set_async("other", b"v", Ttl::Default);
    let c = c.commit_async();
    lock.execute_batch("COMMIT").unwrap();
    assert!(in_time(a).unwrap() > 0);
    assert_eq!(conflict(in_time(b)), Some(Key::from("k")));
    assert_eq!(conflict(in_time(c)), Some(Key::from("k")));
    in_time(blind).unwrap();
    assert_eq!(got(&dict, "k").as_deref(), Some("1"));
}

#[test]
fn blind_writes_of_the_same_group_are_seen() {
    let file = File::new();
    let dict = file.open_as(PersistMode::Lazy);
    dict.set("read", b"0").unwrap();
    let tx = dict.transaction(&concurrent()).unwrap();
    assert_eq!(read_in(&tx, "read").as_deref(), Some("0"));
    tx.set("written", b"v").unwrap();
    // Accepted and not committed: it goes with the same commit, before the transaction.
    dict.set("read", b"1").unwrap();
    assert_eq!(conflict(tx.commit()), Some(Key::from("read")));
    let tx = dict.transaction(&concurrent()).unwrap();
    tx.set("read", b"mine").unwrap();
    dict.set("read", b"2").unwrap();
    assert_eq!(conflict(tx.commit()), Some(Key::from("read")));
    // Accepted after the commit was asked for: it comes after it.
    let tx = dict.transaction(&concurrent()).unwrap();
    tx.set("read", b"mine").unwrap();
    let commit = tx.commit_async();
    dict.set("read", b"theirs").unwrap();
    in_time(commit).unwrap();
    dict.flush().unwrap();
    assert_eq!(got(&dict, "read").as_deref(), Some("theirs"));
}

#[test]
fn beginning_waits_for_what_was_acknowledged_and_for_nobodys_commit() {
    let file = File::new();
    let dict = file.open_as(PersistMode::Durable);
    dict.set("k", b"1").unwrap();
    let lock = file.tool();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let pending = dict.set_async("k", b"2", Ttl::Default);
    let tx = dict.transaction(&concurrent()).unwrap();
    assert_eq!(read_in(&tx, "k").as_deref(), Some("1"));
    assert!(!pending.is_done());
    lock.execute_batch("COMMIT").unwrap();
    in_time(pending).unwrap();
    assert_eq!(read_in(&tx, "k").as_deref(), Some("1"));
    tx.set("k", b"3").unwrap();
    assert_eq!(conflict(tx.commit()), Some(Key::from("k")));
    // What another handle wrote lazily was acknowledged, so it is waited for.
    let lazy = file.open_as(PersistMode::Lazy);
    lazy.set("k", b"4").unwrap();
    let tx = dict.transaction(&concurrent()).unwrap();
    assert_eq!(read_in(&tx, "k").as_deref(), Some("4"));
}

#[test]
fn without_writes_nothing_conflicts() {
    let dict = fresh(PersistMode::WriteThrough);
    dict.set("k", b"1").unwrap();
    let result = against(
        &dict,
        &concurrent(),
        |tx| assert_eq!(read_in(tx, "k").as_deref(), Some("1")),
        || dict.set("k", b"2").unwrap(),
    );
    assert_eq!(result.unwrap(), 0);
}

#[test]
fn json_in_its_own_words_is_the_same_value() {
    // Memory has the text as it was given; SQLite gives back a `jsonb` value without white space.
    let file = File::new();
    let options = Options { storage_mode: StorageMode::Jsonb, ..Options::default() };
    let dict = Dict::open(&file.path, &options).unwrap();
    dict.set("k", br#"{"a b": [1,  2], "c\"": " x "}"#).unwrap();
    dict.flush().unwrap();
    let tx = dict.transaction(&concurrent()).unwrap();
    drop(tx.get("k").unwrap());
    tx.set("other", b"1").unwrap();
    // From here on the cache is not believed.
    file.tool().execute("UPDATE _dictsqlite SET value = value WHERE name = 'format'", []).unwrap();
    file.tool().execute("INSERT INTO _dictsqlite VALUES('x', 1)", []).unwrap();
    tx.commit().unwrap();
    let tx = dict.transaction(&concurrent()).unwrap();
    drop(tx.get("k").unwrap());
    tx.set("other", b"2").unwrap();
    dict.set("k", br#"{"a b": [1,2], "c\"": " x"}"#).unwrap();
    assert_eq!(conflict(tx.commit()), Some(Key::from("k")));
}
