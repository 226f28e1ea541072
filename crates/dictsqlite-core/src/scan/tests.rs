//! Cursors: the rest and nothing but the rest, whatever happened meanwhile; and texts that are none.

use super::*;
use crate::{Dict, Options, PersistMode};

fn options() -> Options {
    Options { persist_mode: PersistMode::Lazy, ..Options::default() }
}

fn keys() -> Vec<Key> {
    let mut keys: Vec<Key> = (-3..3_i64).map(|n| Key::Int(n * 1_000_000_007)).collect();
    keys.extend(["", "a", "user:1", "user:2", "user:\u{10ffff}"].map(Key::from));
    keys.extend([&b""[..], b"\x00", b"\xff\x10", b"user:1"].map(Key::from));
    keys.extend([Key::Tuple(vec![]), Key::Tuple(vec![Key::Int(1), Key::from("a")])]);
    // Neither in the order of keys nor against it.
    keys.rotate_left(7);
    keys
}

fn filled() -> Dict {
    let dict = Dict::open(":memory:", &options()).unwrap();
    keys().iter().for_each(|key| dict.set(key, b"v").unwrap());
    dict
}

fn scans() -> Vec<ScanOptions> {
    let bounds = [
        (None, None, None),
        (Some(Key::from("user:")), None, None),
        (None, Some(Key::Int(0)), Some(Key::from(&b"\xff"[..]))),
    ];
    let mut all = Vec::new();
    for (prefix, start, end) in bounds {
        for order in [Order::Insertion, Order::Key] {
            for reverse in [false, true] {
                all.push(ScanOptions {
                    prefix: prefix.clone(),
                    start: start.clone(),
                    end: end.clone(),
                    order: Some(order),
                    reverse,
                    ..ScanOptions::default()
                });
            }
        }
    }
    all
}

fn take(dict: &Dict, options: &ScanOptions) -> Vec<Key> {
    dict.scan(options).unwrap().map(|item| item.unwrap().key).collect()
}

fn after(options: &ScanOptions, cursor: &Cursor) -> ScanOptions {
    // By its text, as it would come back from elsewhere.
    let after = Some(Cursor::parse(cursor.as_str()).unwrap());
    ScanOptions { after, ..options.clone() }
}

#[test]
fn a_scan_goes_on_from_any_place() {
    let dict = filled();
    for options in scans() {
        let all = take(&dict, &options);
        assert!(all.len() >= 3, "{options:?}");
        let mut scan = dict.scan(&options).unwrap();
        for n in 0..=all.len() {
            let rest = after(&options, &scan.cursor());
            assert_eq!(take(&dict, &rest), all[n..], "{options:?} after {n}");
            // A page at a time, and from rows, it is the same place.
            let limited = ScanOptions { limit: Some(n as u64), ..options.clone() };
            let mut paged = dict.scan(&limited).unwrap();
            let page = paged.next_rows().unwrap();
            assert_eq!(take(&dict, &after(&options, &paged.cursor())), all[n..]);
            let cursors = paged.cursors();
            let row = n.checked_sub(1).map(|last| page.row(last).unwrap());
            let place = row.map_or(cursors.start(), |row| cursors.after(row));
            assert_eq!(take(&dict, &after(&options, &place)), all[n..]);
            assert_eq!(scan.next().is_some(), n < all.len());
        }
        // Behind the end is nothing, until something is added there.
        assert_eq!(take(&dict, &after(&options, &scan.cursor())), []);
    }
}

#[test]
fn what_was_deleted_meanwhile_is_no_landmark() {
    for options in scans() {
        let dict = filled();
        let all = take(&dict, &options);
        let mut left = all.clone();
        let mut cursor = dict.scan(&options).unwrap().cursor();
        let mut seen = Vec::new();
        for n in 0.. {
            let mut scan = dict.scan(&after(&options, &cursor)).unwrap();
            let Some(item) = scan.next() else { break };
            let key = item.unwrap().key;
            cursor = scan.cursor();
            // The entry at the place goes, and so does one behind it.
            dict.delete(&key).unwrap();
            left.retain(|k| *k != key);
            if n % 3 == 1
                && let Some(next) = left.first().cloned()
            {
                dict.delete(&next).unwrap();
                left.retain(|k| *k != next);
            }
            seen.push(key);
        }
        assert_eq!(left, [], "{options:?}");
        let places = seen.iter().map(|key| all.iter().position(|k| k == key).unwrap());
        assert!(places.is_sorted_by(|a, b| a < b) && seen.len() >= all.len() / 2);
    }
}

#[test]
fn a_half_taken_page_is_counted_by_item() {
    let dict = Dict::open(":memory:", &options()).unwrap();
    (0..5000_i64).for_each(|n| dict.set(n, b"v").unwrap());
    let mut scan = dict.scan(&ScanOptions::default()).unwrap();
    assert_eq!(scan.by_ref().take(10).count(), 10);
    let rest = |scan: &Scan| take(&dict, &after(&ScanOptions::default(), &scan.cursor())).len();
    assert_eq!(rest(&scan), 4990);
    let page = scan.next_page().unwrap();
    assert_eq!(rest(&scan), 4990 - page.len());
    let (scan, page) = scan.next_page_async().wait().unwrap();
    assert!(!page.is_empty());
    let last = page.last().unwrap().key.clone();
    assert_eq!(
        take(&dict, &after(&ScanOptions::default(), &scan.cursor()))[0],
        match last {
            Key::Int(n) => Key::Int(n + 1),
            other => other,
        }
    );
}

