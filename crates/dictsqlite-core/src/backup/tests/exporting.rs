use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::{Place, contents, open, with_codec};
use crate::{
    Dict, ErrorKind, ExportFormat, ExportOptions, ImportOptions, Key, ManualClock, Options,
    Progress, StorageMode, Ttl,
};

const FORMATS: [ExportFormat; 2] = [ExportFormat::JsonLines, ExportFormat::Binary];
/// Exports that never change: later releases read them as well.
const GOLDEN: [&[u8]; 2] = [include_bytes!("golden.jsonl"), include_bytes!("golden.bin")];

fn in_format(format: ExportFormat) -> ExportOptions {
    ExportOptions { format, all_tables: true, overwrite: true, ..ExportOptions::default() }
}

fn keys() -> Vec<Key> {
    let text = |s: &str| Key::Text(s.to_owned());
    vec![
        text("user:1"),
        Key::Int(1),
        text("1"),
        Key::Bytes(b"1".to_vec()),
        Key::Int(i64::MIN),
        Key::Int(i64::MAX),
        text(""),
        text("\u{0}\n\"\\\u{1F600}"),
        Key::Bytes(vec![]),
        Key::Bytes((0..=255).collect()),
        Key::Bytes(b"\xff\xffx".to_vec()),
        Key::Tuple(vec![]),
        Key::Tuple(vec![Key::Int(-5), text("a\u{0}"), Key::Bytes(b"\x00\xff".to_vec())]),
        text("{\"b\":\"MQ==\"}"),
    ]
}

/// A store with all kinds of keys in a table of each codec.
fn all_kinds(path: &Path, clock: &ManualClock) -> Dict {
    let options = Options { clock: std::sync::Arc::new(clock.clone()), ..Options::default() };
    let dict = Dict::open(path, &options).unwrap();
    for (n, key) in keys().iter().enumerate() {
        let ttl = if n % 3 == 0 { Ttl::After(Duration::from_secs(60)) } else { Ttl::Never };
        dict.set_with_ttl(key, &[0xff, n as u8, b'\n', 0], ttl).unwrap();
    }
    let json = dict.table("json", Some(StorageMode::Json)).unwrap();
    let jsonb = dict.table("Tab\u{e9}lle \"2\"", Some(StorageMode::Jsonb)).unwrap();
    let values: [&[u8]; 5] =
        [b"{\"b\":1,\"a\":[1.50,null]}", b"null", b"\"\\n\"", b"12345678901234567890123", b"[]"];
    for (key, value) in keys().iter().zip(values.iter().cycle()) {
        json.set(key, value).unwrap();
        jsonb.set(key, value).unwrap();
    }
    let pickle = dict.table("pickle", Some(StorageMode::Pickle)).unwrap();
    pickle.set("p", b"\x80\x04K\x01.").unwrap();
    dict.table("empty", Some(StorageMode::Json)).unwrap();
    dict
}

fn assert_same(a: &Dict, b: &Dict) {
    assert_eq!(a.tables().unwrap(), b.tables().unwrap());
    for (name, _) in a.tables().unwrap() {
        let (a, b) = (a.table(&name, None).unwrap(), b.table(&name, None).unwrap());
        assert_eq!(contents(&a), contents(&b), "{name}");
    }
}

#[test]
fn what_is_exported_comes_back_as_it_was() {
    let place = Place::new();
    let clock = ManualClock::at(1_767_225_600_000);
    let dict = all_kinds(&place.path("a.db"), &clock);
    for (format, golden) in FORMATS.into_iter().zip(GOLDEN) {
        let file = place.path("export");
        let count = dict.export(&file, &in_format(format)).unwrap();
        assert_eq!(count, 14 * 3 + 1);
        assert_eq!(std::fs::read(&file).unwrap(), golden, "{format:?} has changed");
        let copy = Dict::open(
            place.path(&format!("{format:?}.db")),
            &Options { clock: std::sync::Arc::new(clock.clone()), ..Options::default() },
        )
        .unwrap();
        let imported = copy.import(&file, &ImportOptions::default()).unwrap();
        assert_eq!((imported.read, imported.written), (count, count));
        assert_same(&dict, &copy);
    }
    // What expires between export and import does not come back.
    clock.advance(61_000);
    let copy = open(&place.path("late.db"));
    drop(copy);
    let copy = Dict::open(
        place.path("late.db"),
        &Options { clock: std::sync::Arc::new(clock), ..Options::default() },
    )
    .unwrap();
    let imported = copy.import(place.path("export"), &ImportOptions::default()).unwrap();
    assert_eq!((imported.expired, imported.written), (5, 14 * 3 + 1 - 5));
    assert_same(&dict, &copy);
}

