//! What our own writer has logged.

use super::*;

#[test]
fn a_set_an_update_and_a_delete_are_logged_with_their_values() {
    let file = File::new();
    let dict = file.open();
    dict.set("a", b"1").unwrap();
    dict.flush().unwrap();
    dict.set_many(&[("a", b"2"), ("b", b"3")]).unwrap();
    dict.flush().unwrap();
    dict.delete("a").unwrap();
    dict.delete("never").unwrap();
    dict.flush().unwrap();
    let changes = all(&dict);
    let expected = ["insert \"a\" - 1", "update \"a\" 1 2", "insert \"b\" - 3", "delete \"a\" 2 -"];
    assert_eq!(told(&changes), expected);
    assert_eq!(&*changes[0].table, "main");
    assert_eq!(changes[2].seq, dict.entry("b").unwrap().unwrap().version);
    assert!(changes.windows(2).all(|two| two[0].seq < two[1].seq));
}

#[test]
fn commands_are_logged_like_blind_writes() {
    let file = File::new();
    let dict = file.open();
    dict.incr("n", 5).unwrap();
    dict.incr("n", 1).unwrap();
    let version = dict.entry("n").unwrap().unwrap().version;
    dict.set_if_version("n", b"x"[..].into(), version, Ttl::Never).unwrap();
    dict.set_default("d", b"1"[..].into(), Ttl::Never).unwrap();
    assert!(dict.expire("d", Ttl::After(Duration::from_secs(1000))).unwrap());
    dict.pop("n").unwrap();
    dict.pop_item(true).unwrap();
    let changes = all(&dict);
    assert_eq!(
        told(&changes),
        [
            "insert \"n\" - 5",
            "update \"n\" 5 6",
            "update \"n\" 6 x",
            "insert \"d\" - 1",
            "update \"d\" 1 1",
            "delete \"n\" x -",
            "delete \"d\" 1 -",
        ]
    );
    assert_eq!((changes[3].expires_at, changes[4].expires_at.is_some()), (None, true));
}

#[test]
fn sets_and_deletes_of_one_commit_have_numbers_in_their_order() {
    // The last operation of a key is what is committed, under that operation's own number; the rows
    // are written in the order of the keys' first operations, so the numbers do not come in order.
    let file = File::new();
    let dict = file.open();
    for key in ["a", "b", "c", "d"] {
        dict.set(key, b"0").unwrap();
    }
    dict.flush().unwrap();
    let from = all(&dict).last().unwrap().seq;
    dict.set("a", b"1").unwrap();
    dict.delete("b").unwrap();
    dict.set("c", b"1").unwrap();
    dict.delete("a").unwrap();
    dict.set("b", b"2").unwrap();
    dict.set("e", b"1").unwrap();
    dict.delete("d").unwrap();
    dict.delete("e").unwrap();
    dict.set("a", b"3").unwrap();
    dict.flush().unwrap();
    let changes = rest(&since(&dict, from));
    assert_eq!(
        told(&changes),
        [
            "delete \"b\" 0 -",
            "update \"c\" 0 1",
            "delete \"a\" 0 -",
            "insert \"b\" - 2",
            "delete \"d\" 0 -",
            "insert \"a\" - 3",
        ]
    );
    for change in &changes {
        if let Some(entry) = dict.entry(&change.key).unwrap().filter(|_| change.new.is_some()) {
            assert_eq!(entry.version, change.seq);
        }
    }
}

#[test]
fn clearing_and_dropping_delete_every_entry() {
    let file = File::new();
    let dict = file.open();
    dict.set_many(&[("a", b"1"), ("b", b"2")]).unwrap();
    let from = dict.set_default("c", b"3"[..].into(), Ttl::Never).map(|_| all(&dict)).unwrap();
    let changes = since(&dict, from.last().unwrap().seq);
    assert_eq!(dict.clear().unwrap(), 3);
    assert_eq!(told(&rest(&changes)), ["delete \"a\" 1 -", "delete \"b\" 2 -", "delete \"c\" 3 -"]);
    let other = dict.table("other", None).unwrap();
    other.set("x", b"1").unwrap();
    assert!(dict.drop_table("other").unwrap());
    dict.set("after", b"1").unwrap();
    dict.flush().unwrap();
    let changes = rest(&changes);
    assert_eq!(told(&changes), ["insert \"x\" - 1", "delete \"x\" 1 -", "insert \"after\" - 1"]);
    assert_eq!((&*changes[1].table, &*changes[2].table), ("other", "main"));
    // One of the same name begins anew.
    let anew = dict.table("other", Some(StorageMode::Json)).unwrap();
    anew.set("x", b"2").unwrap();
    anew.flush().unwrap();
    assert_eq!(told(&all(&dict)).last().unwrap(), "insert \"x\" - 2");
}

