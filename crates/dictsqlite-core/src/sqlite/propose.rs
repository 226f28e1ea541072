//! Transactions, decided and applied inside the writer's own: all that was read is looked at again,
//! then everything is written, or nothing.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use super::command::{Refusal, check_expected};
use super::page::{self, After, Bounds, PageRequest};
use super::table::{Table, Tables};
use super::write::{Applied, BlindWrite, Spoiled, Undone, WriteConnection};
use crate::error::{Error, ErrorKind, Result};
use crate::types::{
    Entry, Expect, Outcome, PackedKey, Page, Proposal, Range, RowRef, Seen, Stamp, StorageMode,
    packed_table, unpack,
};

/// Rows of a scan that are compared at a time.
const ROWS: usize = 4096;
const BYTES: usize = 4 << 20;

/// The committed entry of a key, where memory is sure of it.
pub(crate) type Known<'a> = dyn Fn(&[u8]) -> Option<Entry> + 'a;

/// The keys that this transaction of the writer has changed so far, gathered when they are asked for.
#[derive(Default)]
pub(super) struct Changed {
    keys: HashSet<PackedKey, ahash::RandomState>,
    touched: usize,
    proposals: usize,
}

impl Applied {
    /// True when a command or a transaction before may have changed the key.
    fn has_changed(&mut self, key: &[u8]) -> bool {
        let changed = &mut self.changed;
        for key in &self.touched[changed.touched..] {
            changed.keys.insert(Arc::clone(key));
        }
        changed.touched = self.touched.len();
        for (proposal, _) in &self.proposals[changed.proposals..] {
            changed.keys.extend(proposal.writes.iter().map(|w| Arc::clone(&w.key)));
        }
        changed.proposals = self.proposals.len();
        self.emptied || changed.keys.contains(key)
    }
}

/// What stands for a row besides its key.
pub(crate) fn print_of(row: RowRef<'_>, values: bool) -> u64 {
    static STATE: LazyLock<ahash::RandomState> = LazyLock::new(ahash::RandomState::new);
    if values { STATE.hash_one((row.version(), row.value())) } else { 0 }
}

impl WriteConnection {
    /// Decides a transaction and applies it. The inner error is its own, and it changed nothing.
    /// `before` is the stamp that the writer's transaction began at.
    pub(crate) fn propose(
        &mut self,
        tables: &Tables,
        proposal: &Arc<Proposal>,
        before: Option<Stamp>,
        now_ms: i64,
        applied: &mut Applied,
        known: &Known<'_>,
    ) -> std::result::Result<Result<Outcome>, Spoiled> {
        // Nobody has committed since all of it was read, and nothing comes before it here.
        let still = !applied.wrote && before.is_some() && proposal.stamp == before;
        if !still && let Err(refusal) = self.verify(tables, proposal, now_ms, applied, known) {
            return if refusal.spoils { Err(refusal.error) } else { Ok(Err(refusal.error)) };
        }
        if !proposal.writes.is_empty() {
            self.write(tables, proposal, now_ms, applied)?;
        }
        for command in &proposal.commands {
            let id = command.key().map_or(0, |key| packed_table(key));
            let done = self.with_table(tables, id, |w, table| match command.key() {
                Some(key) => w.decide_key(table, key, command, now_ms, applied),
                None => Err(Error::new(ErrorKind::Internal, "not a command on a key").into()),
            });
            if let Err(refusal) = done {
                if !refusal.spoils {
                    // What was done of it goes as well, with all that the writer has begun.
                    applied.undone = Some(Undone { key: None, error: refusal.error.clone() });
                }
                return Err(refusal.error);
            }
        }
        Ok(Ok(Outcome::Version(self.counter)))
    }

