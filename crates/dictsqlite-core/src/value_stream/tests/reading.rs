//! Readers: places, what changes under them, and what they leave alone.

use std::io::{Read, Seek, SeekFrom};

use super::*;

const SIZE: usize = 5 * CHUNK_BYTES + 1234;

#[test]
fn any_place_can_be_read() {
    let file = File::new();
    let dict = file.open();
    let data = bytes(SIZE, 1);
    put(&dict, "k", &data);
    dict.set("small", &data[..1000]).unwrap();
    for (key, data) in [("k", &data[..]), ("small", &data[..1000])] {
        let mut reader = dict.read_value(key).unwrap();
        let places = bytes(200, 5).into_iter().enumerate();
        for (n, byte) in places {
            let place = data.len() * usize::from(byte) / 255;
            let moved = match n % 3 {
                0 => reader.seek(SeekFrom::Start(place as u64)),
                1 => reader.seek(SeekFrom::Current(place as i64 - reader.position() as i64)),
                _ => reader.seek(SeekFrom::End(place as i64 - data.len() as i64)),
            };
            assert_eq!(moved.unwrap(), place as u64);
            let some = reader.read_some(3000).unwrap();
            assert!(some.len() <= 3000 && (some.is_empty() == (place == data.len())));
            assert!(some == data[place..place + some.len()]);
            assert_eq!(reader.position() as usize, place + some.len());
        }
        assert_eq!(reader.seek(SeekFrom::End(10)).unwrap(), data.len() as u64 + 10);
        assert_eq!(reader.read(&mut [0; 10]).unwrap(), 0);
        assert_eq!(kind(reader.seek(SeekFrom::End(-(data.len() as i64) - 1))), ErrorKind::Invalid);
        Seek::rewind(&mut reader).unwrap();
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        assert!(all == data);
    }
}

#[test]
fn a_value_that_is_gone_is_not_read_on() {
    type Change = fn(&File, &Dict);
    let changes: [(&str, Change); 6] = [
        // Accepted and not committed: this process reads it already.
        ("pending set", |_, dict| dict.set("k", b"new").unwrap()),
        ("pending delete", |_, dict| dict.delete("k").unwrap()),
        ("set", |_, dict| {
            dict.set("k", b"new").unwrap();
            dict.flush().unwrap();
        }),
        ("stream", |_, dict| {
            put(dict, "k", &bytes(SIZE, 2));
        }),
        ("shell", |file, _| {
            file.shell().execute("DELETE FROM main", []).unwrap();
        }),
        ("clear", |_, dict| assert_eq!(dict.clear().unwrap(), 1)),
    ];
    for (name, change) in changes {
        for read in [0, 1000, CHUNK_BYTES, SIZE] {
            let file = File::new();
            let dict = file.open();
            put(&dict, "k", &bytes(SIZE, 1));
            let mut reader = dict.read_value("k").unwrap();
            let mut begun = vec![0; read];
            reader.read_exact(&mut begun).unwrap();
            change(&file, &dict);
            let e = reader.read_some(10).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Conflict, "{name} after {read}: {e}");
            assert_eq!(e.key(), Some(&Key::from("k")));
            // It stays so.
            assert_eq!(kind(reader.read_some_async(10).wait()), ErrorKind::Conflict);
        }
    }
}

#[test]
fn other_commits_do_not_disturb_a_reader() {
    let file = File::new();
    let dict = file.open();
    let data = bytes(SIZE, 1);
    put(&dict, "k", &data);
    let mut reader = dict.read_value("k").unwrap();
    let mut all = Vec::new();
    loop {
        let part = reader.read_some(50_000).unwrap();
        if part.is_empty() {
            break;
        }
        all.extend(part);
        dict.set("other", &all[..10]).unwrap();
        dict.flush().unwrap();
        // No read transaction is open: the log can be emptied.
        let busy: i64 = file
            .shell()
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .unwrap();
        assert_eq!(busy, 0);
    }
    assert!(all == data);
    // Changing when it expires is no change of the value.
    let mut reader = dict.read_value("k").unwrap();
    reader.read_some(10).unwrap();
    dict.expire("k", Ttl::After(Duration::from_secs(1000))).unwrap();
    assert!(reader.read_some(10).unwrap() == data[10..20]);
}

