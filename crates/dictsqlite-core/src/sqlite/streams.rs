//! Large values in chunks: beside the users' rows, in tables of our own.
//!
//! The row of such a value holds the stream's number, an INTEGER where a table of bytes has BLOBs
//! otherwise. A stream is *staged* while it is written (`at` says when it was last added to), *had*
//! once a row has it (`at` is NULL), and *waste* when the row let go of it (`at` is 0): triggers see
//! to that, whoever deletes or replaces. Waste is freed a part at a time, by `Collect`.

use std::sync::Arc;

use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, params};

use super::command::{Refusal, check_expected};
use super::fault;
use super::read::{Bind, Reader, error_of, of_another_tool, refusal, vouch};
use super::table::{EXPIRES, Table, quoted};
use super::write::{Applied, WriteConnection};
use crate::codec::MAX_VALUE_BYTES;
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Outcome, PackedKey, StorageMode, StreamStep, Value};
use crate::vfs::fork;

/// Bytes of a chunk. (Files may have others: each stream records its own.)
pub(crate) const CHUNK_BYTES: usize = 256 * 1024;
/// Chunks freed by one command, so that no commit becomes long.
const FREED_TOGETHER: i64 = 32;

const TABLES: &str = "\
    CREATE TABLE IF NOT EXISTS _dictsqlite_streams(stream INTEGER PRIMARY KEY, owner TEXT NOT NULL, \
    key NOT NULL, chunk INTEGER NOT NULL, bytes INTEGER NOT NULL, at INTEGER); \
    CREATE INDEX IF NOT EXISTS _dictsqlite_streams_at ON _dictsqlite_streams(at) \
    WHERE at IS NOT NULL; \
    CREATE TABLE IF NOT EXISTS _dictsqlite_chunks(stream INTEGER NOT NULL, n INTEGER NOT NULL, \
    data BLOB NOT NULL, PRIMARY KEY(stream, n));";

/// Makes what a table needs for its first stream; false if it has it.
fn make(c: &Connection, table: &Table) -> rusqlite::Result<bool> {
    let physical = &table.record().physical;
    let name = |event: &str| format!("_dictsqlite_streams_{event}_{physical}");
    let there = c
        .prepare_cached("SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND name = ?1")?
        .exists([name("delete")])?;
    if there {
        return Ok(false);
    }
    let (t, waste) = (quoted(physical), "UPDATE _dictsqlite_streams SET at = 0 WHERE stream");
    let (insert, update, delete) = (name("insert"), name("update"), name("delete"));
    let (insert, update, delete) = (quoted(&insert), quoted(&update), quoted(&delete));
    // The one on inserting is for REPLACE, which removes rows without a word to the others. Its condition
    // keeps other inserts from paying for more than two lookups.
    let replaced = "WHERE (key = new.key OR id = new.id) AND typeof(value) = 'integer'";
    c.execute_batch(&format!(
        "{TABLES} \
         CREATE TRIGGER {insert} BEFORE INSERT ON {t} WHEN EXISTS(SELECT 1 FROM {t} {replaced}) \
         BEGIN {waste} IN (SELECT value FROM {t} {replaced}); END; \
         CREATE TRIGGER {update} AFTER UPDATE OF value ON {t} WHEN typeof(old.value) = 'integer' \
         AND old.value IS NOT new.value BEGIN {waste} = old.value; END; \
         CREATE TRIGGER {delete} AFTER DELETE ON {t} WHEN typeof(old.value) = 'integer' \
         BEGIN {waste} = old.value; END;"
    ))?;
    Ok(true)
}

/// True if the file has ever had a stream.
pub(super) fn any(c: &Connection) -> rusqlite::Result<bool> {
    c.prepare_cached("SELECT 1 FROM sqlite_schema WHERE name = '_dictsqlite_streams'")?.exists([])
}

/// The change log has whole values, and a stream is there to be no whole value anywhere.
fn unloggable(table: &Table) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "table {:?} cannot have both a change log and values in chunks; write them \
             in another table",
            table.name
        ),
    )
}

