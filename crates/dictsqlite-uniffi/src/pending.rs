//! Waiting for the engine: futures that cancel the operation when they are dropped, and tickets for
//! a language that cannot drop them.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use dictsqlite_core::{Canceller, Completion};

use crate::error::{ErrorKind, NativeError, Result};

/// What a ticket stands for: whether it was cancelled, and who is to be told.
#[derive(Default)]
struct Ticket {
    cancelled: bool,
    waker: Option<Waker>,
}

type Shared = Arc<Mutex<Ticket>>;

static NEXT: AtomicU64 = AtomicU64::new(1);

fn tickets() -> MutexGuard<'static, HashMap<u64, Shared>> {
    static TICKETS: OnceLock<Mutex<HashMap<u64, Shared>>> = OnceLock::new();
    lock(TICKETS.get_or_init(Mutex::default))
}

/// Nothing is done under these locks that could leave what they guard half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A ticket that can cancel one operation. Free it when the operation is done.
#[uniffi::export]
pub fn new_ticket() -> u64 {
    let ticket = NEXT.fetch_add(1, Ordering::Relaxed);
    tickets().insert(ticket, Shared::default());
    ticket
}

/// Cancels the operation that has this ticket, now or as soon as it begins: it ends with `Cancelled`
/// at once, or, one on whole files, when nothing of it is left. What was accepted already happens all
/// the same.
#[uniffi::export]
pub fn cancel_ticket(ticket: u64) {
    let Some(shared) = tickets().get(&ticket).cloned() else { return };
    let waker = {
        let mut state = lock(&shared);
        state.cancelled = true;
        state.waker.take()
    };
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Forgets a ticket.
#[uniffi::export]
pub fn free_ticket(ticket: u64) {
    tickets().remove(&ticket);
}

/// How many tickets are known.
#[cfg(test)]
pub(crate) fn known_tickets() -> usize {
    tickets().len()
}

/// The result of what `begin` begins; it is not begun when the ticket was cancelled before.
pub(crate) async fn result_of<T>(
    ticket: u64,
    begin: impl FnOnce() -> Result<Completion<T>>,
) -> Result<T> {
    pending(ticket, begin, false)?.await
}

/// The same for what cancelling ends, and does not withdraw: it is waited for in any case.
pub(crate) async fn end_of<T>(
    ticket: u64,
    begin: impl FnOnce() -> Result<Completion<T>>,
) -> Result<T> {
    pending(ticket, begin, true)?.await
}

fn pending<T>(
    ticket: u64,
    begin: impl FnOnce() -> Result<Completion<T>>,
    to_its_end: bool,
) -> Result<Pending<T>> {
    let ticket = if ticket == 0 { None } else { tickets().get(&ticket).cloned() };
    if ticket.as_ref().is_some_and(|ticket| lock(ticket).cancelled) {
        return Err(cancelled("the operation was cancelled before it began"));
    }
    let completion = begin()?;
    let canceller = completion.canceller();
    Ok(Pending { completion, canceller, ticket, to_its_end, done: false })
}

struct Pending<T> {
    completion: Completion<T>,
    canceller: Option<Canceller>,
    ticket: Option<Shared>,
    /// Cancelled, it is done when the operation has ended.
    to_its_end: bool,
    done: bool,
}

impl<T> Future for Pending<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if let Poll::Ready(result) = Pin::new(&mut self.completion).poll(cx) {
            self.done = true;
            return Poll::Ready(result.map_err(NativeError::from));
        }
        let Some(ticket) = self.ticket.clone() else { return Poll::Pending };
        let mut state = lock(&ticket);
        if !state.cancelled {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        drop(state);
        if self.to_its_end {
            if let Some(canceller) = &self.canceller {
                canceller.cancel();
            }
            return Poll::Pending;
        }
        self.done = true;
        let withdrawn = self.canceller.as_ref().is_some_and(Canceller::cancel);
        Poll::Ready(Err(cancelled(if withdrawn {
            "the operation was cancelled before it was accepted; it does not happen"
        } else {
            "the operation was cancelled; what it wrote, if it writes, was accepted and is committed"
        })))
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        if !self.done
            && let Some(canceller) = &self.canceller
        {
            canceller.cancel();
        }
    }
}

fn cancelled(detail: &str) -> NativeError {
    NativeError::new(ErrorKind::Cancelled, detail)
}
