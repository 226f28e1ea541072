//! Beginning: everything acknowledged is committed, then a snapshot is pinned; for an immediate
//! transaction once the writer has lent its lock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{
    Buffer, Inner, MAX_HOLD, MAX_IMMEDIATE_HOLD, Shared, Snapshot, Transaction, TransactionOptions,
};
use crate::completion::{Completion, pair};
use crate::error::{Error, Result};
use crate::hold::{Hold, TASK, this_thread};
use crate::options::LONGEST_TIMEOUT;
use crate::readers::{Pinned, wait_for};
use crate::sqlite::Table;
use crate::store::Store;
use crate::sync::Mutex;
use crate::types::TransactionMode;

/// Where and how to begin.
pub(crate) struct Begin {
    pub(crate) store: Arc<Store>,
    pub(crate) table: Arc<Table>,
    pub(crate) options: TransactionOptions,
    /// The handle's own settings.
    pub(crate) timeout: Duration,
    pub(crate) durable: bool,
    pub(crate) ttl: Option<Duration>,
}

/// A transaction, as soon as it has begun, on this thread.
pub(crate) fn begin(begin: Begin) -> Result<Transaction> {
    let begin = begin.checked()?;
    let (deadline, thread) = (begin.deadline(), this_thread());
    begin.store.state.chores.expire_bounded();
    if begin.options.mode == TransactionMode::Immediate {
        let (lock, granted) = begin.ask(thread, deadline);
        granted.wait()?;
        let pinned = wait_for(begin.store.readers.pin(deadline), deadline)?;
        return begin.with(thread, Some(lock), pinned);
    }
    begin.store.await_writer(begin.store.barrier_of_acknowledged(deadline), deadline)?;
    let pinned = wait_for(begin.store.readers.pin(deadline), deadline)?;
    begin.with(thread, None, pinned)
}

/// The same without blocking, for whoever it is moved to.
pub(crate) fn begin_async(begin: Begin) -> Completion<Transaction> {
    let begin = match begin.checked() {
        Ok(begin) => begin,
        Err(e) => return Completion::ready(Err(e)),
    };
    let deadline = begin.deadline();
    begin.store.state.chores.expire_bounded();
    if begin.options.mode == TransactionMode::Immediate {
        let owner = if begin.options.task == 0 { 0 } else { begin.options.task | TASK };
        let (lock, granted) = begin.ask(owner, deadline);
        let canceller = granted.canceller();
        let completion = begin.pin_after(granted, Some(lock), deadline);
        return match canceller {
            Some(canceller) => completion.cancelled_by(move || canceller.cancel()),
            None => completion,
        };
    }
    match begin.store.barrier_of_acknowledged(deadline).now() {
        Ok(Ok(())) => match begin.store.readers.pin_idle() {
            Some(pinned) => Completion::ready(begin.with(0, None, pinned)),
            None => begin.pin_after(Completion::ready(Ok(())), None, deadline),
        },
        Ok(Err(e)) => Completion::ready(Err(e)),
        Err(barrier) => begin.pin_after(barrier, None, deadline),
    }
}

/// The write lock, asked for or held; let go of when dropped.
struct Lock {
    store: Arc<Store>,
    hold: Option<Arc<Hold>>,
}

impl Lock {
    /// The transaction has it from now on.
    fn keep(mut self) -> Option<Arc<Hold>> {
        self.hold.take()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(hold) = &self.hold {
            self.store.state.lent.end(hold);
            hold.let_go();
        }
    }
}

impl Begin {
    fn checked(self) -> Result<Self> {
        if self.options.max_hold == Some(Duration::ZERO) {
            return Err(Error::invalid(
                "max_hold is 0; it must be above 0, or none for the default",
            ));
        }
        Ok(self)
    }

    fn timeout(&self) -> Duration {
        self.options.timeout.unwrap_or(self.timeout).min(LONGEST_TIMEOUT)
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout()
    }

