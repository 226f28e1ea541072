//! The change log from the writer's side: switching it on, numbering what is logged, and removing
//! what is old.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, params};

use super::fault;
use super::read::Bind;
use super::schema::{self, read_number, write_number};
use super::table::Table;
use super::triggers;
use super::write::{Applied, BlindWrite, Undone, WriteConnection};
use crate::error::Result;
use crate::types::{packed_table, unpack};

/// The highest number that was removed from the log: who has not come so far has missed something.
pub(super) const REMOVED: &str = "changes_removed";
/// How many rows the log has up to the number in `COUNTED`.
const ROWS: &str = "changes_rows";
const COUNTED: &str = "changes_counted";
/// The limits of what is kept: changes, and milliseconds.
const COUNT: &str = "changes_count";
const AGE: &str = "changes_age";

/// Tables that have triggers of our own, by their names in SQLite, and which ones they are.
pub(super) type OwnTriggers = HashMap<String, u32>;

/// The limits of a new log.
const DEFAULT_COUNT: i64 = 1_000_000;
const DEFAULT_AGE_MS: i64 = 7 * 86_400_000;

/// Of so many rows that were not counted yet, a look by itself is enough; more are counted for good.
const UNCOUNTED: i64 = 50_000;

/// Switches the log of a table on. Called inside a write transaction.
pub(super) fn enable(
    c: &Connection,
    table: &Table,
    counter: i64,
    (count, age_ms): (Option<i64>, Option<i64>),
) -> Result<()> {
    let fail = |e| fault::error(&e, "switching the change log on");
    c.execute_batch(triggers::SHARED).map_err(fail)?;
    let set = |name: &str, value: i64, anew: bool| {
        let clash = if anew { "UPDATE SET value = ?2" } else { "NOTHING" };
        let sql = format!("INSERT INTO _dictsqlite VALUES(?1, ?2) ON CONFLICT(name) DO {clash}");
        c.execute(&sql, params![name, value]).map(|_| ()).map_err(fail)
    };
    // Before the first log there is nothing to go on from.
    set(REMOVED, counter, false)?;
    set(ROWS, 0, false)?;
    set(COUNTED, 0, false)?;
    set(COUNT, count.unwrap_or(DEFAULT_COUNT), count.is_some())?;
    set(AGE, age_ms.unwrap_or(DEFAULT_AGE_MS), age_ms.is_some())?;
    if schema::has_changes(c, &table.name)? {
        return Ok(());
    }
    let physical = &table.record().physical;
    c.execute_batch(&triggers::of_table(&table.name, physical, table.storage)).map_err(fail)?;
    schema::record_changes(c, &table.name)
}

impl WriteConnection {
    /// Called in a transaction before the first write to a table whose changes are logged: from here
    /// on, versions above the last number there is are numbers of operations.
    pub(super) fn mark(&mut self, now_ms: i64) -> rusqlite::Result<()> {
        if self.has_triggers {
            // They may have carried a write to a table without a log into one that has one.
            self.catch_up()?;
        }
        if self.marked {
            return Ok(());
        }
        if self.runs_all {
            self.connection
                .prepare_cached(
                    "UPDATE main._dictsqlite_writer SET own = ?1, take = 0, clock = ?2",
                )?
                .execute(params![self.counter, now_ms])?;
        } else if !self.own_triggers.is_empty() {
            self.connection
                .prepare_cached("UPDATE temp._dictsqlite_moment SET take = 0, clock = ?1")?
                .execute([now_ms])?;
        }
        self.marked = true;
        Ok(())
    }

    /// Beside triggers of others, or of values in chunks, those in the file are run; else only our own
    /// ones of the change log.
    pub(super) fn choose_triggers(&mut self) -> rusqlite::Result<()> {
        let run_all = DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER;
        if self.connection.db_config(run_all)? != self.runs_all {
            self.connection.set_db_config(run_all, self.runs_all)?;
        }
        if self.runs_all && !self.own_triggers.is_empty() {
            let names: Vec<String> = self.own_triggers.keys().cloned().collect();
            for physical in names {
                self.remove_own(&physical)?;
            }
        }
        Ok(())
    }

