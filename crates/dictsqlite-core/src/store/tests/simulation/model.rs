//! What is in the store after each operation, as plain lists in insertion order.

use super::ops::{Key, Op, Via};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: Key,
    pub(super) value: Vec<u8>,
    pub(super) expires_at: Option<i64>,
}

/// Both tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents(pub(super) [Vec<Row>; 2]);

/// What an operation answers, where that is more than that it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    /// It was not as expected.
    Conflict,
    Value(Option<Vec<u8>>),
    Item(Option<(Key, Vec<u8>)>),
    Number(i64),
    Was(bool),
}

/// The integer that a value is.
pub(super) fn integer(row: &Row) -> Option<i64> {
    std::str::from_utf8(&row.value).ok()?.parse().ok()
}

impl Contents {
    /// Without what has expired; in the order of the keys, unless order is told.
    pub(super) fn seen(&self, now: i64, in_order: bool) -> Self {
        let mut seen = self.clone();
        for table in &mut seen.0 {
            table.retain(|row| row.expires_at.is_none_or(|at| at > now));
            if !in_order {
                table.sort_by_key(|row| row.key);
            }
        }
        seen
    }

    pub(super) fn get(&self, via: Via, key: Key, now: i64) -> Option<&Row> {
        let mut table = self.0[via.table()].iter();
        table.find(|row| row.key == key && row.expires_at.is_none_or(|at| at > now))
    }

    pub(super) fn put(
        &mut self,
        via: Via,
        key: Key,
        value: &[u8],
        expires_at: Option<i64>,
        now: i64,
    ) {
        let row = Row { key, value: value.to_vec(), expires_at };
        if self.get(via, key, now).is_none() {
            // What has expired gave its place up.
            self.remove(via, key);
        }
        let table = &mut self.0[via.table()];
        match table.iter_mut().find(|row| row.key == key) {
            Some(there) => *there = row,
            None => table.push(row),
        }
    }

    pub(super) fn remove(&mut self, via: Via, key: Key) {
        self.0[via.table()].retain(|row| row.key != key);
    }

    /// Does what the operation does at this time. Also says whether it wrote anything.
    pub(super) fn take(&mut self, op: &Op, now: i64) -> (Answer, bool) {
        let after = |ttl: &Option<u64>| ttl.map(|ms| now + ms as i64);
        let via = op.writes().unwrap_or(Via::Lazy);
        let found =
            |contents: &Self, key: &Key| contents.get(via, *key, now).map(|row| row.value.clone());
        match op {
            Op::Set(_, key, value, ttl) => self.put(via, *key, value, after(ttl), now),
            Op::Delete(_, key) => self.remove(via, *key),
            Op::SetMany(_, items) | Op::SetLater(items) => {
                items.iter().for_each(|(key, value)| self.put(via, *key, value, None, now));
            }
            Op::DeleteMany(_, keys) => keys.iter().for_each(|key| self.remove(via, *key)),
            Op::Incr(_, key, delta) => {
                let there = self.get(via, *key, now);
                let sum = there.and_then(integer).unwrap_or(0) + delta;
                let expires_at = there.and_then(|row| row.expires_at);
                self.put(via, *key, sum.to_string().as_bytes(), expires_at, now);
                return (Answer::Number(sum), true);
            }
            Op::SetIf(_, _, _, false) => return (Answer::Conflict, false),
            Op::SetIf(_, key, value, true) => self.put(via, *key, value, None, now),
            Op::DeleteIf(_, _, false) => return (Answer::Conflict, false),
            Op::DeleteIf(_, key, true) => {
                let there = found(self, key).is_some();
                self.remove_if(via, *key, there);
                return (Answer::Done, there);
            }
            Op::SetDefault(_, key, value) => {
                let there = found(self, key);
                let wrote = there.is_none();
                if wrote {
                    self.put(via, *key, value, None, now);
                }
                return (Answer::Value(there), wrote);
            }
            Op::Remove(_, key) => {
                let there = found(self, key).is_some();
                self.remove_if(via, *key, there);
                return (Answer::Was(there), there);
            }
            Op::Pop(_, key) => {
                let there = found(self, key);
                let wrote = there.is_some();
                self.remove_if(via, *key, wrote);
                return (Answer::Value(there), wrote);
            }
            Op::PopItem(_, newest) => {
                let table = &mut self.0[via.table()];
                let at = if *newest { table.len().checked_sub(1) } else { Some(0) };
                let at = at.filter(|at| *at < table.len());
                let row = at.map(|at| table.remove(at));
                let wrote = row.is_some();
                return (Answer::Item(row.map(|row| (row.key, row.value))), wrote);
            }
            Op::Expire(_, key, ttl) => {
                let there = found(self, key).is_some();
                if there && let Some(row) = self.0[via.table()].iter_mut().find(|r| r.key == *key) {
                    row.expires_at = after(ttl);
                }
                return (Answer::Was(there), there);
            }
            Op::Clear(_) => self.0[via.table()].clear(),
            Op::Atomic(_, _, Some((_, false))) => return (Answer::Conflict, false),
            Op::Atomic(_, ops, _) => {
                let before = self.clone();
                ops.iter().for_each(|op| drop(self.take(op, now)));
                let puts = ops.iter().any(|op| !matches!(op, Op::Delete(..)));
                return (Answer::Done, puts || *self != before);
            }
            Op::Flush(_)
            | Op::FlushDurable(_)
            | Op::Read(..)
            | Op::Advance(_)
            | Op::Reopen
            | Op::Transaction(_)
            | Op::Backup(..) => return (Answer::Done, false),
        }
        (Answer::Done, true)
    }

    fn remove_if(&mut self, via: Via, key: Key, there: bool) {
        if there {
            self.remove(via, key);
        }
    }
}
