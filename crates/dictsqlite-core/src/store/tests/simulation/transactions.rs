//! Transactions over both tables, committed or given up, with somebody else's write in between.

use std::time::Duration;

use fastrand::Rng;

use super::history::Flaw;
use super::life::{Broken, HANG, Life, Step};
use super::model::Answer;
use super::ops::{Bytes, COUNTERS, KEYS, Key, Op, Taste, Via, draw_write, key_text, value};
use super::plan::{Plan, Write};
use crate::error::ErrorKind;
use crate::{Isolation, Transaction, TransactionMode, TransactionOptions, Ttl, Value};

/// A transaction: some of its doings, what somebody else does, and the rest.
#[derive(Clone, Debug)]
pub(super) struct Tx {
    via: Via,
    pub(super) mode: TransactionMode,
    pub(super) isolation: Isolation,
    pub(super) doings: Vec<Doing>,
    /// What somebody else writes, and after how many of the doings.
    pub(super) between: Option<(usize, Op)>,
    commits: bool,
}

/// One thing done in it, on the table of a handle.
#[derive(Clone, Debug)]
pub(super) enum Doing {
    Get(Via, Key),
    Set(Via, Key, Bytes, Option<u64>),
    Delete(Via, Key),
    Remove(Via, Key),
    Incr(Via, Key, i64),
}

impl Doing {
    pub(super) fn place(&self) -> (Via, Key) {
        match self {
            Self::Get(at, key)
            | Self::Set(at, key, ..)
            | Self::Delete(at, key)
            | Self::Remove(at, key)
            | Self::Incr(at, key, _) => (*at, *key),
        }
    }
}

pub(super) fn draw(random: &mut Rng, taste: &Taste) -> Tx {
    let count = random.usize(1..8);
    let doings: Vec<Doing> = (0..count).map(|_| draw_doing(random, taste)).collect();
    let immediate = random.u8(..5) < 2;
    let between = (random.u8(..3) > 0).then(|| {
        let (at, key) = doings[random.usize(..count)].place();
        let op = match random.u8(..4) {
            // Everybody waits for who has the lock, unless the write is one that nobody waits for.
            0..=1 if immediate => Op::Set(at, key, value(random, taste, key), None),
            _ if immediate => Op::Delete(at, key),
            0..=1 => Op::Set(by(random, at), key, value(random, taste, key), None),
            _ => draw_write(random, taste),
        };
        (random.usize(..=count), op)
    });
    Tx {
        via: Via::ALL[random.usize(..Via::ALL.len())],
        mode: if immediate { TransactionMode::Immediate } else { TransactionMode::Concurrent },
        isolation: [Isolation::Serializable, Isolation::Serializable, Isolation::Snapshot]
            [random.usize(..3)],
        doings,
        between,
        commits: random.u8(..5) > 0,
    }
}

fn draw_doing(random: &mut Rng, taste: &Taste) -> Doing {
    let at = if random.u8(..3) == 0 { Via::Other } else { Via::Lazy };
    let key = random.u8(..KEYS);
    match random.u8(..10) {
        0..=1 => Doing::Get(at, key),
        2..=5 => {
            let ttl = (taste.expiry && random.bool()).then(|| random.u64(1..2000));
            Doing::Set(at, key, value(random, taste, key), ttl)
        }
        6 => Doing::Delete(at, key),
        7 => Doing::Remove(at, key),
        _ => Doing::Incr(at, random.u8(COUNTERS..KEYS), random.i64(-5..50)),
    }
}

/// One of the handles on the same table.
fn by(random: &mut Rng, at: Via) -> Via {
    if at == Via::Other { at } else { Via::ALL[random.usize(..3)] }
}

impl Write {
    fn perform(&self, on: &[Transaction; 2], now: i64) -> crate::Result<()> {
        let Self(at, key, value) = self;
        let on = &on[at.table()];
        match value {
            Some((bytes, expires_at)) => {
                let ttl = expires_at.map(|at| (at - now).unsigned_abs());
                on.set_encoded(&*key_text(*key), Value::from(&bytes[..]), lasting(ttl))
            }
            None => on.delete(&*key_text(*key)),
        }
    }
}

fn lasting(ms: Option<u64>) -> Ttl {
    ms.map_or(Ttl::Never, |ms| Ttl::After(Duration::from_millis(ms)))
}