#[test]
fn the_cache_is_left_to_others() {
    let file = File::new();
    let dict = file.open();
    put(&dict, "k", &bytes(SIZE, 1));
    dict.set("small", b"v").unwrap();
    dict.flush().unwrap();
    dict.get("small").unwrap();
    let before = dict.stats().unwrap();
    for _ in 0..3 {
        dict.get("k").unwrap();
        dict.get_many(&["k", "small"]).unwrap();
        dict.entry("k").unwrap();
    }
    let after = dict.stats().unwrap();
    assert_eq!(after.cached_bytes, before.cached_bytes);
    assert_eq!(after.misses - before.misses, 9);
    // Our own triggers touch nothing that is cached: commits leave the cache as it is.
    for n in 0..5_i64 {
        dict.set("another", &n.to_be_bytes()).unwrap();
        dict.flush().unwrap();
        dict.get("small").unwrap();
    }
    assert_eq!(dict.stats().unwrap().misses, after.misses);
    // Nor does a scan of keys read chunks.
    file.shell().execute("DELETE FROM _dictsqlite_chunks", []).unwrap();
    let keys = ScanOptions { values: false, ..ScanOptions::default() };
    assert_eq!(dict.scan(&keys).unwrap().filter_map(Result::ok).count(), 3);
    assert!(dict.contains("k").unwrap());
}

#[test]
fn what_cannot_be_read_at_once_says_how_it_can() {
    let file = File::new();
    let dict = file.open();
    put(&dict, "k", &bytes(SIZE, 1));
    dict.set("small", b"v").unwrap();
    dict.flush().unwrap();
    let set = |sql: &str| file.shell().execute(sql, []).unwrap();
    set("UPDATE _dictsqlite_streams SET bytes = 1000000000");
    for e in [
        dict.get("k").unwrap_err(),
        dict.get_async("k").wait().unwrap_err(),
        dict.pop("k").unwrap_err(),
        dict.scan(&ScanOptions::default()).unwrap().find_map(Result::err).unwrap(),
    ] {
        assert_eq!((e.kind(), e.key()), (ErrorKind::Codec, Some(&Key::from("k"))));
        assert!(e.message().contains("open_value"), "{e}");
    }
    // What needs no value works.
    assert!(dict.contains("k").unwrap() && dict.contains_async("k").wait().unwrap());
    let reader = dict.read_value("k").unwrap();
    assert_eq!(reader.size(), 1_000_000_000);
    dict.remove("k").unwrap();
    dict.close().unwrap();
}

#[test]
fn what_is_damaged_is_told() {
    let file = File::new();
    let dict = file.open();
    let set = |sql: &str| file.shell().execute(sql, []).unwrap();
    put(&dict, "k", &bytes(SIZE, 1));
    set("DELETE FROM _dictsqlite_chunks WHERE n = 1");
    assert_eq!(kind(dict.get("k")), ErrorKind::Corrupt);
    let mut reader = dict.read_value("k").unwrap();
    reader.seek(SeekFrom::Start(CHUNK_BYTES as u64)).unwrap();
    assert_eq!(kind(reader.read_some(1)), ErrorKind::Corrupt);
    for damage in ["bytes = -1", "bytes = 5"] {
        set(&format!("UPDATE _dictsqlite_streams SET {damage}"));
        assert_eq!(kind(dict.get("k")), ErrorKind::Corrupt, "{damage}");
    }
    set("UPDATE _dictsqlite_streams SET chunk = 0");
    assert_eq!(kind(dict.read_value("k")), ErrorKind::Corrupt);
    // A number that no stream has is another tool's.
    set("INSERT INTO main(key, value) VALUES('theirs', 7)");
    assert_eq!(kind(dict.get("theirs")), ErrorKind::Codec);
    assert_eq!(kind(dict.read_value("theirs")), ErrorKind::Codec);
    dict.close().unwrap();
    let file = File::new();
    let dict = file.open();
    file.shell().execute("INSERT INTO main(key, value) VALUES('theirs', 7)", []).unwrap();
    assert_eq!(kind(dict.get("theirs")), ErrorKind::Codec);
    assert_eq!(kind(dict.read_value("theirs")), ErrorKind::Codec);
}
