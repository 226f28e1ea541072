//! The write lock, lent to one owner: what the writer and the owner of an immediate transaction say
//! to each other.
//!
//! The writer takes SQLite's lock when the turn comes, says so, and waits. The owner reads and
//! gathers its writes meanwhile, then hands them over or lets go. Whoever is too late, the owner at
//! its deadline or the writer at the handing over, finds that it is over.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::completion::{Completer, Completion, pair};
use crate::error::Result;
use crate::sync::{Condvar, Mutex};
use crate::types::{Outcome, Proposal};

/// See the module.
pub(crate) struct Hold {
    /// Who is asking: a thread's number, a task's, or zero for nobody in particular.
    pub(crate) owner: u64,
    /// How long the lock may be held.
    pub(crate) longest: Duration,
    step: Mutex<Step>,
    told: Condvar,
    taken: AtomicBool,
}

enum Step {
    /// The lock is not there yet.
    Queued(Completer<()>),
    /// The lock is the owner's until then.
    Granted(Instant),
    /// To be committed; where the result is to go.
    Handed(Arc<Proposal>, Completer<Outcome>),
    /// The writer is at it; where the result is to go.
    Committing(Completer<Outcome>),
    /// Nothing more to do.
    Over,
}

/// What the owner wants in the end.
pub(crate) enum Wish {
    Commit(Arc<Proposal>),
    /// Nothing, or it was too late.
    Nothing,
}

impl Hold {
    /// A request for the lock, and what is done once it is there.
    pub(crate) fn new(owner: u64, longest: Duration) -> (Arc<Self>, Completion<()>) {
        let (completer, granted) = pair();
        let step = Mutex::new(Step::Queued(completer));
        (
            Arc::new(Self {
                owner,
                longest,
                step,
                told: Condvar::new(),
                taken: AtomicBool::new(false),
            }),
            granted,
        )
    }

    /// The writer has the lock: from now on it is the owner's. False when the owner has gone.
    pub(crate) fn grant(&self) -> bool {
        let mut step = self.step.lock();
        let until = Instant::now() + self.longest;
        match std::mem::replace(&mut *step, Step::Granted(until)) {
            Step::Queued(completer) => {
                drop(step);
                completer.complete(Ok(()));
                true
            }
            other => {
                *step = other;
                false
            }
        }
    }

    /// The writer waits for what the owner wants, until the time is up.
    pub(crate) fn wait(&self) -> Wish {
        let mut step = self.step.lock();
        loop {
            let until = match std::mem::replace(&mut *step, Step::Over) {
                Step::Handed(proposal, completer) => {
                    *step = Step::Committing(completer);
                    return Wish::Commit(proposal);
                }
                Step::Granted(until) if Instant::now() < until => until,
                _ => return Wish::Nothing,
            };
            *step = Step::Granted(until);
            step = self.told.wait_until(step, until).0;
        }
    }

    /// The writer is done, or the request has failed.
    pub(crate) fn finish(&self, result: Result<Outcome>) {
        let step = std::mem::replace(&mut *self.step.lock(), Step::Over);
        match step {
            Step::Queued(completer) => completer.complete(result.map(drop)),
            Step::Handed(_, completer) | Step::Committing(completer) => completer.complete(result),
            Step::Granted(_) | Step::Over => {}
        }
    }

    /// The owner hands over what is to be committed. None when its time was up, or it was taken away.
    pub(crate) fn hand_over(&self, proposal: Arc<Proposal>) -> Option<Completion<Outcome>> {
        let (completer, completion) = pair();
        let mut step = self.step.lock();
        if !matches!(*step, Step::Granted(until) if Instant::now() < until) {
            drop(step);
            return None;
        }
        *step = Step::Handed(proposal, completer);
        drop(step);
        self.told.notify_one();
        Some(completion)
    }

    /// Whoever closes the dict takes it away from its owner: nothing is committed.
    pub(crate) fn take_away(&self) {
        self.taken.store(true, Ordering::Release);
        self.let_go();
    }

    /// True when that is why it was too late to hand anything over.
    pub(crate) fn is_taken_away(&self) -> bool {
        self.taken.load(Ordering::Acquire)
    }

    /// The owner lets go: nothing is committed.
    pub(crate) fn let_go(&self) {
        let mut step = self.step.lock();
        if matches!(*step, Step::Queued(_) | Step::Granted(_)) {
            let queued = std::mem::replace(&mut *step, Step::Over);
            drop(step);
            self.told.notify_one();
            drop(queued);
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("owner", &self.owner).finish_non_exhaustive()
    }
}

/// The number of this thread, never another one's and never zero.
pub(crate) fn this_thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        number.get()
    })
}

/// Marks the number of an owner that is no thread.
pub(crate) const TASK: u64 = 1 << 63;