impl Life<'_> {
    pub(super) fn transact(&mut self, tx: &Tx) -> Step<()> {
        // It sees what was acknowledged: which that is shall be known.
        self.catch_up()?;
        let first = self.account.last();
        let plan = Plan::new(tx, self.account.last_state(), self.now);
        let open = self.begun(tx)?;
        let immediate = tx.mode == TransactionMode::Immediate;
        let changes = tx.commits && !plan.writes.is_empty();
        let (before, after) = (0..tx.doings.len())
            .partition::<Vec<_>, _>(|n| tx.between.as_ref().is_none_or(|(at, _)| n < at));
        self.work(tx, &plan, &open, &before)?;
        if immediate && changes {
            // It has its place in the order since it has the lock.
            self.account.accept(plan.applied(&plan.seen), plan.writes.len() as u64);
        }
        if let Some((_, op)) = &tx.between {
            self.write(op)?;
        }
        self.work(tx, &plan, &open, &after)?;
        if !tx.commits {
            return match open[0].rollback() {
                Ok(()) => Ok(()),
                Err(_) if self.disk.is_stopped() => Err(Broken::Stopped),
                Err(e) => Err(Broken::Wrong(format!("{tx:?} was not given up: {e}"))),
            };
        }
        let conflicts = plan.conflicts(tx, self.account.last_state());
        let index = match (changes, immediate) {
            (true, true) => first + 1,
            (true, false) => {
                let next = plan.applied(self.account.last_state());
                self.account.accept(next, plan.writes.len() as u64)
            }
            (false, _) => self.account.last(),
        };
        let committed = self.commit(tx, &plan, open)?;
        match committed {
            Ok(_) if conflicts == Some(true) => {
                Err(Broken::Wrong(format!("{tx:?} was committed over what others wrote since")))
            }
            Ok(_) if !changes => Ok(()),
            Ok(version) => self.is_in(tx, &plan, index, version),
            Err(_) if self.disk.is_stopped() => Err(Broken::Stopped),
            Err(e)
                if self.may_fail(&e)
                    || e.kind() == ErrorKind::Conflict && conflicts != Some(false) =>
            {
                self.is_not_in(tx, changes, index);
                Ok(())
            }
            Err(e) => Err(Broken::Wrong(format!("{tx:?} was not committed: {e}"))),
        }
    }

    /// Begins it, on both tables.
    fn begun(&self, tx: &Tx) -> Step<[Transaction; 2]> {
        let options = TransactionOptions {
            mode: tx.mode,
            isolation: tx.isolation,
            max_hold: Some(HANG),
            ..TransactionOptions::default()
        };
        let via = match (self.flaw, tx.via) {
            (Flaw::EarlyCommits, Via::Durable) => Via::Lazy,
            (_, via) => via,
        };
        let own =
            self.wait_again("beginning", |life| life.dict(via).transaction_async(&options))?;
        let is_main = via.table() == 0;
        let other = if is_main { "other" } else { "main" };
        let other = self.wait_again("a table", |_| own.table_async(other, None))?;
        Ok(if is_main { [own, other] } else { [other, own] })
    }

    /// Does some of what it does, and compares the answers.
    fn work(&self, tx: &Tx, plan: &Plan, open: &[Transaction; 2], which: &[usize]) -> Step<()> {
        for n in which {
            let doing = &tx.doings[*n];
            let (at, key) = doing.place();
            let (on, key) = (&open[at.table()], &*key_text(key));
            let done = |done: crate::Result<()>| {
                done.map_err(|e| Broken::Wrong(format!("{doing:?} failed: {e}")))
            };
            let answer = match doing {
                Doing::Get(..) => {
                    let found = self.wait_again("get", |_| on.get_async(key))?;
                    Answer::Value(found.map(|value| value.to_vec()))
                }
                Doing::Set(_, _, bytes, ttl) => {
                    done(on.set_encoded(key, Value::from(&bytes[..]), lasting(*ttl)))?;
                    Answer::Done
                }
                Doing::Delete(..) => {
                    done(on.delete(key))?;
                    Answer::Done
                }
                Doing::Remove(..) => {
                    Answer::Was(self.wait_again("remove", |_| on.remove_async(key))?)
                }
                Doing::Incr(_, _, delta) => {
                    Answer::Number(self.wait_again("incr", |_| on.incr_async(key, *delta))?)
                }
            };
            let expected = &plan.answers[*n];
            if answer != *expected {
                let words = format!("{doing:?} answered {answer:?} and not {expected:?} in {tx:?}");
                return Err(Broken::Wrong(words));
            }
        }
        Ok(())
    }

    /// Commits, unless the build is broken.
    fn commit(&self, tx: &Tx, plan: &Plan, open: [Transaction; 2]) -> Step<crate::Result<i64>> {
        let half = match self.flaw {
            Flaw::SplitTransactions if tx.between.is_none() => plan.writes.len() / 2,
            Flaw::ConflictsMissed => 0,
            _ => return self.wait(open[0].commit_async()),
        };
        if tx.mode != TransactionMode::Concurrent {
            return self.wait(open[0].commit_async());
        }
        drop(open);
        let mut last = 0;
        for part in [&plan.writes[..half], &plan.writes[half..]] {
            let open = self.begun(tx)?;
            let gathered = part.iter().try_for_each(|write| write.perform(&open, self.now));
            gathered.map_err(|e| Broken::Wrong(e.to_string()))?;
            match self.wait(open[0].commit_async())? {
                Ok(version) => last = version,
                refused => return Ok(refused),
            }
        }
        Ok(Ok(last))
    }

    /// It was acknowledged.
    fn is_in(&mut self, tx: &Tx, plan: &Plan, index: usize, version: i64) -> Step<()> {
        let known = self.account.committed_version;
        if version <= known {
            let words = format!("the new version {version} of {tx:?} is not above {known}");
            return Err(Broken::Wrong(words));
        }
        self.account.committed_version = version;
        let before = &self.account.states[index - 1];
        let puts = plan.writes.iter().any(|Write(_, _, value)| value.is_some());
        // What wrote nothing had nothing to sync.
        if tx.via == Via::Durable && (puts || *before != self.account.states[index]) {
            self.account.is_durable(index);
        } else {
            self.account.is_committed(index);
        }
        Ok(())
    }

    /// It was refused: what came after it stands on what was there before.
    fn is_not_in(&mut self, tx: &Tx, changes: bool, index: usize) {
        if !changes {
            return;
        }
        self.account.forget(index);
        if tx.mode == TransactionMode::Immediate
            && let Some((_, op)) = &tx.between
        {
            let mut next = self.account.last_state().clone();
            next.take(op, self.now);
            self.account.accept(next, op.weight());
        }
    }
}
