//! Tables that others drop and make again under the same name.

use super::*;

/// What another process does: drops the table and makes one of the same name, codec and place.
fn made_again(file: &File, created: i64) {
    let shell = Connection::open(&file.path).unwrap();
    shell.busy_timeout(Duration::from_secs(10)).unwrap();
    let record =
        format!(r#"{{"physical":"other","codec":"pickle","created":{created},"changes":false}}"#);
    shell
        .execute_batch(&format!(
            "BEGIN IMMEDIATE; DROP TABLE other; \
             CREATE TABLE other(id INTEGER PRIMARY KEY, key NOT NULL UNIQUE, value, \
             version INTEGER NOT NULL DEFAULT 0, expires_at INTEGER); \
             INSERT INTO other VALUES({created}, 'k', x'6E6577', {created}, NULL); \
             UPDATE _dictsqlite SET value = '{record}' WHERE name = 'table:other'; \
             UPDATE _dictsqlite SET value = {created} WHERE name = 'counter'; COMMIT"
        ))
        .unwrap();
}

/// A store and a handle on its table `other`, which holds the key `k`.
fn with_other(file: &File) -> (Dict, Dict) {
    let dict = file.open(PersistMode::Lazy);
    let other = dict.table("other", Some(crate::StorageMode::Pickle)).unwrap();
    other.set("k", b"old").unwrap();
    other.flush().unwrap();
    (dict, other)
}

type Use = fn(&Dict) -> Result<()>;

#[test]
fn a_table_dropped_and_made_again_by_another_process_is_not_followed() {
    // Same name, same codec: an old handle went on with the new one's rows. Whatever it does first.
    let uses: [(&str, Use); 9] = [
        ("get", |other| other.get("k").map(drop)),
        ("get of many", |other| other.get_many(&["k", "l"]).map(drop)),
        ("async get", |other| in_time(other.get_async("k")).map(drop)),
        ("contains", |other| other.contains("l").map(drop)),
        ("len", |other| other.len().map(drop)),
        ("scan", |other| other.scan(&ScanOptions::default())?.try_for_each(|row| row.map(drop))),
        ("set", |other| other.set("k", b"mine").and_then(|()| other.flush())),
        ("incr", |other| other.incr("n", 1).map(drop)),
        ("clear", |other| other.clear().map(drop)),
    ];
    for (name, used) in uses {
        for warm in [false, true] {
            let file = File::new();
            let (dict, other) = with_other(&file);
            if warm {
                // Every statement is prepared, and the entry and the length are in memory.
                other.get("k").unwrap();
                other.get_many(&["k", "none"]).unwrap();
                assert_eq!(other.len().unwrap(), 1);
                other.scan(&ScanOptions::default()).unwrap().for_each(drop);
                assert!(!other.contains("none").unwrap());
            }
            made_again(&file, 100);
            let error = used(&other).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::Closed, "{name}: {error}");
            assert!(error.message().contains("was dropped; open it again"), "{name}: {error}");
            assert_eq!(other.get("k").unwrap_err().kind(), ErrorKind::Closed, "{name}");
            let again = dict.table("other", None).unwrap();
            assert_eq!(again.get("k").unwrap().as_deref(), Some(&b"new"[..]), "{name}");
            assert_eq!(again.len().unwrap(), 1, "{name}");
        }
    }
}

#[test]
fn a_scan_under_way_ends_when_its_table_is_made_again() {
    let file = File::new();
    let (_dict, other) = with_other(&file);
    for n in 0..1000_i64 {
        other.set(n, b"old").unwrap();
    }
    let mut scan = other.scan(&ScanOptions::default()).unwrap();
    scan.next().unwrap().unwrap();
    made_again(&file, 5000);
    let rows: Vec<_> = scan.collect();
    let (last, before) = rows.split_last().unwrap();
    assert!(before.len() < 1000 && before.iter().all(|row| row.is_ok()));
    assert_eq!(last.as_ref().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_consistent_scan_goes_on_when_its_table_is_dropped() {
    // In its moment the table is there.
    let file = File::new();
    let (dict, other) = with_other(&file);
    for n in 1..1000_i64 {
        other.set(n, b"old").unwrap();
    }
    let consistent = ScanOptions { consistent: true, ..Default::default() };
    let mut scan = other.scan(&consistent).unwrap();
    scan.next().unwrap().unwrap();
    assert!(dict.drop_table("other").unwrap());
    assert_eq!(scan.collect::<Result<Vec<_>>>().unwrap().len(), 999);
    assert_eq!(other.len().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_table_whose_making_has_no_number_is_one_of_the_first_files_and_is_followed() {
    // Those files do not record it. A change of the schema alone is no other table.
    let file = File::new();
    let (dict, other) = with_other(&file);
    dict.close().unwrap();
    other.close().unwrap();
    let shell = Connection::open(&file.path).unwrap();
    let record = r#"{"physical":"other","codec":"pickle","changes":false,"nesting":false}"#;
    let update = "UPDATE _dictsqlite SET value = ?1 WHERE name = 'table:other'";
    assert_eq!(shell.execute(update, [record]).unwrap(), 1);
    let dict = file.open(PersistMode::Lazy);
    let other = dict.table("other", None).unwrap();
    assert_eq!(other.get("k").unwrap().as_deref(), Some(&b"old"[..]));
    shell.execute_batch("CREATE TABLE unrelated(x); VACUUM").unwrap();
    assert_eq!(other.get("k").unwrap().as_deref(), Some(&b"old"[..]));
    other.set("k", b"later").unwrap();
    other.flush().unwrap();
    // Made again by us, it has one, and that is told.
    made_again(&file, 100);
    assert_eq!(other.get("k").unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn tables_that_were_dropped_are_forgotten() {
    // A process that makes and drops tables for days must not keep all of them.
    let file = File::new();
    let dict = file.open(PersistMode::Lazy);
    let store = open(&file.path, &Options::default()).unwrap();
    for n in 0..200 {
        let table = dict.table(&format!("t{n}"), None).unwrap();
        table.set("k", b"v").unwrap();
        assert!(dict.drop_table(&format!("t{n}")).unwrap());
        assert_eq!(table.get("k").unwrap_err().kind(), ErrorKind::Closed);
    }
    assert!(store.state.tables.held() <= 2, "{}", store.state.tables.held());
    store.release(Instant::now() + EXIT_LIMIT).unwrap();
}
