//! What a change stream and a watch have in common: a page is read when somebody waits for one, and
//! again after the next commit while there is nothing in it. At most one page is held, and between
//! pages nothing: no thread, no read transaction.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::completion::{Completer, Completion, pair};
use crate::error::{Error, ErrorKind, Result};
use crate::lookout;
use crate::sqlite::Reader;
use crate::store::Store;
use crate::sync::Mutex;
use crate::types::Stamp;
use crate::vfs::fork;

/// How long one look for a page may take before it is asked whether it is still under way.
const LOOK: Duration = Duration::from_millis(5);

/// What pages are read from.
pub(super) trait Source: Send + 'static {
    type Item: Send + 'static;

    /// Whether what was accepted before the first page must be committed first.
    const BARRIER: bool;

    /// Reads on, in a read transaction.
    fn read(&mut self, reader: &Reader, now_ms: i64) -> Result<Progress<Self::Item>>;
}

/// What reading on has given.
pub(super) struct Progress<T> {
    pub(super) items: Vec<T>,
    /// Everything up to this number was looked at.
    pub(super) seen: i64,
    /// There is more to look at already.
    pub(super) more: bool,
}

/// See the module.
pub(super) struct Feed<S: Source> {
    store: Arc<Store>,
    /// The handle it was made by is closed.
    ended: Arc<AtomicBool>,
    timeout: Duration,
    inner: Mutex<Inner<S>>,
}

struct Inner<S: Source> {
    /// Away while a page is being read.
    source: Option<S>,
    page: Vec<S::Item>,
    /// As far as was read, and as far as was given out.
    seen: i64,
    given: i64,
    failure: Option<Error>,
    waiters: Vec<(u64, Completer<()>)>,
    next: u64,
    state: State,
    begun: bool,
}

#[derive(Clone, Copy)]
enum State {
    Idle,
    Reading,
    /// Waiting for the next commit, under this number.
    Listening(Option<u64>),
}

impl<S: Source> Feed<S> {
    pub(super) fn new(
        store: Arc<Store>,
        ended: Arc<AtomicBool>,
        timeout: Duration,
        source: S,
        seen: i64,
    ) -> Arc<Self> {
        let inner = Inner {
            source: Some(source),
            page: Vec::new(),
            seen,
            given: seen,
            failure: None,
            waiters: Vec::new(),
            next: 0,
            state: State::Idle,
            begun: !S::BARRIER,
        };
        Arc::new(Self { store, ended, timeout, inner: Mutex::new(inner) })
    }

    /// True in the child of a fork for one of its parent's.
    pub(super) fn is_inherited(&self) -> bool {
        self.store.generation != fork::generation()
    }

    fn check(&self) -> Result<()> {
        if self.is_inherited() {
            let message = "the stream was open when the process forked; begin it again here";
            return Err(Error::new(ErrorKind::Closed, message));
        }
        if self.ended.load(Ordering::Acquire) { Err(Error::closed()) } else { Ok(()) }
    }

    /// Completes when there is a page to take, or an error to tell.
    pub(super) fn ready(self: &Arc<Self>) -> Completion<()> {
        if let Err(e) = self.check() {
            return Completion::ready(Err(e));
        }
        let mut inner = self.inner.lock();
        if let Some(e) = &inner.failure {
            return Completion::ready(Err(e.clone()));
        }
        if !inner.page.is_empty() {
            return Completion::ready(Ok(()));
        }
        let (completer, completion) = pair();
        let id = inner.next;
        inner.next += 1;
        inner.waiters.push((id, completer));
        let idle = matches!(inner.state, State::Idle);
        if idle {
            inner.state = State::Reading;
        }
        let begun = std::mem::replace(&mut inner.begun, true);
        drop(inner);
        match (idle, begun) {
            (true, true) => self.read(),
            (true, false) => {
                let feed = Arc::clone(self);
                let deadline = Instant::now() + self.timeout;
                self.store.barrier_async(deadline).on_done(move |reached| match reached {
                    Ok(()) => feed.read(),
                    Err(e) => {
                        feed.inner.lock().begun = false;
                        feed.tell(Err(e));
                    }
                });
            }
            (false, _) => {}
        }
        let feed = Arc::downgrade(self);
        completion.cancelled_by(move || feed.upgrade().is_some_and(|feed| feed.withdraw(id)))
    }

    /// Takes the page there is, which may be none.
    pub(super) fn take(&self) -> Vec<S::Item> {
        let mut inner = self.inner.lock();
        inner.given = inner.seen;
        std::mem::take(&mut inner.page)
    }

    /// How far everything was given out.
    pub(super) fn position(&self) -> i64 {
        let inner = self.inner.lock();
        if inner.page.is_empty() { inner.seen } else { inner.given }
    }

