//! Commands, decided inside the writer's transaction: whatever they see cannot change under them.

use std::sync::Arc;

use rusqlite::{OptionalExtension, ToSql, params};

use super::fault;
use super::logging;
use super::read::{Bind, BindValue, get_one, other_codec, read_key, read_value};
use super::schema;
use super::streams;
use super::table::{Table, Tables};
use super::write::{Applied, Spoiled, Undone, WriteConnection};
use crate::codec;
use crate::error::{Error, ErrorKind, Result};
use crate::types::{
    Command, Entry, Expect, Outcome, PackedKey, StreamStep, TableSpec, Value, packed_table, unpack,
};

/// A command's answer, or what spoils the transaction.
type Decided = std::result::Result<Result<Outcome>, Spoiled>;

impl WriteConnection {
    /// Decides one command. The inner error is the command's own: it changed nothing.
    pub(crate) fn decide(
        &mut self,
        tables: &Tables,
        command: &Command,
        now_ms: i64,
        applied: &mut Applied,
    ) -> Decided {
        let decided = match command {
            Command::OpenTable(spec) => return self.open_table(tables, spec, applied),
            Command::EnableChanges { table, count, age_ms } => {
                return self.enable_changes(tables, *table, (*count, *age_ms), applied);
            }
            Command::TrimChanges { limit } => {
                let more = self
                    .trim_log(*limit, now_ms)
                    .map_err(|e| fault::error(&e, "trimming the change log"))?;
                applied.wrote = true;
                return Ok(Ok(Outcome::Trimmed(more)));
            }
            Command::Sync => {
                schema::write_number(&self.connection, "synced", self.counter + 1)
                    .map_err(|e| fault::error(&e, "syncing"))?;
                self.counter += 1;
                applied.wrote = true;
                return Ok(Ok(Outcome::Done));
            }
            Command::Set { key, .. }
            | Command::Delete { key, .. }
            | Command::Pop { key }
            | Command::SetDefault { key, .. }
            | Command::Incr { key, .. }
            | Command::Expire { key, .. }
            | Command::Get { key } => self.with_table(tables, packed_table(key), |w, table| {
                w.decide_key(table, key, command, now_ms, applied)
            }),
            Command::PopItem { table, .. }
            | Command::Clear { table }
            | Command::DropTable { table }
            | Command::Sweep { table, .. } => self.with_table(tables, *table, |w, table| {
                w.decide_table(table, command, now_ms, applied)
            }),
            Command::Transaction(_) | Command::Hold => {
                Err(Error::new(ErrorKind::Internal, "not a command of its own").into())
            }
            Command::Stream(step) => match step {
                StreamStep::Stage { key, .. } | StreamStep::Publish { key, .. } => {
                    self.with_table(tables, packed_table(key), |w, table| {
                        w.write_stream(table, step, now_ms, applied)
                    })
                }
                _ => self.tidy_streams(step, applied),
            },
        };
        match decided {
            Err(e) if e.spoils => Err(e.error),
            Err(e) if self.connection.is_autocommit() => {
                applied.undone = Some(Undone { key: None, error: e.error.clone() });
                Err(e.error)
            }
            Err(e) => Ok(Err(e.error)),
            Ok(outcome) => Ok(Ok(outcome)),
        }
    }

    pub(super) fn with_table(
        &mut self,
        tables: &Tables,
        id: u32,
        f: impl FnOnce(&mut Self, &Arc<Table>) -> std::result::Result<Outcome, Refusal>,
    ) -> std::result::Result<Outcome, Refusal> {
        let table = tables
            .get(id)
            .filter(|t| !t.is_dropped())
            .ok_or_else(|| Error::new(ErrorKind::Closed, "the table was dropped; open it again"))?;
        self.meet(&table)?;
        f(self, &table)
    }

