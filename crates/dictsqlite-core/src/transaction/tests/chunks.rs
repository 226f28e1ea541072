//! Values in chunks: what a transaction does with them, and that it does not read them for it.

use super::*;
use crate::sqlite::CHUNK_BYTES;

const LEN: usize = 2 * CHUNK_BYTES + 5;
const SOON: Duration = Duration::from_secs(3600);

/// A file with a value in chunks and an ordinary one.
struct Large {
    file: File,
    dict: Dict,
}

impl Large {
    fn new() -> Self {
        let file = File::new();
        let options = Options { storage_mode: StorageMode::Bytes, ..Options::default() };
        let dict = Dict::open(&file.path, &options).unwrap();
        let large = Self { file, dict };
        large.put("film");
        large.dict.set("small", b"v").unwrap();
        large
    }

    fn put(&self, key: &str) {
        let mut writer = self.dict.write_value(key, Ttl::Default).unwrap();
        writer.write(&[7; LEN]).unwrap();
        writer.close().unwrap();
    }

    /// From now on, whoever reads the value at once is refused.
    fn swell(&self) {
        self.dict.flush().unwrap();
        let grown = "UPDATE _dictsqlite_streams SET bytes = bytes + 2000000000";
        assert_eq!(self.file.tool().execute(grown, []).unwrap(), 1);
        assert_eq!(self.dict.get("film").unwrap_err().kind(), ErrorKind::Codec);
    }

    fn shrink(&self) {
        let shrunk = "UPDATE _dictsqlite_streams SET bytes = bytes - 2000000000";
        self.file.tool().execute(shrunk, []).unwrap();
    }

    /// How the value is stored, the number of chunks there are, when it expires, and its version.
    fn stored(&self) -> (String, i64, Option<i64>, i64) {
        self.dict.flush().unwrap();
        let sql = "SELECT typeof(value), (SELECT count(*) FROM _dictsqlite_chunks), expires_at, \
                   version FROM main WHERE key = 'film'";
        let row =
            |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        self.file.tool().query_row(sql, [], row).unwrap()
    }
}

#[test]
fn its_expiry_changes_and_it_stays_where_it_is() {
    // It was read whole, and written as one value: what was too large for that could not expire.
    for options in [concurrent(), snapshot(), immediate()] {
        let large = Large::new();
        let before = large.stored();
        large.swell();
        let tx = large.dict.transaction(&options).unwrap();
        assert!(tx.expire("film", Ttl::After(SOON)).unwrap());
        assert!(in_time(tx.expire_async("film", Ttl::After(2 * SOON))).unwrap());
        assert!(tx.contains("film").unwrap() && in_time(tx.contains_async("film")).unwrap());
        assert!(tx.expire("small", Ttl::After(SOON)).unwrap());
        assert!(!tx.expire("nothing", Ttl::After(SOON)).unwrap());
        assert_eq!(tx.len().unwrap(), 2);
        let last = tx.commit().unwrap();
        let (stored, chunks, expires_at, version) = large.stored();
        assert_eq!((&*stored, chunks), ("integer", before.1), "{options:?}");
        let after = expires_at.expect("it expires") - large.dict.store_of_test().state.now_ms();
        assert!(after > 3_600_000 && after <= 7_200_000, "{after} ms");
        assert_eq!(version, last - 1, "each operation has its number");
        large.shrink();
        let entry = large.dict.entry("film").unwrap().unwrap();
        assert_eq!((&entry.value[..], entry.version), (&[7; LEN][..], version));
        assert_eq!(entry.expires_at, expires_at);
        assert_eq!(large.dict.get("small").unwrap().as_deref(), Some(&b"v"[..]));
    }
}

#[test]
fn its_expiry_depends_on_nobody_having_changed_it() {
    let others: [&dyn Fn(&Large); 4] = [
        &|large| large.dict.delete("film").unwrap(),
        &|large| large.dict.set("film", b"ordinary").unwrap(),
        &|large| large.put("film"),
        &|large| assert!(large.dict.expire("film", Ttl::After(SOON)).unwrap()),
    ];
    for other in others {
        for options in [concurrent(), snapshot()] {
            let large = Large::new();
            let tx = large.dict.transaction(&options).unwrap();
            assert!(tx.expire("film", Ttl::Never).unwrap());
            other(&large);
            large.dict.flush().unwrap();
            assert_eq!(conflict(tx.commit()), Some(Key::from("film")), "{options:?}");
        }
    }
    // What is only looked at is looked at again as well, and what others do elsewhere is no conflict.
    let large = Large::new();
    let begin = || {
        let tx = large.dict.transaction(&concurrent()).unwrap();
        assert!(tx.contains("film").unwrap());
        tx.set("seen", b"yes").unwrap();
        tx
    };
    let (first, second) = (begin(), begin());
    large.dict.set("elsewhere", b"v").unwrap();
    large.dict.flush().unwrap();
    first.commit().unwrap();
    large.put("film");
    assert_eq!(conflict(second.commit()), Some(Key::from("film")));
}