    fn write(
        &mut self,
        tables: &Tables,
        proposal: &Arc<Proposal>,
        now_ms: i64,
        applied: &mut Applied,
    ) -> std::result::Result<(), Spoiled> {
        let writes = proposal.writes.iter().map(|w| BlindWrite {
            key: &w.key,
            value: w.value.as_ref(),
            expires_at: w.expires_at,
            kept: w.kept,
            op: w.op,
            place: w.place,
            replaced: w.replaced,
            removed: w.removed,
        });
        let unwritable = applied.unwritable.len();
        let base = self.apply(tables, proposal.ops, writes, now_ms, applied);
        let refused = match &base {
            Ok(_) if applied.unwritable.len() == unwritable => None,
            Ok(_) => Some(applied.unwritable.swap_remove(unwritable).1),
            Err(_) => applied.undone.take().map(|undone| undone.error),
        };
        if let Some(error) = refused {
            // One row that can never be written: then none of them is.
            let message = format!("{}; nothing of the transaction was written", error.message());
            let whole = Error::new(error.kind(), message);
            let error = match error.key() {
                Some(key) => whole.with_key(key.clone()),
                None => whole,
            };
            applied.undone = Some(Undone { key: None, error: error.clone() });
            return Err(error);
        }
        applied.proposals.push((Arc::clone(proposal), base?));
        Ok(())
    }

    /// Looks at everything again that the transaction depends on.
    fn verify(
        &mut self,
        tables: &Tables,
        proposal: &Proposal,
        now_ms: i64,
        applied: &mut Applied,
        known: &Known<'_>,
    ) -> std::result::Result<(), Refusal> {
        for (key, version) in &proposal.checks {
            let now = self.current(tables, (key, false), now_ms, applied, known)?;
            check_expected(Expect::Version(*version), now.as_ref(), key)?;
        }
        for seen in &proposal.reads {
            let now =
                self.current(tables, (&seen.key, seen.value.is_some()), now_ms, applied, known)?;
            let table = tables.get(packed_table(&seen.key));
            check_seen(seen, now.as_ref(), table.map(|table| table.storage))?;
        }
        for key in &proposal.blind {
            let now = self.current(tables, (key, false), now_ms, applied, known)?;
            if now.is_some_and(|entry| entry.version > proposal.since) {
                return Err(conflict(key, "was written").into());
            }
        }
        for (table, rows) in &proposal.counts {
            let table = self.known_table(tables, *table, applied)?;
            let number = |sql: &str, parameters: &[i64]| -> rusqlite::Result<i64> {
                let parameters = rusqlite::params_from_iter(parameters);
                self.connection.prepare_cached(sql)?.query_row(parameters, |row| row.get(0))
            };
            let all = number(&table.sql.count, &[])?;
            let dead = number(&table.sql.count_expired, &[now_ms])?;
            if (all - dead).max(0).unsigned_abs() != *rows {
                let message = format!(
                    "the number of entries of table {:?} has changed since the transaction asked for \
                     it; read again and retry",
                    table.name
                );
                return Err(Error::new(ErrorKind::Conflict, message).into());
            }
        }
        for range in &proposal.ranges {
            let table = self.known_table(tables, range.table, applied)?;
            self.verify_range(&table, range, now_ms)?;
        }
        Ok(())
    }

    fn known_table(
        &mut self,
        tables: &Tables,
        id: u32,
        applied: &Applied,
    ) -> std::result::Result<Arc<Table>, Refusal> {
        let table = tables.get(id).filter(|table| !applied.has_dropped(table));
        let table = table.ok_or_else(|| {
            Error::new(ErrorKind::Closed, "a table of the transaction was dropped; open it again")
        })?;
        self.meet(&table)?;
        Ok(table)
    }

