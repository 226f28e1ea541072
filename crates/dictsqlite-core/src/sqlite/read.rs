//! A connection that reads.

use std::borrow::Cow;

use rusqlite::types::{FromSqlError, ToSql, ToSqlOutput, Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, Statement, StatementStatus};

use super::fault;
use super::open::Opener;
use super::page::{self, PageRequest};
use super::schema;
use super::streams;
use super::table::{Record, Table};
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Entry, KeyBuf, Page, SqlKey, StorageMode, Value, pack_stored, sql_key, unpack};
use crate::vfs::fork;

/// Page cache of a reader, in KiB.
const CACHE_KIB: i64 = 8 * 1024;

/// A packed key as an SQL parameter, bound in place.
pub(super) struct Bind<'a>(pub(super) &'a [u8]);

impl<'a> Bind<'a> {
    pub(super) fn output(&self) -> ToSqlOutput<'a> {
        ToSqlOutput::Borrowed(match sql_key(self.0) {
            SqlKey::Int(i) => ValueRef::Integer(i),
            SqlKey::Text(s) => ValueRef::Text(s),
            SqlKey::Blob(b) => ValueRef::Blob(b),
        })
    }
}

impl ToSql for Bind<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.output())
    }
}

/// A value as an SQL parameter: text for the JSON codecs, else a blob, bound in place.
pub(super) struct BindValue<'a>(pub(super) StorageMode, pub(super) &'a [u8]);

impl ToSql for BindValue<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            StorageMode::Json | StorageMode::Jsonb => ValueRef::Text(self.1),
            StorageMode::Bytes | StorageMode::Pickle => ValueRef::Blob(self.1),
        }))
    }
}

/// A key as it was stored.
pub(super) fn read_key(table: u32, value: ValueRef<'_>) -> rusqlite::Result<KeyBuf> {
    with_key(value, |key| pack_stored(table, key))
}

/// Hands a key as it was stored to `f`.
pub(super) fn with_key<T>(
    value: ValueRef<'_>,
    f: impl FnOnce(SqlKey<'_>) -> T,
) -> rusqlite::Result<T> {
    match value {
        ValueRef::Integer(i) => Ok(f(SqlKey::Int(i))),
        ValueRef::Text(s) => Ok(f(SqlKey::Text(s))),
        ValueRef::Blob(b) => Ok(f(SqlKey::Blob(b))),
        // Only another tool can have written such a key; its text form is the least surprising.
        ValueRef::Real(x) => Ok(f(SqlKey::Text(x.to_string().as_bytes()))),
        ValueRef::Null => Err(FromSqlError::InvalidType.into()),
    }
}

/// A value as it was stored, if the codec can have written it. What other tools wrote is taken
/// where its meaning is plain. `key` is the packed key.
pub(super) fn value_bytes<'a>(
    c: &Connection,
    table: &Table,
    value: ValueRef<'a>,
    key: &[u8],
) -> rusqlite::Result<Cow<'a, [u8]>> {
    let json = matches!(table.storage, StorageMode::Json | StorageMode::Jsonb);
    Ok(match value {
        ValueRef::Blob(b) if !json => Cow::Borrowed(b),
        ValueRef::Text(s) if json || table.storage == StorageMode::Bytes => Cow::Borrowed(s),
        ValueRef::Integer(i) if json => Cow::Owned(i.to_string().into_bytes()),
        ValueRef::Real(x) if json => Cow::Owned(x.to_string().into_bytes()),
        ValueRef::Null if json => Cow::Borrowed(&b"null"[..]),
        ValueRef::Integer(stream) if table.storage == StorageMode::Bytes => {
            Cow::Owned(streams::whole(c, stream, key)?)
        }
        other => return Err(of_another_tool(other.data_type(), table.storage, key)),
    })
}

/// True for a value that is stored in chunks.
pub(super) fn is_streamed(table: &Table, value: ValueRef<'_>) -> bool {
    matches!(value, ValueRef::Integer(_)) && table.storage == StorageMode::Bytes
}

/// The error of a value that the codec cannot have written.
pub(super) fn of_another_tool(stored: Type, storage: StorageMode, key: &[u8]) -> rusqlite::Error {
    refusal(
        Error::codec(format!(
            "the value is stored as {stored} and is not {storage} data; it was written by another tool"
        )),
        key,
    )
}

/// An error of ours about a row, on its way through rusqlite.
pub(super) fn refusal(error: Error, key: &[u8]) -> rusqlite::Error {
    FromSqlError::Other(Box::new(error.with_key(unpack(key)))).into()
}

/// The same, owned.
pub(super) fn read_value(
    c: &Connection,
    table: &Table,
    value: ValueRef<'_>,
    key: &[u8],
) -> rusqlite::Result<Value> {
    value_bytes(c, table, value, key).map(Value::from)
}