#[test]
fn a_cursor_outlives_its_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    for selection in scans() {
        let dict = Dict::open(&path, &options()).unwrap();
        keys().iter().for_each(|key| dict.set(key, b"v").unwrap());
        let all = take(&dict, &selection);
        let mut scan = dict.scan(&selection).unwrap();
        scan.by_ref().take(2).for_each(drop);
        let cursor = scan.cursor();
        drop(scan);
        dict.close().unwrap();
        // In another store the table has another number.
        let dict = Dict::open(&path, &Options { table: "first".into(), ..options() });
        let dict = dict.unwrap().table("main", None).unwrap();
        assert_eq!(take(&dict, &after(&selection, &cursor)), all[2..]);
        dict.close().unwrap();
    }
}

#[test]
fn the_text_stays_the_same_from_release_to_release() {
    let dict = Dict::open(":memory:", &options()).unwrap();
    dict.set("a", b"v").unwrap();
    let mut scan = dict.scan(&ScanOptions::default()).unwrap();
    let texts = [scan.cursor(), scan.next().map(|_| scan.cursor()).unwrap()].map(|c| c.to_string());
    let by_key = ScanOptions { prefix: Some("a".into()), reverse: true, ..Default::default() };
    let mut scan = dict.scan(&by_key).unwrap();
    scan.by_ref().for_each(drop);
    assert!(texts.iter().all(|text| text.is_ascii() && text.len() >= 30));
    assert_eq!(
        [&texts[0][..], &texts[1], scan.cursor().as_str()],
        GOLDEN,
        "a cursor that was kept would not be known any more"
    );
}

const GOLDEN: [&str; 3] = [
    "0100b1116e5dede6e46f009bdc8abb",
    "0100b1116e5dede6e46f010000000000000002b450e153",
    "0103e10ad83a1209a51c0202618215b385",
];

fn refused(dict: &Dict, options: &ScanOptions, cursor: &Cursor) -> String {
    let e = dict.scan(&after(options, cursor)).err().expect("it is refused");
    assert_eq!(e.kind(), ErrorKind::Invalid);
    e.message().to_owned()
}

#[test]
fn a_cursor_of_another_scan_is_refused() {
    let dict = filled();
    let all = scans();
    for (n, made) in all.iter().enumerate() {
        let mut scan = dict.scan(made).unwrap();
        scan.next();
        let cursor = scan.cursor();
        for (m, used) in all.iter().enumerate().filter(|(m, _)| *m != n) {
            let why = refused(&dict, used, &cursor);
            assert!(why.contains("same"), "{n} {m} {why}");
        }
    }
    let plain = ScanOptions::default();
    let mut scan = dict.scan(&plain).unwrap();
    scan.next();
    let other = dict.table("other", None).unwrap();
    assert!(refused(&other, &plain, &scan.cursor()).contains("another table"));
    // A table of the same name that was made later is another one.
    let old = other.scan(&plain).unwrap().cursor();
    dict.drop_table("other").unwrap();
    let other = dict.table("other", None).unwrap();
    assert!(refused(&other, &plain, &old).contains("another table"));
    // What only limits or leaves out is no other scan.
    let keys = ScanOptions { values: false, limit: Some(3), consistent: true, ..plain };
    assert_eq!(take(&dict, &after(&keys, &scan.cursor())).len(), 3);
}

#[test]
fn what_is_no_cursor_is_refused() {
    let dict = filled();
    let by_key = ScanOptions { order: Some(Order::Key), ..Default::default() };
    let mut scan = dict.scan(&by_key).unwrap();
    scan.by_ref().take(8).for_each(drop);
    let good = scan.cursor().to_string();
    let bad = |text: &str| {
        assert_eq!(Cursor::parse(text).unwrap_err().kind(), ErrorKind::Invalid, "{text}");
    };
    for text in ["", "0", "zz", "\u{20ac}\u{20ac}", &good[1..], &good[..good.len() - 2]] {
        bad(text);
    }
    bad(&format!("{good}00"));
    bad(&good.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A"));
    for at in 0..good.len() {
        let mut text = good.clone().into_bytes();
        text[at] = if text[at] == b'7' { b'8' } else { b'7' };
        bad(&String::from_utf8(text).unwrap());
    }
    // With a good sum, and still none.
    for body in ["", "02", "0100", "01ff000000000000000000"] {
        bad(&cursor::tests_only_summed(body));
    }
    for place in ["", "03", "0000", "01", "0100000000000000", "02", "0204", "020100", "ff"] {
        for flags in ["00", "01"] {
            bad(&cursor::tests_only_summed(&format!("01{flags}0123456789abcdef{place}")));
        }
    }
}
