//! Who waits for the next commit, of whichever process.
//!
//! Our own writer tells them after its commits; for those of others a thread (`lookout`) looks at the
//! stamp while anybody waits. Both cost nothing when nobody does.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::completion::{Completer, Completion, pair};
use crate::error::Error;
use crate::sync::{Condvar, Mutex};
use crate::types::Stamp;

/// See the module.
#[derive(Default)]
pub(crate) struct Listeners {
    inner: Mutex<Inner>,
    /// How many wait, to be looked at without the lock.
    count: AtomicUsize,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    waiting: BTreeMap<u64, Waiter>,
    next: u64,
    closed: bool,
    /// Somebody looks out.
    watched: bool,
    thread: Option<JoinHandle<()>>,
}

struct Waiter {
    since: Stamp,
    completer: Completer<()>,
}

impl Listeners {
    /// Completes once the stamp is another one than `since`; with a number to withdraw it by while it
    /// waits. May complete for less.
    pub(crate) fn listen(
        &self,
        since: Stamp,
        live: impl FnOnce() -> Stamp,
    ) -> (Option<u64>, Completion<()>) {
        let mut inner = self.inner.lock();
        if inner.closed {
            return (None, Completion::ready(Err(Error::closed())));
        }
        self.count.fetch_add(1, Ordering::SeqCst);
        // A commit either sees the count, or is seen here.
        fence(Ordering::SeqCst);
        if live() != since {
            self.count.fetch_sub(1, Ordering::SeqCst);
            return (None, Completion::ready(Ok(())));
        }
        let (completer, completion) = pair();
        let id = inner.next;
        inner.next += 1;
        inner.waiting.insert(id, Waiter { since, completer });
        drop(inner);
        self.changed.notify_all();
        (Some(id), completion)
    }

    /// Nobody waits for this any more.
    pub(crate) fn withdraw(&self, id: u64) {
        let waiter = self.inner.lock().waiting.remove(&id);
        if waiter.is_some() {
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
        // Dropped without the lock: it completes, and whoever hears of it may come back here.
        drop(waiter);
    }

    /// Somebody committed: those who wait since another stamp are told.
    pub(crate) fn tell(&self, live: impl FnOnce() -> Stamp) {
        fence(Ordering::SeqCst);
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let live = live();
        self.tell_those(|waiter| waiter.since != live);
    }

    /// Has everybody look again.
    pub(crate) fn tell_all(&self) {
        self.tell_those(|_| true);
    }

    fn tell_those(&self, concerned: impl Fn(&Waiter) -> bool) {
        let told: Vec<Waiter> = {
            let mut inner = self.inner.lock();
            let (told, wait): (BTreeMap<_, _>, BTreeMap<_, _>) =
                std::mem::take(&mut inner.waiting).into_iter().partition(|(_, w)| concerned(w));
            inner.waiting = wait;
            told.into_values().collect()
        };
        self.count.fetch_sub(told.len(), Ordering::SeqCst);
        for waiter in told {
            waiter.completer.complete(Ok(()));
        }
    }

    /// True when somebody waits and nobody looks out yet: the caller is to do that from now on.
    pub(crate) fn needs_lookout(&self) -> bool {
        let mut inner = self.inner.lock();
        let needed = !inner.closed && !inner.watched;
        inner.watched |= needed;
        needed
    }

    /// The thread that looks out now; none when it could not be started.
    pub(crate) fn looks_out(&self, thread: Option<JoinHandle<()>>) {
        let mut inner = self.inner.lock();
        inner.watched &= thread.is_some();
        let before = std::mem::replace(&mut inner.thread, thread);
        drop(inner);
        // It had nothing to do any more, and has ended.
        drop(before);
    }

    /// For the thread: waits until `until`. False when it is to end: the store is closed, or nobody
    /// has listened for as long as `patience` allows.
    pub(crate) fn pause(&self, until: Instant, patience: Instant) -> bool {
        let mut inner = self.inner.lock();
        loop {
            let now = Instant::now();
            let alone = inner.waiting.is_empty();
            if inner.closed || (alone && now >= patience) {
                inner.watched = false;
                return false;
            }
            if !alone && now >= until {
                return true;
            }
            inner = self.changed.wait_until(inner, if alone { patience } else { until }).0;
        }
    }

    /// True when somebody waits.
    pub(crate) fn any(&self) -> bool {
        self.count.load(Ordering::SeqCst) > 0
    }

    /// The store is closed: everybody is told so, and the thread ends.
    pub(crate) fn close(&self) {
        let (told, thread) = {
            let mut inner = self.inner.lock();
            inner.closed = true;
            (std::mem::take(&mut inner.waiting), inner.thread.take())
        };
        self.changed.notify_all();
        self.count.fetch_sub(told.len(), Ordering::SeqCst);
        for waiter in told.into_values() {
            waiter.completer.complete(Err(Error::closed()));
        }
        // One of its callbacks may be what closes the store.
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
        {
            // A panic of it was reported by the panic hook already.
            let _ = thread.join();
        }
    }
}