/// Refuses to log the changes of a table that has had values in chunks.
pub(super) fn check_loggable(c: &Connection, table: &Table) -> Result<()> {
    let triggers = "SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND name = ?1";
    let name = format!("_dictsqlite_streams_delete_{}", table.record().physical);
    let had = c.prepare_cached(triggers).and_then(|mut found| found.exists([name]));
    match had {
        Ok(false) => Ok(()),
        Ok(true) => Err(unloggable(table)),
        Err(e) => Err(fault::error(&e, "switching the change log on")),
    }
}

/// A table is about to be dropped, which fires no trigger: its streams are waste.
pub(super) fn abandon_table(c: &Connection, physical: &str) -> rusqlite::Result<()> {
    if any(c)? {
        c.prepare_cached("UPDATE _dictsqlite_streams SET at = 0 WHERE owner = ?1")?
            .execute([physical])?;
    }
    Ok(())
}

/// How many bytes a stream has, and how many a chunk; nothing if there is no such stream.
fn known(c: &Connection, stream: i64) -> rusqlite::Result<Option<(i64, i64)>> {
    match c.prepare_cached("SELECT bytes, chunk FROM _dictsqlite_streams WHERE stream = ?1") {
        Ok(mut s) => s.query_row([stream], |row| Ok((row.get(0)?, row.get(1)?))).optional(),
        Err(e) if fault::is_no_such_table(&e) => Ok(None),
        Err(e) => Err(e),
    }
}

/// All bytes of a stream that a row has. `key` is the packed key.
pub(super) fn whole(c: &Connection, stream: i64, key: &[u8]) -> rusqlite::Result<Vec<u8>> {
    let Some((bytes, _)) = known(c, stream)? else {
        return Err(of_another_tool(Type::Integer, StorageMode::Bytes, key));
    };
    let size = usize::try_from(bytes).map_err(|_| refusal(damaged(), key))?;
    if size > MAX_VALUE_BYTES {
        let message = format!(
            "the value has {size} bytes and at most {MAX_VALUE_BYTES} are read at once; \
             read it by open_value"
        );
        return Err(refusal(Error::codec(message), key));
    }
    let mut out = Vec::with_capacity(size);
    let mut statement =
        c.prepare_cached("SELECT data FROM _dictsqlite_chunks WHERE stream = ?1 ORDER BY n")?;
    let mut rows = statement.query([stream])?;
    while let Some(row) = rows.next()? {
        let ValueRef::Blob(data) = row.get_ref(0)? else { break };
        if out.len() + data.len() > size {
            break;
        }
        out.extend_from_slice(data);
    }
    if out.len() == size { Ok(out) } else { Err(refusal(damaged(), key)) }
}

fn damaged() -> Error {
    let message = "a part of the value is missing from table _dictsqlite_chunks; another tool \
                   changed it, or the file is damaged";
    Error::new(ErrorKind::Corrupt, message)
}

/// The stream of a writer is not there any more.
fn lost() -> Error {
    let message = "what was written so far was discarded, since nothing was added to it for an hour \
                   or the table was dropped; begin again";
    Error::new(ErrorKind::Conflict, message)
}

/// What a key has.
pub(crate) struct Head {
    pub(crate) body: Body,
    /// When it expires (ms).
    pub(crate) expires_at: Option<i64>,
}

/// A value, or where it is.
pub(crate) enum Body {
    Whole(Value),
    Stream { stream: i64, bytes: u64, chunk: u64 },
}

impl Reader {
    /// What a key has, expired or not; a streamed value is not read.
    pub(crate) fn head(&self, table: &Table, key: &[u8]) -> Result<Option<Head>> {
        let _pass = fork::enter();
        let c = &self.connection;
        let read = || {
            let mut statement = c.prepare_cached(&table.sql.get)?;
            let found = statement
                .query_row([Bind(key)], |row| {
                    let stored = row.get_ref(0)?;
                    let body = match stored {
                        ValueRef::Integer(stream) if table.storage == StorageMode::Bytes => {
                            body(c, stream, key)?
                        }
                        other => Body::Whole(super::read::read_value(c, table, other, key)?),
                    };
                    Ok(Head { body, expires_at: row.get(2)? })
                })
                .optional()?;
            vouch(c, table, &statement).map(|()| found)
        };
        read().map_err(|e| error_of(e, "reading"))
    }

