//! The file as other tools see it and change it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::{
    Dict, Error, ErrorKind, Key, Options, PersistMode, Result, ScanOptions, StorageMode, Ttl, Value,
};

/// A handle that commits only when it is told to.
fn patient() -> Options {
    Options {
        persist_mode: PersistMode::Lazy,
        flush_interval: Duration::from_secs(3600),
        ..Options::default()
    }
}

struct File {
    _dir: TempDir,
    path: PathBuf,
}

impl File {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        Self { _dir: dir, path }
    }

    fn open(&self) -> Result<Dict> {
        Dict::open(&self.path, &patient())
    }

    /// Another tool's connection.
    fn shell(&self) -> Connection {
        let shell = Connection::open(&self.path).unwrap();
        shell.busy_timeout(Duration::from_secs(10)).unwrap();
        shell
    }
}

fn keys(dict: &Dict) -> Vec<Key> {
    dict.scan(&ScanOptions::default()).unwrap().map(|item| item.unwrap().key).collect()
}

fn numbers(shell: &Connection, sql: &str) -> Vec<i64> {
    let mut statement = shell.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(|n| n.unwrap()).collect()
}

fn refusal(result: Result<Dict>) -> Error {
    result.err().expect("it is refused")
}

#[test]
fn ids_and_versions_are_given_in_order_of_acceptance() {
    // One counter numbers blind writes, batches and commands alike, also within one commit.
    let file = File::new();
    let dict = file.open().unwrap();
    dict.set("a", b"1").unwrap();
    dict.set_many(&[("c", b"1"), ("b", b"1")]).unwrap();
    dict.set("a", b"2").unwrap();
    dict.incr("n", 1).unwrap();
    dict.set("d", b"1").unwrap();
    dict.flush().unwrap();
    let shell = file.shell();
    let mut statement = shell.prepare("SELECT key, id, version FROM main ORDER BY id").unwrap();
    let rows: Vec<(String, i64, i64)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(|row| row.unwrap())
        .collect();
    let names: Vec<_> = rows.iter().map(|row| row.0.as_str()).collect();
    assert_eq!(names, ["a", "c", "b", "n", "d"]);
    let of = |name: &str| rows.iter().find(|row| row.0 == name).map(|row| (row.1, row.2)).unwrap();
    let first = of("a").0;
    assert_eq!(of("a").1, first + 3, "written last by the fourth operation");
    assert_eq!(of("c"), (first + 1, first + 1));
    assert_eq!(of("b"), (first + 2, first + 2));
    assert_eq!(of("n"), (first + 4, first + 4));
    assert_eq!(of("d"), (first + 5, first + 5));
}

#[test]
fn rows_another_tool_inserted_with_larger_ids_do_not_collide() {
    // The shell takes max(id) + 1, or any id it likes, without asking our counter.
    let file = File::new();
    let dict = file.open().unwrap();
    dict.set("ours", b"1").unwrap();
    dict.flush().unwrap();
    let shell = file.shell();
    shell.execute("INSERT INTO main(id, key, value) VALUES(5000, 'theirs', x'01')", []).unwrap();
    shell.execute("INSERT INTO main(key, value) VALUES('next', x'01')", []).unwrap();
    for n in 0..20_i64 {
        dict.set(n, b"1").unwrap();
    }
    dict.pop("ours").unwrap().unwrap();
    assert_eq!(dict.incr("count", 1).unwrap(), 1);
    dict.flush().unwrap();
    assert_eq!(dict.len().unwrap(), 23);
    assert_eq!(keys(&dict)[..3], [Key::from("theirs"), Key::from("next"), Key::Int(0)]);
    assert_eq!(numbers(&shell, "SELECT count(*) FROM main WHERE id > 5001"), [21]);
}

