//! How a transaction ends: by commit, by rollback, when its time is up, or with its process.

use std::sync::MutexGuard;
use std::time::Instant;

use super::{Inner, Shared, Transaction};
use crate::error::{Error, ErrorKind, Result};
use crate::hold::this_thread;
use crate::state::Bounded;
use crate::vfs::fork;

/// Why nothing more can be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Ended,
    TimedOut,
}

impl Transaction {
    /// Gives everything up that was written in it.
    ///
    /// # Errors
    /// `Closed` when it is over already, `Timeout` when it was rolled back since it was open for too
    /// long, `Invalid` on another thread than the one that it belongs to.
    pub fn rollback(&self) -> Result<()> {
        let mut inner = self.shared.open()?;
        self.shared.end(&mut inner, Over::Ended);
        Ok(())
    }

    /// Gives it up from any thread, whether it is over or not: for language bindings.
    #[doc(hidden)]
    pub fn abandon(&self) {
        if !self.shared.is_inherited() {
            self.shared.end(&mut self.shared.inner.lock(), Over::Ended);
        }
    }

    /// True as long as it was neither committed nor rolled back, and its time is not up.
    pub fn is_open(&self) -> bool {
        !self.shared.is_inherited() && self.shared.enter().is_ok()
    }
}

impl Shared {
    /// Leave to do something in the name of the owner.
    pub(super) fn open(&self) -> Result<MutexGuard<'_, Inner>> {
        if self.thread != 0 && self.thread != this_thread() {
            return Err(Error::invalid(
                "the transaction belongs to the thread that began it; begin another one here",
            ));
        }
        self.enter()
    }

    /// The same for a thread of ours, which works for the owner.
    pub(super) fn enter(&self) -> Result<MutexGuard<'_, Inner>> {
        if self.is_inherited() {
            // Whoever has the lock may not be there.
            let message = "the transaction was open when the process forked; begin it again here";
            return Err(Error::new(ErrorKind::Closed, message));
        }
        let mut inner = self.inner.lock();
        if inner.over.is_none() && Instant::now() >= self.until {
            self.end(&mut inner, Over::TimedOut);
        }
        match inner.over {
            None => Ok(inner),
            Some(Over::TimedOut) => Err(self.timed_out()),
            Some(Over::Ended) => {
                let message = "the transaction is over, by commit or rollback; begin another one";
                Err(Error::new(ErrorKind::Closed, message))
            }
        }
    }

    pub(super) fn timed_out(&self) -> Error {
        let message = format!(
            "the transaction was open for more than {:?} (max_hold) and was rolled back; begin it \
             again, and be quicker or ask for more",
            self.max_hold
        );
        Error::new(ErrorKind::Timeout, message)
    }

    /// Gives up what it holds.
    pub(super) fn end(&self, inner: &mut Inner, over: Over) {
        if inner.over.is_some() {
            return;
        }
        inner.over = Some(over);
        inner.buffer = Default::default();
        inner.reads = Default::default();
        inner.found = Default::default();
        inner.ranges = Vec::new();
        drop(inner.reader.take());
        if let Some(hold) = &self.hold {
            // From here on its thread may use the dict again.
            self.store.state.lent.end(hold);
            hold.let_go();
        }
        self.store.state.chores.unbound(self);
    }

    /// True in the child of a fork for a transaction of its parent's.
    pub(super) fn is_inherited(&self) -> bool {
        self.store.generation != fork::generation()
    }
}

impl Bounded for Shared {
    fn expire(&self, now: Instant) {
        // One that is at work looks by itself next time.
        if now >= self.until
            && !self.is_inherited()
            && let Some(mut inner) = self.inner.try_lock()
        {
            self.end(&mut inner, Over::TimedOut);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.is_inherited() {
            // The connection, the lock and the store are the parent's: left alone, not closed.
            let inner = std::mem::replace(&mut self.inner, Inner::over());
            if let Some(mut inner) = inner.try_lock()
                && let Some(reader) = inner.reader.take()
            {
                reader.leak();
            }
            std::mem::forget(inner);
            std::mem::forget(self.hold.take());
            std::mem::forget(std::sync::Arc::clone(&self.store));
            return;
        }
        let inner = std::mem::replace(&mut self.inner, Inner::over());
        self.end(&mut inner.lock(), Over::Ended);
    }
}
