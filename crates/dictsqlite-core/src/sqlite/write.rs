//! The connection that writes: one transaction after another, blind writes and commands in order.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::doubt::Doubt;
use super::fault;
use super::logging::OwnTriggers;
use super::open::{Opener, Place, is_busy};
use super::propose::Changed;
use super::read::{Bind, BindValue};
use super::schema;
use super::table::{LAST_NUMBER, Table, Tables};
use crate::error::{Error, ErrorKind, Result};
use crate::types::{PackedKey, Proposal, Value, packed_table, unpack};
use crate::vfs;

/// Page cache of the writer, in KiB: what a large transaction changes should fit.
const CACHE_KIB: i64 = 64 * 1024;
/// How long one attempt to get the write lock takes at most.
pub(super) const LOCK_SLICE: Duration = Duration::from_millis(100);

/// One blind write of a segment: key, value (none deletes), expiry, and the operation numbers
/// (relative to the segment) of its version and of its place in insertion order.
pub(crate) struct BlindWrite<'a> {
    pub(crate) key: &'a PackedKey,
    pub(crate) value: Option<&'a Value>,
    pub(crate) expires_at: i64,
    /// Only the expiry is written.
    pub(crate) kept: bool,
    pub(crate) op: u32,
    pub(crate) place: u32,
    pub(crate) replaced: bool,
    /// With `replaced`: the operation that removed it.
    pub(crate) removed: u32,
}

/// What a transaction did, for the cache and the counts, once it is committed.
#[derive(Default)]
pub(crate) struct Applied {
    /// Keys that commands changed.
    pub(crate) touched: Vec<PackedKey>,
    /// Transactions, each with the number before its first operation.
    pub(crate) proposals: Vec<(Arc<Proposal>, i64)>,
    pub(super) changed: Changed,
    /// Rows that could never be written, with the reason.
    pub(crate) unwritable: Vec<(PackedKey, Error)>,
    /// Tables emptied or dropped: nothing cached of them holds.
    pub(crate) emptied: bool,
    pub(crate) dropped: Vec<Arc<Table>>,
    /// Whether there is anything to commit.
    pub(crate) wrote: bool,
    /// What made SQLite give up the transaction, when that was one row's or command's doing.
    pub(crate) undone: Option<Undone>,
    /// Rows gained, and the earliest expiry written, by table.
    pub(crate) gained: HashMap<u32, (i64, i64)>,
}

/// A row (or, without a key, a command) that undoes whatever transaction it is part of: a trigger of
/// another tool says `RAISE(ROLLBACK)`.
pub(crate) struct Undone {
    pub(crate) key: Option<PackedKey>,
    pub(crate) error: Error,
}

impl Applied {
    /// True when nothing may be written to `table` any more.
    pub(super) fn has_dropped(&self, table: &Table) -> bool {
        table.is_dropped() || self.dropped.iter().any(|dropped| dropped.id == table.id)
    }

    pub(super) fn gain(&mut self, table: u32, rows: i64, expires_at: i64) {
        let gained = self.gained.entry(table).or_insert((0, i64::MAX));
        gained.0 += rows;
        if expires_at != 0 {
            gained.1 = gained.1.min(expires_at);
        }
    }
}

/// Somebody else has the write lock.
pub(crate) fn locked() -> Error {
    Error::new(
        ErrorKind::Busy,
        "another connection holds the database's write lock; what was accepted is kept and will \
         be committed when the lock is free",
    )
}

/// Only the expiry of an entry was to be written, and there is none.
fn not_kept(key: &PackedKey) -> Error {
    let message = "the entry whose expiry was changed is not there any more, or a trigger of another \
                   tool keeps it as it is; read again and retry";
    Error::new(ErrorKind::Conflict, message).with_key(unpack(key))
}

/// Why a step could not be done: the whole transaction must be tried again.
pub(crate) type Spoiled = Error;

