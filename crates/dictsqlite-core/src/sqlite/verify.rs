//! What must hold of a file: SQLite's own structure, and what we rely on beyond it.

use rusqlite::{Connection, OptionalExtension};

use super::fault;
use super::schema;
use super::streams;
use super::table::{LAST_NUMBER, quoted};
use crate::error::{ErrorKind, Result};
use crate::types::StorageMode;

/// SQLite stops looking after so many problems.
const MOST: i64 = 100;

/// What is wrong, in words; empty when nothing is. Everything is of one moment.
pub(super) fn problems(c: &Connection) -> Result<Vec<String>> {
    let mut found = Vec::new();
    match look(c, &mut found) {
        Ok(()) => {}
        // What is damaged so badly that looking fails is a finding as well.
        Err(e) => {
            let error = fault::error(&e, "checking");
            if error.kind() != ErrorKind::Corrupt {
                return Err(error);
            }
            found.push(error.message().to_owned());
        }
    }
    Ok(found)
}

fn look(c: &Connection, found: &mut Vec<String>) -> rusqlite::Result<()> {
    let begun = c.is_autocommit();
    if begun {
        c.execute_batch("BEGIN")?;
    }
    let result = structure(c, found).and_then(|()| contents(c, found));
    if begun {
        // Nothing was written.
        let _ = c.execute_batch("ROLLBACK");
    }
    result
}

fn structure(c: &Connection, found: &mut Vec<String>) -> rusqlite::Result<()> {
    let mut statement = c.prepare(&format!("PRAGMA integrity_check({MOST})"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            found.push(line);
        }
    }
    Ok(())
}

fn contents(c: &Connection, found: &mut Vec<String>) -> rusqlite::Result<()> {
    let there = |sql: &str, name: &str| c.prepare_cached(sql)?.exists([name]);
    const TABLE: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    const INDEX: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?1";
    if !there(TABLE, "_dictsqlite")? {
        found.push("there is no table _dictsqlite: this is no store of dictsqlite".to_owned());
        return Ok(());
    }
    let number = |name: &str| -> rusqlite::Result<Option<rusqlite::types::Value>> {
        let sql = "SELECT value FROM _dictsqlite WHERE name = ?1";
        c.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()
    };
    use rusqlite::types::Value::Integer;
    match number("format")? {
        Some(Integer(n)) if (1..=schema::FORMAT).contains(&n) => {}
        other => found.push(format!("the format is {}", shown(other))),
    }
    let counter = match number("counter")? {
        Some(Integer(n)) if (0..=LAST_NUMBER).contains(&n) => n,
        other => {
            found.push(format!("the operation counter is {}", shown(other)));
            i64::MAX
        }
    };
    let records = "SELECT substr(name, 7), value FROM _dictsqlite WHERE name LIKE 'table:%'";
    let records = c
        .prepare(records)?
        .query_map([], |row| {
            let text: rusqlite::types::Value = row.get(1)?;
            let rusqlite::types::Value::Text(text) = text else { return Ok((row.get(0)?, None)) };
            Ok((row.get::<_, String>(0)?, Some(text)))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for (name, text) in records {
        let record = match text.as_deref().map(|text| schema::parse(&name, text)) {
            Some(Ok(record)) => record,
            Some(Err(e)) => {
                found.push(e.message().to_owned());
                continue;
            }
            None => {
                found.push(format!("the record of table {name:?} is no text"));
                continue;
            }
        };
        if !there(TABLE, &record.physical)? {
            found.push(format!("table {name:?} is recorded and is not there"));
            continue;
        }
        if !there(INDEX, &format!("_dictsqlite_expires_{}", record.physical))? {
            found.push(format!("table {name:?} has lost its index of expiries"));
        }
        let rows = rows_of(c, &name, &record.physical, record.storage, counter, found);
        if let Err(e) = rows {
            let error = fault::error(&e, &format!("checking table {name:?}"));
            if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Io | ErrorKind::Busy) {
                return Err(e);
            }
            found.push(error.message().to_owned());
        }
    }
    Ok(())
}

fn rows_of(
    c: &Connection,
    name: &str,
    physical: &str,
    storage: StorageMode,
    counter: i64,
    found: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let table = quoted(physical);
    let streamed = storage == StorageMode::Bytes && streams::any(c)?;
    let readable = match storage {
        StorageMode::Bytes if streamed => {
            "typeof(value) IN ('blob', 'text') OR typeof(value) = 'integer' \
             AND value IN (SELECT stream FROM _dictsqlite_streams)"
        }
        StorageMode::Bytes => "typeof(value) IN ('blob', 'text')",
        StorageMode::Pickle => "typeof(value) = 'blob'",
        StorageMode::Json => {
            "typeof(value) <> 'blob' AND (typeof(value) <> 'text' OR json_valid(value))"
        }
        StorageMode::Jsonb => "typeof(value) <> 'blob' OR json_valid(value, 8)",
    };
    let (newest, place, unreadable, keyless): (i64, i64, i64, i64) = c.query_row(
        &format!(
            "SELECT ifnull(max(CAST(version AS INTEGER)), 0), \
             ifnull(max(CASE WHEN version > 0 AND id <= {LAST_NUMBER} THEN id END), 0), \
             count(*) FILTER (WHERE NOT ({readable})), \
             count(*) FILTER (WHERE typeof(key) NOT IN ('integer', 'text', 'blob')) FROM {table}"
        ),
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    if newest > counter {
        found.push(format!(
            "table {name:?} has version {newest}, beyond the operation counter, which is {counter}"
        ));
    }
    if place > counter {
        found.push(format!(
            "table {name:?} has id {place}, beyond the operation counter, which is {counter}"
        ));
    }
    if unreadable > 0 {
        found.push(format!("table {name:?} has {unreadable} values that are no {storage} data"));
    }
    if keyless > 0 {
        found.push(format!("table {name:?} has {keyless} keys of a type that no key has"));
    }
    Ok(())
}

fn shown(value: Option<rusqlite::types::Value>) -> String {
    match value {
        None => "missing".to_owned(),
        Some(rusqlite::types::Value::Integer(n)) => format!("{n}, which cannot be"),
        Some(other) => format!("no number but {}", other.data_type()),
    }
}
