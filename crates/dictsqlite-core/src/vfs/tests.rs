//! SQLite on the heap VFS: what a private database must do as one on disk does.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Result};

use super::heap::watch;
use super::{HEAP_VFS, private_name, register_heap};

/// Under tools that make every step slow, the same stories are told shorter.
fn scaled(n: i64) -> i64 {
    if std::env::var_os("DICTSQLITE_SLOW_TOOL").is_some() { n / 20 } else { n }
}

fn open(name: &str) -> Result<Connection> {
    register_heap().expect("the VFS registers");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = Connection::open_with_flags_and_vfs(name, flags, HEAP_VFS)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}

/// A database in WAL mode with a table `t(key, value)`.
fn wal(name: &str) -> Result<Connection> {
    let connection = open(name)?;
    assert_eq!(journal_mode(&connection, "wal")?, "wal");
    connection.execute_batch("CREATE TABLE t(key PRIMARY KEY NOT NULL, value)")?;
    Ok(connection)
}

fn journal_mode(connection: &Connection, wanted: &str) -> Result<String> {
    let sql = format!("PRAGMA journal_mode = {wanted}");
    connection.query_row(&sql, [], |row| row.get(0))
}

fn int(connection: &Connection, sql: &str) -> Result<i64> {
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

fn count(connection: &Connection) -> Result<i64> {
    int(connection, "SELECT count(*) FROM t")
}

/// Puts `rows` rows of `size` bytes.
fn fill(connection: &Connection, rows: i64, size: i64) -> Result<()> {
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
        INSERT INTO t SELECT i, randomblob(?2) FROM n";
    connection.execute(sql, [rows, size]).map(drop)
}

fn assert_sound(connection: &Connection) -> Result<()> {
    let verdict = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0));
    assert_eq!(verdict, Ok("ok".to_owned()));
    Ok(())
}

/// The answer of a checkpoint: was it in another's way, frames in the WAL, frames copied.
fn checkpoint(connection: &Connection, mode: &str) -> Result<(i64, i64, i64)> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
}

fn is_busy<T>(result: Result<T>) -> bool {
    result.is_err_and(|e| e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy))
}

#[test]
fn registering_again_and_from_many_threads_is_harmless() {
    // Every store that opens registers first, and stores open at the same time.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(register_heap(), Ok(())));
        }
    });
    let names: HashSet<String> = (0..100).map(|_| private_name()).collect();
    assert_eq!(names.len(), 100);
}

#[test]
fn readers_read_inside_a_writers_transaction() -> Result<()> {
    // The reason for this VFS: SQLite's own in-memory databases lock readers out.
    let name = private_name();
    let writer = wal(&name)?;
    let reader = open(&name)?;
    assert_eq!(journal_mode(&reader, "wal")?, "wal");
    writer.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (1, 1)")?;
    assert_eq!((count(&reader)?, count(&writer)?), (0, 1));
    writer.execute_batch("COMMIT")?;
    assert_eq!(count(&reader)?, 1);
    Ok(())
}

#[test]
fn an_open_read_transaction_is_a_snapshot() -> Result<()> {
    // A scan sees one state however many commits and checkpoints pass by.
    let name = private_name();
    let (writer, reader) = (wal(&name)?, open(&name)?);
    fill(&writer, 10, 10)?;
    reader.execute_batch("BEGIN")?;
    assert_eq!(count(&reader)?, 10);
    writer.execute_batch("DELETE FROM t WHERE key > 3")?;
    checkpoint(&writer, "PASSIVE")?;
    writer.execute_batch("DELETE FROM t WHERE key > 2")?;
    assert_eq!((count(&reader)?, count(&writer)?), (10, 2));
    reader.execute_batch("COMMIT")?;
    assert_eq!(count(&reader)?, 2);
    Ok(())
}

#[test]
fn a_second_writer_is_busy_and_a_stale_snapshot_cannot_write() -> Result<()> {
    // One writer at a time, said at once and by the right code, so that busy timeouts and retries
    // work.
    let name = private_name();
    let (a, b) = (wal(&name)?, open(&name)?);
    b.busy_timeout(Duration::ZERO)?;
    a.execute_batch("BEGIN IMMEDIATE")?;
    assert!(is_busy(b.execute_batch("BEGIN IMMEDIATE")));
    a.execute_batch("ROLLBACK")?;
    b.execute_batch("BEGIN")?;
    count(&b)?;
    a.execute_batch("INSERT INTO t VALUES (1, 1)")?;
    assert!(is_busy(b.execute_batch("INSERT INTO t VALUES (2, 2)")));
    b.execute_batch("ROLLBACK; INSERT INTO t VALUES (2, 2)")?;
    assert_eq!(count(&a)?, 2);
    Ok(())
}