/// The error of a row that could be read but not understood, or SQLite's.
pub(super) fn error_of(e: rusqlite::Error, doing: &str) -> Error {
    use rusqlite::Error::{FromSqlConversionFailure, SqliteFailure};
    match e {
        FromSqlConversionFailure(_, _, inner) => match inner.downcast::<FromSqlError>() {
            Ok(from) => match *from {
                FromSqlError::Other(own) => match own.downcast::<Error>() {
                    Ok(own) => *own,
                    Err(other) => Error::codec(other.to_string()),
                },
                other => Error::codec(other.to_string()),
            },
            Err(inner) => match inner.downcast::<Error>() {
                Ok(own) => *own,
                Err(other) => Error::codec(other.to_string()),
            },
        },
        e @ SqliteFailure(..) => fault::error(&e, doing),
        e => fault::error(&e, doing),
    }
}

/// Called when `statement` has read from `table`: refuses what it read if that was another table of
/// the same name, which somebody made when ours was dropped.
///
/// That is a change of schema, after which SQLite prepares a statement anew: so it is looked for only
/// then, and when a statement runs for the first time. What is found after reading held before.
pub(super) fn vouch(
    c: &Connection,
    table: &Table,
    statement: &Statement<'_>,
) -> rusqlite::Result<()> {
    let first = statement.get_status(StatementStatus::Run) == 1;
    if !first && statement.get_status(StatementStatus::RePrepare) == 0 {
        return Ok(());
    }
    // A record that cannot be read says nothing.
    let record = schema::find_table(c, &table.name);
    if record.is_ok_and(|found| found.as_ref() != Some(table.record())) {
        table.set_dropped();
        return Err(fault::no_such_table(&table.name));
    }
    statement.reset_status(StatementStatus::RePrepare);
    Ok(())
}

/// A pooled connection for reading; used by one thread at a time.
pub(crate) struct Reader {
    pub(super) connection: Connection,
}

/// What was read of a key.
pub(crate) struct Found {
    pub(crate) entry: Entry,
    /// Its value is stored in chunks: too large to push other values out of the cache, and left out
    /// where it was not asked for.
    pub(crate) streamed: bool,
}

impl Reader {
    pub(crate) fn open(opener: &Opener) -> Result<Self> {
        let _pass = fork::enter();
        let connection = opener.connect(CACHE_KIB)?;
        connection
            .pragma_update(None, "query_only", true)
            .map_err(|e| fault::error(&e, "opening"))?;
        Ok(Self { connection })
    }

    /// Closes the connection; no fork comes between.
    pub(crate) fn close(self) {
        let _pass = fork::enter();
        drop(self.connection);
    }

    /// Runs `f` in one read transaction: everything it reads is of one moment.
    pub(crate) fn snapshot<T>(&self, f: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        self.begin()?;
        let result = f(self);
        let ended = self.end();
        let value = result?;
        ended.map(|()| value)
    }

    /// Begins a read transaction. Its moment is that of the first read.
    pub(crate) fn begin(&self) -> Result<()> {
        self.run("BEGIN")
    }

    /// Fixes the moment of the read transaction that was begun.
    pub(crate) fn pin(&self) -> Result<()> {
        let _pass = fork::enter();
        self.connection
            .prepare_cached("SELECT 1 FROM sqlite_schema LIMIT 1")
            .and_then(|mut statement| statement.query([])?.next().map(|_| ()))
            .map_err(|e| fault::error(&e, "reading"))
    }

    /// The number of the last operation in the state that is read: fixes the moment, as `pin` does.
    pub(crate) fn counter(&self) -> Result<i64> {
        let _pass = fork::enter();
        let counter = schema::read_number(&self.connection, "counter");
        Ok(counter.map_err(|e| fault::error(&e, "reading the counter"))?.unwrap_or(0))
    }

    /// True when no transaction is open.
    pub(crate) fn is_idle(&self) -> bool {
        self.connection.is_autocommit()
    }

    /// Ends a read transaction.
    pub(crate) fn end(&self) -> Result<()> {
        self.run("COMMIT")
    }

    fn run(&self, sql: &str) -> Result<()> {
        let _pass = fork::enter();
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map(|_| ())
            .map_err(|e| fault::error(&e, "reading"))
    }

    /// The entry of a key, expired or not.
    pub(crate) fn get(&self, table: &Table, key: &[u8]) -> Result<Option<Found>> {
        self.find(table, (key, true))
    }

    /// The same; unless `whole`, a value in chunks is left out.
    pub(crate) fn find(&self, table: &Table, (key, whole): (&[u8], bool)) -> Result<Option<Found>> {
        let _pass = fork::enter();
        self.connection
            .prepare_cached(&table.sql.get)
            .and_then(|mut statement| {
                let found = get_one(&self.connection, &mut statement, table, (key, whole))?;
                vouch(&self.connection, table, &statement).map(|()| found)
            })
            .map_err(|e| error_of(e, "reading"))
    }

