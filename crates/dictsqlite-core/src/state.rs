//! What the readers, the writer and the store share.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::sync::{Condvar, Mutex};

use crate::cache::{Cache, Coherence, View};
use crate::clock::Clock;
use crate::completion::Completer;
use crate::error::{Error, ErrorKind};
use crate::hold::{Hold, this_thread};
use crate::listeners::Listeners;
use crate::memtable::{Decision, Memtable, Segment};
use crate::sqlite::{Opener, Place, Stamps, Tables, holders, locked};
use crate::types::{Command, Outcome, packed_table};

/// A checkpoint is asked for when the log has this many frames (about 4 MiB).
const CHECKPOINT_FRAMES: u32 = 1000;
/// The writer finishes the checkpoint itself when the log has this many (about 64 MiB): it has never
/// more, but for one transaction. Any oftener is felt: with tails of up to 256 frames finished as well,
/// the 99th of 100 commits took 15 ms instead of 4.
const CAP_FRAMES: u32 = 16 * 1024;

/// A command on its way to the writer, and where the answer goes.
pub(crate) struct Request {
    pub(crate) command: Command,
    /// Whether the answer may come only after a sync.
    pub(crate) durable: bool,
    pub(crate) reply: Completer<Outcome>,
    pub(crate) stage: Arc<Stage>,
    /// What is to be lent, for [`Command::Hold`].
    pub(crate) hold: Option<Arc<Hold>>,
}

/// How far a command has come: it can be cancelled as long as the writer has not begun it.
#[derive(Default)]
pub(crate) struct Stage(AtomicU8);

impl Stage {
    const QUEUED: u8 = 0;
    const BEGUN: u8 = 1;
    const CANCELLED: u8 = 2;

    fn step(&self, from: u8, to: u8) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The writer begins it; false when it was cancelled.
    pub(crate) fn begin(&self) -> bool {
        self.step(Self::QUEUED, Self::BEGUN)
    }

    /// The transaction failed, so it was not begun after all.
    pub(crate) fn undo(&self) {
        self.step(Self::BEGUN, Self::QUEUED);
    }

    /// True when it will not be begun.
    pub(crate) fn cancel(&self) -> bool {
        self.step(Self::QUEUED, Self::CANCELLED)
    }
}

impl Decision for Request {
    fn meets(&self, segment: &Segment) -> bool {
        let of = |table| segment.iter().any(|(key, _)| packed_table(key) == table);
        self.command.key().is_some_and(|key| segment.holds(key))
            || self.command.whole_table().is_some_and(of)
            || match &self.command {
                Command::Transaction(change) => change.keys().any(|key| segment.holds(key)),
                _ => false,
            }
    }

    fn is_alone(&self) -> bool {
        self.hold.is_some()
    }
}

/// See the module.
pub(crate) struct State {
    pub(crate) opener: Opener,
    pub(crate) memtable: Memtable<Request>,
    pub(crate) cache: Cache,
    pub(crate) coherence: Coherence,
    pub(crate) stamps: Stamps,
    pub(crate) tables: Tables,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chores: Chores,
    pub(crate) counters: Counters,
    pub(crate) listeners: Listeners,
    /// The writer is waiting for SQLite's write lock.
    pub(crate) at_lock: AtomicBool,
    pub(crate) lent: Lent,
    /// Streams that are being written, by their numbers.
    pub(crate) staged: Mutex<BTreeSet<i64>>,
    /// The file has had streams, as far as is known.
    pub(crate) has_streams: AtomicBool,
}

/// Whom the write lock is lent to.
#[derive(Default)]
pub(crate) struct Lent {
    /// The store is being closed: it is lent no more, to those who wait for it either.
    closed: AtomicBool,
    /// The owner's number, zero when it is not lent: looked at by every operation of a handle.
    owner: AtomicU64,
    hold: Mutex<Option<Arc<Hold>>>,
}

