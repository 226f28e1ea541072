//! Connections that are lent for long: to transactions, each for its snapshot.
//!
//! They are counted by themselves, so that idle transactions never keep others from reading. Who
//! finds all of them lent is served in turn, without a thread that waits.

use std::sync::Arc;
use std::time::Instant;

use super::{Error, ErrorKind, Readers, Result};
use crate::completion::{Completer, Completion, pair};
use crate::sqlite::Reader;
use crate::state::Bounded;

/// Connections lent for long, at most.
pub(super) const PINNED: usize = 64;
/// Idle connections kept once they come back.
const KEPT: usize = 32;

/// Somebody who waits for such a connection.
pub(super) struct Waiting {
    deadline: Instant,
    completer: Completer<Pinned>,
}

/// A connection lent for long; it goes back when dropped.
pub(crate) struct Pinned {
    reader: Option<Reader>,
    pool: Arc<Readers>,
}

impl std::ops::Deref for Pinned {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        match &self.reader {
            Some(reader) => reader,
            // Taken only by `drop` and `leak`, which end the loan.
            None => unreachable!("a lent reader is there until it is returned"),
        }
    }
}

impl Pinned {
    /// Leaves the connection alone for ever: it is of another process.
    pub(crate) fn leak(mut self) {
        std::mem::forget(self.reader.take());
        std::mem::forget(Arc::clone(&self.pool));
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let Some(reader) = self.reader.take() else { return };
        if !reader.is_idle() {
            // Nothing was written, so there is nothing the end could lose.
            let _ = reader.end();
        }
        self.pool.take_back(reader);
    }
}

impl Readers {
    /// A connection to be kept for long, if one is idle.
    pub(crate) fn pin_idle(self: &Arc<Self>) -> Option<Pinned> {
        let mut pool = self.pool.lock();
        if pool.closed || pool.pinned >= PINNED || !pool.waiting.is_empty() {
            return None;
        }
        let reader = pool.idle.pop()?;
        pool.pinned += 1;
        drop(pool);
        Some(Pinned { reader: Some(reader), pool: Arc::clone(self) })
    }

    /// A connection to be kept for long, as soon as there is one. It may have to be opened.
    pub(crate) fn pin(self: &Arc<Self>, deadline: Instant) -> Completion<Pinned> {
        if let Err(e) = self.opener.check_not_misplaced() {
            return Completion::ready(Err(e));
        }
        let mut pool = self.pool.lock();
        if pool.closed {
            return Completion::ready(Err(Error::closed()));
        }
        if pool.pinned >= PINNED {
            let (completer, completion) = pair();
            pool.waiting.push_back(Waiting { deadline, completer });
            return completion;
        }
        pool.pinned += 1;
        let idle = pool.idle.pop();
        drop(pool);
        Completion::ready(self.opened(idle))
    }

    fn opened(self: &Arc<Self>, idle: Option<Reader>) -> Result<Pinned> {
        match idle.map_or_else(|| Reader::open(&self.opener), Ok) {
            Ok(reader) => Ok(Pinned { reader: Some(reader), pool: Arc::clone(self) }),
            Err(e) => {
                self.pool.lock().pinned -= 1;
                Err(e)
            }
        }
    }

    fn take_back(self: &Arc<Self>, reader: Reader) {
        let mut pool = self.pool.lock();
        let keep = !pool.closed && reader.is_idle();
        if keep && let Some(next) = pool.waiting.pop_front() {
            drop(pool);
            let pinned = Pinned { reader: Some(reader), pool: Arc::clone(self) };
            next.completer.complete(Ok(pinned));
            return;
        }
        pool.pinned -= 1;
        if keep && pool.idle.len() < KEPT {
            pool.idle.push(reader);
            return;
        }
        let next = pool.waiting.pop_front();
        pool.pinned += usize::from(next.is_some());
        drop(pool);
        reader.close();
        if let Some(next) = next {
            next.completer.complete(self.opened(None));
        }
    }

    /// How many connections are lent for long.
    #[cfg(test)]
    pub(crate) fn pinned(&self) -> usize {
        self.pool.lock().pinned
    }
}

/// The error of who waited for too long.
fn all_lent() -> Error {
    Error::new(
        ErrorKind::Timeout,
        format!("{PINNED} transactions are open, each with its snapshot; end some of them"),
    )
}

impl Bounded for Readers {
    fn expire(&self, now: Instant) {
        let mut pool = self.pool.lock();
        let mut late = Vec::new();
        for waiting in std::mem::take(&mut pool.waiting) {
            if waiting.deadline <= now {
                late.push(waiting);
            } else {
                pool.waiting.push_back(waiting);
            }
        }
        drop(pool);
        late.into_iter().for_each(|waiting| waiting.completer.complete(Err(all_lent())));
    }
}

/// Waits for a connection on this thread.
pub(crate) fn wait_for(pinned: Completion<Pinned>, deadline: Instant) -> Result<Pinned> {
    // If it comes too late it is dropped, and goes back.
    pinned.wait_until(deadline).unwrap_or_else(|_| Err(all_lent()))
}