#[test]
fn a_version_is_never_used_again_after_reopening() {
    // Not even when every row it was given to is gone.
    let file = File::new();
    let mut last = 0;
    for _ in 0..5 {
        let dict = file.open().unwrap();
        dict.set("k", b"1").unwrap();
        let version = dict.entry("k").unwrap().unwrap().version;
        assert!(version > last, "{version} after {last}");
        dict.clear().unwrap();
        dict.set("k", b"2").unwrap();
        last = dict.entry("k").unwrap().unwrap().version;
        assert!(last > version);
        dict.delete("k").unwrap();
        dict.close().unwrap();
    }
}

/// Makes every write of the key "bad" fail, as a CHECK of another tool's would.
const FORBID: &str = "CREATE TRIGGER no_bad BEFORE INSERT ON main WHEN new.key = 'bad' \
     BEGIN SELECT RAISE(ABORT, 'bad is forbidden'); END";

#[test]
fn a_row_that_can_never_be_written_is_dropped_alone_and_raised_by_name() {
    // Another connection added a trigger; the rest of the commit must not suffer, nor wait for ever.
    let file = File::new();
    let dict = file.open().unwrap();
    file.shell().execute_batch(FORBID).unwrap();
    dict.set_many(&[("a", b"1"), ("bad", b"1"), ("b", b"1")]).unwrap();
    assert!(dict.get("bad").unwrap().is_some(), "it was accepted");
    let e = dict.flush().unwrap_err();
    assert_eq!(e.key(), Some(&Key::from("bad")));
    assert!(e.message().contains("bad is forbidden"), "{e}");
    dict.flush().unwrap();
    assert_eq!(dict.get("bad").unwrap(), None);
    assert_eq!(keys(&dict), [Key::from("a"), Key::from("b")]);
    assert_eq!(dict.len().unwrap(), 2);
    let kind = dict.set_default("bad", Value::from(&b"1"[..]), Ttl::Default).unwrap_err().kind();
    assert_eq!(kind, ErrorKind::Codec);
    dict.close().unwrap();
}

#[test]
fn a_row_whose_trigger_rolls_everything_back_is_left_out_alone() {
    // `RAISE(ROLLBACK)` undoes the whole transaction: the commit was tried again for ever.
    let file = File::new();
    let dict = Arc::new(file.open().unwrap());
    let shell = file.shell();
    shell
        .execute_batch(&FORBID.replace("ABORT", "ROLLBACK").replace("= 'bad'", "LIKE 'bad%'"))
        .unwrap();
    dict.set_many(&[("a", b"1"), ("bad", b"1"), ("b", b"1"), ("bad2", b"1")]).unwrap();
    dict.delete("a").unwrap();
    let e = dict.flush().unwrap_err();
    assert_eq!(e.key(), Some(&Key::from("bad")));
    assert!(e.message().contains("bad is forbidden") && e.message().contains("1 more"), "{e}");
    dict.flush().unwrap();
    assert_eq!(keys(&dict), [Key::from("b")]);
    assert_eq!(dict.len().unwrap(), 1);
    // A command that does so has no effect, and takes no other one with it.
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let first = dict.run_async(|dict| dict.incr("n", 1));
    dict.set("c", b"1").unwrap();
    let bad = dict.run_async(|dict| dict.incr("bad", 1));
    let last = dict.run_async(|dict| dict.incr("n", 1));
    shell.execute_batch("COMMIT").unwrap();
    assert_eq!(bad.wait().unwrap_err().kind(), ErrorKind::Codec);
    assert_eq!(first.wait().unwrap() + last.wait().unwrap(), 3);
    dict.flush().unwrap();
    assert_eq!(keys(&dict).len(), 3);
    assert!(dict.get("bad").unwrap().is_none());
    assert_eq!(numbers(&shell, "SELECT count(DISTINCT version) FROM main"), [3]);
    dict.close().unwrap();
}

