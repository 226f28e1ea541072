//! What the writer takes from the memtable, and how it gives it back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{
    BULK_BYTES, BULK_OPS, Decision, Demand, Inner, Item, Memtable, NEVER_BY_COUNT, Segment, Waiter,
};
use crate::error::{Error, ErrorKind};

/// How long the writer waits to see whether more is coming, when a window is filling.
const LINGER: Duration = Duration::from_micros(50);
/// One transaction takes no more than this many operations beyond its first item.
const COMMIT_OPS: u64 = 128 * 1024;
/// No command joins a transaction behind more segments than this, since it is compared with each.
const COMPARED: usize = 64;

/// What one transaction is to commit, in order.
pub(crate) struct Work<C> {
    pub(crate) steps: Vec<Step<C>>,
    end: u64,
}

/// One step of a transaction.
pub(crate) enum Step<C> {
    /// Blind writes.
    Segment(Arc<Segment>),
    /// A decision; it is not begun once the deadline has passed.
    Command(C, Instant, u64),
}

impl<C> Memtable<C> {
    /// Blocks until something is due; `None` when the memtable is stopped and all is committed.
    pub(crate) fn next_work(&self) -> Option<Work<C>>
    where
        C: Decision,
    {
        let mut inner = self.inner.lock();
        loop {
            let pending = inner.pending();
            if pending == 0 {
                if inner.stopping {
                    return None;
                }
                inner.demand = Demand { writer_waits: true, ..Demand::new() };
                inner = self.writer.wait(inner);
                inner.demand.writer_waits = false;
                continue;
            }
            let now = Instant::now();
            let given_up = inner.give_up_at.is_some_and(|at| at <= now);
            let pause = inner.demand.pause_until.filter(|until| now < *until && !given_up);
            if let Some(until) = pause {
                // The writer failed a moment ago and tries again in its time, or when a flush asks.
                inner.demand.writer_waits = true;
                inner = self.writer.wait_until(inner, until).0;
                inner.demand.writer_waits = false;
                continue;
            }
            let demand = &inner.demand;
            let due = demand.hurry
                || inner.stopping
                || pending >= demand.linger.min(BULK_OPS)
                || inner.bytes >= BULK_BYTES
                || demand.deadline.is_none_or(|deadline| deadline <= now);
            if due {
                return Some(take(&mut inner));
            }
            let (until, wake_at) = if demand.linger == NEVER_BY_COUNT {
                (demand.deadline.unwrap_or(now), BULK_OPS)
            } else {
                (now + LINGER, demand.linger)
            };
            inner.demand.writer_waits = true;
            inner.demand.wake_at = wake_at;
            let timed_out;
            (inner, timed_out) = self.writer.wait_until(inner, until);
            inner.demand.writer_waits = false;
            let idle = timed_out && inner.pending() == pending;
            if idle && inner.demand.linger != NEVER_BY_COUNT {
                return Some(take(&mut inner));
            }
        }
    }

    /// The work is committed (and everything in it visible elsewhere): its segments are released
    /// and those who waited are told. Gives the commands, to be answered.
    pub(crate) fn committed(&self, work: Work<C>, dropped: Option<Error>) -> Vec<C> {
        let mut released = Vec::new();
        let mut done = Vec::new();
        let mut inner = self.inner.lock();
        inner.committed = work.end;
        inner.trouble = None;
        inner.demand.pause_until = None;
        if dropped.is_some() {
            inner.dropped = dropped;
        }
        while inner.sealed.front().is_some_and(|s| s.end() <= work.end) {
            if let Some(segment) = inner.sealed.pop_front() {
                inner.bytes -= segment.bytes();
                released.push(segment);
            }
        }
        self.keys.store(inner.keys(), Ordering::Release);
        while inner.waiters.front().is_some_and(|waiter| waiter.seq <= work.end) {
            done.extend(inner.waiters.pop_front());
        }
        let (served, _) = self.serve(&mut inner);
        // All of them hear of it, since any of them may have written the row.
        let heard = done.iter().any(|waiter| waiter.hears);
        let told = if heard { inner.dropped.take() } else { None };
        drop(inner);
        // Freeing and completing happen outside the lock.
        let commands = work.steps.into_iter().filter_map(|step| match step {
            Step::Command(command, ..) => Some(command),
            Step::Segment(_) => None,
        });
        let commands = commands.collect();
        drop(released);
        for waiter in done {
            let told = told.clone().filter(|_| waiter.hears);
            waiter.completer.complete(told.map_or(Ok(()), Err));
        }
        for completer in served {
            completer.complete(Ok(()));
        }
        commands
    }

