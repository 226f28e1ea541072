//! Ranges: what they give, and what changes them.

use super::*;

fn filled(keys: &[&str]) -> Dict {
    let dict = memory();
    for key in keys {
        dict.set(*key, b"0").unwrap();
    }
    dict
}

fn range(start: &str, end: &str) -> ScanOptions {
    ScanOptions { start: Some(start.into()), end: Some(end.into()), ..ScanOptions::default() }
}

/// What becomes of a transaction that has read a range when something happens meanwhile.
fn after(options: &ScanOptions, meanwhile: impl FnOnce(&Dict)) -> Result<i64> {
    let dict = filled(&["a", "c", "e", "g"]);
    let tx = dict.transaction(&concurrent()).unwrap();
    for found in tx.scan(options).unwrap() {
        found.unwrap();
    }
    tx.set("result", b"v").unwrap();
    meanwhile(&dict);
    tx.commit()
}

#[test]
fn a_phantom_in_a_range_is_detected_and_named() {
    for reverse in [false, true] {
        let read = ScanOptions { reverse, ..range("b", "f") };
        let set = |key: &'static str| move |dict: &Dict| dict.set(key, b"1").unwrap();
        let delete = |key: &'static str| move |dict: &Dict| dict.delete(key).unwrap();
        assert_eq!(conflict(after(&read, set("d"))), Some(Key::from("d")));
        assert_eq!(conflict(after(&read, set("b"))), Some(Key::from("b")));
        assert_eq!(conflict(after(&read, set("ee"))), Some(Key::from("ee")));
        assert_eq!(conflict(after(&read, set("c"))), Some(Key::from("c")));
        assert_eq!(conflict(after(&read, delete("c"))), Some(Key::from("c")));
        assert_eq!(conflict(after(&read, delete("e"))), Some(Key::from("e")));
        // What is outside of it is none of its business.
        after(&read, set("a")).unwrap();
        after(&read, set("f")).unwrap();
        after(&read, delete("g")).unwrap();
    }
    let all = ScanOptions::default();
    assert_eq!(conflict(after(&all, |dict| dict.set("z", b"1").unwrap())), Some(Key::from("z")));
    assert_eq!(conflict(after(&all, |dict| dict.delete("g").unwrap())), Some(Key::from("g")));
    let prefix = ScanOptions { prefix: Some("c".into()), ..ScanOptions::default() };
    assert_eq!(
        conflict(after(&prefix, |dict| dict.set("cc", b"1").unwrap())),
        Some(Key::from("cc"))
    );
    after(&prefix, |dict| dict.set("d", b"1").unwrap()).unwrap();
}

#[test]
fn of_keys_alone_and_of_the_first_ones_only_those_count() {
    let keys = ScanOptions { values: false, ..ScanOptions::default() };
    after(&keys, |dict| dict.set("c", b"another value").unwrap()).unwrap();
    assert_eq!(conflict(after(&keys, |dict| dict.set("d", b"1").unwrap())), Some(Key::from("d")));
    let first = ScanOptions { limit: Some(2), ..range("a", "z") };
    after(&first, |dict| dict.set("d", b"1").unwrap()).unwrap();
    assert_eq!(conflict(after(&first, |dict| dict.set("b", b"1").unwrap())), Some(Key::from("b")));
    let oldest = ScanOptions { limit: Some(2), ..ScanOptions::default() };
    after(&oldest, |dict| dict.set("b", b"1").unwrap()).unwrap();
    assert_eq!(conflict(after(&oldest, |dict| dict.delete("a").unwrap())), Some(Key::from("a")));
}

#[test]
fn the_number_of_entries_is_read_as_well() {
    let dict = filled(&["a", "b"]);
    for (meanwhile, fine) in [("c", false), ("a", true)] {
        let tx = dict.transaction(&concurrent()).unwrap();
        let count = tx.len().unwrap().to_string();
        tx.set("count", count.as_bytes()).unwrap();
        tx.delete("count").unwrap();
        dict.set(meanwhile, b"1").unwrap();
        let result = tx.commit();
        assert_eq!(result.is_ok(), fine, "{result:?}");
        if let Err(e) = result {
            assert_eq!((e.kind(), e.key()), (ErrorKind::Conflict, None));
        }
    }
}

#[test]
fn ranges_are_compared_with_what_came_before_in_the_same_commit() {
    let file = File::new();
    let dict = file.open_as(PersistMode::Durable);
    dict.set_many(&[("a", "1"), ("b", "2")]).unwrap();
    let lock = file.tool();
    // Each puts the sum of what is there beside it: run one after the other the sums differ.
    let begin = |to: &str| {
        let tx = in_time(dict.transaction_async(&concurrent())).unwrap();
        let sum = tx.scan(&ScanOptions::default()).unwrap().count();
        tx.set(to, sum.to_string().as_bytes()).unwrap();
        tx
    };
    let (x, y) = (begin("x"), begin("y"));
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (x, y) = (x.commit_async(), y.commit_async());
    lock.execute_batch("COMMIT").unwrap();
    in_time(x).unwrap();
    assert_eq!(conflict(in_time(y)), Some(Key::from("x")));
}

