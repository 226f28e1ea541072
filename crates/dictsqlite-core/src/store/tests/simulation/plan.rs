//! What a transaction does, as a list, and whether somebody else's write stands in its way.

use std::collections::BTreeSet;

use super::model::{Answer, Contents, integer};
use super::ops::{Bytes, KEYS, Key, Op, Via};
use super::transactions::{Doing, Tx};
use crate::{Isolation, TransactionMode};

/// What a transaction does, as a list.
pub(super) struct Plan {
    /// What it has begun with, and its own view of it.
    pub(super) seen: Contents,
    own: Contents,
    now: i64,
    /// Keys that it has read of what it has begun with.
    read: BTreeSet<(usize, Key)>,
    pub(super) writes: Vec<Write>,
    pub(super) answers: Vec<Answer>,
}

/// A key's value and its end, or none.
pub(super) struct Write(pub(super) Via, pub(super) Key, pub(super) Option<(Bytes, Option<i64>)>);

impl Plan {
    pub(super) fn new(tx: &Tx, seen: &Contents, now: i64) -> Self {
        let (seen, own) = (seen.clone(), seen.clone());
        let (writes, answers) = (Vec::new(), Vec::new());
        let mut plan = Self { seen, own, now, read: BTreeSet::new(), writes, answers };
        for doing in &tx.doings {
            let answer = plan.take(doing);
            plan.answers.push(answer);
        }
        plan
    }

    fn take(&mut self, doing: &Doing) -> Answer {
        let (at, key) = doing.place();
        let there = self.own.get(at, key, self.now).cloned();
        let is_own = self.wrote(at.table(), key);
        if !is_own && !matches!(doing, Doing::Set(..) | Doing::Delete(..)) {
            self.read.insert((at.table(), key));
        }
        match doing {
            Doing::Get(..) => return Answer::Value(there.map(|row| row.value)),
            Doing::Set(_, _, bytes, ttl) => {
                self.write(at, key, Some((bytes.clone(), ttl.map(|ms| self.now + ms as i64))));
            }
            Doing::Delete(..) => self.write(at, key, None),
            Doing::Remove(..) => {
                if there.is_some() {
                    self.write(at, key, None);
                }
                return Answer::Was(there.is_some());
            }
            Doing::Incr(_, _, delta) => {
                let sum = there.as_ref().and_then(integer).unwrap_or(0) + delta;
                let expires_at = there.and_then(|row| row.expires_at);
                self.write(at, key, Some((sum.to_string().into_bytes(), expires_at)));
                return Answer::Number(sum);
            }
        }
        Answer::Done
    }

    fn write(&mut self, at: Via, key: Key, to: Option<(Bytes, Option<i64>)>) {
        let write = Write(at, key, to);
        write.apply(&mut self.own, self.now);
        self.writes.push(write);
    }

    fn wrote(&self, table: usize, key: Key) -> bool {
        self.writes.iter().any(|Write(at, of, _)| (at.table(), *of) == (table, key))
    }

    /// The contents once it is committed.
    pub(super) fn applied(&self, to: &Contents) -> Contents {
        let mut next = to.clone();
        self.writes.iter().for_each(|write| write.apply(&mut next, self.now));
        next
    }

    /// Whether what there is at its commit stands in its way; none when it may or may not.
    pub(super) fn conflicts(&self, tx: &Tx, there: &Contents) -> Option<bool> {
        if tx.mode != TransactionMode::Concurrent || self.writes.is_empty() {
            return Some(false);
        }
        let whole = tx.isolation == Isolation::Serializable;
        let mut certain = Some(false);
        for at in [Via::Lazy, Via::Other] {
            for key in 0..KEYS {
                let (read, wrote) =
                    (self.read.contains(&(at.table(), key)), self.wrote(at.table(), key));
                if !(wrote || whole && read) {
                    continue;
                }
                let then = self.seen.get(at, key, self.now);
                let now = there.get(at, key, self.now);
                // What it has not looked at and is gone is in nobody's way.
                let blind = whole && !read;
                if then != now && !(blind && now.is_none()) {
                    return Some(true);
                }
                if now.is_some() && tx.between.as_ref().is_some_and(|(_, op)| names(op, at, key)) {
                    // The same was written again, and has another version.
                    certain = None;
                }
            }
        }
        certain
    }
}

/// Whether an operation may write this key as it was.
fn names(op: &Op, at: Via, key: Key) -> bool {
    let here = op.writes().is_some_and(|via| via.table() == at.table());
    here && match op {
        Op::SetMany(_, items) | Op::SetLater(items) => items.iter().any(|(of, _)| *of == key),
        Op::Set(_, of, ..) | Op::SetIf(_, of, ..) | Op::Incr(_, of, _) | Op::Expire(_, of, _) => {
            *of == key
        }
        Op::Atomic(_, ops, _) => ops.iter().any(|op| names(op, at, key)),
        _ => false,
    }
}

impl Write {
    fn apply(&self, to: &mut Contents, now: i64) {
        let Self(at, key, value) = self;
        match value {
            Some((bytes, expires_at)) => to.put(*at, *key, bytes, *expires_at, now),
            None => to.remove(*at, *key),
        }
    }
}