#[test]
fn reads_do_not_raise_a_dropped_row_and_the_next_flush_does() {
    // A length or a scan commits what is pending first; the news is for who flushes.
    let file = File::new();
    let dict = file.open().unwrap();
    file.shell().execute_batch(FORBID).unwrap();
    dict.set("bad", b"1").unwrap();
    assert_eq!(dict.len().unwrap(), 0);
    assert!(keys(&dict).is_empty());
    assert!(dict.entry("bad").unwrap().is_none());
    assert_eq!(dict.flush_async(false).wait().unwrap_err().key(), Some(&Key::from("bad")));
    dict.flush().unwrap();
}

#[test]
fn a_durable_write_whose_row_was_dropped_is_never_acknowledged() {
    // It shares its commit with others, and whoever of them came first must not take its error.
    let file = File::new();
    let options = Options { persist_mode: PersistMode::Durable, ..Options::default() };
    let dict = Arc::new(Dict::open(&file.path, &options).unwrap());
    let shell = file.shell();
    shell.execute_batch(FORBID).unwrap();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    // All of these wait for the lock, and are committed together.
    let good = dict.set_async("good", b"1", Ttl::Default);
    let bad = dict.set_async("bad", b"1", Ttl::Default);
    shell.execute_batch("COMMIT").unwrap();
    let _ = good.wait();
    assert_eq!(bad.wait().unwrap_err().key(), Some(&Key::from("bad")));
    assert!(dict.get("good").unwrap().is_some());
}

#[test]
fn the_count_is_right_when_a_key_was_deleted_and_could_not_be_put_again() {
    // The delete happened and the put did not, in one commit.
    let file = File::new();
    let dict = file.open().unwrap();
    dict.set_many(&[("a", b"1"), ("bad", b"1")]).unwrap();
    assert_eq!(dict.len().unwrap(), 2);
    file.shell().execute_batch(FORBID).unwrap();
    assert_eq!(dict.len().unwrap(), 2);
    dict.delete("bad").unwrap();
    dict.set("bad", b"2").unwrap();
    assert_eq!(dict.flush().unwrap_err().key(), Some(&Key::from("bad")));
    assert_eq!(dict.len().unwrap(), keys(&dict).len() as u64);
}

#[test]
fn a_handle_dropped_over_a_row_that_was_dropped_still_closes_the_store() {
    // The news of the row must not keep the file open for the rest of the process.
    let file = File::new();
    let dict = file.open().unwrap();
    file.shell().execute_batch(FORBID).unwrap();
    dict.set("bad", b"1").unwrap();
    drop(dict);
    let read_only = Options { read_only: true, ..Options::default() };
    Dict::open(&file.path, &read_only).unwrap().close().unwrap();
}

#[test]
fn a_table_whose_columns_another_tool_took_away_does_not_stop_the_store() {
    // Its writes can never be done; those of other tables must be.
    let file = File::new();
    let dict = file.open().unwrap();
    let other = dict.table("other", None).unwrap();
    file.shell().execute_batch("ALTER TABLE main RENAME COLUMN version TO gone").unwrap();
    dict.set("a", b"1").unwrap();
    other.set("b", b"1").unwrap();
    assert!(dict.flush().is_err());
    other.flush().unwrap();
    assert_eq!(other.len().unwrap(), 1);
}

#[test]
fn a_newer_format_is_refused() {
    // What a later release means by it cannot be known.
    let file = File::new();
    file.open().unwrap().close().unwrap();
    file.shell().execute("UPDATE _dictsqlite SET value = 2 WHERE name = 'format'", []).unwrap();
    let e = refusal(file.open());
    assert_eq!(e.kind(), ErrorKind::Unsupported);
    assert!(e.message().contains("newer"), "{e}");
}

#[test]
fn a_database_of_something_else_is_refused_unless_it_is_adopted() {
    // Nobody wants our tables in their browser's history by a slip of the path.
    let file = File::new();
    file.shell().execute_batch("CREATE TABLE main(x); INSERT INTO main VALUES(7)").unwrap();
    let e = refusal(file.open());
    assert_eq!(e.kind(), ErrorKind::Unsupported);
    assert!(e.message().contains("adopt"), "{e}");
    let shell = file.shell();
    assert_eq!(numbers(&shell, "SELECT count(*) FROM sqlite_schema"), [1], "nothing was touched");
    let dict = Dict::open(&file.path, &Options { adopt: true, ..patient() }).unwrap();
    dict.set("k", b"v").unwrap();
    dict.close().unwrap();
    assert_eq!(numbers(&shell, "SELECT x FROM main"), [7], "their table of our name stays theirs");
    assert_eq!(file.open().unwrap().get("k").unwrap().as_deref(), Some(&b"v"[..]));
}