#[test]
fn what_comes_after_its_expiry_goes_by_it() {
    let large = Large::new();
    let tx = large.dict.transaction(&concurrent()).unwrap();
    assert!(tx.expire("film", Ttl::After(SOON)).unwrap());
    let entry = tx.entry("film").unwrap().unwrap();
    assert_eq!((entry.value.len(), entry.version), (LEN, 0));
    assert_eq!(in_time(tx.get_async("film")).unwrap().map(|value| value.len()), Some(LEN));
    let ranged = ScanOptions { prefix: Some("f".into()), ..ScanOptions::default() };
    for options in [ScanOptions::default(), ranged] {
        let found = tx.scan(&options).unwrap().next().unwrap().unwrap();
        assert_eq!((found.key, found.value.map(|value| value.len())), ("film".into(), Some(LEN)));
        assert_eq!(found.expires_at, entry.expires_at);
    }
    let mark = tx.savepoint().unwrap();
    assert!(tx.expire("film", Ttl::Never).unwrap());
    tx.delete("film").unwrap();
    assert!(!tx.expire("film", Ttl::After(SOON)).unwrap());
    tx.rollback_to(mark).unwrap();
    assert_eq!(tx.entry("film").unwrap().unwrap().expires_at, entry.expires_at);
    tx.commit().unwrap();
    assert_eq!(large.stored().2, entry.expires_at);
    assert_eq!(large.dict.get("film").unwrap().map(|value| value.len()), Some(LEN));

    // Written anew it is an ordinary value; its place stays.
    let tx = large.dict.transaction(&concurrent()).unwrap();
    assert!(tx.expire("film", Ttl::After(SOON)).unwrap());
    tx.set("film", b"short").unwrap();
    assert!(tx.expire("film", Ttl::After(SOON)).unwrap());
    assert_eq!(keys(tx.scan(&ScanOptions::default()).unwrap()), ["film", "small"]);
    tx.commit().unwrap();
    assert_eq!(large.stored().0, "blob");
    assert_eq!(got(&large.dict, "film").as_deref(), Some("short"));

    // Taken out again it is whole.
    large.put("film");
    let tx = large.dict.transaction(&immediate()).unwrap();
    assert!(tx.expire("film", Ttl::After(SOON)).unwrap());
    assert_eq!(tx.pop("film").unwrap().map(|entry| entry.value.len()), Some(LEN));
    assert!(!tx.contains("film").unwrap());
    tx.commit().unwrap();
    assert_eq!((got(&large.dict, "film"), large.dict.len().unwrap()), (None, 1));
}

#[test]
fn replacing_it_does_not_read_it() {
    for options in [concurrent(), snapshot(), immediate()] {
        for delete in [false, true] {
            let large = Large::new();
            large.swell();
            let tx = large.dict.transaction(&options).unwrap();
            if delete { tx.delete("film") } else { tx.set("film", b"short") }.unwrap();
            assert_eq!(tx.len().unwrap(), 2 - u64::from(delete));
            tx.commit().unwrap();
            let expected = (!delete).then_some("short");
            assert_eq!(got(&large.dict, "film").as_deref(), expected, "{options:?}");
        }
    }
}

#[test]
fn removing_it_does_not_read_it() {
    // `remove`, which is `del` in Python, was a `pop`: what is too large for one value could not be removed.
    for options in [concurrent(), snapshot(), immediate()] {
        for later in [false, true] {
            let large = Large::new();
            large.swell();
            let tx = large.dict.transaction(&options).unwrap();
            let remove = |key: &str| match later {
                true => in_time(tx.remove_async(key)),
                false => tx.remove(key),
            };
            assert!(tx.expire("film", Ttl::After(SOON)).unwrap());
            assert!(remove("film").unwrap() && remove("small").unwrap(), "{options:?}");
            assert!(!remove("film").unwrap() && !remove("nothing").unwrap(), "{options:?}");
            tx.commit().unwrap();
            assert_eq!(large.dict.len().unwrap(), 0, "{options:?}");
        }
    }
    // Whether it was there is read all the same, and must still hold.
    let large = Large::new();
    let tx = large.dict.transaction(&concurrent()).unwrap();
    assert!(tx.remove("film").unwrap() && !tx.remove("new").unwrap());
    tx.set("other", b"v").unwrap();
    large.dict.set("new", b"v").unwrap();
    large.dict.flush().unwrap();
    assert_eq!(conflict(tx.commit()), Some(Key::from("new")));
}