#[test]
fn readers_beside_a_writer_never_see_a_torn_state() -> Result<()> {
    // Money moves between accounts while two threads add it up, and checkpoints restart the WAL
    // under them.
    let name = private_name();
    let writer = wal(&name)?;
    writer.execute_batch("PRAGMA wal_autocheckpoint = 50")?;
    fill(&writer, 100, 200)?;
    writer.execute_batch("ALTER TABLE t ADD money DEFAULT 10; CREATE INDEX i ON t(money)")?;
    let readers = [open(&name)?, open(&name)?];
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let watchers = readers.map(|reader| {
            let stop = &stop;
            scope.spawn(move || -> Result<i64> {
                let mut reads = 0;
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(int(&reader, "SELECT sum(money) FROM t")?, 1000);
                    let by_index = "SELECT count(*) FROM t INDEXED BY i WHERE money > -1e9";
                    assert_eq!(int(&reader, by_index)?, 100);
                    reads += 1;
                }
                Ok(reads)
            })
        });
        let work = (1..=scaled(3000)).try_for_each(|i| -> Result<()> {
            let transaction = writer.unchecked_transaction()?;
            let pay = "UPDATE t SET money = money + ?1, value = randomblob(200) WHERE key = ?2";
            let mut pay = transaction.prepare_cached(pay)?;
            pay.execute([-1, i % 100 + 1])?;
            pay.execute([1, i * 7 % 100 + 1])?;
            drop(pay);
            transaction.commit()
        });
        stop.store(true, Ordering::Relaxed);
        for watcher in watchers {
            assert!(watcher.join().expect("no panic")? > 0);
        }
        work
    })?;
    assert_sound(&writer)
}

#[test]
fn writers_in_threads_wait_for_each_other() -> Result<()> {
    // The busy handler sleeps through the VFS; no increment may be lost between connections.
    let name = private_name();
    let first = wal(&name)?;
    first.execute_batch("INSERT INTO t VALUES ('n', 0)")?;
    thread::scope(|scope| {
        let threads = [open(&name)?, open(&name)?, open(&name)?].map(|connection| {
            scope.spawn(move || {
                (0..scaled(200))
                    .try_for_each(|_| connection.execute_batch("UPDATE t SET value = value + 1"))
            })
        });
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })?;
    assert_eq!(int(&first, "SELECT value FROM t")?, 3 * scaled(200));
    Ok(())
}

#[test]
fn checkpoints_go_around_readers_and_truncate_without_them() -> Result<()> {
    // A reader's snapshot holds a checkpoint back and is never pulled from under it; then the WAL's
    // memory is given back.
    let name = private_name();
    let (writer, reader) = (wal(&name)?, open(&name)?);
    writer.busy_timeout(Duration::ZERO)?;
    fill(&writer, 100, 1000)?;
    reader.execute_batch("BEGIN")?;
    count(&reader)?;
    writer.execute_batch("UPDATE t SET value = zeroblob(1000)")?;
    let (busy, frames, copied) = checkpoint(&writer, "PASSIVE")?;
    assert!(busy == 0 && 0 < copied && copied < frames);
    assert_eq!(checkpoint(&writer, "TRUNCATE")?.0, 1);
    assert_eq!(int(&reader, "SELECT count(*) FROM t WHERE value = zeroblob(1000)")?, 0);
    reader.execute_batch("COMMIT")?;
    assert_eq!(checkpoint(&writer, "TRUNCATE")?, (0, 0, 0));
    assert_eq!(int(&reader, "SELECT count(*) FROM t WHERE value = zeroblob(1000)")?, 100);
    assert_sound(&reader)
}

#[test]
fn a_rollback_journal_works_too() -> Result<()> {
    // Faults are also injected below stores that are not in WAL mode, and changing the mode uses
    // the whole lock ladder.
    let name = private_name();
    let (a, b) = (wal(&name)?, open(&name)?);
    fill(&a, 50, 2000)?;
    drop(b);
    for mode in ["delete", "truncate", "persist"] {
        assert_eq!(journal_mode(&a, mode)?, mode);
        let b = open(&name)?;
        b.busy_timeout(Duration::ZERO)?;
        b.execute_batch("BEGIN")?;
        count(&b)?;
        a.busy_timeout(Duration::ZERO)?;
        assert!(is_busy(a.execute_batch("DELETE FROM t WHERE key = 1")));
        b.execute_batch("COMMIT")?;
        a.execute_batch("BEGIN; DELETE FROM t; ROLLBACK")?;
        assert_eq!(count(&b)?, 50);
        assert_sound(&b)?;
    }
    Ok(())
}

