//! Looking at a file without opening it as a store: whose it is, what is in it, whether it is sound.
//! Nothing is converted, created in it or kept open; for people who ask what is wrong with a file.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde::Serialize;

use super::fault;
use super::schema::{self, FORMAT, Identity};
use super::table::quoted;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::types::StorageMode;
use crate::vfs::{self, fork, ground, ground::Ground};

/// Problems that [`inspect`] lists at most.
const MOST_PROBLEMS: usize = 20;

/// How a file is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Reads the database file alone: no lock, no log, no shared memory is touched or made. Right only
    /// while nobody writes and the log is empty.
    pub still: bool,
    /// Counts the entries of every table.
    pub counts: bool,
    /// Reads all of it and lists what is damaged, 20 problems at most.
    pub sound: bool,
    /// How long another connection's lock is waited for.
    pub timeout: Duration,
}

/// What [`inspect`] finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// `ours`, `newer` (a format this release does not read), `empty`, `earlier` (a file of a
    /// DictSQLite release before this format), or `foreign`.
    pub kind: &'static str,
    /// The format the file records, if it is ours.
    pub format: Option<i64>,
    /// The newest format this release reads.
    pub reads_format: i64,
    /// The number of the last operation, if it is ours.
    pub counter: Option<i64>,
    /// Bytes of a page.
    pub page_bytes: i64,
    /// Pages of the database.
    pub pages: i64,
    /// Those of them that hold nothing.
    pub free_pages: i64,
    /// The tables, in the order of their names; none unless the file is ours.
    pub tables: Vec<TableFacts>,
    /// What is damaged, as SQLite says it; empty when nothing is or was not asked.
    pub problems: Vec<String>,
}

/// One table of a file; its counts only where they were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableFacts {
    /// Its name.
    pub name: String,
    /// Its name in SQLite.
    pub physical: String,
    /// Its codec.
    pub codec: &'static str,
    /// Entries that are alive.
    pub entries: Option<i64>,
    /// Those of them that expire some day.
    pub expiring: Option<i64>,
    /// Rows that have expired and were not swept yet.
    pub expired: Option<i64>,
}

/// The processes that use a file, each as `process 123 (name)`; this one is left out. Empty where the
/// operating system does not tell: it does on Linux, of processes that this one may look into.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Users {
    /// Those that hold the write lock.
    pub writing: Vec<String>,
    /// Those that are inside a read transaction, or hold a lock on the database itself.
    pub reading: Vec<String>,
    /// Those that have the file open.
    pub connected: Vec<String>,
}

/// Who uses the database at `path`.
pub fn users(path: &Path) -> Users {
    let (writing, reading, connected) = super::holder::users(path);
    Users { writing, reading, connected }
}

/// What `path` is on: `local`; `doubtful`, where nothing is cached since others may change files
/// unseen; or the name of a network drive, where opening is refused.
pub fn ground_of(path: &Path) -> &'static str {
    match ground::of(path) {
        Ground::Local => "local",
        Ground::Doubtful => "doubtful",
        Ground::Network(name) => name,
    }
}

/// Looks at the SQLite database at `path`, which is never changed. (Unless `still` is asked for, SQLite
/// may make its shared memory and an empty log beside it, as for any reader.)
///
/// # Errors
/// `Corrupt` for damage that keeps it from being read at all, or no SQLite database; `Busy` when a
/// lock did not come in time; `Io`.
pub fn inspect(path: &Path, look: &Look) -> Result<Inspection> {
    fork::watch();
    vfs::install_locks();
    let _pass = fork::enter();
    let fail = |e: &rusqlite::Error| fault::error(e, &format!("reading {}", path.display()));
    let connection = connect(path, look).map_err(|e| fail(&e))?;
    let number = |pragma: &str| -> Result<i64> {
        let sql = format!("PRAGMA {pragma}");
        connection.query_row(&sql, [], |row| row.get(0)).map_err(|e| fail(&e))
    };
    let (kind, format) = kind_of(&connection)?;
    let ours = kind == "ours";
    Ok(Inspection {
        kind,
        format,
        reads_format: FORMAT,
        counter: if ours {
            schema::read_number(&connection, "counter").map_err(|e| fail(&e))?
        } else {
            None
        },
        page_bytes: number("page_size")?,
        pages: number("page_count")?,
        free_pages: number("freelist_count")?,
        tables: if ours { tables(&connection, look.counts)? } else { Vec::new() },
        problems: if look.sound {
            problems(&connection).map_err(|e| fail(&e))?
        } else {
            Vec::new()
        },
    })
}

fn connect(path: &Path, look: &Look) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = if look.still {
        Connection::open_with_flags(immutable(path), flags | OpenFlags::SQLITE_OPEN_URI)?
    } else {
        Connection::open_with_flags(path, flags)?
    };
    connection.busy_timeout(look.timeout)?;
    Ok(connection)
}

/// The path as a URI that tells SQLite that nobody changes the file.
fn immutable(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri + "?immutable=1"
}

fn kind_of(connection: &Connection) -> Result<(&'static str, Option<i64>)> {
    let format = || schema::read_number(connection, "format").ok().flatten();
    match schema::identify(connection) {
        Ok(Identity::Ours) => Ok(("ours", format())),
        Ok(Identity::Empty) => Ok(("empty", None)),
        Ok(Identity::Foreign) => Ok(("foreign", None)),
        Ok(Identity::Earlier) => Ok(("earlier", None)),
        Err(e) if e.kind() == ErrorKind::Unsupported => Ok(("newer", format())),
        Err(e) => Err(e),
    }
}

