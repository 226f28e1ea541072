//! Accepted, uncommitted writes: what the writer has still to commit and readers must already see.
//!
//! One lock guards an active segment and the sealed ones before it, oldest first. A segment is
//! sealed when it is full or when a command is queued behind it. The writer commits whole segments,
//! in order, so what survives a crash is a prefix of what was accepted, and a batch (which never
//! spans two segments) survives whole or not at all. Segments stay readable until they are released.

mod admission;
mod room;
mod segment;
mod writer_side;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use crate::sync::{Condvar, Mutex};

use crate::clock::Clock;
use crate::completion::{Completer, Completion, pair};
use crate::error::{Error, Result};

pub(crate) use admission::{Admission, Admitted, Hit, OwnedWrite, Write};
use room::Late;
use segment::Pending;
pub(crate) use segment::Segment;
pub(crate) use writer_side::{Step, Work};

/// A segment is sealed at this many keys.
const SEAL_KEYS: usize = 8 * 1024;
/// A segment is sealed at this many bytes.
const SEAL_BYTES: usize = 8 << 20;
/// A segment is sealed at this many operations, which it counts in 32 bits.
const SEAL_OPS: u32 = 1 << 30;
/// The writer commits without waiting any longer at this many pending operations.
const BULK_OPS: u64 = 256 * 1024;
/// The writer commits without waiting any longer at this many pending bytes.
const BULK_BYTES: usize = 32 << 20;
/// "No threshold".
const NEVER_BY_COUNT: u64 = u64::MAX;

/// What the writer is asked to decide, as far as the memtable must know it.
pub(crate) trait Decision {
    /// True when it may change a key that `segment` holds.
    fn meets(&self, segment: &Segment) -> bool;

    /// True when it must have a transaction for itself.
    fn is_alone(&self) -> bool {
        false
    }
}

/// The memtable; `C` is what the writer is asked to decide, with a way to answer.
pub(crate) struct Memtable<C> {
    inner: Mutex<Inner<C>>,
    /// Keys in all segments: zero lets readers pass without the lock.
    keys: AtomicUsize,
    /// The process is about to end, so nothing may be acknowledged before it is committed.
    ending: AtomicBool,
    writer: Condvar,
    cap: usize,
    clock: Arc<dyn Clock>,
}

enum Item<C> {
    Segment(Arc<Segment>),
    Command(C, Instant, u64),
}

impl<C> Item<C> {
    fn command(self) -> Option<C> {
        match self {
            Self::Command(command, ..) => Some(command),
            Self::Segment(_) => None,
        }
    }
}

struct Inner<C> {
    active: Segment,
    /// Readable sealed segments, oldest first, those in the writer's hands included.
    sealed: VecDeque<Arc<Segment>>,
    queue: VecDeque<Item<C>>,
    /// The last operation that is to be committed: what only asks for the lock is none.
    written: u64,
    /// The last operation that was acknowledged without waiting for its commit.
    acknowledged: u64,
    /// Operations accepted, handed to the writer, and committed, since the store was opened.
    accepted: u64,
    taken: u64,
    committed: u64,
    bytes: usize,
    waiters: VecDeque<Waiter>,
    /// Who waits for room, in the order of the calls.
    room: BTreeMap<u64, Late>,
    next_late: u64,
    /// Whoever has a window up to this one must wait behind those; zero when nobody waits.
    barred: u64,
    /// The widest window of those who wait, or of those who did since nobody waited.
    widest: u64,
    demand: Demand,
    /// Why the last commit failed, until one succeeds.
    trouble: Option<Error>,
    /// A row that can never be written was dropped: told once.
    dropped: Option<Error>,
    stopping: bool,
    /// When stopping: after this a commit that fails is not tried again.
    give_up_at: Option<Instant>,
}

/// Somebody who waits until everything up to an operation is committed.
struct Waiter {
    seq: u64,
    /// Whether it is to be told of a row that had to be dropped; reads are not.
    hears: bool,
    deadline: Instant,
    completer: Completer<()>,
}

struct Demand {
    hurry: bool,
    linger: u64,
    /// The shortest interval of those who wrote, and when it ends.
    interval: Duration,
    deadline: Option<Instant>,
    pause_until: Option<Instant>,
    writer_waits: bool,
    /// Pending operations at which a waiting writer is to be woken.
    wake_at: u64,
}

impl Demand {
    fn new() -> Self {
        Self {
            hurry: false,
            linger: NEVER_BY_COUNT,
            interval: Duration::MAX,
            deadline: None,
            pause_until: None,
            writer_waits: false,
            wake_at: 1,
        }
    }
}

