//! The one thread that writes: group commit of everything that is pending.

mod hold;
mod proposals;

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indexmap::IndexMap;

use crate::cache::Cached;
use crate::error::{Error, ErrorKind, Result};
use crate::memtable::{Segment, Step, Work};
use crate::sqlite::{Applied, BlindWrite, Undone, WriteConnection};
use crate::state::{Counters, Request, State};
use crate::types::{Command, Outcome, PackedKey, Stamp};
use crate::vfs::fork;

use proposals::known;

/// How long the writer waits before it tries again after a failure.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The writer's thread body. Returns when the memtable is stopped and everything is committed.
pub(crate) fn run(state: &Arc<State>, connection: WriteConnection) {
    let mut writer = Writer { state, connection, settled: None, pause: PAUSE };
    let body = AssertUnwindSafe(|| {
        while let Some(work) = state.memtable.next_work() {
            writer.serve(work);
        }
    });
    if catch_unwind(body).is_err() {
        // Nobody may wait for a thread that is gone. What was accepted is lost with this process.
        let error =
            Error::new(ErrorKind::Internal, "the writing thread panicked; please report it");
        for request in state.memtable.abandon(&error) {
            request.reply.complete(Err(error.clone()));
        }
    }
    let _pass = fork::enter();
    // Closing checkpoints, and must not do so on the strength of what may be lost. There is nobody to
    // tell if it cannot be helped: everything accepted is committed.
    let _ = writer.connection.mend_alone();
    drop(writer);
}

struct Writer<'a> {
    state: &'a Arc<State>,
    connection: WriteConnection,
    /// The stamp after our last commit, while the connection's numbers are right for it.
    settled: Option<Stamp>,
    pause: Duration,
}

/// A transaction on its way to its commit.
struct Transaction {
    applied: Applied,
    segments: Vec<(Arc<Segment>, i64)>,
    answers: Vec<Result<Outcome>>,
}

/// What undoes every transaction that it is part of, by step of the work, in the order in which it was
/// found: to be left out.
#[derive(Default)]
struct Refused {
    rows: HashMap<usize, IndexMap<PackedKey, Error>>,
    commands: HashMap<usize, Error>,
}

impl Refused {
    fn note(&mut self, step: usize, undone: Undone) {
        match undone.key {
            Some(key) => {
                self.rows.entry(step).or_default().insert(key, undone.error);
            }
            None => {
                self.commands.insert(step, undone.error);
            }
        }
    }
}