#[test]
fn an_expiry_that_was_changed_before_it_passed_leaves_its_place() {
    // Whether it had passed was looked at when the transaction was committed, and the entry moved to the
    // end.
    let clock = Arc::new(ManualClock::at(1_000));
    let options =
        Options { storage_mode: StorageMode::Bytes, clock: clock.clone(), ..Options::default() };
    let dict = Dict::open(":memory:", &options).unwrap();
    let mut writer = dict.write_value("film", Ttl::Default).unwrap();
    writer.write(&[7; LEN]).unwrap();
    writer.close().unwrap();
    dict.set("small", b"v").unwrap();
    dict.set("other", b"v").unwrap();
    let tx = dict.transaction(&concurrent()).unwrap();
    let after = |ms| Ttl::After(Duration::from_millis(ms));
    for key in ["film", "small"] {
        assert!(tx.expire(key, after(50)).unwrap());
        assert!(tx.expire(key, after(5000)).unwrap());
    }
    clock.advance(100);
    assert_eq!(keys(tx.scan(&ScanOptions::default()).unwrap()), ["film", "small", "other"]);
    tx.commit().unwrap();
    let found: Vec<_> = dict.scan(&ScanOptions::default()).unwrap().map(Result::unwrap).collect();
    let order: Vec<_> = found.iter().map(|item| item.key.clone()).collect();
    assert_eq!(order, ["film", "small", "other"].map(Key::from));
    assert_eq!(found[0].value.as_ref().map(|value| value.len()), Some(LEN));
    clock.advance(5000);
    assert_eq!((got(&dict, "film"), dict.len().unwrap()), (None, 1));
    // In a transaction that finds it expired there is nothing to change.
    let tx = dict.transaction(&concurrent()).unwrap();
    assert!(!tx.expire("film", Ttl::Never).unwrap());
    tx.commit().unwrap();
}

#[test]
fn an_expiry_that_was_changed_in_a_logged_table_is_not_buried_with_what_had_expired() {
    // What had expired of the written keys was removed first, this entry as well, and the commit
    // succeeded: another tool's integer counts as a value in chunks, which a log has none of.
    let file = File::new();
    let clock = Arc::new(ManualClock::at(1_000));
    let options = Options {
        storage_mode: StorageMode::Bytes,
        changes: Some(true),
        clock: clock.clone(),
        ..Options::default()
    };
    let dict = Dict::open(&file.path, &options).unwrap();
    let row = "INSERT INTO main(key, value, expires_at) VALUES('film', 7, 2000)";
    file.tool().execute(row, []).unwrap();
    let tx = dict.transaction(&immediate()).unwrap();
    assert!(tx.expire("film", Ttl::After(SOON)).unwrap());
    clock.advance(2_000);
    tx.commit().unwrap();
    let expires_at = "SELECT expires_at FROM main WHERE key = 'film'";
    let found = file.tool().query_row(expires_at, [], |row| row.get::<_, i64>(0));
    assert_eq!(found, Ok(1_000 + 3_600_000));
}

#[test]
fn an_expiry_that_finds_no_entry_any_more_undoes_the_commit() {
    // It changed no row, and nobody was told.
    let large = Large::new();
    large.dict.flush().unwrap();
    let trigger = "CREATE TRIGGER theirs AFTER INSERT ON main WHEN NEW.key = 'other' \
                   BEGIN DELETE FROM main WHERE key = 'film'; END";
    large.file.tool().execute_batch(trigger).unwrap();
    let tx = large.dict.transaction(&immediate()).unwrap();
    tx.set("other", b"v").unwrap();
    assert!(tx.expire("film", Ttl::After(SOON)).unwrap());
    assert_eq!(conflict(tx.commit()), Some(Key::from("film")));
    assert_eq!(got(&large.dict, "other"), None);
    assert_eq!(large.dict.get("film").unwrap().map(|value| value.len()), Some(LEN));
}
