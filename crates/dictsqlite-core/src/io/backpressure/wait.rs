//! Waiting for a future on a thread, and for a limited time.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use super::super::timer;
use crate::completion::{Canceller, interrupted, is_interrupted};
use crate::error::{ErrorKind, Result};

/// How long a wait goes on before it is asked whether to give up.
const SLICE: Duration = Duration::from_millis(50);

struct Parked(Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits on this thread.
pub(super) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Parked(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
        // A wake-up for another reason does no harm.
        std::thread::park_timeout(SLICE);
        if is_interrupted() {
            return Err(interrupted("nothing was begun"));
        }
    }
}

/// Withdraws the timer when the wait ends otherwise.
struct Timed(Option<Canceller>);

impl Drop for Timed {
    fn drop(&mut self) {
        if let Some(canceller) = &self.0 {
            canceller.cancel();
        }
    }
}

/// The future's result, or `None` if that takes longer than `timeout`; the future is dropped then.
pub(super) async fn within<T>(
    timeout: Duration,
    future: impl Future<Output = T>,
) -> Result<Option<T>> {
    let mut future = pin!(future);
    let mut timer = timer::after(timeout);
    let _timed = Timed(timer.canceller());
    poll_fn(|context| {
        if let Poll::Ready(result) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(Some(result)));
        }
        match std::pin::Pin::new(&mut timer).poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(e)) if e.kind() != ErrorKind::Cancelled => Poll::Ready(Err(e)),
            Poll::Ready(_) => Poll::Ready(Ok(None)),
        }
    })
    .await
}
