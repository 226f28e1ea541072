//! Transactions over the tables of a store, from a handle on one of them.

use std::sync::Arc;
use std::time::Duration;

use super::Dict;
use crate::completion::Completion;
use crate::error::{ErrorKind, Result};
use crate::transaction::{self, Begin, Transaction, TransactionOptions};
use crate::types::TransactionMode;

/// The first pause after a conflict is at most this long, and each one up to twice as long as the one
/// before.
const FIRST_PAUSE: Duration = Duration::from_micros(500);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

impl Dict {
    /// Begins a transaction, which is a dict on this handle's table and gives those on the others. It
    /// sees every write that was acknowledged before, and belongs to this thread.
    ///
    /// # Errors
    /// `Invalid` while an immediate transaction of this thread is open; `Timeout` or `Busy` when
    /// pending writes could not be committed, or the write lock not be had, in time; `Closed`, `Io`.
    pub fn transaction(&self, options: &TransactionOptions) -> Result<Transaction> {
        transaction::begin(self.begin(options)?)
    }

    /// [`Dict::transaction`] without blocking. The transaction belongs to nobody in particular: it may
    /// be moved between threads. Its canceller withdraws an immediate one from the queue.
    pub fn transaction_async(&self, options: &TransactionOptions) -> Completion<Transaction> {
        match self.begin(options) {
            Ok(begin) => transaction::begin_async(begin),
            Err(e) => Completion::ready(Err(e)),
        }
    }

    /// Runs `f` in a transaction and commits it. After a conflict, also one that `f` itself returns, it
    /// is run again in a new one, up to `retries` times, with pauses that grow; the last time in an
    /// immediate transaction, which cannot conflict. When `f` fails, everything is rolled back.
    ///
    /// # Errors
    /// Those of `f`, of beginning and of committing; `Conflict` only with no retries.
    pub fn run_transaction<T>(
        &self,
        retries: u32,
        mut f: impl FnMut(&Transaction) -> Result<T>,
    ) -> Result<T> {
        let mut pause = FIRST_PAUSE;
        for attempt in 0.. {
            let last = attempt >= retries;
            let mode = if last && retries > 0 {
                TransactionMode::Immediate
            } else {
                TransactionMode::Concurrent
            };
            let tx = self.transaction(&TransactionOptions { mode, ..Default::default() })?;
            let done = f(&tx).and_then(|result| tx.commit().map(|_| result));
            match done {
                Err(e) if e.kind() == ErrorKind::Conflict && !last => {
                    drop(tx);
                    std::thread::sleep(jittered(pause));
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                done => return done,
            }
        }
        unreachable!("the last attempt returns")
    }

    /// The owner of the immediate transaction that is open, as it was given in
    /// [`TransactionOptions::task`]; 0 when there is none, or a thread owns it.
    #[doc(hidden)]
    #[inline]
    pub fn lent_to_task(&self) -> u64 {
        let Some(at) = self.bound.current() else { return 0 };
        let owner = at.store.state.lent.owner();
        if owner & crate::hold::TASK == 0 { 0 } else { owner & !crate::hold::TASK }
    }

    /// The store behind the handle.
    #[cfg(test)]
    pub(crate) fn store_of_test(&self) -> Arc<crate::store::Store> {
        Arc::clone(&self.at().unwrap().store)
    }

    fn begin(&self, options: &TransactionOptions) -> Result<Begin> {
        let at = self.at()?;
        Ok(Begin {
            store: Arc::clone(&at.store),
            table: Arc::clone(&at.table),
            options: *options,
            timeout: self.options.timeout,
            durable: self.admission.durable,
            ttl: self.options.ttl,
        })
    }
}

/// A part of a pause, so that those who met once do not meet again.
fn jittered(pause: Duration) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    // Each state has another key.
    let random = RandomState::new().hash_one(0_u8) as u32;
    pause.mul_f64(f64::from(random) / f64::from(u32::MAX))
}