impl Writer<'_> {
    fn serve(&mut self, work: Work<Request>) {
        if work.steps.is_empty() {
            self.state.memtable.committed(work, None);
            return;
        }
        if let Some(hold) = hold::of(&work) {
            return self.serve_hold(work, &hold);
        }
        let pass = fork::enter();
        let result = self.commit(&work);
        drop(pass);
        match result {
            Ok((answers, dropped)) => {
                self.pause = PAUSE;
                let requests = self.state.memtable.committed(work, dropped);
                self.state.coherence.released();
                for (request, answer) in requests.into_iter().zip(answers) {
                    if let (Command::Sweep { .. }, Ok(Outcome::Swept(n, _))) =
                        (&request.command, &answer)
                    {
                        Counters::add(&self.state.counters.swept, *n);
                    }
                    request.reply.complete(answer);
                }
                self.state.listeners.tell(|| self.state.stamps.live());
                self.checkpoint_if_due();
            }
            Err(error) => self.fail(work, &error),
        }
    }

    fn fail(&mut self, mut work: Work<Request>, error: &Error) {
        // Nothing of it is committed, so memory's word on it holds, whoever commits next.
        self.state.coherence.released();
        let pass = fork::enter();
        self.connection.rollback();
        drop(pass);
        self.settled = None;
        Counters::add(&self.state.counters.failed_commits, 1);
        // Waiting for the lock took its time already.
        let pause = if error.kind() == ErrorKind::Busy { Duration::ZERO } else { self.pause };
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        undo(&work);
        let mut hopeless = Vec::new();
        // It may have been found by others, while this waited for the lock of a file that nobody has.
        let lost = self.state.opener.check_not_misplaced().err();
        let error = lost.as_ref().unwrap_or(error);
        if lost.is_some() {
            // That does not pass: who waits for a decision need not wait for the deadline.
            let steps = std::mem::take(&mut work.steps);
            for step in steps {
                match step {
                    Step::Command(request, ..) => hopeless.push(request),
                    segment @ Step::Segment(_) => work.steps.push(segment),
                }
            }
        }
        hopeless.extend(self.state.memtable.failed(work, error, pause));
        if lost.is_some() {
            self.state.memtable.despair(error);
        }
        let holder =
            if hopeless.is_empty() { String::new() } else { self.state.named_holder(error.kind()) };
        for request in hopeless {
            let message = format!("{}{holder}; the operation was not begun", error.message());
            request.reply.complete(Err(Error::new(error.kind(), message)));
        }
        self.state.expire();
    }

    fn commit(&mut self, work: &Work<Request>) -> Result<(Vec<Result<Outcome>>, Option<Error>)> {
        let durable = work.steps.iter().any(|step| match step {
            Step::Segment(segment) => segment.is_durable(),
            Step::Command(request, ..) => request.durable,
        });
        self.state.opener.check_in_place()?;
        let mut refused = Refused::default();
        let (before, transaction) = loop {
            let before = self.begin(durable)?;
            match self.apply(work, before, &refused)? {
                Ok(transaction) => break (before, transaction),
                // SQLite has rolled all of it back. The rest is tried again without that one.
                Err((step, undone)) => refused.note(step, undone),
            }
            undo(work);
            self.connection.rollback();
            self.settled = None;
        };
        self.finish(before, transaction)
    }

    /// Commits what was applied, and brings everything up to it.
    fn finish(
        &mut self,
        before: Stamp,
        transaction: Transaction,
    ) -> Result<(Vec<Result<Outcome>>, Option<Error>)> {
        let own = self.state.coherence.begin_own(before);
        let wrote = transaction.applied.wrote;
        let result = if wrote {
            self.connection.commit()
        } else {
            self.connection.rollback();
            Ok(())
        };
        if result.is_ok() && wrote {
            self.write_through(&transaction, own.epoch());
        }
        // Read after the commit: if somebody else committed since, the count is off by that.
        let after = self.state.stamps.live();
        let committed = wrote && result.is_ok();
        if committed {
            transaction.applied.dropped.iter().for_each(|table| table.set_dropped());
        }
        let all_dead = transaction.applied.emptied || self.connection.has_triggers();
        self.state.coherence.end_own(&own, after, committed, all_dead);
        result?;
        self.settled =
            (wrote && after.change() == before.change().wrapping_add(1)).then_some(after);
        if let Some(stamp) = self.settled.filter(|_| self.connection.syncs()) {
            self.connection.synced(stamp);
        }
        Counters::add(&self.state.counters.commits, u64::from(wrote));
        let segments = transaction.segments.iter().map(|(segment, _)| segment.ops());
        let proposals = transaction.applied.proposals.iter().map(|(proposal, _)| proposal.ops);
        let ops = segments.chain(proposals).map(u64::from).sum();
        Counters::add(&self.state.counters.committed_ops, ops);
        let dropped = self.unwritable(&transaction.applied);
        Ok((transaction.answers, dropped))
    }

    /// Begins a transaction; gives the stamp it is based on.
    fn begin(&mut self, durable: bool) -> Result<Stamp> {
        self.state.at_lock.store(true, Ordering::Release);
        let begun = self.connection.begin(durable);
        self.state.at_lock.store(false, Ordering::Release);
        begun?;
        let before = self.state.stamps.live();
        if self.settled != Some(before) || !self.state.stamps.available() {
            self.connection.refresh()?;
        }
        Ok(before)
    }

    /// The inner error is the step that has undone all of it.
    fn apply(
        &mut self,
        work: &Work<Request>,
        before: Stamp,
        refused: &Refused,
    ) -> Result<std::result::Result<Transaction, (usize, Undone)>> {
        let mut applied = Applied::default();
        let mut segments = Vec::new();
        let mut answers = Vec::new();
        let now_ms = self.state.now_ms();
        for (n, step) in work.steps.iter().enumerate() {
            let done = match step {
                Step::Segment(segment) => {
                    let left_out = refused.rows.get(&n);
                    for (key, error) in left_out.into_iter().flatten() {
                        applied.unwritable.push((Arc::clone(key), error.clone()));
                    }
                    let taken = segment.iter().filter(|(key, _)| {
                        left_out.is_none_or(|left_out| !left_out.contains_key(*key))
                    });
                    let writes = taken.map(|(key, pending)| BlindWrite {
                        key,
                        value: pending.value.as_ref(),
                        expires_at: pending.expires_at,
                        kept: false,
                        op: pending.op,
                        place: pending.place,
                        replaced: pending.replaced,
                        removed: pending.removed,
                    });
                    let (tables, ops) = (&self.state.tables, segment.ops());
                    self.connection
                        .apply(tables, ops, writes, now_ms, &mut applied)
                        .map(|base| segments.push((Arc::clone(segment), base)))
                }
                Step::Command(request, ..) if !request.stage.begin() => {
                    let message = "the operation was cancelled before it was begun";
                    answers.push(Err(Error::new(ErrorKind::Cancelled, message)));
                    continue;
                }
                Step::Command(request, ..) => {
                    if let Some(error) = refused.commands.get(&n) {
                        answers.push(Err(error.clone()));
                        continue;
                    }
                    let state = &**self.state;
                    let decided = match &request.command {
                        Command::Transaction(change) => {
                            let known = known(state, before, &segments);
                            let stamp = state.stamps.available().then_some(before);
                            self.connection.propose(
                                &state.tables,
                                change,
                                stamp,
                                now_ms,
                                &mut applied,
                                &known,
                            )
                        }
                        command => {
                            self.connection.decide(&state.tables, command, now_ms, &mut applied)
                        }
                    };
                    decided.map(|answer| answers.push(answer))
                }
            };
            if let Err(spoiled) = done {
                return applied.undone.take().map(|undone| Err((n, undone))).ok_or(spoiled);
            }
        }
        Ok(Ok(Transaction { applied, segments, answers }))
    }

    /// Brings the cache and the counts up to the commit just made.
    fn write_through(&self, transaction: &Transaction, epoch: u64) {
        let cache = &self.state.cache;
        let applied = &transaction.applied;
        let unwritable: HashSet<&PackedKey> = applied.unwritable.iter().map(|(k, _)| k).collect();
        for (segment, base) in &transaction.segments {
            for (key, pending) in segment.iter() {
                match &pending.value {
                    Some(value) if unwritable.is_empty() || !unwritable.contains(key) => {
                        let cached = Cached {
                            value: Arc::clone(value),
                            expires_at: pending.expires_at,
                            version: base + 1 + i64::from(pending.op),
                            epoch,
                        };
                        cache.insert(Arc::clone(key), cached);
                    }
                    _ => cache.remove(key),
                }
            }
        }
        self.proposals_through(transaction, epoch);
        // After the segments: a command's word on a key may come later than a blind write's.
        for key in &applied.touched {
            cache.remove(key);
        }
        for (id, (rows, expires_at)) in &applied.gained {
            if *expires_at != i64::MAX {
                self.state.chores.note_expiry(*expires_at);
            }
            let Some(table) = self.state.tables.get(*id) else { continue };
            if let Some(count) = table.count.lock().as_mut().filter(|c| c.epoch == epoch) {
                count.rows += rows;
                count.next_expiry = count.next_expiry.min(*expires_at);
            }
        }
    }

    /// One error for the rows that had to be left out.
    fn unwritable(&self, applied: &Applied) -> Option<Error> {
        let (_, first) = applied.unwritable.first()?;
        let more = applied.unwritable.len() - 1;
        let others = if more > 0 { format!(" and {more} more rows") } else { String::new() };
        let message = format!("a row can never be written and was dropped{others}: {first}");
        let error = Error::new(first.kind(), message);
        Some(match first.key() {
            Some(key) => error.with_key(key.clone()),
            None => error,
        })
    }

    fn checkpoint_if_due(&mut self) {
        let frames = self.state.stamps.live().frames();
        let chores = &self.state.chores;
        if frames < chores.due_frames.load(Ordering::Relaxed) {
            return;
        }
        if frames < chores.cap_frames.load(Ordering::Relaxed) {
            chores.ask_for_checkpoint();
            return;
        }
        // The pass comes first, as in the maintenance thread: a fork waits for whoever has one.
        let _pass = fork::enter();
        // Writing has outrun the checkpoint under way, and waits for its end.
        let _alone = chores.checkpointing.lock();
        // A failure here is found again by the commit that meets it.
        if self.connection.checkpoint().is_ok() {
            Counters::add(&self.state.counters.checkpoints, 1);
            Counters::add(&self.state.counters.writer_checkpoints, 1);
        }
    }
}

/// None of the commands is begun after all.
fn undo(work: &Work<Request>) {
    for step in &work.steps {
        if let Step::Command(request, ..) = step {
            request.stage.undo();
        }
    }
}