/// Every table with its counts.
fn tables(connection: &Connection, counts: bool) -> Result<Vec<TableFacts>> {
    let now = counts.then(|| SystemClock.now_ms());
    let names = schema::list_tables(connection)?;
    names.into_iter().map(|(name, codec)| facts(connection, name, codec, now)).collect()
}

fn facts(
    connection: &Connection,
    name: String,
    codec: StorageMode,
    now: Option<i64>,
) -> Result<TableFacts> {
    let damaged = |why: &str| {
        Error::new(ErrorKind::Corrupt, format!("the record of table {name:?} is damaged: {why}"))
    };
    let record = schema::find_table(connection, &name)?.ok_or_else(|| damaged("it is gone"))?;
    let table = quoted(&record.physical);
    let count = |condition: &str| -> Result<i64> {
        let sql = format!("SELECT count(*) FROM {table} {condition}");
        let counted = connection.query_row(&sql, [], |row| row.get::<_, i64>(0));
        counted.map_err(|e| match fault::error(&e, &format!("counting the table {name:?}")) {
            missing if missing.kind() == ErrorKind::Closed => damaged("SQLite has no such table"),
            other => other,
        })
    };
    let (mut entries, mut expiring, mut expired) = (None, None, None);
    if let Some(now) = now {
        let gone = count(&format!("WHERE expires_at <= {now}"))?;
        entries = Some(count("")? - gone);
        expiring = Some(count("WHERE expires_at IS NOT NULL")? - gone);
        expired = Some(gone);
    }
    let physical = record.physical;
    Ok(TableFacts { name, physical, codec: codec.name(), entries, expiring, expired })
}

/// What SQLite finds wrong, without comparing indexes with their tables.
fn problems(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA quick_check({MOST_PROBLEMS})"))?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut found = Vec::new();
    for line in lines {
        match line {
            Ok(line) if line == "ok" => {}
            Ok(line) => found.extend(line.lines().map(str::to_owned)),
            // Some damage ends the check itself.
            Err(e) if !found.is_empty() => found.push(e.to_string()),
            Err(e) => return Err(e),
        }
    }
    found.truncate(MOST_PROBLEMS);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dict, Options, Ttl};

    fn store(dir: &Path) -> std::path::PathBuf {
        let path = dir.join("odd %?#name.db");
        let options = Options { storage_mode: StorageMode::Json, ..Options::default() };
        let dict = Dict::open(&path, &options).expect("it opens");
        for n in 0..10 {
            dict.set(n, b"1").expect("set");
        }
        let soon = Ttl::After(Duration::from_secs(1000));
        dict.set_with_ttl("later", b"2", soon).expect("set");
        let other = dict.table("other", Some(StorageMode::Bytes)).expect("a table");
        other.set("k", b"v").expect("set");
        other.close().expect("closed");
        dict.close().expect("closed");
        path
    }

    #[test]
    fn a_file_is_told_with_its_tables_and_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = store(dir.path());
        let before = std::fs::read(&path).expect("it is there");
        let look = Look { still: true, counts: true, sound: true, timeout: Duration::ZERO };
        let found = inspect(&path, &look).expect("it is read");
        assert_eq!((found.kind, found.format, found.counter), ("ours", Some(1), Some(14)));
        assert_eq!(found.problems, Vec::<String>::new());
        let told: Vec<_> =
            found.tables.iter().map(|t| (&*t.name, t.codec, t.entries, t.expiring)).collect();
        let expected = [("main", "json", Some(11), Some(1)), ("other", "bytes", Some(1), Some(0))];
        assert_eq!(told, expected);
        assert_eq!(std::fs::read(&path).expect("still there"), before);
        let names = std::fs::read_dir(dir.path()).expect("a directory").count();
        assert_eq!(names, 1, "something was made beside it");
        // The same beside a writer.
        let dict =
            Dict::open(&path, &Options { storage_mode: StorageMode::Json, ..Options::default() });
        let dict = dict.expect("it opens");
        dict.set("new", b"1").expect("set");
        dict.flush().expect("flushed");
        let found = inspect(&path, &Look { still: false, ..look }).expect("it is read");
        assert_eq!(found.tables[0].entries, Some(12));
    }

    #[test]
    fn what_is_no_store_is_told_apart() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.db");
        let look = Look { timeout: Duration::ZERO, ..Look::default() };
        std::fs::write(&path, b"").expect("written");
        assert_eq!(inspect(&path, &look).expect("read").kind, "empty");
        let sql = |text: &str| {
            let connection = Connection::open(&path).expect("SQLite");
            connection.execute_batch(text).expect("SQL");
        };
        sql("CREATE TABLE x(y)");
        assert_eq!(inspect(&path, &look).expect("read").kind, "foreign");
        sql("CREATE TABLE kv_store(key TEXT PRIMARY KEY, value BLOB)");
        assert_eq!(inspect(&path, &look).expect("read").kind, "earlier");
        std::fs::write(&path, b"no database at all".repeat(100)).expect("written");
        assert_eq!(inspect(&path, &look).expect_err("refused").kind(), ErrorKind::Corrupt);
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(inspect(&path, &look).expect_err("refused").kind(), ErrorKind::Io);
        assert!(!path.exists());
    }
}