/// See the module.
pub(crate) struct WriteConnection {
    pub(super) connection: Connection,
    /// The number of the last operation, as of this transaction.
    pub(super) counter: i64,
    /// Per table, since the last change by somebody else: when the first entry expires.
    pub(super) next_expiry: HashMap<u32, i64>,
    /// Triggers that are not ours may change rows that no operation of ours names.
    pub(super) has_triggers: bool,
    /// The triggers in the file are run, and not only our own temporary ones.
    pub(super) runs_all: bool,
    /// The triggers of the change log know which numbers are ours, in this transaction.
    pub(super) marked: bool,
    /// Our own triggers, as of this transaction and, while it has changed them, before it.
    pub(super) own_triggers: OwnTriggers,
    pub(super) own_before: Option<OwnTriggers>,
    full_sync: Option<bool>,
    sync_matters: bool,
    pub(super) doubt: Arc<Doubt>,
}

impl WriteConnection {
    pub(crate) fn open(opener: &Opener) -> Result<Self> {
        let connection = opener.connect(CACHE_KIB)?;
        connection.busy_timeout(LOCK_SLICE).map_err(|e| fault::error(&e, "opening"))?;
        let sync_matters = match &opener.place {
            Place::File(_) => true,
            Place::Heap(name) => vfs::is_disk(name),
        };
        Ok(Self {
            connection,
            counter: 0,
            next_expiry: HashMap::new(),
            has_triggers: false,
            // As SQLite opens a connection.
            runs_all: true,
            marked: false,
            own_triggers: HashMap::new(),
            own_before: None,
            full_sync: None,
            sync_matters,
            doubt: Arc::clone(&opener.doubt),
        })
    }

    /// Takes the write lock. With `durable` the commit will be synced.
    pub(crate) fn begin(&mut self, durable: bool) -> Result<()> {
        let level = if !self.sync_matters {
            "off"
        } else if durable {
            "full"
        } else {
            "normal"
        };
        if self.full_sync != Some(durable) {
            self.connection
                .pragma_update(None, "synchronous", level)
                .map_err(|e| fault::error(&e, "writing"))?;
            self.full_sync = Some(durable);
        }
        self.take_over()?;
        match self.run("BEGIN IMMEDIATE") {
            Ok(()) => {}
            Err(e) if is_busy(&e) => return Err(locked()),
            Err(e) => return Err(fault::error(&e, "beginning a transaction")),
        }
        self.mend()
    }

    /// Reads the operation counter anew: somebody else may have moved it.
    pub(crate) fn refresh(&mut self) -> Result<()> {
        self.next_expiry.clear();
        let triggers = |which: &str| {
            let sql = format!("SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND {which}");
            self.connection
                .prepare_cached(&sql)
                .and_then(|mut statement| statement.exists([]))
                .map_err(|e| fault::error(&e, "looking for triggers"))
        };
        self.has_triggers = triggers("substr(name, 1, 12) <> '_dictsqlite_'")?;
        self.runs_all =
            self.has_triggers || triggers("substr(name, 1, 20) = '_dictsqlite_streams_'")?;
        self.choose_triggers().map_err(|e| fault::error(&e, "looking for triggers"))?;
        let counter = match schema::read_number(&self.connection, "counter") {
            Ok(counter) => counter.unwrap_or(0),
            Err(e @ rusqlite::Error::SqliteFailure(..)) => {
                return Err(fault::error(&e, "reading the counter"));
            }
            Err(_) => i64::MAX,
        };
        if counter > LAST_NUMBER {
            // Going on would give numbers twice, or none.
            return Err(Error::new(
                ErrorKind::Corrupt,
                "the operation counter in table _dictsqlite is no number or too large: another tool \
                 changed it; set it to the largest version there is",
            ));
        }
        self.counter = counter.max(0);
        Ok(())
    }

    /// What must be known of a table before it is written to in this transaction.
    pub(super) fn meet(&mut self, table: &Table) -> rusqlite::Result<()> {
        if self.next_expiry.contains_key(&table.id) {
            return Ok(());
        }
        let number = |sql: &str| -> rusqlite::Result<Option<i64>> {
            self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
        };
        // Somebody else may have made a table of that name anew. (A record that cannot be read says
        // nothing of that.)
        let recorded = schema::find_table(&self.connection, &table.name);
        if recorded.is_ok_and(|found| found.as_ref() != Some(table.record())) {
            table.set_dropped();
            return Err(fault::no_such_table(&table.name));
        }
        // Rows another tool inserted took their ids without asking the counter.
        let max_id = number(&table.sql.last_number)?.unwrap_or(0);
        let next = number(&table.sql.next_expiry)?.unwrap_or(i64::MAX);
        // A record that cannot be read changes nothing of what is known.
        if let Ok(logged) = schema::has_changes(&self.connection, &table.name) {
            table.set_changes(logged);
        }
        self.equip(table)?;
        self.counter = self.counter.max(max_id);
        self.next_expiry.insert(table.id, next);
        Ok(())
    }