impl Lent {
    /// From now on it is lent.
    pub(crate) fn begin(&self, hold: &Arc<Hold>) {
        let mut lent = self.hold.lock();
        *lent = Some(Arc::clone(hold));
        self.owner.store(hold.owner, Ordering::Release);
    }

    /// It is lent no more, as far as its owner is concerned.
    pub(crate) fn end(&self, hold: &Hold) {
        let lent = self.hold.lock();
        // One that ended long ago says nothing of the one that is lent now.
        if lent.as_ref().is_some_and(|lent| std::ptr::eq(&**lent, hold)) {
            self.owner.store(0, Ordering::Release);
        }
    }

    /// The writer has it again.
    pub(crate) fn taken_back(&self) {
        let mut lent = self.hold.lock();
        *lent = None;
        self.owner.store(0, Ordering::Release);
    }

    /// Takes it away, if it is lent, and lends it no more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.revoke();
    }

    /// True when it is lent no more. Looked at after `begin`, so that either `close` finds what was lent
    /// or this says so.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Takes it away, if it is lent.
    pub(crate) fn revoke(&self) {
        let lent = self.hold.lock().clone();
        if let Some(hold) = lent {
            self.end(&hold);
            hold.take_away();
        }
    }

    /// The owner's number; zero when it is not lent, or to nobody in particular.
    #[inline]
    pub(crate) fn owner(&self) -> u64 {
        self.owner.load(Ordering::Relaxed)
    }

    /// True when it is lent to this thread.
    pub(crate) fn is_here(&self) -> bool {
        self.owner() != 0 && self.owner() == this_thread()
    }
}

/// What has happened since the store was opened.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) committed_ops: AtomicU64,
    pub(crate) failed_commits: AtomicU64,
    pub(crate) checkpoints: AtomicU64,
    /// Those of them for which the writer stopped writing.
    pub(crate) writer_checkpoints: AtomicU64,
    pub(crate) swept: AtomicU64,
    pub(crate) misses: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }
}

/// What the maintenance thread is asked to do.
pub(crate) struct Chores {
    pub(crate) list: Mutex<List>,
    pub(crate) changed: Condvar,
    /// Held by the maintenance thread while it checkpoints.
    pub(crate) checkpointing: Mutex<()>,
    /// When the first entry of any table expires (ms), as far as is known.
    pub(crate) next_expiry: AtomicI64,
    /// [`CHECKPOINT_FRAMES`], [`CAP_FRAMES`]: less in tests that have little to write.
    pub(crate) due_frames: AtomicU32,
    pub(crate) cap_frames: AtomicU32,
    bounded: Mutex<Vec<Weak<dyn Bounded>>>,
}

/// What may not last for ever, and is looked at from time to time.
pub(crate) trait Bounded: Send + Sync {
    /// Ends what has lasted too long.
    fn expire(&self, now: Instant);
}

/// See [`Chores`].
#[derive(Default)]
pub(crate) struct List {
    pub(crate) checkpoint: bool,
    pub(crate) collect: bool,
    pub(crate) stop: bool,
}

impl Default for Chores {
    fn default() -> Self {
        Self {
            list: Mutex::new(List::default()),
            changed: Condvar::new(),
            checkpointing: Mutex::new(()),
            next_expiry: AtomicI64::new(i64::MAX),
            bounded: Mutex::default(),
            due_frames: AtomicU32::new(CHECKPOINT_FRAMES),
            cap_frames: AtomicU32::new(CAP_FRAMES),
        }
    }
}

impl Chores {
    /// Asks for a checkpoint.
    pub(crate) fn ask_for_checkpoint(&self) {
        let mut list = self.list.lock();
        if !list.checkpoint {
            list.checkpoint = true;
            drop(list);
            self.changed.notify_one();
        }
    }

    /// Asks for what streams left behind to be freed.
    pub(crate) fn ask_to_collect(&self) {
        self.list.lock().collect = true;
        self.changed.notify_one();
    }

    /// An entry expires at this time (ms).
    pub(crate) fn note_expiry(&self, at: i64) {
        if at < self.next_expiry.fetch_min(at, Ordering::AcqRel) {
            // Taken so that the thread is either before its look at the time or asleep.
            drop(self.list.lock());
            self.changed.notify_one();
        }
    }

