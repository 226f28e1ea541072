//! The change log from the readers' side: a page of changes, and which keys were changed.

use std::sync::Arc;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension, Row, params_from_iter};

use super::fault;
use super::logging::REMOVED;
use super::read::{Bind, Reader, error_of, read_key};
use super::schema;
use crate::error::Result;
use crate::types::{
    Change, ChangeKind, Key, KeyBuf, PackedKey, SqlKey, StorageMode, Value, is_of_prefix_type,
    pack_stored, prefix_bounds, unpack,
};
use crate::vfs::fork;

/// Rows looked at by one page at most, where not all of them are wanted.
const LOOKED_AT: i64 = 16 * 1024;

/// What of the log is wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogFilter {
    pub(crate) tables: Option<Vec<String>>,
    prefix: Option<(Key, KeyBuf, Option<KeyBuf>)>,
}

impl LogFilter {
    pub(crate) fn new(tables: Option<Vec<String>>, prefix: Option<Key>) -> Result<Self> {
        let bounds = |prefix: Key| {
            let (start, end) = prefix_bounds(0, &prefix)?;
            Ok((prefix, start, end))
        };
        Ok(Self { tables, prefix: prefix.map(bounds).transpose()? })
    }

    fn admits(&self, key: &Key) -> bool {
        self.prefix.as_ref().is_none_or(|(prefix, ..)| is_of_prefix_type(prefix, key))
    }

    fn is_everything(&self) -> bool {
        self.tables.is_none() && self.prefix.is_none()
    }

    /// The conditions beyond the range of numbers, and their parameters.
    fn conditions(&self, parameters: &mut Vec<Parameter>) -> String {
        let mut sql = String::new();
        let mut next = |parameter| {
            parameters.push(parameter);
            format!("?{}", parameters.len())
        };
        if let Some(tables) = &self.tables {
            let names: Vec<_> =
                tables.iter().map(|name| next(Parameter::Text(name.clone()))).collect();
            sql += &format!(" AND \"table\" IN ({})", names.join(", "));
        }
        if let Some((_, start, end)) = &self.prefix {
            sql += &format!(" AND key >= {}", next(Parameter::Key(start.clone())));
            if let Some(end) = end {
                sql += &format!(" AND key < {}", next(Parameter::Key(end.clone())));
            }
        }
        sql
    }
}

enum Parameter {
    Int(i64),
    Text(String),
    Key(KeyBuf),
}

impl ToSql for Parameter {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Parameter::Int(i) => i.to_sql(),
            Parameter::Text(s) => s.to_sql(),
            Parameter::Key(key) => Ok(Bind(key).output()),
        }
    }
}

/// What is known of the log as a whole.
#[derive(Debug)]
pub(crate) struct LogState {
    /// The last number that was given to an operation.
    pub(crate) last: i64,
    /// The highest number that was removed from the log.
    pub(crate) removed: i64,
    /// Names of the tables that keep one.
    pub(crate) tables: Vec<String>,
}

/// A part of the log.
#[derive(Debug, Default)]
pub(crate) struct LogPage<T> {
    pub(crate) found: Vec<T>,
    /// Everything up to this number was looked at.
    pub(crate) seen: i64,
    /// There is more to look at.
    pub(crate) more: bool,
    /// The highest number that was removed from the log.
    pub(crate) removed: i64,
}

impl Reader {
    /// What is known of the log; to be called in a read transaction.
    pub(crate) fn log_state(&self) -> Result<LogState> {
        let _pass = fork::enter();
        let tables = schema::list_logged(&self.connection)?;
        let look = || -> rusqlite::Result<(i64, i64)> {
            let number = |name: &str| schema::read_number(&self.connection, name);
            Ok((number("counter")?.unwrap_or(0), number(REMOVED)?.unwrap_or(0)))
        };
        let (last, removed) = look().map_err(|e| fault::error(&e, "reading the change log"))?;
        Ok(LogState { last: last.max(removed), removed, tables })
    }

    /// The next changes behind number `after`; to be called in a read transaction.
    pub(crate) fn changes(
        &self,
        filter: &LogFilter,
        after: i64,
        (rows, bytes): (usize, usize),
    ) -> Result<LogPage<Change>> {
        let _pass = fork::enter();
        // What cannot be JSONB any more (another tool wrote it) is given as it is.
        let value = |column: &str| {
            format!(
                "CASE WHEN codec = 'jsonb' AND json_valid({column}, 10) THEN json({column}) \
                 ELSE {column} END"
            )
        };
        let columns = format!(
            "seq, key, kind, \"table\", codec, {}, {}, expires_at, at",
            value("old"),
            value("new")
        );
        let (mut size, mut name) = (0, Arc::<str>::from(""));
        self.walk(filter, after, rows, &columns, |row, page| {
            let key = key_of(row)?;
            if !filter.admits(&key) {
                return Ok(true);
            }
            let change = change_of(row, key, &mut name)?;
            size +=
                [&change.old, &change.new].into_iter().flatten().map(|v| v.len()).sum::<usize>();
            page.push(change);
            Ok(size < bytes)
        })
    }

