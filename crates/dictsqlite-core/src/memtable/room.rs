//! Who waits for room: served in the order of their calls, withdrawn when cancelled, told when their
//! time is up.

use std::collections::VecDeque;
use std::sync::MutexGuard;
use std::time::Instant;

use super::{Admission, Inner, Item, Memtable, OwnedWrite, Segment, Waiter};
use crate::completion::{Completer, Completion, pair};
use crate::error::{Error, ErrorKind, Result};

/// A write, or a batch that is one unit, that is not accepted yet.
pub(super) struct Late {
    writes: Vec<OwnedWrite>,
    size: usize,
    admission: Admission,
    deadline: Instant,
    pub(super) completer: Completer<()>,
}

/// Whose time is up.
pub(crate) struct Overdue<C> {
    /// Accepted, to be committed later all the same.
    pub(crate) accepted: Vec<Completer<()>>,
    /// Never accepted.
    pub(crate) refused: Vec<Completer<()>>,
    /// Commands that were not begun and will not be.
    pub(crate) commands: Vec<C>,
    /// Whose writes are acknowledged now that others are out of their way.
    pub(crate) acknowledged: Vec<Completer<()>>,
}

impl<C> Inner<C> {
    /// Nothing when so much fits in now; else the window up to which nobody may pass it.
    #[inline]
    pub(super) fn bars(
        &self,
        ops: u64,
        size: usize,
        admission: &Admission,
        cap: usize,
    ) -> Option<u64> {
        // What is larger than the cap goes in alone.
        if self.bytes > 0 && self.bytes + size > cap {
            return Some(u64::MAX);
        }
        let width = admission.width(ops);
        (self.accepted - self.committed + ops > width).then_some(width)
    }
}

impl<C> Memtable<C> {
    /// Accepts writes as one unit as soon as there is room and everybody who asked before has had
    /// theirs. Gives a ticket to withdraw them with, unless they were accepted at once.
    pub(crate) fn put_later(
        &self,
        writes: Vec<OwnedWrite>,
        admission: &Admission,
    ) -> Result<(Completion<()>, Option<u64>)> {
        let mut inner = self.inner.lock();
        if inner.stopping {
            return Err(Error::closed());
        }
        if let Some(dropped) = inner.dropped.take() {
            return Err(dropped);
        }
        let (completer, completion) = pair();
        let deadline = Instant::now() + admission.timeout;
        let size = writes.iter().map(|w| Segment::size_of(&w.0, w.1.as_ref())).sum();
        let late = Late { writes, size, admission: *admission, deadline, completer };
        let width = late.width();
        let bars = inner.bars(late.ops(), size, admission, self.cap);
        if bars.is_none() && width > inner.barred {
            let (acknowledged, wake) = self.let_in(&mut inner, late);
            self.unlock(inner, wake);
            acknowledged.into_iter().for_each(|completer| completer.complete(Ok(())));
            return Ok((completion, None));
        }
        inner.barred = inner.barred.max(bars.unwrap_or(0));
        inner.widest = inner.widest.max(width);
        let ticket = inner.next_late;
        inner.next_late += 1;
        inner.room.insert(ticket, late);
        self.hurry(inner);
        Ok((completion, Some(ticket)))
    }

    /// Takes back what is not accepted yet; false when it is too late for that.
    pub(crate) fn withdraw(&self, ticket: u64) -> bool {
        let mut inner = self.inner.lock();
        let Some(late) = inner.room.remove(&ticket) else { return false };
        let (served, wake) = self.serve(&mut inner);
        self.unlock(inner, wake);
        let message = "the write was cancelled before it was accepted";
        late.completer.complete(Err(Error::new(ErrorKind::Cancelled, message)));
        served.into_iter().for_each(|completer| completer.complete(Ok(())));
        true
    }

    /// Lets in whom there is room for, in order. Gives those whose writes are acknowledged by that,
    /// and whether the writer must be woken.
    pub(super) fn serve(&self, inner: &mut Inner<C>) -> (Vec<Completer<()>>, bool) {
        let (mut served, mut woken, mut barred) = (Vec::new(), false, 0);
        let mut next = inner.room.first_key_value().map(|(ticket, _)| *ticket);
        while let Some(ticket) = next {
            let Some(late) = inner.room.get(&ticket) else { break };
            let width = late.width();
            let bars = inner.bars(late.ops(), late.size, &late.admission, self.cap);
            next = inner.room.range(ticket + 1..).next().map(|(ticket, _)| *ticket);
            if width > barred && bars.is_none() {
                if let Some(late) = inner.room.remove(&ticket) {
                    let (acknowledged, wake) = self.let_in(inner, late);
                    served.extend(acknowledged);
                    woken |= wake;
                }
                continue;
            }
            // Others behind it may have wider windows, and pass.
            barred = barred.max(bars.unwrap_or(0));
            if inner.widest <= barred {
                break;
            }
        }
        inner.barred = barred;
        if inner.room.is_empty() {
            inner.widest = 0;
        } else {
            // Whoever still waits needs a commit, and soon.
            inner.demand.hurry = true;
        }
        (served, woken)
    }

    fn let_in(&self, inner: &mut Inner<C>, late: Late) -> (Option<Completer<()>>, bool) {
        let Late { writes, admission, deadline, completer, .. } = late;
        let (waits, wake) = self.admit(inner, writes.len() as u64, &admission, |active| {
            for (key, value, expires_at) in writes {
                active.put((&key, value, expires_at), &*self.clock);
            }
        });
        if !waits {
            return (Some(completer), wake);
        }
        inner.waiters.push_back(Waiter { seq: inner.accepted, hears: true, deadline, completer });
        (None, wake)
    }

    /// Takes out whose time is up. What was accepted stays, and is committed later.
    pub(crate) fn overdue(&self, now: Instant) -> Overdue<C> {
        let mut inner = self.inner.lock();
        let accepted = extract(&mut inner.waiters, |waiter| waiter.deadline <= now);
        let commands = extract(&mut inner.queue, |item| match item {
            Item::Command(_, deadline, _) => *deadline <= now,
            Item::Segment(_) => false,
        });
        let late = inner.room.iter().filter(|(_, late)| late.deadline <= now);
        let tickets: Vec<u64> = late.map(|(ticket, _)| *ticket).collect();
        let refused: Vec<_> = tickets.iter().filter_map(|t| inner.room.remove(t)).collect();
        // What is gone may have kept others out.
        let (acknowledged, wake) =
            if refused.is_empty() { (Vec::new(), false) } else { self.serve(&mut inner) };
        self.unlock(inner, wake);
        Overdue {
            accepted: accepted.into_iter().map(|waiter| waiter.completer).collect(),
            refused: refused.into_iter().map(|late| late.completer).collect(),
            commands: commands.into_iter().filter_map(Item::command).collect(),
            acknowledged,
        }
    }

    fn unlock(&self, inner: MutexGuard<'_, Inner<C>>, wake: bool) {
        drop(inner);
        if wake {
            self.writer.notify_one();
        }
    }
}

/// Takes out what is chosen; nothing moves when that is nothing.
fn extract<T>(from: &mut VecDeque<T>, chosen: impl Fn(&T) -> bool) -> Vec<T> {
    if !from.iter().any(&chosen) {
        return Vec::new();
    }
    let (taken, left): (VecDeque<T>, VecDeque<T>) = from.drain(..).partition(chosen);
    *from = left;
    taken.into()
}

impl Late {
    fn ops(&self) -> u64 {
        self.writes.len() as u64
    }

    fn width(&self) -> u64 {
        self.admission.width(self.ops())
    }
}