#[test]
fn expiry_is_told_when_the_entry_is_removed() {
    // By the sweep, or by a set in its place: then it has expired first and is inserted then.
    let file = File::new();
    let clock = Arc::new(ManualClock::at(1_000_000));
    let dict =
        file.with(Options { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..Options::default() });
    let second = Ttl::After(Duration::from_secs(1));
    dict.set_with_ttl("swept", b"1", second).unwrap();
    dict.set_with_ttl("set", b"2", second).unwrap();
    dict.set_with_ttl("counted", b"3", second).unwrap();
    dict.flush().unwrap();
    clock.advance(2000);
    dict.set("set", b"4").unwrap();
    dict.incr("counted", 7).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut changes = all(&dict);
    while changes.len() < 8 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
        changes = all(&dict);
    }
    let mut lines = told(&changes);
    lines.sort();
    assert_eq!(
        lines,
        [
            "expire \"counted\" 3 -",
            "expire \"set\" 2 -",
            "expire \"swept\" 1 -",
            "insert \"counted\" - 3",
            "insert \"counted\" - 7",
            "insert \"set\" - 2",
            "insert \"set\" - 4",
            "insert \"swept\" - 1",
        ]
    );
    let mut follower = Follower::default();
    follower.take(&changes);
    follower.has_what(&dict, clock.now_ms());
}

#[test]
fn jsonb_is_given_as_text_and_tables_and_prefixes_are_chosen() {
    let file = File::new();
    let dict = file.open();
    let json = dict.table("j", Some(StorageMode::Jsonb)).unwrap();
    json.set("user:1", br#"{"a": [1, 2]}"#).unwrap();
    json.set("user:1", br#"{"a": []}"#).unwrap();
    json.set("other", b"1").unwrap();
    dict.set("user:2", b"bytes").unwrap();
    dict.flush().unwrap();
    let options = |tables: Option<&str>, prefix: Option<Key>| ChangesOptions {
        since: Some(0),
        tables: tables.map(|name| vec![name.to_owned()]),
        prefix,
    };
    let told_of = |options| told(&rest(&dict.changes(&options).unwrap()));
    let both = [r#"insert "user:1" - {"a":[]}"#, r#"insert "user:2" - bytes"#];
    assert_eq!(told_of(options(None, Some("user:".into()))), both);
    assert_eq!(told_of(options(Some("j"), Some("user:".into()))), &both[..1]);
    assert_eq!(told_of(options(Some("main"), None)), &both[1..]);
    assert!(told_of(options(Some("main"), Some(Key::Bytes(b"user:".to_vec())))).is_empty());
    // A position goes on behind what was passed over.
    let changes = dict.changes(&options(Some("main"), None)).unwrap();
    json.set("z", b"1").unwrap();
    json.flush().unwrap();
    rest(&changes);
    assert_eq!(changes.position(), json.entry("z").unwrap().unwrap().version);
}

#[test]
fn the_cache_goes_on_being_believed() {
    // Triggers of others make every commit begin a new epoch; those of the log must not.
    let file = File::new();
    let dict = file.open();
    dict.set("k", b"1").unwrap();
    dict.flush().unwrap();
    dict.set("k", b"2").unwrap();
    dict.flush().unwrap();
    let misses = dict.stats().unwrap().misses;
    for n in 0..50 {
        dict.set("other", n.to_string().as_bytes()).unwrap();
        dict.flush().unwrap();
        assert_eq!(dict.get("k").unwrap().as_deref(), Some(&b"2"[..]));
    }
    assert_eq!(dict.stats().unwrap().misses, misses);
    assert_eq!(dict.len().unwrap(), 2);
}

#[test]
fn changes_is_a_fact_of_the_table() {
    let file = File::new();
    let plain = Dict::open(&file.path, &Options::default()).unwrap();
    assert!(!plain.has_changes().unwrap());
    let refused = plain.changes(&ChangesOptions::default()).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert!(refused.message().contains("enable_changes"), "{refused}");
    plain.enable_changes(ChangeRetention::default()).unwrap();
    plain.enable_changes(ChangeRetention::default()).unwrap();
    assert!(plain.has_changes().unwrap());
    let off = Options { changes: Some(false), ..Options::default() };
    assert_eq!(Dict::open(&file.path, &off).err().unwrap().kind(), ErrorKind::Invalid);
    drop(Dict::open(&file.path, &Options { changes: Some(true), ..Options::default() }).unwrap());
    let unknown = ChangesOptions { tables: Some(vec!["nope".into()]), ..Default::default() };
    assert_eq!(plain.changes(&unknown).err().unwrap().kind(), ErrorKind::Invalid);
    let other = plain.table_with_changes("silent", None, Some(false)).unwrap();
    assert!(!other.has_changes().unwrap());
    for wrong in [-1, i64::MAX] {
        let options = ChangesOptions { since: Some(wrong), ..Default::default() };
        assert_eq!(plain.changes(&options).err().unwrap().kind(), ErrorKind::Invalid);
    }
}

#[test]
fn names_that_need_quoting_are_quoted() {
    let file = File::new();
    let dict = file.open();
    for name in ["it's", "a\"b", "Main", "sqlite_x", "%s ?1 ☃"] {
        let table = dict.table(name, None).unwrap();
        table.set("k", name.as_bytes()).unwrap();
        table.delete("k").unwrap();
        table.set("k", b"2").unwrap();
        table.flush().unwrap();
        let options =
            ChangesOptions { since: Some(0), tables: Some(vec![name.into()]), prefix: None };
        let changes = rest(&dict.changes(&options).unwrap());
        assert_eq!(told(&changes), ["insert \"k\" - 2"]);
        assert_eq!(&*changes[0].table, name);
    }
}