    /// Puts chunk `n` of a stream into `out`, unless that is `None` and only looked for; gives when
    /// the entry expires (ms). Nothing if the key does not have the stream any more.
    pub(crate) fn chunk(
        &self,
        table: &Table,
        key: &[u8],
        stream: i64,
        n: Option<i64>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Option<i64>>> {
        let _pass = fork::enter();
        let sql = format!(
            "SELECT {EXPIRES}, (SELECT data FROM _dictsqlite_chunks WHERE stream = ?2 AND n = ?3) \
             FROM {} WHERE key = ?1 AND typeof(value) = 'integer' AND value = ?2",
            table.sql.name
        );
        let mut read = || {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let found = statement
                .query_row(params![Bind(key), stream, n], |row| {
                    match (n, row.get_ref(1)?) {
                        (None, _) => {}
                        (Some(_), ValueRef::Blob(data)) => {
                            out.clear();
                            out.extend_from_slice(data);
                        }
                        (Some(_), _) => return Err(refusal(damaged(), key)),
                    }
                    row.get::<_, Option<i64>>(0)
                })
                .optional()?;
            vouch(&self.connection, table, &statement).map(|()| found)
        };
        read().map_err(|e| error_of(e, "reading"))
    }
}

fn body(c: &Connection, stream: i64, key: &[u8]) -> rusqlite::Result<Body> {
    let Some((bytes, chunk)) = known(c, stream)? else {
        return Err(of_another_tool(Type::Integer, StorageMode::Bytes, key));
    };
    match (u64::try_from(bytes), u64::try_from(chunk)) {
        (Ok(bytes), Ok(chunk @ 1..)) => Ok(Body::Stream { stream, bytes, chunk }),
        _ => Err(refusal(damaged(), key)),
    }
}

impl WriteConnection {
    /// A step of writing a stream of a table.
    pub(super) fn write_stream(
        &mut self,
        table: &Arc<Table>,
        step: &StreamStep,
        now_ms: i64,
        applied: &mut Applied,
    ) -> std::result::Result<Outcome, Refusal> {
        if table.has_changes() {
            return Err(unloggable(table).into());
        }
        match step {
            StreamStep::Stage { key, stream, n, data } => {
                let stream = self.stage(table, key, *stream, *n, data, now_ms)?;
                applied.wrote = true;
                Ok(Outcome::Number(stream))
            }
            StreamStep::Publish { key, stream, expires_at, expect } => {
                let staged = self
                    .connection
                    .prepare_cached(
                        "SELECT 1 FROM _dictsqlite_streams WHERE stream = ?1 AND at > 0",
                    )?
                    .exists([stream])?;
                if !staged {
                    return Err(lost().into());
                }
                let stored = self.entry(table, key, false)?;
                let there = stored.as_ref().filter(|e| e.expires_at.is_none_or(|at| at > now_ms));
                check_expected(*expect, there, key)?;
                let buried = stored.is_some() && there.is_none();
                let version =
                    self.put_bound(table, key, (stream, *expires_at), buried, now_ms, applied)?;
                self.connection
                    .prepare_cached("UPDATE _dictsqlite_streams SET at = NULL WHERE stream = ?1")?
                    .execute([stream])?;
                Ok(Outcome::Version(version))
            }
            StreamStep::Abandon { .. } | StreamStep::Collect { .. } => {
                self.tidy_streams(step, applied)
            }
        }
    }