    /// Has our own triggers on a table whose changes are logged, and on no other of its name.
    pub(super) fn equip(&mut self, table: &Table) -> rusqlite::Result<()> {
        let physical = &table.record().physical;
        let wanted = table.has_changes() && !self.runs_all;
        match self.own_triggers.get(physical) {
            Some(id) if wanted && *id == table.id => return Ok(()),
            Some(_) => self.remove_own(physical)?,
            None => {}
        }
        if wanted {
            self.own_before.get_or_insert_with(|| self.own_triggers.clone());
            self.connection.execute_batch(triggers::MOMENT)?;
            let sql = triggers::own_of_table(&table.name, physical, table.storage);
            self.connection.execute_batch(&sql)?;
            self.own_triggers.insert(physical.clone(), table.id);
            // What was told before they were there is told again.
            self.marked = false;
        }
        Ok(())
    }

    fn remove_own(&mut self, physical: &str) -> rusqlite::Result<()> {
        self.own_before.get_or_insert_with(|| self.own_triggers.clone());
        self.connection.execute_batch(&triggers::remove_own(physical))?;
        self.own_triggers.remove(physical);
        Ok(())
    }

    /// Before the commit: the next writer may be anybody.
    pub(super) fn unmark(&mut self) -> rusqlite::Result<()> {
        if std::mem::take(&mut self.marked) && self.runs_all {
            self.connection
                .prepare_cached(
                    "UPDATE main._dictsqlite_writer SET own = NULL, take = 0, clock = NULL",
                )?
                .execute([])?;
        }
        Ok(())
    }

    /// Numbers up to this one are ours; triggers take those above.
    pub(super) fn reserve(&self, last: i64) -> rusqlite::Result<()> {
        write_number(&self.connection, "counter", last)
    }

    /// Steps over the numbers that triggers have taken.
    pub(super) fn catch_up(&mut self) -> rusqlite::Result<()> {
        let taken = read_number(&self.connection, "counter")?.unwrap_or(0);
        self.counter = self.counter.max(taken);
        Ok(())
    }

    /// The next row that is deleted gets this number in the log.
    pub(super) fn number_deletion(&self, number: i64) -> rusqlite::Result<()> {
        let sql = if self.runs_all {
            "UPDATE main._dictsqlite_writer SET take = ?1"
        } else {
            "UPDATE temp._dictsqlite_moment SET take = ?1"
        };
        self.connection.prepare_cached(sql)?.execute([number]).map(|_| ())
    }

    /// Takes the next number, for a row of `table` that is about to be written.
    pub(super) fn number_write(&mut self, table: &Table, now_ms: i64) -> rusqlite::Result<()> {
        if table.has_changes() {
            self.mark(now_ms)?;
        }
        self.counter += 1;
        // Triggers of others may write more rows.
        if table.has_changes() && self.runs_all {
            self.reserve(self.counter)?;
        }
        Ok(())
    }

    /// The same for a row that is about to be deleted.
    pub(super) fn number_deleted(&mut self, table: &Table, now_ms: i64) -> rusqlite::Result<()> {
        self.number_write(table, now_ms)?;
        if table.has_changes() {
            self.number_deletion(self.counter)?;
        }
        Ok(())
    }

    /// After a write: what others' triggers have written meanwhile has numbers as well.
    pub(super) fn step_over_others(&mut self, table: &Table) -> rusqlite::Result<()> {
        if table.has_changes() && self.runs_all { self.catch_up() } else { Ok(()) }
    }