    /// The entry of a key as this transaction of the writer has it; unless `whole`, without a value in chunks.
    fn current(
        &mut self,
        tables: &Tables,
        (key, whole): (&PackedKey, bool),
        now_ms: i64,
        applied: &mut Applied,
        known: &Known<'_>,
    ) -> std::result::Result<Option<Entry>, Refusal> {
        // A trigger may change what nobody names.
        let unsure = applied.wrote && self.has_triggers || applied.has_changed(key);
        let entry = match if unsure { None } else { known(key) } {
            Some(entry) => Some(entry),
            None => {
                let table = self.known_table(tables, packed_table(key), applied)?;
                self.entry(&table, key, whole)?
            }
        };
        Ok(entry.filter(|entry| entry.expires_at.is_none_or(|at| at > now_ms)))
    }

    fn verify_range(
        &mut self,
        table: &Table,
        range: &Range,
        now_ms: i64,
    ) -> std::result::Result<(), Refusal> {
        let mut request = PageRequest {
            order: range.order,
            reverse: range.reverse,
            bounds: Bounds { start: range.start.clone(), end: range.end.clone() },
            after: After::Start,
            newest: None,
            rows: 0,
            bytes: BYTES,
            values: range.values,
            details: range.values,
            now_ms,
        };
        let mut place = 0;
        loop {
            // One more than there were tells whether there is one more now.
            let left = range.rows.len() - place + usize::from(range.ended);
            request.rows = left.min(ROWS);
            if request.rows == 0 {
                return Ok(());
            }
            let mut page = Page::default();
            let ended = page::read(&self.connection, table, &mut request, &mut page)?;
            for row in (0..page.len()).filter_map(|n| page.row(n)) {
                if let Some(key) = differs(range, place, row) {
                    return Err(conflict(&key, "was changed in a range that was read").into());
                }
                place += 1;
            }
            if ended {
                return match range.rows.get(place) {
                    Some((key, _)) => {
                        Err(conflict(key, "was removed from a range that was read").into())
                    }
                    None => Ok(()),
                };
            }
        }
    }
}

/// The key that makes the row at a place of a scan another one than it was.
fn differs(range: &Range, place: usize, row: RowRef<'_>) -> Option<PackedKey> {
    let now = row.packed();
    let Some((then, print)) = range.rows.get(place) else { return Some(now.into()) };
    if then == now {
        return (print != print_of(row, range.values)).then(|| now.into());
    }
    // In key order it is plain whether something came in between or went.
    let inserted = range.order == crate::types::Order::Key && (now < then) != range.reverse;
    Some(if inserted { now.into() } else { then.into() })
}

fn check_seen(seen: &Seen, now: Option<&Entry>, storage: Option<StorageMode>) -> Result<()> {
    let same = match now {
        None => seen.version == 0,
        Some(entry) => {
            seen.version == entry.version
                && seen.value.as_ref().is_none_or(|value| {
                    Arc::ptr_eq(value, &entry.value)
                        || value == &entry.value
                        || storage == Some(StorageMode::Jsonb) && is_same_json(value, &entry.value)
                })
        }
    };
    if same {
        return Ok(());
    }
    let what = match now {
        None => "was removed, or has expired,",
        Some(_) if seen.version == 0 => "was put there",
        Some(_) => "was changed",
    };
    Err(conflict(&seen.key, what))
}

/// True when two JSON texts differ by white space at most: memory has the text as it was given, SQLite
/// gives back a `jsonb` value without any.
fn is_same_json(a: &[u8], b: &[u8]) -> bool {
    fn tokens(json: &[u8]) -> impl Iterator<Item = u8> + '_ {
        let (mut quoted, mut escaped) = (false, false);
        json.iter().copied().filter(move |byte| {
            if quoted {
                quoted = escaped || *byte != b'"';
                escaped = !escaped && *byte == b'\\';
                return true;
            }
            quoted = *byte == b'"';
            !byte.is_ascii_whitespace()
        })
    }
    tokens(a).eq(tokens(b))
}

fn conflict(key: &[u8], what: &str) -> Error {
    let message = format!(
        "the key {what} outside this transaction after it began; read again and retry (inside it, use \
         the transaction, not the dict)"
    );
    Error::new(ErrorKind::Conflict, message).with_key(unpack(key))
}