    /// Has something looked at from time to time.
    pub(crate) fn bound(&self, it: Weak<dyn Bounded>) {
        self.bounded.lock().push(it);
    }

    /// Need not be looked at any more.
    pub(crate) fn unbound(&self, it: &dyn Bounded) {
        let is = |weak: &Weak<dyn Bounded>| std::ptr::addr_eq(weak.as_ptr(), it);
        let mut bounded = self.bounded.lock();
        if let Some(place) = bounded.iter().position(is) {
            bounded.swap_remove(place);
        }
    }

    /// Ends what has lasted too long.
    pub(crate) fn expire_bounded(&self) {
        let bounded: Vec<_> = self.bounded.lock().iter().filter_map(Weak::upgrade).collect();
        bounded.iter().for_each(|it| it.expire(Instant::now()));
    }

    /// Ends the maintenance thread.
    pub(crate) fn stop(&self) {
        self.list.lock().stop = true;
        self.changed.notify_all();
    }
}

impl State {
    /// The moment to read under, if the cache may be believed now.
    #[inline]
    pub(crate) fn view(&self) -> Option<View> {
        self.coherence.view(self.stamps.live())
    }

    /// The same, beginning a new epoch if somebody else committed.
    pub(crate) fn renewed_view(&self) -> Option<View> {
        if !self.stamps.available() {
            return None;
        }
        self.view().or_else(|| self.coherence.renew(|| self.stamps.live()))
    }

    /// True when nobody committed since `view`.
    #[inline]
    pub(crate) fn still(&self, view: View) -> bool {
        self.stamps.live() == view.stamp
    }

    /// Tells those whose deadline has passed that it has, and why.
    pub(crate) fn expire(&self) {
        let overdue = self.memtable.overdue(Instant::now());
        for (completers, accepted) in [(overdue.accepted, true), (overdue.refused, false)] {
            if completers.is_empty() {
                continue;
            }
            let error = self.too_late(accepted);
            completers.into_iter().for_each(|completer| completer.complete(Err(error.clone())));
        }
        if !overdue.commands.is_empty() {
            let error = self.because("the operation was not begun");
            for request in overdue.commands {
                request.reply.complete(Err(error.clone()));
            }
        }
        overdue.acknowledged.into_iter().for_each(|completer| completer.complete(Ok(())));
    }

    /// What to say when a deadline has passed, and what became of the write.
    pub(crate) fn too_late(&self, accepted: bool) -> Error {
        let (writes, _) = self.memtable.backlog();
        self.because(&if accepted {
            format!("{writes} accepted writes are not committed yet; they are kept and will be")
        } else {
            format!("the write was not accepted, since {writes} before it are not committed yet")
        })
    }

    /// Why it takes so long, and what that means.
    fn because(&self, result: &str) -> Error {
        let at_lock = self.at_lock.load(Ordering::Acquire);
        match self.memtable.trouble().or_else(|| at_lock.then(locked)) {
            Some(trouble) => {
                let holder = self.named_holder(trouble.kind());
                let message = format!("{}{holder} ({result})", trouble.message());
                Error::new(trouble.kind(), message)
            }
            None if self.lent.hold.lock().is_some() => {
                let message = "an immediate transaction holds the write lock";
                Error::new(ErrorKind::Timeout, format!("{message}; the timeout passed: {result}"))
            }
            None => Error::new(ErrorKind::Timeout, format!("the timeout passed: {result}")),
        }
    }

    /// Who holds the lock, where that is what is wrong and can be known.
    pub(crate) fn named_holder(&self, kind: ErrorKind) -> String {
        let Place::File(path) = &self.opener.place else { return String::new() };
        let who = if kind == ErrorKind::Busy { holders(path) } else { Vec::new() };
        if who.is_empty() {
            return String::new();
        }
        format!("; it is held by {}", who.join(" and "))
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }
}
