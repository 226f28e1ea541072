//! The copying of a database as its file and its log, in every state that the log can be in.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::{Place, open};
use crate::Progress;
use crate::backup::aside::Aside;
use crate::backup::copy;
use crate::sqlite::{Opener, Place as At, Source};

const ROWS: i64 = 3000;

fn connect(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    connection.pragma_update(None, "synchronous", "off").unwrap();
    connection
}

/// Sets every value to one, in several commits.
fn set_all(c: &Connection, value: u8) {
    for part in 0..10 {
        let sql = "UPDATE main SET value = ?1 WHERE id % 10 = ?2";
        c.execute(sql, rusqlite::params![vec![value; 500], part]).unwrap();
    }
}

fn checkpoint(c: &Connection, mode: &str) -> (i64, i64, i64) {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    c.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap()
}

fn nothing(_: &Connection) {}

/// Brings the log into a state, begins a copy, lets others do something, and copies.
fn copied(before: fn(&Connection), meanwhile: fn(&Connection)) -> bool {
    let place = Place::new();
    let dict = place.open("a.db");
    for n in 0..ROWS {
        dict.set(n, &[1; 500]).unwrap();
    }
    dict.close().unwrap();
    let other = connect(&place.path("a.db"));
    set_all(&other, 2);
    before(&other);
    let opener = Opener {
        place: At::File(place.path("a.db")),
        read_only: false,
        timeout: Duration::from_secs(5),
        file: None,
        misplaced: Default::default(),
    };
    let source = Source::open(&opener).unwrap();
    let as_files = source.extent().is_some();
    meanwhile(&other);
    let aside = Aside::beside(&place.path("copy.db"), None).unwrap();
    copy::copy(source, &aside, &Progress::new()).unwrap();
    aside.place(false).unwrap();
    let mut names = place.names();
    names.retain(|name| name.starts_with("copy"));
    assert_eq!(names, ["copy.db"]);
    let copy = open(&place.path("copy.db"));
    let problems = copy.integrity_check(&Progress::new()).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    for n in 0..ROWS {
        assert_eq!(copy.get(n).unwrap().as_deref(), Some(&[2; 500][..]), "{n}");
    }
    assert_eq!(copy.len().unwrap(), ROWS as u64);
    as_files
}

fn commits(c: &Connection) {
    set_all(c, 3);
}

fn grows(c: &Connection) {
    let sql = "INSERT INTO main(key, value) SELECT key + 100000, value FROM main";
    c.execute(sql, []).unwrap();
    checkpoint(c, "PASSIVE");
}

fn shrinks(c: &Connection) {
    c.execute("DELETE FROM main WHERE id % 3 = 0", []).unwrap();
    c.execute_batch("VACUUM").unwrap();
    checkpoint(c, "PASSIVE");
}

fn moves_it_all(c: &Connection) {
    let (_, frames, moved) = checkpoint(c, "PASSIVE");
    assert!(frames > 0 && moved == frames);
}

fn empties_it(c: &Connection) {
    checkpoint(c, "TRUNCATE");
}

/// More commits than the log had frames, in a log that was begun anew if that was allowed.
fn commits_and_moves(c: &Connection) {
    for value in 3..8 {
        set_all(c, value);
        checkpoint(c, "PASSIVE");
    }
}

#[test]
fn a_copy_is_of_its_moment_whatever_the_log_is_and_others_do() {
    let states: [fn(&Connection); 4] = [nothing, moves_it_all, empties_it, |c| {
        moves_it_all(c);
        set_all(c, 9);
        set_all(c, 2);
    }];
    let doings: [fn(&Connection); 6] = [nothing, commits, grows, shrinks, commits_and_moves, |c| {
        commits_and_moves(c);
        c.busy_timeout(Duration::ZERO).unwrap();
        empties_it(c);
    }];
    for before in states {
        for meanwhile in doings {
            assert!(copied(before, meanwhile), "it was copied page by page");
        }
    }
}

#[test]
fn a_reader_beside_that_is_older_changes_nothing() {
    // A checkpoint moves no page that an older reader would see, so it leaves some out.
    let reader = |c: &Connection| {
        let path = c.path().unwrap().to_owned();
        let older = connect(path.as_ref());
        older.execute_batch("BEGIN; SELECT count(*) FROM main").unwrap();
        set_all(c, 9);
        set_all(c, 2);
        checkpoint(c, "PASSIVE");
        // Kept until the process ends.
        std::mem::forget(older);
    };
    assert!(copied(reader, commits_and_moves));
}