impl<C> Inner<C> {
    fn pending(&self) -> u64 {
        self.accepted - self.taken
    }

    fn keys(&self) -> usize {
        self.active.len() + self.sealed.iter().map(|s| s.len()).sum::<usize>()
    }

    /// The newest pending write of `key`.
    #[inline]
    fn newest(&self, key: &[u8]) -> Option<Hit> {
        let hit =
            |p: &Pending, taken| Hit { value: p.value.clone(), expires_at: p.expires_at, taken };
        if let Some(pending) = self.active.get(key) {
            return Some(hit(pending, false));
        }
        let mut sealed = self.sealed.iter().rev();
        sealed.find_map(|s| s.get(key).map(|pending| hit(pending, s.end() <= self.taken)))
    }

    fn seal(&mut self) {
        if self.active.ops() > 0 {
            let next = self.active.next(self.accepted, SEAL_KEYS);
            let full = Arc::new(std::mem::replace(&mut self.active, next));
            self.sealed.push_back(Arc::clone(&full));
            self.queue.push_back(Item::Segment(full));
        }
    }

    /// Notes how soon the writer is wanted; true when it must be woken.
    fn demand(&mut self, admission: &Admission) -> bool {
        let demand = &mut self.demand;
        let mut changed = false;
        if admission.durable {
            changed |= !demand.hurry;
            demand.hurry = true;
        }
        if admission.linger < demand.linger {
            demand.linger = admission.linger;
            changed = true;
        }
        if admission.interval < demand.interval {
            let deadline = Instant::now() + admission.interval;
            demand.interval = admission.interval;
            demand.deadline = Some(demand.deadline.map_or(deadline, |have| have.min(deadline)));
            changed = true;
        }
        let due =
            changed || self.accepted - self.taken >= demand.wake_at || self.bytes >= BULK_BYTES;
        due && std::mem::take(&mut demand.writer_waits)
    }

    /// Done when everything accepted so far is committed.
    fn wait(&mut self, hears: bool, deadline: Instant) -> Completion<()> {
        let (completer, completion) = pair();
        self.waiters.push_back(Waiter { seq: self.written, hears, deadline, completer });
        completion
    }
}