    /// The commit failed: everything goes back in its place. Commands whose deadline has passed are
    /// returned to be answered; those who wait for a flush hear of what will not pass by itself.
    pub(crate) fn failed(&self, work: Work<C>, error: &Error, pause: Duration) -> Vec<C> {
        let now = Instant::now();
        let mut late = Vec::new();
        let mut told = Vec::new();
        let mut inner = self.inner.lock();
        inner.taken = inner.committed;
        for step in work.steps.into_iter().rev() {
            match step {
                Step::Segment(segment) => inner.queue.push_front(Item::Segment(segment)),
                Step::Command(command, deadline, seq) if deadline > now => {
                    inner.queue.push_front(Item::Command(command, deadline, seq));
                }
                Step::Command(command, ..) => late.push(command),
            }
        }
        if error.kind() != ErrorKind::Busy {
            // Reads go on waiting for what may pass; those who asked for the commit are told.
            let (hear, wait) = inner.waiters.drain(..).partition(|waiter| waiter.hears);
            inner.waiters = wait;
            let hear: VecDeque<Waiter> = hear;
            told.extend(hear.into_iter().map(|waiter| waiter.completer));
        }
        if inner.give_up_at.is_some_and(|at| at <= now) {
            let queue = std::mem::take(&mut inner.queue);
            late.extend(queue.into_iter().filter_map(Item::command));
            inner.taken = inner.accepted;
            told.extend(inner.waiters.drain(..).map(|waiter| waiter.completer));
        }
        inner.trouble = Some(error.clone());
        inner.demand.hurry = true;
        inner.demand.pause_until = Some(now + pause);
        drop(inner);
        let message = format!("{} (what was accepted is kept and tried again)", error.message());
        for completer in told {
            completer.complete(Err(Error::new(error.kind(), message.clone())));
        }
        late
    }

    /// What failed will not pass: whoever waits for a commit is told, those who want to read as well.
    pub(crate) fn despair(&self, error: &Error) {
        let told = std::mem::take(&mut self.inner.lock().waiters);
        for waiter in told {
            waiter.completer.complete(Err(error.clone()));
        }
    }

    /// The writer is gone for good: everybody who waits is told so. Gives the queued commands.
    pub(crate) fn abandon(&self, error: &Error) -> Vec<C> {
        let mut inner = self.inner.lock();
        inner.stopping = true;
        let mut told: Vec<_> = inner.waiters.drain(..).map(|waiter| waiter.completer).collect();
        told.extend(std::mem::take(&mut inner.room).into_values().map(|late| late.completer));
        let queue = std::mem::take(&mut inner.queue);
        drop(inner);
        for completer in told {
            completer.complete(Err(error.clone()));
        }
        queue.into_iter().filter_map(Item::command).collect()
    }

    /// No write is accepted from now on; `next_work` ends when all is committed, or when a commit
    /// fails after the deadline.
    pub(crate) fn stop(&self, deadline: Instant) {
        let mut inner = self.inner.lock();
        inner.stopping = true;
        inner.give_up_at = Some(deadline);
        let room = std::mem::take(&mut inner.room);
        drop(inner);
        self.writer.notify_all();
        for late in room.into_values() {
            late.completer.complete(Err(Error::closed()));
        }
    }
}

fn take<C: Decision>(inner: &mut Inner<C>) -> Work<C> {
    // What could not be committed is tried again by itself: what came after it goes on being gathered,
    // or every attempt would leave readers one segment more to look through.
    if inner.trouble.is_none() || inner.queue.is_empty() {
        inner.seal();
    }
    let mut steps = Vec::new();
    let start = inner.taken;
    while let Some(item) = inner.queue.pop_front() {
        match item {
            Item::Command(command, deadline, seq) if must_wait(&command, &steps) => {
                inner.queue.push_front(Item::Command(command, deadline, seq));
                break;
            }
            Item::Segment(segment) => {
                inner.taken = inner.taken.max(segment.end());
                steps.push(Step::Segment(segment));
            }
            Item::Command(command, deadline, seq) => {
                inner.taken = inner.taken.max(seq);
                let alone = command.is_alone();
                steps.push(Step::Command(command, deadline, seq));
                if alone {
                    break;
                }
            }
        }
        if inner.taken - start >= COMMIT_OPS {
            break;
        }
    }
    if inner.queue.is_empty() && inner.active.ops() == 0 {
        // Commands that were answered too late to begin left gaps in the count.
        inner.taken = inner.accepted;
        inner.demand = Demand { pause_until: inner.demand.pause_until, ..Demand::new() };
    }
    Work { steps, end: inner.taken }
}

/// True when a command must not be committed together with what comes before it: between the commit
/// and the release of the segments, readers of memory would still see what it has replaced already.
fn must_wait<C: Decision>(command: &C, before: &[Step<C>]) -> bool {
    let mut segments = before.iter().filter_map(|step| match step {
        Step::Segment(segment) => Some(segment),
        Step::Command(..) => None,
    });
    command.is_alone() && !before.is_empty()
        || segments.clone().count() > COMPARED
        || segments.any(|s| command.meets(s))
}