    fn stage(
        &mut self,
        table: &Table,
        key: &PackedKey,
        stream: i64,
        n: i64,
        data: &[u8],
        now_ms: i64,
    ) -> std::result::Result<i64, Refusal> {
        // Zero stands for waste.
        let at = now_ms.max(1);
        let stream = if stream == 0 {
            if make(&self.connection, table)? {
                // From now on its triggers are run here too.
                self.runs_all = true;
                self.marked = false;
                self.choose_triggers()?;
            }
            self.counter += 1;
            self.connection
                .prepare_cached("INSERT INTO _dictsqlite_streams VALUES(?1, ?2, ?3, ?4, 0, ?5)")?
                .execute(params![
                    self.counter,
                    table.record().physical,
                    Bind(key),
                    CHUNK_BYTES as i64,
                    at
                ])?;
            self.counter
        } else {
            stream
        };
        let found = self
            .connection
            .prepare_cached(
                "UPDATE _dictsqlite_streams SET bytes = bytes + ?2, at = ?3 \
                 WHERE stream = ?1 AND at > 0",
            )?
            .execute(params![stream, data.len() as i64, at])?;
        if found == 0 {
            return Err(lost().into());
        }
        self.connection
            .prepare_cached("INSERT INTO _dictsqlite_chunks VALUES(?1, ?2, ?3)")?
            .execute(params![stream, n, data])?;
        // New rows are told from others by the number of the last one inserted, which must be none that
        // an operation is still to get.
        let again = "REPLACE INTO _dictsqlite_streams \
                     SELECT * FROM _dictsqlite_streams WHERE stream = ?1";
        self.connection.prepare_cached(again)?.execute([stream])?;
        Ok(stream)
    }

    /// A step of tidying up.
    pub(super) fn tidy_streams(
        &mut self,
        step: &StreamStep,
        applied: &mut Applied,
    ) -> std::result::Result<Outcome, Refusal> {
        let freed = match step {
            // Once published it is not the writer's to abandon.
            StreamStep::Abandon { stream } => self
                .connection
                .prepare_cached(
                    "UPDATE _dictsqlite_streams SET at = 0 WHERE stream = ?1 AND at > 0",
                )?
                .execute([stream])
                .map(|n| n > 0)?,
            StreamStep::Collect { before } => self.collect(*before)?,
            _ => return Err(Error::new(ErrorKind::Internal, "not a step of tidying up").into()),
        };
        applied.wrote |= freed;
        Ok(Outcome::Count(u64::from(freed)))
    }

    /// Frees a part of one stream; false if there is nothing to free.
    fn collect(&self, before: i64) -> rusqlite::Result<bool> {
        let c = &self.connection;
        if !any(c)? {
            return Ok(false);
        }
        let found: Option<(i64, String)> = c
            .prepare_cached(WASTE)?
            .query_row([before], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((stream, owner)) = found else { return Ok(false) };
        if has(c, &owner, stream)? {
            // An INSERT OR IGNORE of another tool: it was said to go and did not.
            c.prepare_cached("UPDATE _dictsqlite_streams SET at = NULL WHERE stream = ?1")?
                .execute([stream])?;
            return Ok(true);
        }
        let freed = c
            .prepare_cached(
                "DELETE FROM _dictsqlite_chunks WHERE stream = ?1 AND n IN \
                 (SELECT n FROM _dictsqlite_chunks WHERE stream = ?1 ORDER BY n LIMIT ?2)",
            )?
            .execute([stream, FREED_TOGETHER])?;
        if (freed as i64) < FREED_TOGETHER {
            c.prepare_cached("DELETE FROM _dictsqlite_streams WHERE stream = ?1")?
                .execute([stream])?;
        }
        Ok(true)
    }

    /// True if the file has ever had a stream, as far as can be told.
    pub(crate) fn has_streams(&self) -> bool {
        any(&self.connection).unwrap_or(true)
    }

    /// True if there is something for `Collect` to free.
    pub(crate) fn has_waste(&self, before: i64) -> Result<bool> {
        let look = || -> rusqlite::Result<bool> {
            Ok(any(&self.connection)? && self.connection.prepare_cached(WASTE)?.exists([before])?)
        };
        look().map_err(|e| fault::error(&e, "looking for what can be freed"))
    }
}

const WASTE: &str = "SELECT stream, owner FROM _dictsqlite_streams WHERE at IS NOT NULL AND at <= ?1 \
     ORDER BY at LIMIT 1";

/// True if the row that a stream was written for has it.
fn has(c: &Connection, owner: &str, stream: i64) -> rusqlite::Result<bool> {
    let sql = format!(
        "SELECT 1 FROM {} WHERE key = (SELECT key FROM _dictsqlite_streams WHERE stream = ?1) \
         AND typeof(value) = 'integer' AND value = ?1",
        quoted(owner)
    );
    match c.prepare(&sql) {
        Ok(mut statement) => statement.exists([stream]),
        Err(e) if fault::is_no_such_table(&e) => Ok(false),
        Err(e) => Err(e),
    }
}