impl<C> Memtable<C> {
    /// An empty memtable that holds up to about `cap` bytes.
    pub(crate) fn new(cap: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Mutex::new(Inner {
                active: Segment::starting_at(0),
                sealed: VecDeque::new(),
                queue: VecDeque::new(),
                written: 0,
                acknowledged: 0,
                accepted: 0,
                taken: 0,
                committed: 0,
                bytes: 0,
                waiters: VecDeque::new(),
                room: BTreeMap::new(),
                next_late: 0,
                barred: 0,
                widest: 0,
                demand: Demand::new(),
                trouble: None,
                dropped: None,
                stopping: false,
                give_up_at: None,
            }),
            keys: AtomicUsize::new(0),
            ending: AtomicBool::new(false),
            writer: Condvar::new(),
            cap,
            clock,
        }
    }

    /// From now on every write is acknowledged when it is committed: nobody flushes later.
    pub(crate) fn end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// True when every write waits for its commit.
    #[inline]
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// True when no write is pending.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.load(Ordering::Acquire) == 0
    }

    /// The newest pending write of `key`.
    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> Option<Hit> {
        if self.is_empty() {
            return None;
        }
        self.inner.lock().newest(key)
    }

    /// The newest pending write of each key, all at one moment.
    pub(crate) fn get_many<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) -> Vec<Option<Hit>> {
        let inner = self.inner.lock();
        keys.map(|key| inner.newest(key)).collect()
    }

    /// Accepts one write, if there is room and nobody has waited for it longer.
    #[inline]
    pub(crate) fn put(&self, write: Write<'_>, admission: &Admission) -> Result<Admitted> {
        let size = Segment::size_of(write.0, write.1.as_ref());
        let mut inner = self.inner.lock();
        if inner.stopping {
            return Err(Error::closed());
        }
        if let Some(dropped) = inner.dropped.take() {
            return Err(dropped);
        }
        let barred = inner.bars(1, size, admission, self.cap).is_some();
        if barred || admission.width(1) <= inner.barred {
            return Ok(Admitted::NoRoom);
        }
        let (waits, wake) =
            self.admit(&mut inner, 1, admission, |active| active.put(write, &*self.clock));
        let answer = if waits {
            let deadline = Instant::now() + admission.timeout;
            Admitted::Wait(inner.wait(true, deadline))
        } else {
            Admitted::Done
        };
        drop(inner);
        if wake {
            self.writer.notify_one();
        }
        Ok(answer)
    }

    /// Takes operations in. Says whether they are acknowledged only when they are committed, and
    /// whether the writer must be woken.
    #[inline]
    fn admit(
        &self,
        inner: &mut Inner<C>,
        ops: u64,
        admission: &Admission,
        write: impl FnOnce(&mut Segment),
    ) -> (bool, bool) {
        let (bytes, keys) = (inner.active.bytes(), inner.active.len());
        write(&mut inner.active);
        inner.bytes = inner.bytes + inner.active.bytes() - bytes;
        inner.accepted += ops;
        inner.written = inner.accepted;
        if inner.active.len() != keys {
            let added = inner.active.len() - keys;
            self.keys.fetch_add(added, Ordering::Release);
        }
        let waits = admission.durable || ops > admission.window || self.is_ending();
        if !waits {
            inner.acknowledged = inner.accepted;
        }
        if admission.durable {
            inner.active.make_durable();
        } else if waits {
            inner.demand.hurry = true;
        }
        let wake = inner.demand(admission);
        let active = &inner.active;
        if active.len() >= SEAL_KEYS || active.bytes() >= SEAL_BYTES || active.ops() >= SEAL_OPS {
            inner.seal();
        }
        (waits, wake)
    }

    /// Queues a command behind everything accepted so far.
    ///
    /// # Errors
    /// Gives the command back when the memtable is stopped.
    pub(crate) fn command(
        &self,
        command: C,
        deadline: Instant,
    ) -> std::result::Result<(), (C, Error)>
    where
        C: Decision,
    {
        let mut inner = self.inner.lock();
        if inner.stopping {
            return Err((command, Error::closed()));
        }
        inner.seal();
        inner.accepted += 1;
        let accepted = inner.accepted;
        inner.active = Segment::starting_at(accepted);
        if !command.is_alone() {
            inner.written = accepted;
        }
        inner.queue.push_back(Item::Command(command, deadline, accepted));
        self.hurry(inner);
        Ok(())
    }

    /// The same for many, with nothing of anybody's in between: the writer finds all of them or none.
    ///
    /// # Errors
    /// Gives them back when the memtable is stopped.
    pub(crate) fn commands(
        &self,
        commands: Vec<C>,
        deadline: Instant,
    ) -> std::result::Result<(), (Vec<C>, Error)> {
        let mut inner = self.inner.lock();
        if inner.stopping {
            return Err((commands, Error::closed()));
        }
        inner.seal();
        for command in commands {
            inner.accepted += 1;
            let accepted = inner.accepted;
            inner.queue.push_back(Item::Command(command, deadline, accepted));
        }
        inner.written = inner.accepted;
        inner.active = Segment::starting_at(inner.accepted);
        self.hurry(inner);
        Ok(())
    }

    /// Done when everything accepted so far is committed. A row that had to be dropped is told here.
    pub(crate) fn flush(&self, deadline: Instant) -> Completion<()> {
        self.wait(true, deadline)
    }

    /// The same for a read, which is not told of dropped rows.
    pub(crate) fn barrier(&self, deadline: Instant) -> Completion<()> {
        self.wait(false, deadline)
    }

    /// Done when every write that was acknowledged is committed, and what was accepted before it.
    pub(crate) fn barrier_of_acknowledged(&self, deadline: Instant) -> Completion<()> {
        let inner = self.inner.lock();
        let reached = inner.committed >= inner.acknowledged;
        drop(inner);
        if reached { Completion::ready(Ok(())) } else { self.barrier(deadline) }
    }

    fn wait(&self, hears: bool, deadline: Instant) -> Completion<()> {
        let mut inner = self.inner.lock();
        if inner.committed >= inner.written {
            let dropped = if hears { inner.dropped.take() } else { None };
            return Completion::ready(dropped.map_or(Ok(()), Err));
        }
        let completion = inner.wait(hears, deadline);
        if hears {
            inner.demand.pause_until = None;
        }
        self.hurry(inner);
        completion
    }

    /// Why the last commit failed, if it did.
    pub(crate) fn trouble(&self) -> Option<Error> {
        self.inner.lock().trouble.clone()
    }

    /// Operations accepted and not yet committed, and the bytes they hold.
    pub(crate) fn backlog(&self) -> (u64, usize) {
        let inner = self.inner.lock();
        (inner.accepted - inner.committed, inner.bytes)
    }

    fn hurry(&self, mut inner: MutexGuard<'_, Inner<C>>) {
        inner.demand.hurry = true;
        let wake = std::mem::take(&mut inner.demand.writer_waits);
        drop(inner);
        if wake {
            self.writer.notify_one();
        }
    }
}