#[test]
fn files_of_earlier_releases_are_refused_with_the_name_of_the_importer() {
    // They record neither codec nor format, so opening them could only guess.
    for sql in [
        "CREATE TABLE kv_store(key TEXT PRIMARY KEY, value BLOB NOT NULL, tier, access_count, \
         last_access)",
        "CREATE TABLE main(key TEXT PRIMARY KEY, value TEXT)",
    ] {
        let file = File::new();
        file.shell().execute_batch(sql).unwrap();
        for adopt in [false, true] {
            let e = refusal(Dict::open(&file.path, &Options { adopt, ..patient() }));
            assert_eq!(e.kind(), ErrorKind::Unsupported);
            assert!(e.message().contains("import_legacy"), "{e}");
        }
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_stays_as_it_is() {
    // A text file given by mistake.
    let file = File::new();
    let text = "this is no database ".repeat(100);
    std::fs::write(&file.path, &text).unwrap();
    assert_eq!(refusal(file.open()).kind(), ErrorKind::Corrupt);
    assert_eq!(std::fs::read_to_string(&file.path).unwrap(), text);
}

#[test]
fn rows_of_other_tools_are_read_where_their_meaning_is_plain() {
    // Numbers and NULL are JSON; a BLOB in a JSON table, or a NULL in a bytes table, is named.
    let file = File::new();
    let dict = file.open().unwrap();
    let json = dict.table("j", Some(StorageMode::Json)).unwrap();
    let shell = file.shell();
    shell.execute("INSERT INTO j(key, value) VALUES('i', 5), ('n', NULL), (2.5, 1.5)", []).unwrap();
    shell.execute("INSERT INTO j(key, value) VALUES('blob', x'00')", []).unwrap();
    shell.execute("INSERT INTO main(key, value) VALUES('t', 'text'), ('n', NULL)", []).unwrap();
    assert_eq!(json.get("i").unwrap().as_deref(), Some(&b"5"[..]));
    assert_eq!(json.get("n").unwrap().as_deref(), Some(&b"null"[..]));
    assert_eq!(json.incr("i", 1).unwrap(), 6);
    let e = json.get("blob").unwrap_err();
    assert_eq!((e.kind(), e.key()), (ErrorKind::Codec, Some(&Key::from("blob"))));
    assert_eq!(dict.get("t").unwrap().as_deref(), Some(&b"text"[..]));
    assert_eq!(dict.get("n").unwrap_err().kind(), ErrorKind::Codec);
    assert_eq!(dict.len().unwrap(), 2);
}

#[test]
fn keys_are_what_a_shell_user_would_type() {
    // SELECT value FROM main WHERE key = 'user:1' works in any SQLite tool.
    let file = File::new();
    let dict = file.open().unwrap();
    dict.set("user:1", b"text").unwrap();
    dict.set(1_i64, b"int").unwrap();
    dict.set([0xFF_u8, 1], b"bytes").unwrap();
    dict.flush().unwrap();
    let shell = file.shell();
    let value = |sql: &str, key: &dyn rusqlite::ToSql| -> Vec<u8> {
        shell.query_row(sql, params![key], |row| row.get(0)).unwrap()
    };
    let by_key = "SELECT value FROM main WHERE key = ?1";
    assert_eq!(value(by_key, &"user:1"), b"text");
    assert_eq!(value(by_key, &1), b"int");
    assert_eq!(value(by_key, &&[0xFF_u8, 0xFF, 1][..]), b"bytes");
}