/// What a scan in a transaction gives, and what one gives after its commit.
fn before_and_after(dict: &Dict, options: &ScanOptions, writes: &dyn Fn(&Transaction)) {
    let tx = dict.transaction(&concurrent()).unwrap();
    writes(&tx);
    let plain = |item: Item| (item.key, item.value);
    let before: Vec<_> = tx.scan(options).unwrap().map(|item| plain(item.unwrap())).collect();
    let count = tx.len().unwrap();
    tx.commit().unwrap();
    let after: Vec<_> = dict.scan(options).unwrap().map(|item| plain(item.unwrap())).collect();
    assert_eq!(before, after, "{options:?}");
    assert_eq!(count, dict.len().unwrap());
}

#[test]
fn own_writes_are_worked_into_every_kind_of_scan() {
    let bound = |key: &str| Some(Key::from(key));
    let mut kinds = Vec::new();
    for reverse in [false, true] {
        for values in [true, false] {
            for limit in [None, Some(0), Some(1), Some(7)] {
                for order in [None, Some(Order::Key), Some(Order::Insertion)] {
                    let base = ScanOptions { reverse, values, limit, order, ..Default::default() };
                    kinds.push(base.clone());
                    kinds.push(ScanOptions { prefix: bound("k01"), ..base.clone() });
                    kinds.push(ScanOptions { start: bound("k013"), end: bound("k1x"), ..base });
                }
            }
        }
    }
    for (n, options) in kinds.iter().enumerate() {
        let dict = memory();
        for n in 0..40 {
            dict.set(format!("k{:03}", n * 37 % 200), n.to_string().as_bytes()).unwrap();
        }
        before_and_after(&dict, options, &|tx| {
            for k in 0..60 {
                let key = format!("k{:03}", (k * 7 + n) % 210);
                match k % 4 {
                    0 => tx.delete(key).unwrap(),
                    1 => tx.set(key, b"new").unwrap(),
                    2 => drop(tx.pop(key).unwrap()),
                    _ => tx.set(key, k.to_string().as_bytes()).unwrap(),
                }
            }
            tx.set(5_i64, b"a number").unwrap();
        });
    }
}

#[test]
fn long_scans_go_page_by_page_and_writing_meanwhile_is_allowed() {
    let dict = memory();
    let items: Vec<_> = (0..10_000_i64).map(|n| (n, "v")).collect();
    dict.set_many(&items).unwrap();
    let tx = dict.transaction(&concurrent()).unwrap();
    let mut seen = 0;
    for item in tx.scan(&ScanOptions { order: Some(Order::Key), ..Default::default() }).unwrap() {
        let Key::Int(n) = item.unwrap().key else { panic!() };
        assert_eq!(n, seen);
        seen += 1;
        if n % 2 == 0 {
            tx.delete(n).unwrap();
        }
        tx.set(-n - 1, b"behind it").unwrap();
    }
    assert_eq!(seen, 10_000);
    let mut more = 0;
    for item in tx.scan(&ScanOptions::default()).unwrap() {
        item.unwrap();
        tx.set(20_000 + more, b"ahead of it").unwrap();
        more += 1;
        assert!(more <= 40_000, "it never ends");
    }
    tx.commit().unwrap();
    assert_eq!(dict.len().unwrap(), 5_000 + 10_000 + more as u64);
    let tx = dict.transaction(&concurrent()).unwrap();
    tx.set("own", b"v").unwrap();
    tx.delete(3_i64).unwrap();
    assert_eq!(tx.clear().unwrap(), 5_000 + 10_000 + more as u64);
    assert!(tx.is_empty().unwrap() && tx.get("own").unwrap().is_none());
    tx.commit().unwrap();
    assert!(dict.is_empty().unwrap());
}

#[test]
fn a_large_range_is_read_again_page_by_page() {
    let dict = memory();
    let items: Vec<_> = (0..10_000_i64).map(|n| (n, "v")).collect();
    dict.set_many(&items).unwrap();
    for changed in [None, Some(9_999_i64), Some(5_000)] {
        let tx = dict.transaction(&concurrent()).unwrap();
        assert_eq!(tx.scan(&ScanOptions::default()).unwrap().count(), 10_000);
        tx.set("x", b"v").unwrap();
        tx.delete("x").unwrap();
        match changed {
            Some(n) => dict.set(n, b"w").unwrap(),
            None => drop(dict.table("elsewhere", None).unwrap().incr("n", 1).unwrap()),
        }
        let result = tx.commit();
        match changed {
            Some(n) => assert_eq!(conflict(result), Some(Key::from(n))),
            None => drop(result.unwrap()),
        }
    }
}