    pub(super) fn decide_key(
        &mut self,
        table: &Table,
        key: &PackedKey,
        command: &Command,
        now_ms: i64,
        applied: &mut Applied,
    ) -> std::result::Result<Outcome, Refusal> {
        // Others look at its version and its expiry only.
        let whole = matches!(
            command,
            Command::Pop { .. } | Command::SetDefault { .. } | Command::Get { .. }
        );
        let stored = self.entry(table, key, whole)?;
        let there = stored.clone().filter(|e| e.expires_at.is_none_or(|at| at > now_ms));
        match command {
            Command::Set { value, expires_at, expect, .. } => {
                check_expected(*expect, there.as_ref(), key)?;
                let buried = stored.is_some() && there.is_none();
                let version =
                    self.put(table, key, (value, *expires_at), buried, now_ms, applied)?;
                Ok(Outcome::Version(version))
            }
            Command::Delete { expect, .. } => {
                check_expected(*expect, there.as_ref(), key)?;
                if there.is_some() {
                    self.remove(table, key, now_ms, applied)?;
                }
                Ok(Outcome::Count(u64::from(there.is_some())))
            }
            Command::Pop { .. } => {
                if there.is_some() {
                    self.remove(table, key, now_ms, applied)?;
                }
                Ok(Outcome::Entry(there))
            }
            Command::Get { .. } => Ok(Outcome::Entry(there)),
            Command::SetDefault { value, expires_at, .. } => {
                if there.is_none() {
                    let buried = stored.is_some();
                    self.put(table, key, (value, *expires_at), buried, now_ms, applied)?;
                }
                Ok(Outcome::Entry(there))
            }
            Command::Incr { delta, expires_at, .. } => {
                let old = match &there {
                    Some(entry) => codec::read_int(table.storage, &entry.value)
                        .map_err(|e| e.with_key(unpack(key)))?,
                    None => 0,
                };
                let new = old.checked_add(*delta).ok_or_else(|| {
                    Error::invalid(format!("{old} + {delta} does not fit 64 bits"))
                        .with_key(unpack(key))
                })?;
                let expires_at = match &there {
                    Some(entry) => entry.expires_at.unwrap_or(0),
                    None => *expires_at,
                };
                let value = codec::write_int(table.storage, new);
                let buried = stored.is_some() && there.is_none();
                self.put(table, key, (&value, expires_at), buried, now_ms, applied)?;
                Ok(Outcome::Number(new))
            }
            Command::Expire { expires_at, .. } => {
                if there.is_some() {
                    self.number_write(table, now_ms)?;
                    let at = (*expires_at != 0).then_some(*expires_at);
                    self.connection.prepare_cached(&table.sql.touch)?.execute(params![
                        Bind(key),
                        at,
                        self.counter
                    ])?;
                    self.step_over_others(table)?;
                    self.note_expiry(table, *expires_at);
                    applied.gain(table.id, 0, *expires_at);
                    touched(applied, key);
                }
                Ok(Outcome::Count(u64::from(there.is_some())))
            }
            _ => Err(Error::new(ErrorKind::Internal, "not a command on a key").into()),
        }
    }

    fn decide_table(
        &mut self,
        table: &Arc<Table>,
        command: &Command,
        now_ms: i64,
        applied: &mut Applied,
    ) -> std::result::Result<Outcome, Refusal> {
        match command {
            Command::PopItem { newest, .. } => {
                let sql = if *newest { &table.sql.newest } else { &table.sql.oldest };
                let found = self
                    .connection
                    .prepare_cached(sql)?
                    .query_row([now_ms], |row| {
                        let key = read_key(table.id, row.get_ref(0)?)?;
                        let value = read_value(&self.connection, table, row.get_ref(1)?, &key)?;
                        let entry = Entry { value, version: row.get(2)?, expires_at: row.get(3)? };
                        Ok((PackedKey::from(&key[..]), entry))
                    })
                    .optional()?;
                let Some((key, entry)) = found else { return Ok(Outcome::Item(None)) };
                self.remove(table, &key, now_ms, applied)?;
                Ok(Outcome::Item(Some((unpack(&key), entry))))
            }
            Command::Clear { .. } => {
                let rows = self
                    .deleting(table, now_ms, |c| c.prepare_cached(&table.sql.clear)?.execute([]))?;
                self.counter += 1;
                self.next_expiry.insert(table.id, i64::MAX);
                applied.emptied = true;
                applied.wrote = true;
                Ok(Outcome::Count(rows as u64))
            }
            Command::DropTable { .. } => {
                if table.has_changes() {
                    // For who follows the log, its entries are deleted.
                    self.deleting(table, now_ms, |c| c.execute(&table.sql.clear, []))?;
                }
                streams::abandon_table(&self.connection, &table.record().physical)?;
                schema::drop_table(&self.connection, &table.name, &table.record().physical)?;
                self.counter += 1;
                applied.emptied = true;
                applied.wrote = true;
                applied.dropped.push(Arc::clone(table));
                Ok(Outcome::Done)
            }
            Command::Sweep { limit, .. } => {
                let keys = self.deleting(table, now_ms, |c| {
                    let key = |row: &rusqlite::Row<'_>| read_key(table.id, row.get_ref(0)?);
                    c.prepare_cached(&table.sql.sweep)?
                        .query_map(params![now_ms, limit], key)?
                        .collect::<rusqlite::Result<Vec<_>>>()
                })?;
                self.counter += keys.len() as i64;
                applied.wrote |= !keys.is_empty();
                applied.gain(table.id, -(keys.len() as i64), 0);
                applied.touched.extend(keys.iter().map(|key| PackedKey::from(&key[..])));
                let next: Option<i64> = self
                    .connection
                    .prepare_cached(&table.sql.next_expiry)?
                    .query_row([], |row| row.get(0))?;
                let next = next.unwrap_or(i64::MAX);
                self.next_expiry.insert(table.id, next);
                Ok(Outcome::Swept(keys.len() as u64, next))
            }
            _ => Err(Error::new(ErrorKind::Internal, "not a command on a table").into()),
        }
    }