    /// The next `most` keys, at most, that were changed behind number `after`, each once; to be called
    /// in a read transaction.
    pub(crate) fn changed_keys(
        &self,
        filter: &LogFilter,
        after: i64,
        table: u32,
        most: usize,
    ) -> Result<LogPage<PackedKey>> {
        let _pass = fork::enter();
        let mut known = std::collections::HashSet::new();
        self.walk(filter, after, usize::MAX, "seq, key", |row, page| {
            let key = key_of(row)?;
            if filter.admits(&key) {
                let packed = PackedKey::from(&read_key(table, row.get_ref(1)?)?[..]);
                if known.insert(Arc::clone(&packed)) {
                    page.push(packed);
                }
            }
            Ok(page.len() < most)
        })
    }

    /// Hands rows to `f` until it has enough.
    fn walk<T>(
        &self,
        filter: &LogFilter,
        after: i64,
        most: usize,
        columns: &str,
        mut f: impl FnMut(&Row<'_>, &mut Vec<T>) -> rusqlite::Result<bool>,
    ) -> Result<LogPage<T>> {
        let mut go = || -> rusqlite::Result<LogPage<T>> {
            let c = &self.connection;
            let removed = schema::read_number(c, REMOVED)?.unwrap_or(0);
            let mut page = LogPage { found: Vec::new(), seen: after, more: false, removed };
            let mut parameters = vec![Parameter::Int(after)];
            let mut conditions = filter.conditions(&mut parameters);
            let end: Option<i64> = if filter.is_everything() {
                None
            } else {
                c.prepare_cached(
                    "SELECT max(seq), count(*) FROM (SELECT seq FROM _dictsqlite_changes \
                     WHERE seq > ?1 ORDER BY seq LIMIT ?2)",
                )?
                .query_row([after, LOOKED_AT], |row| {
                    page.more = row.get::<_, i64>(1)? == LOOKED_AT;
                    row.get(0)
                })
                .optional()?
                .flatten()
            };
            if let Some(end) = end {
                parameters.push(Parameter::Int(end));
                conditions += &format!(" AND seq <= ?{}", parameters.len());
            }
            parameters.push(Parameter::Int(i64::try_from(most).unwrap_or(i64::MAX)));
            let sql = format!(
                "SELECT {columns} FROM _dictsqlite_changes WHERE seq > ?1{conditions} \
                 ORDER BY seq LIMIT ?{}",
                parameters.len()
            );
            let mut statement = c.prepare_cached(&sql)?;
            let mut rows = statement.query(params_from_iter(parameters))?;
            let (mut count, mut enough) = (0, false);
            while let Some(row) = rows.next()? {
                page.seen = row.get(0)?;
                count += 1;
                if !f(row, &mut page.found)? {
                    enough = true;
                    break;
                }
            }
            if enough || count == most {
                page.more = true;
            } else if let Some(end) = end {
                page.seen = page.seen.max(end);
            }
            Ok(page)
        };
        go().map_err(|e| error_of(e, "reading the change log"))
    }
}

fn key_of(row: &Row<'_>) -> rusqlite::Result<Key> {
    // No trigger logs a key that is none; what else is in there must not end the stream.
    Ok(match row.get_ref(1)? {
        ValueRef::Null => unpack(&pack_stored(0, SqlKey::Blob(b""))),
        key => unpack(&read_key(0, key)?),
    })
}

fn change_of(row: &Row<'_>, key: Key, name: &mut Arc<str>) -> rusqlite::Result<Change> {
    let table = row.get_ref(3)?.as_str().unwrap_or_default();
    if **name != *table {
        *name = Arc::from(table);
    }
    let kind = row.get_ref(2)?.as_str().ok().and_then(|kind| kind.parse().ok());
    let storage = row.get_ref(4)?.as_str().ok().and_then(|codec| codec.parse().ok());
    Ok(Change {
        seq: row.get(0)?,
        kind: kind.unwrap_or(ChangeKind::Update),
        table: Arc::clone(name),
        storage: storage.unwrap_or(StorageMode::Bytes),
        key,
        old: value_of(row.get_ref(5)?),
        new: value_of(row.get_ref(6)?),
        expires_at: row.get::<_, Option<i64>>(7).unwrap_or(None),
        at: row.get(8).unwrap_or(0),
    })
}

/// A value as it was stored, even where the codec cannot have written it: to be told when it is
/// decoded, and not to end the stream.
fn value_of(value: ValueRef<'_>) -> Option<Value> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(i) => Some(Value::from(i.to_string().into_bytes())),
        ValueRef::Real(x) => Some(Value::from(x.to_string().into_bytes())),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(Value::from(bytes)),
    }
}
