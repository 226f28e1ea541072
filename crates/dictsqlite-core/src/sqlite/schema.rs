//! What is in the file besides the users' rows: identity, format, the operation counter, and which
//! tables there are. `docs/format.md` describes it for readers of the file.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::fault;
use super::table::{Record, quoted};
use crate::error::{Error, ErrorKind, Result};
use crate::types::StorageMode;

/// `PRAGMA application_id` of our files: "dict" in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x6469_6374;
/// The newest format this release reads and writes.
pub(super) const FORMAT: i64 = 1;

const CREATE: &str =
    "CREATE TABLE _dictsqlite(name TEXT PRIMARY KEY NOT NULL, value) WITHOUT ROWID";
const TABLE_PREFIX: &str = "table:";
const MAX_NAME_BYTES: usize = 255;

/// What the file records of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Recorded {
    physical: String,
    codec: String,
    /// Absent in files of the first releases.
    #[serde(default)]
    created: i64,
    /// Room for what later formats record; read, so that a newer file is not misunderstood.
    #[serde(default)]
    changes: bool,
    #[serde(default)]
    nesting: bool,
}

/// Whose file it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// Nothing in it yet.
    Empty,
    /// Ours, of a format we know.
    Ours,
    /// An SQLite database of something else.
    Foreign,
    /// A file of DictSQLite 1.x or 2.x/4.x.
    Earlier,
}

/// Finds out whose file it is; newer formats are refused here.
pub(super) fn identify(c: &Connection) -> Result<Identity> {
    let fail = |e| fault::error(&e, "opening");
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table'";
    let mut statement = c.prepare(names).map_err(fail)?;
    let names = statement.query_map([], |row| row.get::<_, String>(0)).map_err(fail)?;
    let names = names.collect::<rusqlite::Result<Vec<_>>>().map_err(fail)?;
    if names.iter().any(|name| name == "_dictsqlite") {
        let format: Option<i64> = read_number(c, "format").map_err(fail)?;
        return match format {
            Some(format) if format <= FORMAT => Ok(Identity::Ours),
            Some(format) => Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the file has format {format} and this release reads up to {FORMAT}; \
                     install a newer dictsqlite"
                ),
            )),
            None => Err(Error::new(ErrorKind::Corrupt, "the file does not record its format")),
        };
    }
    if names.is_empty() {
        let id: i32 = c.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(fail)?;
        return Ok(if id == 0 || id == APPLICATION_ID {
            Identity::Empty
        } else {
            Identity::Foreign
        });
    }
    let earlier = names.iter().any(|name| is_earlier_table(c, name));
    Ok(if earlier { Identity::Earlier } else { Identity::Foreign })
}