#[test]
fn tables_and_prefixes_select() {
    let place = Place::new();
    let dict = place.open("a.db");
    for n in 0..3000_i64 {
        dict.set(Key::Tuple(vec![Key::Int(n % 3), Key::Int(n)]), b"v").unwrap();
        dict.set(format!("t:{n}"), b"v").unwrap();
    }
    dict.set(b"t:bytes", b"v").unwrap();
    let other = dict.table("other", Some(StorageMode::Json)).unwrap();
    other.set("t:1", b"1").unwrap();
    for format in FORMATS {
        let exported = |tables: &[&str], prefix: Option<Key>| {
            let options = ExportOptions {
                tables: tables.iter().map(|name| (*name).to_owned()).collect(),
                prefix,
                all_tables: false,
                ..in_format(format)
            };
            dict.export(place.path("export"), &options)
        };
        assert_eq!(exported(&[], None).unwrap(), 6001);
        assert_eq!(exported(&["other"], None).unwrap(), 1);
        assert_eq!(exported(&["main", "other", "main"], Some("t:".into())).unwrap(), 3001);
        let two = Key::Tuple(vec![Key::Int(2)]);
        assert_eq!(exported(&[], Some(two)).unwrap(), 1000);
        assert_eq!(exported(&[], Some("none".into())).unwrap(), 0);
        let error = exported(&["none"], None).unwrap_err();
        assert!(error.message().contains("main, other"), "{error}");
        assert_eq!(exported(&[], Some(Key::Int(1))).unwrap_err().kind(), ErrorKind::KeyType);
        exported(&["main", "other"], Some("t:1".into())).unwrap();
        let copy = place.open(&format!("{format:?}.db"));
        let only = ImportOptions { tables: vec!["other".into()], ..ImportOptions::default() };
        assert_eq!(copy.import(place.path("export"), &only).unwrap().written, 1);
        assert_eq!(copy.len().unwrap(), 0);
        let none = ImportOptions { tables: vec!["none".into()], ..ImportOptions::default() };
        assert!(copy.import(place.path("export"), &none).is_err());
    }
}

#[test]
fn an_export_takes_no_place_that_is_not_its_own() {
    let place = Place::new();
    let dict = place.open("a.db");
    dict.set("k", b"v").unwrap();
    place.open("closed.db").close().unwrap();
    let kind = |name: &str, overwrite: bool| {
        let options = ExportOptions { overwrite, ..ExportOptions::default() };
        dict.export(place.path(name), &options).err().map(|e| e.kind())
    };
    assert_eq!(kind("a.db", true), Some(ErrorKind::Invalid));
    assert_eq!(kind("closed.db", true), Some(ErrorKind::Invalid));
    assert_eq!(kind("a.db-wal", true), Some(ErrorKind::Invalid));
    assert_eq!(kind("export", false), None);
    assert_eq!(kind("export", false), Some(ErrorKind::Invalid));
    assert_eq!(kind("export", true), None);
    let cancelled = ExportOptions {
        progress: Progress::calling(|_, _| false),
        overwrite: true,
        ..ExportOptions::default()
    };
    let error = dict.export(place.path("export"), &cancelled).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(place.strangers(), ["closed.db", "export"]);
}

#[test]
fn a_key_that_no_export_can_hold_is_named() {
    let place = Place::new();
    let dict = place.open("a.db");
    dict.set("k", b"v").unwrap();
    dict.flush().unwrap();
    let other = rusqlite::Connection::open(place.path("a.db")).unwrap();
    let sql = "INSERT INTO main(key, value) VALUES(CAST(x'61ff' AS TEXT), x'00')";
    other.execute(sql, []).unwrap();
    for format in FORMATS {
        let error = dict.export(place.path("export"), &in_format(format)).unwrap_err();
        assert!(error.kind() == ErrorKind::Codec && error.message().contains("UTF-8"), "{error}");
        assert!(place.strangers().is_empty());
    }
    // Bytes that say that they are a tuple are plain bytes wherever we read them.
    other.execute("DELETE FROM main WHERE key <> 'k'", []).unwrap();
    other.execute("INSERT INTO main(key, value) VALUES(x'ff99', x'00')", []).unwrap();
    for format in FORMATS {
        dict.export(place.path("export"), &in_format(format)).unwrap();
        let copy = place.open(&format!("{format:?}.db"));
        copy.import(place.path("export"), &ImportOptions::default()).unwrap();
        assert_eq!(copy.get(b"\xff\x99").unwrap().as_deref(), Some(&[0][..]));
    }
}

fn any_key() -> impl Strategy<Value = Key> {
    let plain = prop_oneof![
        any::<i64>().prop_map(Key::Int),
        ".{0,12}".prop_map(Key::Text),
        proptest::collection::vec(any::<u8>(), 0..12).prop_map(Key::Bytes),
    ];
    let items = proptest::collection::vec(plain.clone(), 0..4);
    prop_oneof![plain, items.prop_map(Key::Tuple)]
}

fn any_json() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
    ];
    let json = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::hash_map(".{0,4}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    });
    json.prop_map(|json| json.to_string().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_entries_come_back(
        plain in proptest::collection::vec(
            (any_key(), proptest::collection::vec(any::<u8>(), 0..40), any::<bool>()), 0..40),
        json in proptest::collection::vec((any_key(), any_json()), 0..20),
    ) {
        let place = Place::new();
        let dict = with_codec(&place.path("a.db"), StorageMode::Bytes);
        for (key, value, dies) in &plain {
            let ttl = if *dies { Ttl::After(Duration::from_secs(3600)) } else { Ttl::Never };
            dict.set_with_ttl(key, value, ttl).unwrap();
        }
        let table = dict.table("j", Some(StorageMode::Json)).unwrap();
        for (key, value) in &json {
            table.set(key, value).unwrap();
        }
        for format in FORMATS {
            let count = dict.export(place.path("export"), &in_format(format)).unwrap();
            let copy = place.open(&format!("{format:?}.db"));
            let imported = copy.import(place.path("export"), &ImportOptions::default()).unwrap();
            prop_assert_eq!(imported.written, count);
            assert_same(&dict, &copy);
        }
    }
}