#[test]
fn rollbacks_and_savepoints_undo_what_they_should() -> Result<()> {
    // A cache of ten pages spills into the WAL in mid-transaction; what was spilled must be undone
    // as well.
    let writer = wal(&private_name())?;
    writer.execute_batch("PRAGMA cache_size = 10; INSERT INTO t VALUES (0, 'kept')")?;
    writer.execute_batch("BEGIN; SAVEPOINT a")?;
    fill(&writer, 500, 2000)?;
    writer.execute_batch("SAVEPOINT b; DELETE FROM t; ROLLBACK TO b")?;
    assert_eq!(count(&writer)?, 501);
    writer.execute_batch("ROLLBACK TO a; INSERT INTO t VALUES (-1, 'kept'); COMMIT")?;
    assert_eq!(count(&writer)?, 2);
    writer.execute_batch("BEGIN")?;
    fill(&writer, 500, 2000)?;
    writer.execute_batch("ROLLBACK")?;
    assert_eq!(count(&writer)?, 2);
    assert_sound(&writer)
}

#[test]
fn a_large_database_grows_sorts_and_shrinks() -> Result<()> {
    // Values over many chunks, temporary files for a sort and for VACUUM, and a file that gets
    // shorter.
    let writer = wal(&private_name())?;
    writer.execute_batch("PRAGMA cache_size = 100; PRAGMA temp_store = file")?;
    let rows = scaled(1000);
    fill(&writer, rows, 100_000)?;
    writer.execute_batch("INSERT INTO t VALUES ('big', zeroblob(20000000))")?;
    assert_eq!(int(&writer, "SELECT sum(length(value)) FROM t")?, rows * 100_000 + 20_000_000);
    writer.execute_batch("CREATE TEMP TABLE s AS SELECT * FROM t ORDER BY substr(value, 5)")?;
    assert_eq!(int(&writer, "SELECT count(*) FROM s")?, rows + 1);
    assert_sound(&writer)?;
    let before = int(&writer, "PRAGMA page_count")?;
    writer.execute_batch("DELETE FROM t WHERE key > 10; VACUUM")?;
    checkpoint(&writer, "TRUNCATE")?;
    assert!(int(&writer, "PRAGMA page_count")? < before / 5);
    assert_sound(&writer)
}

#[test]
fn memory_is_freed_when_the_last_connection_closes() -> Result<()> {
    // A process that opens private stores all day must not grow, whatever mode they were in and
    // however they were closed.
    for round in 0..100 {
        let name = private_name();
        let (writer, reader) = (wal(&name)?, open(&name)?);
        if round % 3 == 1 {
            journal_mode(&writer, "persist")?;
        }
        fill(&writer, 16, 65_536)?;
        assert_eq!(count(&reader)?, 16);
        if round % 3 == 2 {
            let keep_wal = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
            writer.set_db_config(keep_wal, true)?;
            reader.set_db_config(keep_wal, true)?;
        }
        let files = [name.clone(), format!("{name}-wal"), format!("{name}-journal")];
        let alive: Vec<_> = files.iter().filter_map(|file| watch(file)).collect();
        assert_eq!(alive.len(), 2);
        drop(writer);
        assert_eq!(count(&reader)?, 16);
        drop(reader);
        assert!(files.iter().all(|file| watch(file).is_none()));
        assert!(alive.iter().all(|node| node.strong_count() == 0));
    }
    Ok(())
}

#[test]
fn commits_left_in_the_wal_outlive_their_writer() -> Result<()> {
    // A writer that closes without a checkpoint, beside a connection that has not read anything
    // yet.
    let name = private_name();
    let (writer, other) = (wal(&name)?, open(&name)?);
    writer.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    fill(&writer, 20, 5000)?;
    drop(writer);
    assert_eq!(count(&other)?, 20);
    assert_sound(&other)
}

#[test]
fn a_name_that_is_not_private_is_refused() -> Result<()> {
    // VACUUM INTO and ATTACH use the connection's VFS: a "backup" into memory that vanishes at
    // close would be data loss.
    let writer = wal(&private_name())?;
    assert!(writer.execute_batch("VACUUM INTO '/a/backup.db'").is_err());
    assert!(writer.execute_batch("ATTACH '/a/other.db' AS other").is_err());
    writer.execute_batch("ATTACH ':memory:' AS scratch; DETACH scratch")?;
    let sql = format!("VACUUM INTO '{}'", private_name());
    writer.execute_batch(&sql)
}

#[test]
fn a_transaction_over_two_databases_is_atomic() -> Result<()> {
    // With rollback journals SQLite writes a super-journal beside the first database; it is of that
    // database's family.
    let (first, second) = (private_name(), private_name());
    let writer = open(&first)?;
    writer.execute_batch(&format!("ATTACH '{second}' AS b"))?;
    writer.execute_batch(
        "PRAGMA b.journal_mode = delete; CREATE TABLE t(key); CREATE TABLE b.u(key)",
    )?;
    writer.execute_batch("BEGIN; INSERT INTO t VALUES (1); INSERT INTO u VALUES (1); COMMIT")?;
    writer.execute_batch("BEGIN; INSERT INTO t VALUES (2); INSERT INTO u VALUES (2); ROLLBACK")?;
    assert_eq!(int(&writer, "SELECT count(*) FROM t, u")?, 1);
    drop(writer);
    assert!(watch(&first).is_none() && watch(&second).is_none());
    Ok(())
}