    fn open_table(&mut self, tables: &Tables, spec: &TableSpec, applied: &mut Applied) -> Decided {
        if let Some(record) = schema::find_table(&self.connection, &spec.name)? {
            if record.storage != spec.storage {
                return Ok(Err(other_codec(&spec.name, record.storage, spec.storage)));
            }
            return Ok(Ok(Outcome::Table(tables.intern(&spec.name, &record).id)));
        }
        // The number tells it from one of the same name before or after it.
        self.counter += 1;
        let record = schema::create_table(&self.connection, &spec.name, spec.storage, self.counter)
            .map_err(|e| fault::error(&e, "creating a table"))?;
        applied.wrote = true;
        Ok(Ok(Outcome::Table(tables.intern(&spec.name, &record).id)))
    }

    fn enable_changes(
        &mut self,
        tables: &Tables,
        id: u32,
        kept: (Option<i64>, Option<i64>),
        applied: &mut Applied,
    ) -> Decided {
        let Some(table) = tables.get(id).filter(|table| !applied.has_dropped(table)) else {
            let message = "the table was dropped; open it again";
            return Ok(Err(Error::new(ErrorKind::Closed, message)));
        };
        match self.meet(&table).map_err(Refusal::from) {
            Ok(()) => {}
            Err(e) if e.spoils => return Err(e.error),
            Err(e) => return Ok(Err(e.error)),
        }
        if let Err(refused) = streams::check_loggable(&self.connection, &table) {
            return Ok(Err(refused));
        }
        self.counter += 1;
        logging::enable(&self.connection, &table, self.counter, kept)?;
        table.set_changes(true);
        self.equip(&table).map_err(|e| fault::error(&e, "switching the change log on"))?;
        applied.wrote = true;
        Ok(Ok(Outcome::Done))
    }

    /// The entry of a key; unless `whole`, a value in chunks is left out.
    pub(super) fn entry(
        &self,
        table: &Table,
        key: &[u8],
        whole: bool,
    ) -> rusqlite::Result<Option<Entry>> {
        let mut statement = self.connection.prepare_cached(&table.sql.get)?;
        let found = get_one(&self.connection, &mut statement, table, (key, whole))?;
        Ok(found.map(|found| found.entry))
    }

    fn put(
        &mut self,
        table: &Table,
        key: &PackedKey,
        (value, expires_at): (&Value, i64),
        buried: bool,
        now_ms: i64,
        applied: &mut Applied,
    ) -> rusqlite::Result<i64> {
        let value = BindValue(table.storage, value);
        self.put_bound(table, key, (&value, expires_at), buried, now_ms, applied)
    }

    /// The same with what is to be in the column.
    pub(super) fn put_bound(
        &mut self,
        table: &Table,
        key: &PackedKey,
        (value, expires_at): (&dyn ToSql, i64),
        buried: bool,
        now_ms: i64,
        applied: &mut Applied,
    ) -> rusqlite::Result<i64> {
        let mut gained = 0;
        if buried {
            self.number_deleted(table, now_ms)?;
            gained -=
                self.connection.prepare_cached(&table.sql.delete)?.execute([Bind(key)])? as i64;
        }
        self.number_write(table, now_ms)?;
        let version = self.counter;
        self.connection.prepare_cached(&table.sql.upsert)?.execute(params![
            version,
            Bind(key),
            value,
            version,
            (expires_at != 0).then_some(expires_at)
        ])?;
        gained += i64::from(self.connection.last_insert_rowid() == version);
        self.step_over_others(table)?;
        self.note_expiry(table, expires_at);
        applied.gain(table.id, gained, expires_at);
        touched(applied, key);
        Ok(version)
    }

    fn remove(
        &mut self,
        table: &Table,
        key: &PackedKey,
        now_ms: i64,
        applied: &mut Applied,
    ) -> rusqlite::Result<()> {
        self.number_deleted(table, now_ms)?;
        let rows = self.connection.prepare_cached(&table.sql.delete)?.execute([Bind(key)])?;
        self.step_over_others(table)?;
        applied.gain(table.id, -(rows as i64), 0);
        touched(applied, key);
        Ok(())
    }

    fn note_expiry(&mut self, table: &Table, expires_at: i64) {
        if expires_at != 0 {
            let next = self.next_expiry.entry(table.id).or_insert(i64::MAX);
            *next = (*next).min(expires_at);
        }
    }
}

fn touched(applied: &mut Applied, key: &PackedKey) {
    applied.wrote = true;
    applied.touched.push(Arc::clone(key));
}

pub(super) fn check_expected(expect: Expect, there: Option<&Entry>, key: &[u8]) -> Result<()> {
    let Expect::Version(expected) = expect else { return Ok(()) };
    let version = there.map_or(0, |e| e.version);
    if version == expected {
        return Ok(());
    }
    let found = match there {
        Some(_) => format!("version {version}"),
        None => "no entry".to_owned(),
    };
    let message = format!("expected version {expected} and found {found}; read again and retry");
    Err(Error::new(ErrorKind::Conflict, message).with_key(unpack(key)))
}

/// A command's own error, or one that spoils the transaction.
pub(super) struct Refusal {
    pub(super) error: Error,
    pub(super) spoils: bool,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, spoils: false }
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(e: rusqlite::Error) -> Self {
        let spoils = fault::spoils_transaction(&e);
        Self { error: super::read::error_of(e, "writing"), spoils }
    }
}