    /// Waits for a page; none when the timeout passes.
    pub(super) fn next(self: &Arc<Self>, timeout: Option<Duration>) -> Result<Vec<S::Item>> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let ready = self.ready();
            match deadline {
                None => ready.wait()?,
                Some(deadline) => {
                    let canceller = ready.canceller();
                    let mut waited = ready.wait_until(deadline);
                    // However short the time, it is looked once.
                    while let Err(late) = waited {
                        if !self.is_reading() {
                            if let Some(canceller) = canceller {
                                canceller.cancel();
                            }
                            return Ok(self.take());
                        }
                        waited = late.wait_until(Instant::now() + LOOK);
                    }
                    if let Ok(result) = waited {
                        result?;
                    }
                }
            }
            // Another thread may have been quicker.
            let page = self.take();
            if !page.is_empty() {
                return Ok(page);
            }
        }
    }

    /// The same without blocking.
    pub(super) fn next_async(self: &Arc<Self>) -> Completion<Vec<S::Item>> {
        let feed = Arc::downgrade(self);
        self.ready().then(move |ready| {
            ready.and_then(|()| feed.upgrade().map(|feed| feed.take()).ok_or_else(Error::closed))
        })
    }

    /// One waiter less; the last one leaves nothing behind.
    fn withdraw(&self, id: u64) -> bool {
        let mut inner = self.inner.lock();
        let Some(at) = inner.waiters.iter().position(|(waiter, _)| *waiter == id) else {
            return false;
        };
        let (_, completer) = inner.waiters.swap_remove(at);
        let listening = if inner.waiters.is_empty() { inner.stop_listening() } else { None };
        drop(inner);
        if let Some(id) = listening {
            self.store.state.listeners.withdraw(id);
        }
        let message = "it was cancelled before there was anything";
        completer.complete(Err(Error::new(ErrorKind::Cancelled, message)));
        true
    }

    /// Whoever waits is told that it is over.
    pub(super) fn close(&self) {
        let mut inner = self.inner.lock();
        inner.failure = Some(Error::closed());
        inner.page = Vec::new();
        let listening = inner.stop_listening();
        let waiters = std::mem::take(&mut inner.waiters);
        drop(inner);
        if let Some(id) = listening {
            self.store.state.listeners.withdraw(id);
        }
        for (_, completer) in waiters {
            completer.complete(Err(Error::closed()));
        }
    }

    /// True while a page is being read, and while one that was read is still to be taken: who waits for it
    /// may not have heard of it yet.
    pub(super) fn is_reading(&self) -> bool {
        let inner = self.inner.lock();
        matches!(inner.state, State::Reading) || !inner.page.is_empty()
    }

    fn read(self: &Arc<Self>) {
        // Taken before the transaction begins: what comes after it moves it.
        let stamp = self.store.state.stamps.live();
        let reading = Reading(Some(Arc::clone(self)));
        let readers = Arc::clone(&self.store.readers);
        readers.submit(Box::new(move |reader| {
            let result = reader.and_then(|reader| reading.read(reader));
            Box::new(move || reading.done(result, stamp))
        }));
    }

    /// A page was read.
    fn arrived(self: &Arc<Self>, result: Result<Progress<S::Item>>, stamp: Stamp) {
        let progress = match self.check().and(result) {
            Ok(progress) => progress,
            Err(e) => return self.tell(Err(e)),
        };
        let mut inner = self.inner.lock();
        inner.seen = progress.seen;
        if !progress.items.is_empty() {
            inner.page = progress.items;
            drop(inner);
            return self.tell(Ok(()));
        }
        if inner.waiters.is_empty() {
            inner.state = State::Idle;
            return;
        }
        if progress.more {
            drop(inner);
            return self.read();
        }
        // Held, so that the one who withdraws finds the number.
        let state = &self.store.state;
        let (id, moved) = state.listeners.listen(stamp, || state.stamps.live());
        inner.state = State::Listening(id);
        drop(inner);
        lookout::keep(state);
        let feed: Weak<Self> = Arc::downgrade(self);
        moved.on_done(move |moved| {
            if let Some(feed) = feed.upgrade() {
                feed.woken(id, moved);
            }
        });
    }

    fn woken(self: &Arc<Self>, id: Option<u64>, moved: Result<()>) {
        {
            let mut inner = self.inner.lock();
            // Withdrawn meanwhile, perhaps.
            if !matches!(inner.state, State::Listening(current) if current == id) {
                return;
            }
            inner.state = State::Reading;
        }
        match moved.and_then(|()| self.check()) {
            Ok(()) => self.read(),
            Err(e) => self.tell(Err(e)),
        }
    }

    /// Tells everybody who waits. An error that does not pass is told to those who come later as well.
    fn tell(&self, result: Result<()>) {
        let mut inner = self.inner.lock();
        inner.state = State::Idle;
        if let Err(e) = &result
            && (e.kind() == ErrorKind::Closed || e.is_history_truncated())
        {
            inner.failure.get_or_insert_with(|| e.clone());
        }
        let waiters = std::mem::take(&mut inner.waiters);
        drop(inner);
        for (_, completer) in waiters {
            completer.complete(result.clone());
        }
    }
}

impl<S: Source> Inner<S> {
    fn stop_listening(&mut self) -> Option<u64> {
        let State::Listening(id) = self.state else { return None };
        self.state = State::Idle;
        id
    }
}

/// A page on its way. Lost to a panic, those who wait for it are told.
struct Reading<S: Source>(Option<Arc<Feed<S>>>);

impl<S: Source> Reading<S> {
    fn read(&self, reader: &Reader) -> Result<Progress<S::Item>> {
        let Some(feed) = &self.0 else { return Err(Error::closed()) };
        let Some(mut source) = feed.inner.lock().source.take() else { return Err(lost()) };
        let progress = source.read(reader, feed.store.state.now_ms());
        feed.inner.lock().source = Some(source);
        progress
    }

    fn done(mut self, result: Result<Progress<S::Item>>, stamp: Stamp) {
        if let Some(feed) = self.0.take() {
            feed.arrived(result, stamp);
        }
    }
}

impl<S: Source> Drop for Reading<S> {
    fn drop(&mut self) {
        if let Some(feed) = self.0.take() {
            feed.tell(Err(lost()));
        }
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Internal, "a page of the stream was lost to a panic; begin it again")
}
