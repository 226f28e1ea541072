//! What other tools and other processes write.

use super::*;

fn run(shell: &Connection, sql: &str) {
    shell.execute_batch(sql).unwrap();
}

#[test]
fn other_tools_changes_are_logged() {
    let file = File::new();
    let dict = file.open();
    dict.set_many(&[("a", b"1"), ("b", b"2"), ("c", b"3")]).unwrap();
    dict.flush().unwrap();
    let changes = dict.changes(&ChangesOptions::default()).unwrap();
    let shell = file.shell();
    let check = |sql: &str, expected: &[&str]| {
        run(&shell, sql);
        assert_eq!(told(&rest(&changes)), expected, "{sql}");
    };
    check("INSERT INTO main(key, value) VALUES('d', x'34')", &["insert \"d\" - 4"]);
    check("UPDATE main SET value = x'35' WHERE key = 'd'", &["update \"d\" 4 5"]);
    check(
        "INSERT OR REPLACE INTO main(key, value) VALUES('a', x'36')",
        &["delete \"a\" 1 -", "insert \"a\" - 6"],
    );
    check("INSERT OR IGNORE INTO main(key, value) VALUES('a', x'37')", &[]);
    check("INSERT INTO main(key, value) VALUES('e', x'38')", &["insert \"e\" - 8"]);
    check(
        "INSERT INTO main(key, value) VALUES('e', x'39') \
         ON CONFLICT(key) DO UPDATE SET value = excluded.value",
        &["update \"e\" 8 9"],
    );
    check(
        "REPLACE INTO main(id, key, value) VALUES((SELECT id FROM main WHERE key = 'b'), 'c', x'61')",
        &["delete \"b\" 2 -", "delete \"c\" 3 -", "insert \"c\" - a"],
    );
    check("UPDATE main SET key = 'f' WHERE key = 'e'", &["delete \"e\" 9 -", "insert \"f\" - 9"]);
    check(
        "UPDATE OR REPLACE main SET key = 'a' WHERE key = 'f'",
        &["delete \"a\" 6 -", "delete \"f\" 9 -", "insert \"a\" - 9"],
    );
    check(
        "UPDATE OR REPLACE main SET rowid = (SELECT id FROM main WHERE key = 'd') WHERE key = 'c'",
        &["delete \"d\" 5 -", "update \"c\" a a"],
    );
    check("UPDATE main SET version = 7", &[]);
    check(
        "BEGIN; DELETE FROM main; INSERT INTO main(key, value) VALUES('x', x'31'); ROLLBACK",
        &[],
    );
    check("SAVEPOINT s; DELETE FROM main; ROLLBACK TO s; RELEASE s", &[]);
    check("DELETE FROM main", &["delete \"c\" a -", "delete \"a\" 9 -"]);
    check(
        "PRAGMA recursive_triggers = 1; INSERT INTO main(key, value) VALUES('r', x'31')",
        &["insert \"r\" - 1"],
    );
    check(
        "REPLACE INTO main(key, value) VALUES('r', x'32')",
        &["delete \"r\" 1 -", "insert \"r\" - 2"],
    );
    let mut follower = Follower::default();
    follower.take(&all(&dict));
    follower.has_what(&dict, 0);
}

#[test]
fn other_tools_changes_have_versions_and_numbers_of_the_counter() {
    // So a compare-and-set sees them, and what we write after them has a number above theirs.
    let file = File::new();
    let dict = file.open();
    dict.set("a", b"1").unwrap();
    dict.flush().unwrap();
    let version = dict.entry("a").unwrap().unwrap().version;
    let shell = file.shell();
    run(&shell, "UPDATE main SET value = x'32' WHERE key = 'a'");
    let refused = dict.set_if_version("a", b"3"[..].into(), version, Ttl::Never).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    // A version that another tool sets is no number of an operation.
    run(&shell, "INSERT INTO main(key, value, version) VALUES('b', x'31', 1 << 40)");
    dict.set("c", b"1").unwrap();
    dict.flush().unwrap();
    let changes = all(&dict);
    assert_eq!(
        told(&changes),
        ["insert \"a\" - 1", "update \"a\" 1 2", "insert \"b\" - 1", "insert \"c\" - 1"]
    );
    assert!(changes[3].seq < 1 << 40);
    let mut follower = Follower::default();
    follower.take(&changes);
    follower.has_what(&dict, 0);
}

#[test]
fn triggers_of_others_write_under_numbers_of_their_own() {
    let file = File::new();
    let dict = file.open();
    dict.set("a", b"1").unwrap();
    dict.flush().unwrap();
    let shell = file.shell();
    run(
        &shell,
        "CREATE TRIGGER copy AFTER INSERT ON main WHEN NEW.key NOT LIKE 'copy%' BEGIN \
         INSERT INTO main(key, value) VALUES('copy of ' || NEW.key, NEW.value); END; \
         CREATE TRIGGER uncopy AFTER DELETE ON main WHEN OLD.key NOT LIKE 'copy%' BEGIN \
         DELETE FROM main WHERE key = 'copy of ' || OLD.key; END;",
    );
    for n in 0..20 {
        dict.set(format!("k{n}"), b"1").unwrap();
        dict.delete(format!("k{}", n / 2)).unwrap();
        if n % 5 == 0 {
            dict.flush().unwrap();
            dict.incr("n", 1).unwrap();
            dict.pop("n").unwrap();
        }
    }
    dict.flush().unwrap();
    let mut follower = Follower::default();
    follower.take(&all(&dict));
    follower.has_what(&dict, 0);
    assert!(follower.entries.contains_key(&Key::from("copy of k19")));
}