    /// Before the blind writes of a segment: what has expired of their keys is removed under numbers
    /// below theirs, since a key has one number for both else. A row that refuses is met again, and
    /// told of, by its write.
    pub(super) fn bury_logged<'a>(
        &mut self,
        table: &Table,
        writes: impl Iterator<Item = BlindWrite<'a>>,
        now_ms: i64,
        applied: &mut Applied,
    ) -> Result<()> {
        let some_expired = self.next_expiry.get(&table.id).is_some_and(|next| *next <= now_ms);
        if !table.has_changes() || !some_expired {
            return Ok(());
        }
        let fail = |e| fault::error(&e, "writing");
        self.reserve(self.counter).map_err(fail)?;
        let mut rows = 0;
        for w in writes {
            // A kept entry was there when the transaction looked, and is not expired for it.
            let written = w.value.is_some() && !w.replaced && !w.kept;
            if packed_table(w.key) != table.id || !written {
                continue;
            }
            let buried = self
                .connection
                .prepare_cached(&table.sql.delete_expired_key)
                .and_then(|mut bury| bury.execute(params![Bind(w.key), now_ms]));
            match buried {
                Ok(n) => rows += n as i64,
                Err(e) if fault::spoils_transaction(&e) => return Err(fail(e)),
                Err(e) if self.connection.is_autocommit() => {
                    let error = fail(e).with_key(unpack(w.key));
                    applied.undone =
                        Some(Undone { key: Some(Arc::clone(w.key)), error: error.clone() });
                    return Err(error);
                }
                Err(_) => {}
            }
        }
        applied.gain(table.id, -rows, 0);
        self.catch_up().map_err(fail)
    }

    /// Runs what deletes rows of `table` by the statement, each of which gets the next number.
    pub(super) fn deleting<T>(
        &mut self,
        table: &Table,
        now_ms: i64,
        f: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        if !table.has_changes() {
            return f(&self.connection);
        }
        self.mark(now_ms)?;
        self.reserve(self.counter)?;
        let done = f(&self.connection)?;
        self.catch_up()?;
        Ok(done)
    }

    /// Whether something of the log is to be removed (or counted). Only reads.
    pub(crate) fn log_is_due(&self, now_ms: i64) -> Result<bool> {
        let look = || -> rusqlite::Result<bool> {
            let Some(limits) = Limits::read(&self.connection)? else { return Ok(false) };
            let Some(ends) = limits.ends(&self.connection)? else { return Ok(false) };
            if ends.first_at <= limits.oldest(now_ms) {
                return Ok(true);
            }
            // Numbers are given once, so there are no more rows than that.
            if ends.last - ends.first < limits.count {
                return Ok(false);
            }
            let new = limits.uncounted(&self.connection)?;
            Ok(new > UNCOUNTED || limits.rows + new > limits.count)
        };
        look().map_err(|e| fault::error(&e, "looking at the change log"))
    }

    /// Removes at most `most` changes that are beyond the limits; true if there are more.
    pub(super) fn trim_log(&mut self, most: u32, now_ms: i64) -> rusqlite::Result<bool> {
        let Some(limits) = Limits::read(&self.connection)? else { return Ok(false) };
        let Some(ends) = limits.ends(&self.connection)? else { return Ok(false) };
        let rows = limits.rows + limits.uncounted(&self.connection)?;
        let excess = rows - limits.count;
        let (mut gone, mut last, mut more) = (0, None, false);
        {
            let mut statement = self
                .connection
                .prepare_cached("SELECT seq, at FROM _dictsqlite_changes ORDER BY seq LIMIT ?1")?;
            let mut old = statement.query([i64::from(most) + 1])?;
            while let Some(row) = old.next()? {
                if gone >= excess && row.get::<_, i64>(1)? > limits.oldest(now_ms) {
                    break;
                }
                more = gone == i64::from(most);
                if more {
                    break;
                }
                last = Some(row.get::<_, i64>(0)?);
                gone += 1;
            }
        }
        self.mark(now_ms)?;
        if let Some(last) = last {
            self.connection
                .prepare_cached("DELETE FROM _dictsqlite_changes WHERE seq <= ?1")?
                .execute([last])?;
            write_number(&self.connection, REMOVED, last)?;
        }
        write_number(&self.connection, ROWS, rows - gone)?;
        write_number(&self.connection, COUNTED, ends.last)?;
        Ok(more)
    }
}

/// What is to be kept, and what is known of the log's length.
struct Limits {
    count: i64,
    age_ms: i64,
    rows: i64,
    counted: i64,
}

/// The first and the last change.
struct Ends {
    first: i64,
    first_at: i64,
    last: i64,
}

impl Limits {
    fn read(c: &Connection) -> rusqlite::Result<Option<Self>> {
        let number = |name: &str| read_number(c, name);
        let (Some(count), Some(age_ms)) = (number(COUNT)?, number(AGE)?) else { return Ok(None) };
        let (rows, counted) = (number(ROWS)?.unwrap_or(0), number(COUNTED)?.unwrap_or(0));
        Ok(Some(Self { count, age_ms, rows: rows.max(0), counted }))
    }

    fn ends(&self, c: &Connection) -> rusqlite::Result<Option<Ends>> {
        c.prepare_cached(
            "SELECT seq, at, (SELECT max(seq) FROM _dictsqlite_changes) \
             FROM _dictsqlite_changes ORDER BY seq LIMIT 1",
        )?
        .query_row([], |row| {
            Ok(Ends { first: row.get(0)?, first_at: row.get(1)?, last: row.get(2)? })
        })
        .optional()
    }

    fn uncounted(&self, c: &Connection) -> rusqlite::Result<i64> {
        c.prepare_cached("SELECT count(*) FROM _dictsqlite_changes WHERE seq > ?1")?
            .query_row([self.counted], |row| row.get(0))
    }

    /// Changes of this time and before are not kept.
    fn oldest(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(self.age_ms)
    }
}