    fn max_hold(&self) -> Duration {
        let immediate = self.options.mode == TransactionMode::Immediate;
        let default = if immediate { MAX_IMMEDIATE_HOLD } else { MAX_HOLD };
        self.options.max_hold.unwrap_or(default).min(LONGEST_TIMEOUT)
    }

    /// Queues for the write lock, behind everything accepted so far.
    fn ask(&self, owner: u64, deadline: Instant) -> (Lock, Completion<()>) {
        let (hold, granted) = Hold::new(owner, self.max_hold());
        let ended = self.store.hold(Arc::clone(&hold), deadline, self.durable);
        let canceller = ended.canceller();
        let told = Arc::clone(&hold);
        ended.on_done(move |result| told.finish(result));
        let granted = match canceller {
            Some(canceller) => granted.cancelled_by(move || canceller.cancel()),
            None => granted,
        };
        (Lock { store: Arc::clone(&self.store), hold: Some(hold) }, granted)
    }

    /// Pins a snapshot on a worker once `first` is done.
    fn pin_after(
        self,
        first: Completion<()>,
        lock: Option<Lock>,
        deadline: Instant,
    ) -> Completion<Transaction> {
        let (completer, completion) = pair();
        first.on_done(move |done| {
            if let Err(e) = done {
                return completer.complete(Err(e));
            }
            let readers = Arc::clone(&self.store.readers);
            let pool = Arc::clone(&readers);
            readers.submit(Box::new(move |reader| {
                let pinned = match reader {
                    Ok(_) => pool.pin(deadline),
                    Err(e) => Completion::ready(Err(e)),
                };
                // It may have to wait for one; the worker does not.
                Box::new(move || {
                    pinned.on_done(move |pinned| {
                        let begun = pinned.and_then(|pinned| self.with(0, lock, pinned));
                        completer.complete(begun);
                    });
                })
            }));
        });
        completion
    }

    fn with(self, thread: u64, lock: Option<Lock>, pinned: Pinned) -> Result<Transaction> {
        let state = &self.store.state;
        let snapshot = snapshot(&self.store, &pinned)?;
        let max_hold = self.max_hold();
        let shared = Shared {
            mode: self.options.mode,
            isolation: self.options.isolation,
            durable: self.durable,
            timeout: self.timeout(),
            max_hold,
            until: Instant::now() + max_hold,
            thread,
            now_ms: state.now_ms(),
            snapshot,
            inner: Mutex::new(Inner { reader: Some(pinned), ..Inner::new() }),
            hold: lock.and_then(Lock::keep),
            store: self.store,
        };
        let shared = Arc::new(shared);
        let weak: std::sync::Weak<Shared> = Arc::downgrade(&shared);
        shared.store.state.chores.bound(weak);
        Ok(Transaction { shared, table: self.table, ttl: self.ttl })
    }
}

/// Pins the state of the file as it is now.
fn snapshot(store: &Store, pinned: &Pinned) -> Result<Snapshot> {
    let state = &store.state;
    // Before the moment of the snapshot: nobody else has committed while the epoch stays the same.
    let epoch = state.renewed_view().map(|view| view.epoch);
    let before = state.stamps.live();
    pinned.begin()?;
    let since = pinned.counter()?;
    let still = state.stamps.available() && state.stamps.live() == before;
    Ok(Snapshot { since, stamp: still.then_some(before), epoch })
}

impl Inner {
    fn new() -> Self {
        Self {
            over: None,
            reader: None,
            buffer: Buffer::default(),
            reads: Default::default(),
            found: Default::default(),
            ranges: Vec::new(),
            counts: Default::default(),
            newer: Vec::new(),
            savepoints: Vec::new(),
            next_savepoint: 1,
        }
    }

    /// What is left behind by one that is over.
    pub(super) fn over() -> Mutex<Self> {
        Mutex::new(Self { over: Some(super::Over::Ended), ..Self::new() })
    }
}
