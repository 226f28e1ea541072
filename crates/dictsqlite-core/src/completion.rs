//! The one asynchronous primitive: a result that will come, to be waited for, awaited, or handed
//! to a callback. It knows no executor.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::sync::{Condvar, Mutex};

use crate::error::{Error, ErrorKind, Result};

/// How long a wait goes on before it is asked whether to give up.
const SLICE: Duration = Duration::from_millis(50);

thread_local! {
    static STOP: Cell<Option<fn() -> bool>> = const { Cell::new(None) };
}

/// Runs `f`. While it waits for the writer or for another process's lock, `stop` is asked every 50 ms
/// whether to give up. Then what was not accepted yet is withdrawn, what was accepted happens all the
/// same, and the error is `Cancelled` and says which. For calls that a signal is to interrupt.
pub fn interruptible<T>(stop: fn() -> bool, f: impl FnOnce() -> T) -> T {
    struct Restored(Option<fn() -> bool>);
    impl Drop for Restored {
        fn drop(&mut self) {
            STOP.set(self.0);
        }
    }
    let _restored = Restored(STOP.replace(Some(stop)));
    f()
}

/// True when what this thread does is to be given up. Not to be called with a lock held.
pub(crate) fn is_interrupted() -> bool {
    STOP.get().is_some_and(|stop| stop())
}

/// The error of a wait that was given up.
pub(crate) fn interrupted(result: &str) -> Error {
    Error::new(ErrorKind::Cancelled, format!("interrupted by a signal; {result}"))
}

type Callback<T> = Box<dyn FnOnce(Result<T>) + Send>;

enum State<T> {
    Waiting { waker: Option<Waker>, callback: Option<Callback<T>> },
    Done(Result<T>),
    Taken,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    done: Condvar,
}

/// The receiving side. Dropping it does not stop the operation; a [`Canceller`] may.
#[must_use = "the result is lost unless it is waited for or awaited"]
pub struct Completion<T>(Inner<T>, Option<Canceller>);

/// Cancels an operation that is not accepted yet; from then on it happens entirely.
#[derive(Clone)]
pub struct Canceller(Arc<dyn Fn() -> bool + Send + Sync>);

impl Canceller {
    /// True when the operation was withdrawn: it will not happen, and its result is `Cancelled`.
    /// False when it was accepted (or done) already, and nothing changes.
    pub fn cancel(&self) -> bool {
        (self.0)()
    }
}

enum Inner<T> {
    Ready(Option<Result<T>>),
    Shared(Arc<Shared<T>>),
}

/// The sending side. Dropped without a result, it completes with `Internal`.
pub(crate) struct Completer<T>(Option<Arc<Shared<T>>>);

/// A completion and the completer that fills it.
pub(crate) fn pair<T>() -> (Completer<T>, Completion<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State::Waiting { waker: None, callback: None }),
        done: Condvar::new(),
    });
    (Completer(Some(Arc::clone(&shared))), Completion(Inner::Shared(shared), None))
}

impl<T> Completer<T> {
    /// Delivers the result: wakes the waiter, or runs the callback on this thread.
    pub(crate) fn complete(mut self, result: Result<T>) {
        if let Some(shared) = self.0.take() {
            deliver(&shared, result);
        }
    }
}

impl<T> Drop for Completer<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            let lost = Error::new(ErrorKind::Internal, "the operation was dropped unfinished");
            deliver(&shared, Err(lost));
        }
    }
}