    /// Blind writes, in order. Rows that can never be written are left out and noted.
    pub(crate) fn apply<'a>(
        &mut self,
        tables: &Tables,
        ops: u32,
        writes: impl Iterator<Item = BlindWrite<'a>> + Clone,
        now_ms: i64,
        applied: &mut Applied,
    ) -> std::result::Result<i64, Spoiled> {
        // Every table is met before numbers are given out, since meeting one may move the counter.
        let mut met: Vec<(u32, Result<Arc<Table>>)> = Vec::new();
        for id in writes.clone().map(|w| packed_table(w.key)) {
            if !met.iter().any(|(known, _)| *known == id) {
                met.push((id, self.meet_by_id(tables, id, applied)?));
            }
        }
        let logged = met.iter().any(|(_, met)| met.as_ref().is_ok_and(|table| table.has_changes()));
        if logged {
            self.mark(now_ms).map_err(|e| fault::error(&e, "writing"))?;
            for (_, table) in &met {
                if let Ok(table) = table {
                    self.bury_logged(table, writes.clone(), now_ms, applied)?;
                }
            }
        }
        let base = self.counter;
        if logged {
            self.reserve(base + i64::from(ops)).map_err(|e| fault::error(&e, "writing"))?;
        }
        let mut writes = writes.peekable();
        while let Some(id) = writes.peek().map(|w| packed_table(w.key)) {
            let run = std::iter::from_fn(|| writes.next_if(|w| packed_table(w.key) == id));
            match met.iter().find(|(known, _)| *known == id) {
                Some((_, Ok(table))) => self.apply_run(table, base, run, now_ms, applied)?,
                Some((_, Err(why))) => {
                    applied.unwritable.extend(run.map(|w| (Arc::clone(w.key), why.clone())));
                }
                None => run.for_each(drop),
            }
        }
        self.counter = base + i64::from(ops);
        if logged {
            self.number_deletion(0)
                .and_then(|()| self.catch_up())
                .map_err(|e| fault::error(&e, "writing"))?;
        }
        applied.wrote = true;
        Ok(base)
    }

    /// The outer error spoils the transaction, the inner one makes the table's rows unwritable.
    fn meet_by_id(
        &mut self,
        tables: &Tables,
        id: u32,
        applied: &Applied,
    ) -> std::result::Result<Result<Arc<Table>>, Spoiled> {
        let Some(table) = tables.get(id).filter(|t| !applied.has_dropped(t)) else {
            return Ok(Err(Error::new(ErrorKind::Closed, "the table was dropped")));
        };
        match self.meet(&table) {
            Ok(()) => Ok(Ok(table)),
            Err(e) if fault::spoils_transaction(&e) => Err(fault::error(&e, "writing")),
            Err(e) => Ok(Err(fault::error(&e, "writing"))),
        }
    }

    fn apply_run<'a>(
        &mut self,
        table: &Table,
        base: i64,
        run: impl Iterator<Item = BlindWrite<'a>>,
        now_ms: i64,
        applied: &mut Applied,
    ) -> std::result::Result<(), Spoiled> {
        let connection = &self.connection;
        let statements = || {
            Ok((
                connection.prepare_cached(&table.sql.upsert)?,
                connection.prepare_cached(&table.sql.delete)?,
                connection.prepare_cached(&table.sql.delete_expired_key)?,
            ))
        };
        let (mut upsert, mut delete, mut bury) = match statements() {
            Ok(statements) => statements,
            Err(e) => {
                let why = fault::error(&e, "writing");
                if fault::spoils_transaction(&e) {
                    return Err(why);
                }
                // Another tool changed the table's columns: none of its rows can be written.
                applied.unwritable.extend(run.map(|w| (Arc::clone(w.key), why.clone())));
                return Ok(());
            }
        };
        let some_expired = self.next_expiry.get(&table.id).is_some_and(|next| *next <= now_ms);
        let (mut rows, mut expiry) = (0, i64::MAX);
        let number = |op: u32| match table.has_changes() {
            true => self.number_deletion(base + 1 + i64::from(op)),
            false => Ok(()),
        };
        for w in run {
            let key = Bind(w.key);
            // What was removed counts, even if the new row cannot be written then.
            let write = || -> rusqlite::Result<bool> {
                let Some(value) = w.value else {
                    number(w.op)?;
                    rows -= delete.execute([key])? as i64;
                    return Ok(true);
                };
                let (version, expires_at) =
                    (base + 1 + i64::from(w.op), (w.expires_at != 0).then_some(w.expires_at));
                if w.kept {
                    // It was there when the transaction looked: if it has expired since, it goes on in
                    // its place, where a value would be a new entry and move to the end.
                    let mut touch = connection.prepare_cached(&table.sql.touch)?;
                    return Ok(touch.execute(params![key, expires_at, version])? > 0);
                }
                if w.replaced {
                    number(w.removed)?;
                    rows -= delete.execute([Bind(w.key)])? as i64;
                } else if some_expired {
                    // An expired entry is absent, so the new one takes a new place.
                    rows -= bury.execute(params![Bind(w.key), now_ms])? as i64;
                }
                let id = base + 1 + i64::from(w.place);
                let value = BindValue(table.storage, value);
                upsert.execute(params![id, key, value, version, expires_at])?;
                // Only an insert moves the last id, and no other insert has this one.
                rows += i64::from(connection.last_insert_rowid() == id);
                Ok(true)
            };
            match write() {
                Ok(true) => {
                    if w.expires_at != 0 {
                        expiry = expiry.min(w.expires_at);
                    }
                }
                Ok(false) => applied.unwritable.push((Arc::clone(w.key), not_kept(w.key))),
                Err(e) if fault::spoils_transaction(&e) => {
                    return Err(fault::error(&e, "writing"));
                }
                Err(e) => {
                    let why = fault::error(&e, "writing").with_key(unpack(w.key));
                    if connection.is_autocommit() {
                        let key = Some(Arc::clone(w.key));
                        applied.undone = Some(Undone { key, error: why.clone() });
                        return Err(why);
                    }
                    applied.unwritable.push((Arc::clone(w.key), why));
                }
            }
        }
        applied.gain(table.id, rows, if expiry == i64::MAX { 0 } else { expiry });
        if let Some(next) = self.next_expiry.get_mut(&table.id) {
            *next = (*next).min(expiry);
        }
        Ok(())
    }

    /// True when a commit may change rows that no operation of ours names.
    pub(crate) fn has_triggers(&self) -> bool {
        self.has_triggers
    }

    /// True when the commit of this transaction is synced.
    pub(crate) fn syncs(&self) -> bool {
        self.full_sync == Some(true)
    }

    /// Commits, with the counter.
    pub(crate) fn commit(&mut self) -> Result<()> {
        let caught_up = if self.has_triggers { self.catch_up() } else { Ok(()) };
        caught_up
            .and_then(|()| self.unmark())
            .and_then(|()| schema::write_number(&self.connection, "counter", self.counter))
            .and_then(|()| self.run("COMMIT"))
            .map_err(|e| self.failed(&e, "committing"))?;
        self.own_before = None;
        Ok(())
    }

    /// Gives everything of this transaction up.
    pub(crate) fn rollback(&mut self) {
        if !self.connection.is_autocommit() {
            // It can only fail when there is no transaction any more.
            let _ = self.run("ROLLBACK");
        }
        self.next_expiry.clear();
        self.marked = false;
        if let Some(before) = self.own_before.take() {
            self.own_triggers = before;
        }
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    /// Moves what it can from the write-ahead log into the database without waiting for anybody.
    pub(crate) fn checkpoint(&mut self) -> Result<()> {
        self.mend_alone()?;
        self.connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .map_err(|e| self.failed(&e, "checkpointing"))
    }
}