/// The tables of earlier DictSQLite releases: `kv_store` or `kv_<name>` with tiers, or
/// `(key TEXT PRIMARY KEY, value TEXT)`.
fn is_earlier_table(c: &Connection, name: &str) -> bool {
    let columns = || -> rusqlite::Result<Vec<(String, String)>> {
        c.prepare("SELECT name, type FROM pragma_table_info(?1)")?
            .query_map([name], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    };
    let columns = columns().unwrap_or_default();
    let columns: Vec<_> = columns.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    match columns.as_slice() {
        [("key", "TEXT"), ("value", "BLOB"), ..] => name.starts_with("kv_"),
        [("key", "TEXT"), ("value", "TEXT")] => true,
        _ => false,
    }
}

/// Makes the file ours. Called inside a write transaction.
pub(super) fn create(c: &Connection, set_application_id: bool) -> rusqlite::Result<()> {
    c.execute_batch(CREATE)?;
    c.execute(
        "INSERT INTO _dictsqlite VALUES('format', ?1), ('counter', 0), ('synced', 0)",
        [FORMAT],
    )?;
    if set_application_id {
        c.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    Ok(())
}

pub(super) fn read_number(c: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    c.prepare_cached("SELECT value FROM _dictsqlite WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

pub(super) fn write_number(c: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT INTO _dictsqlite VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET value = ?2",
    )?
    .execute(params![name, value])
    .map(|_| ())
}

/// What the file records of a table, if it has it.
pub(super) fn find_table(c: &Connection, name: &str) -> Result<Option<Record>> {
    let text: Option<String> = c
        .prepare_cached("SELECT value FROM _dictsqlite WHERE name = ?1")
        .and_then(|mut s| {
            s.query_row([format!("{TABLE_PREFIX}{name}")], |row| row.get(0)).optional()
        })
        .map_err(|e| fault::error(&e, "looking a table up"))?;
    text.map(|text| parse(name, &text)).transpose()
}

pub(super) fn parse(name: &str, text: &str) -> Result<Record> {
    let corrupt = |why: String| {
        Error::new(ErrorKind::Corrupt, format!("the record of table {name:?} is damaged: {why}"))
    };
    let recorded: Recorded = serde_json::from_str(text).map_err(|e| corrupt(e.to_string()))?;
    let storage = recorded.codec.parse().map_err(|e: Error| corrupt(e.to_string()))?;
    Ok(Record { physical: recorded.physical, storage, created: recorded.created })
}

/// Names and codecs of all tables, in the order of their names.
pub(super) fn list_tables(c: &Connection) -> Result<Vec<(String, StorageMode)>> {
    let rows = c
        .prepare_cached(
            "SELECT substr(name, 7), value FROM _dictsqlite WHERE name >= 'table:' AND name < 'table;'",
        )
        .and_then(|mut s| {
            s.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?
                .collect::<rusqlite::Result<Vec<_>>>()
        })
        .map_err(|e| fault::error(&e, "listing tables"))?;
    rows.into_iter()
        .map(|(name, text)| parse(&name, &text).map(|record| (name, record.storage)))
        .collect()
}

/// Refuses table names that cannot be one.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains('\0') {
        return Err(Error::invalid(format!(
            "{:?} is no table name; it must have 1 to {MAX_NAME_BYTES} bytes and no NUL",
            name.chars().take(40).collect::<String>()
        )));
    }
    Ok(())
}

/// Makes a table and records it, as made by operation `created`. Called inside a write transaction.
pub(super) fn create_table(
    c: &Connection,
    name: &str,
    storage: StorageMode,
    created: i64,
) -> rusqlite::Result<Record> {
    let physical = free_name(c, name)?;
    let (table, index) = (quoted(&physical), quoted(&format!("_dictsqlite_expires_{physical}")));
    c.execute_batch(&format!(
        "CREATE TABLE {table}(id INTEGER PRIMARY KEY, key NOT NULL UNIQUE, value, \
         version INTEGER NOT NULL DEFAULT 0, expires_at INTEGER); \
         CREATE INDEX {index} ON {table}(expires_at) WHERE expires_at IS NOT NULL"
    ))?;
    let recorded = Recorded {
        physical,
        codec: storage.name().to_owned(),
        created,
        changes: false,
        nesting: false,
    };
    let text = serde_json::to_string(&recorded).unwrap_or_default();
    c.execute(
        "INSERT INTO _dictsqlite VALUES(?1, ?2)",
        params![format!("{TABLE_PREFIX}{name}"), text],
    )?;
    Ok(Record { physical: recorded.physical, storage, created })
}

/// Removes a table and its record. Called inside a write transaction.
pub(super) fn drop_table(c: &Connection, name: &str, physical: &str) -> rusqlite::Result<()> {
    c.execute_batch(&format!("DROP TABLE IF EXISTS {}", quoted(physical)))?;
    c.execute("DELETE FROM _dictsqlite WHERE name = ?1", [format!("{TABLE_PREFIX}{name}")])?;
    Ok(())
}

/// The name itself, unless SQLite reserves it or folds it with one that exists.
fn free_name(c: &Connection, name: &str) -> rusqlite::Result<String> {
    let lower = name.to_ascii_lowercase();
    let reserved = lower.starts_with("sqlite_") || lower.starts_with("_dictsqlite");
    let mut taken =
        c.prepare_cached("SELECT 1 FROM sqlite_schema WHERE lower(name) = lower(?1)")?;
    let mut candidate = if reserved { "t1".to_owned() } else { name.to_owned() };
    for n in 1.. {
        if !taken.exists([&candidate])? {
            break;
        }
        candidate = format!("t{n}");
    }
    Ok(candidate)
}