    /// The entries of some keys, each handed to `f`, with one statement for all, in a transaction that
    /// the caller has begun.
    pub(crate) fn get_each<'a>(
        &self,
        table: &Table,
        keys: impl Iterator<Item = &'a [u8]>,
        mut f: impl FnMut(Option<Found>),
    ) -> Result<()> {
        let _pass = fork::enter();
        let each = || -> rusqlite::Result<()> {
            let mut statement = self.connection.prepare_cached(&table.sql.get)?;
            for (n, key) in keys.enumerate() {
                f(get_one(&self.connection, &mut statement, table, (key, true))?);
                if n == 0 {
                    vouch(&self.connection, table, &statement)?;
                }
            }
            Ok(())
        };
        each().map_err(|e| error_of(e, "reading"))
    }

    /// When a key expires (0 = never), if it is there.
    pub(crate) fn expiry(&self, table: &Table, key: &[u8]) -> Result<Option<i64>> {
        let _pass = fork::enter();
        self.connection
            .prepare_cached(&table.sql.exists)
            .and_then(|mut statement| {
                let found = statement
                    .query_row([Bind(key)], |row| row.get::<_, Option<i64>>(0))
                    .optional()?;
                vouch(&self.connection, table, &statement).map(|()| found)
            })
            .map(|found| found.map(|expires_at| expires_at.unwrap_or(0)))
            .map_err(|e| error_of(e, "reading"))
    }

    /// A page of a scan; true when nothing is after it.
    pub(crate) fn page(
        &self,
        table: &Table,
        request: &mut PageRequest,
        out: &mut Page,
    ) -> Result<bool> {
        let _pass = fork::enter();
        page::read(&self.connection, table, request, out)
    }

    /// All rows of a table, expired ones included.
    pub(crate) fn count(&self, table: &Table) -> Result<i64> {
        Ok(self.number(table, &table.sql.count, [])?.unwrap_or(0))
    }

    /// The id of the newest row of a table.
    pub(crate) fn newest_id(&self, table: &Table) -> Result<i64> {
        Ok(self.number(table, &table.sql.max_id, [])?.unwrap_or(0))
    }

    /// When the first entry of a table expires (`i64::MAX` for never).
    pub(crate) fn next_expiry(&self, table: &Table) -> Result<i64> {
        Ok(self.number(table, &table.sql.next_expiry, [])?.unwrap_or(i64::MAX))
    }

    /// Rows of a table that have expired and are still there.
    pub(crate) fn count_expired(&self, table: &Table, now_ms: i64) -> Result<i64> {
        Ok(self.number(table, &table.sql.count_expired, [now_ms])?.unwrap_or(0))
    }

    fn number(
        &self,
        table: &Table,
        sql: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<Option<i64>> {
        let _pass = fork::enter();
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let number = statement.query_row(parameters, |row| row.get(0))?;
                vouch(&self.connection, table, &statement).map(|()| number)
            })
            .map_err(|e| fault::error(&e, "counting"))
    }

    /// What the file records of a table, if the file has it.
    pub(crate) fn find_table(&self, name: &str) -> Result<Option<Record>> {
        let _pass = fork::enter();
        schema::find_table(&self.connection, name)
    }

    /// Every table in the file.
    pub(crate) fn tables(&self) -> Result<Vec<(String, StorageMode)>> {
        let _pass = fork::enter();
        schema::list_tables(&self.connection)
    }
}

/// The entry of a key, expired or not; unless `whole`, a value in chunks is left out.
pub(super) fn get_one(
    c: &Connection,
    statement: &mut Statement<'_>,
    table: &Table,
    (key, whole): (&[u8], bool),
) -> rusqlite::Result<Option<Found>> {
    let read = |row: &Row<'_>| {
        let stored = row.get_ref(0)?;
        let streamed = is_streamed(table, stored);
        // The statement is still at the row, so chunks are read in the same state of the file.
        let value = match streamed && !whole {
            true => Value::from([]),
            false => read_value(c, table, stored, key)?,
        };
        let entry = Entry { value, version: row.get(1)?, expires_at: row.get(2)? };
        Ok(Found { entry, streamed })
    };
    statement.query_row([Bind(key)], read).optional()
}

/// The refusal of a table that was made with another codec.
pub(crate) fn other_codec(name: &str, has: StorageMode, asked: StorageMode) -> Error {
    Error::new(
        ErrorKind::Codec,
        format!(
            "table {name:?} stores its values as {has}, not {asked}; \
             open it with storage_mode=\"{has}\""
        ),
    )
}
