//! What a handle stands on: a store and a table of this side of a fork.
//!
//! In the child of a fork the inherited store has lost its threads and its locks. The handle notices
//! by the generation, opens the store anew, and leaves the inherited one alone for ever: dropping it
//! would wait for threads that are not there, and close descriptors whose locks it does not hold.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::error::{Error, Result};
use crate::sqlite::Table;
use crate::store::{EXIT_LIMIT, Store};
use crate::vfs::fork;

pub(super) struct Bound {
    pub(super) store: Arc<Store>,
    pub(super) table: Arc<Table>,
    child: OnceLock<Box<Bound>>,
}

impl Bound {
    /// Takes over one count of the store's handles.
    pub(super) fn new(store: Arc<Store>, table: Arc<Table>) -> Self {
        Self { store, table, child: OnceLock::new() }
    }

    /// Refuses to wait for a transaction that only this thread could end.
    #[cold]
    pub(super) fn check_not_lent(&self) -> Result<()> {
        if self.store.state.lent.is_here() {
            return Err(Error::invalid(
                "this thread has an immediate transaction open; use the transaction, or end it first",
            ));
        }
        Ok(())
    }

    /// The bound of this process, if there is one already.
    #[inline]
    pub(super) fn current(&self) -> Option<&Self> {
        let mut bound = self;
        while bound.store.generation != fork::generation() {
            bound = bound.child.get()?;
        }
        Some(bound)
    }

    /// The bound of this process, opened anew by `open` where it must be.
    #[inline]
    pub(super) fn renewed(&self, open: impl FnOnce(&Self) -> Result<Self>) -> Result<&Self> {
        match self.current() {
            Some(bound) => Ok(bound),
            None => self.renew(open),
        }
    }

    #[cold]
    fn renew(&self, open: impl FnOnce(&Self) -> Result<Self>) -> Result<&Self> {
        let mut last = self;
        while let Some(child) = last.child.get() {
            last = child;
        }
        if let Err(late) = last.child.set(Box::new(open(last)?)) {
            // Another thread was quicker; ours holds nothing that could fail to flush.
            let _ = late.store.release(Instant::now() + EXIT_LIMIT);
        }
        self.current().ok_or_else(Error::closed)
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        // An inherited store is leaked.
        if self.store.generation != fork::generation() {
            std::mem::forget(Arc::clone(&self.store));
        }
    }
}