#[test]
fn what_is_given_up_leaves_nothing_in_the_log() {
    // A trigger that rolls everything back: the row is left out, and the rest is committed once.
    let file = File::new();
    let dict = file.open();
    let shell = file.shell();
    run(
        &shell,
        "CREATE TRIGGER no BEFORE INSERT ON main WHEN NEW.key = 'bad' BEGIN \
         SELECT RAISE(ROLLBACK, 'no'); END; \
         CREATE TRIGGER fails BEFORE INSERT ON main WHEN NEW.key = 'worse' BEGIN \
         SELECT RAISE(ABORT, 'no'); END;",
    );
    for key in ["a", "bad", "b", "worse", "c"] {
        dict.set(key, b"1").unwrap();
    }
    dict.delete("a").unwrap();
    assert!(dict.flush().is_err());
    dict.flush().unwrap();
    assert_eq!(told(&all(&dict)), ["insert \"b\" - 1", "insert \"c\" - 1"]);
}

#[test]
fn a_writer_of_each_kind_at_once_leaves_a_log_without_gaps() {
    let file = File::new();
    let dict = Arc::new(file.with(Options::default()));
    let mut follower = Follower::default();
    let changes = since(&dict, 0);
    std::thread::scope(|scope| {
        let path = &file.path;
        let own = Arc::clone(&dict);
        let ours = scope.spawn(move || {
            let mut dice = Dice(1);
            for n in 0..3000 {
                let key = format!("k{}", dice.below(20));
                match dice.below(5) {
                    0 => own.delete(&key).unwrap(),
                    1 => drop(own.pop(&key).unwrap()),
                    _ => own.set(&key, format!("o{n}").as_bytes()).unwrap(),
                }
                if n % 7 == 0 {
                    own.flush().unwrap();
                }
            }
            own.flush().unwrap();
        });
        let theirs = scope.spawn(move || {
            let shell = Connection::open(path).unwrap();
            shell.busy_timeout(Duration::from_secs(30)).unwrap();
            let mut dice = Dice(2);
            for n in 0..1000 {
                let key = format!("k{}", dice.below(20));
                let sql = match dice.below(4) {
                    0 => "DELETE FROM main WHERE key = ?1 AND ?2 IS NOT NULL",
                    1 => "UPDATE main SET value = ?2 WHERE key = ?1",
                    _ => "REPLACE INTO main(key, value) VALUES(?1, ?2)",
                };
                shell.execute(sql, rusqlite::params![key, format!("t{n}").into_bytes()]).unwrap();
            }
        });
        while !ours.is_finished() || !theirs.is_finished() {
            follower.take(&changes.next_page(Some(Duration::from_millis(20))).unwrap());
        }
    });
    follower.take(&rest(&changes));
    follower.has_what(&dict, 0);
}

#[test]
fn triggers_of_others_may_come_and_go() {
    // Without them our writer runs triggers of its own only; with them, those in the file.
    let file = File::new();
    let dict = file.open();
    let other = dict.table("other", None).unwrap();
    let shell = file.shell();
    let options = ChangesOptions { tables: Some(vec!["main".into()]), ..ChangesOptions::default() };
    let changes = dict.changes(&options).unwrap();
    let mut follower = Follower::default();
    for n in 0..12_i64 {
        match n % 4 {
            1 => run(
                &shell,
                "CREATE TRIGGER mirror AFTER INSERT ON other BEGIN \
                 INSERT OR REPLACE INTO main(key, value) VALUES(NEW.key, NEW.value); END",
            ),
            3 => run(&shell, "DROP TRIGGER mirror"),
            _ => {}
        }
        // Nothing is written: what the writer made ready is given up with the transaction.
        assert_eq!(dict.pop("never").unwrap(), None);
        other.set(n % 3, b"other").unwrap();
        dict.set("own", n.to_string().as_bytes()).unwrap();
        dict.delete((n + 1) % 3).unwrap();
        dict.flush().unwrap();
        dict.incr("count", 1).unwrap();
        other.delete(n % 3).unwrap();
        dict.flush().unwrap();
        follower.take(&rest(&changes));
        follower.has_what(&dict, 0);
    }
    assert_eq!(follower.entries[&Key::from("count")].0, b"12");
    assert!(follower.entries.len() > 2, "the trigger wrote nothing");
}

#[test]
fn a_table_made_again_without_a_log_is_not_logged() {
    // Our own triggers on the one before it must not stay.
    let file = File::new();
    let dict = file.open();
    let other = dict.table("other", None).unwrap();
    other.set("k", b"1").unwrap();
    other.flush().unwrap();
    let count = all(&dict).len();
    let shell = file.shell();
    run(
        &shell,
        "DROP TABLE other; DELETE FROM _dictsqlite WHERE name = 'table:other'; \
         CREATE TABLE other(id INTEGER PRIMARY KEY, key NOT NULL UNIQUE, value, \
             version INTEGER NOT NULL DEFAULT 0, expires_at INTEGER); \
         INSERT INTO _dictsqlite VALUES('table:other', \
             '{\"physical\": \"other\", \"codec\": \"bytes\", \"created\": 999}')",
    );
    let again = dict.table_with_changes("other", None, None).unwrap();
    again.set("k", b"2").unwrap();
    again.flush().unwrap();
    assert_eq!(again.get("k").unwrap().as_deref(), Some(&b"2"[..]));
    assert_eq!(all(&dict).len(), count);
    again.enable_changes(ChangeRetention::default()).unwrap();
    again.set("k", b"3").unwrap();
    again.flush().unwrap();
    assert_eq!(told(&all(&dict)[count..]), ["update \"k\" 2 3"]);
}