fn deliver<T>(shared: &Shared<T>, result: Result<T>) {
    let mut state = shared.state.lock();
    let State::Waiting { waker, callback } = &mut *state else { return };
    let (waker, callback) = (waker.take(), callback.take());
    if let Some(callback) = callback {
        *state = State::Taken;
        drop(state);
        callback(result);
        return;
    }
    *state = State::Done(result);
    drop(state);
    shared.done.notify_all();
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn take<T>(state: &mut State<T>) -> Result<T> {
    match std::mem::replace(state, State::Taken) {
        State::Done(result) => result,
        other => {
            *state = other;
            Err(Error::new(ErrorKind::Internal, "the result was taken already"))
        }
    }
}

impl<T> Completion<T> {
    /// A completion that is done already.
    pub fn ready(result: Result<T>) -> Self {
        Self(Inner::Ready(Some(result)), None)
    }

    /// The same, with what withdraws the operation.
    pub(crate) fn cancelled_by(self, withdraw: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(self.0, Some(Canceller(Arc::new(withdraw))))
    }

    /// What withdraws the operation while it is not accepted; `None` when nothing can.
    pub fn canceller(&self) -> Option<Canceller> {
        self.1.clone()
    }

    /// True when the result is there.
    pub fn is_done(&self) -> bool {
        match &self.0 {
            Inner::Ready(_) => true,
            Inner::Shared(shared) => !matches!(*shared.state.lock(), State::Waiting { .. }),
        }
    }

    /// The result, if it is there; else the completion again.
    ///
    /// # Errors
    /// The completion itself, when its result is still to come.
    pub fn now(self) -> std::result::Result<Result<T>, Self> {
        if self.is_done() { Ok(self.wait()) } else { Err(self) }
    }

    /// Blocks until the result is there.
    ///
    /// # Errors
    /// The operation's own.
    pub fn wait(self) -> Result<T> {
        // Longer than any process lives.
        let never = Instant::now() + Duration::from_secs(100 * 365 * 86_400);
        self.wait_until(never).unwrap_or_else(|_| take(&mut State::Taken))
    }

    /// Blocks until the result is there or `deadline` passes; then the completion is given back.
    pub(crate) fn wait_until(self, deadline: Instant) -> std::result::Result<Result<T>, Self> {
        let shared = match self.0 {
            Inner::Ready(result) => {
                return Ok(result.unwrap_or_else(|| take(&mut State::Taken)));
            }
            Inner::Shared(shared) => shared,
        };
        let sliced = STOP.get().is_some();
        let mut state = shared.state.lock();
        while matches!(*state, State::Waiting { .. }) {
            let now = Instant::now();
            if now >= deadline {
                drop(state);
                return Err(Self(Inner::Shared(shared), self.1));
            }
            let until = if sliced { deadline.min(now + SLICE) } else { deadline };
            let timed_out;
            (state, timed_out) = shared.done.wait_until(state, until);
            if sliced && timed_out {
                drop(state);
                if is_interrupted() {
                    let withdrawn = self.1.is_some_and(|canceller| canceller.cancel());
                    return Ok(Err(interrupted(if withdrawn {
                        "the operation was not begun"
                    } else {
                        "what was accepted is kept and will be committed"
                    })));
                }
                state = shared.state.lock();
            }
        }
        Ok(take(&mut state))
    }

    /// Runs `callback` with the result: at once on this thread when it is there already, else on
    /// the thread that completes it. The callback must be quick and must not block.
    pub fn on_done(self, callback: impl FnOnce(Result<T>) + Send + 'static)
    where
        T: 'static,
    {
        match self.0 {
            Inner::Ready(result) => callback(result.unwrap_or_else(|| take(&mut State::Taken))),
            Inner::Shared(shared) => {
                let mut state = shared.state.lock();
                if let State::Waiting { callback: slot, .. } = &mut *state {
                    *slot = Some(Box::new(callback));
                    return;
                }
                let result = take(&mut state);
                drop(state);
                callback(result);
            }
        }
    }

    /// The same completion with its result changed by `f`, on whichever thread completes it.
    pub fn then<U: Send + 'static>(
        self,
        f: impl FnOnce(Result<T>) -> Result<U> + Send + 'static,
    ) -> Completion<U>
    where
        T: 'static,
    {
        if let Inner::Ready(result) = self.0 {
            return Completion::ready(f(result.unwrap_or_else(|| take(&mut State::Taken))));
        }
        let (completer, completion) = pair();
        let canceller = self.canceller();
        self.on_done(move |result| completer.complete(f(result)));
        Completion(completion.0, canceller)
    }
}

impl<T> Unpin for Completion<T> {}

impl<T> Future for Completion<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        match &mut self.get_mut().0 {
            Inner::Ready(result) => {
                Poll::Ready(result.take().unwrap_or_else(|| take(&mut State::Taken)))
            }
            Inner::Shared(shared) => {
                let mut state = shared.state.lock();
                if let State::Waiting { waker, .. } = &mut *state {
                    if !waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
                        *waker = Some(cx.waker().clone());
                    }
                    return Poll::Pending;
                }
                Poll::Ready(take(&mut state))
            }
        }
    }
}
