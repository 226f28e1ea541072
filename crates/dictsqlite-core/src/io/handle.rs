//! What the files of the operating system have in common, whichever way they transfer bytes.

use std::sync::Arc;

use super::errors;
use super::os::Open;
use super::pool::Pool;
use crate::completion::{self, Completion};
use crate::error::Result;
use crate::sync::Mutex;

/// An open file until it is closed, and the threads for what may block.
#[derive(Debug)]
pub(super) struct Handle {
    open: Mutex<Option<Arc<Open>>>,
    generation: u32,
    pub(super) pool: Arc<Pool>,
}

impl Handle {
    pub(super) fn new(open: Open, pool: Arc<Pool>) -> Self {
        let generation = crate::vfs::fork::generation();
        Self { open: Mutex::new(Some(Arc::new(open))), generation, pool }
    }

    /// The file, unless it is closed or inherited.
    pub(super) fn open(&self) -> Result<Arc<Open>> {
        self.check_generation()?;
        self.open.lock().clone().ok_or_else(errors::closed)
    }

    /// The locks of what was inherited may be held by threads that are not here.
    fn check_generation(&self) -> Result<()> {
        if self.generation == crate::vfs::fork::generation() {
            Ok(())
        } else {
            Err(errors::inherited())
        }
    }

    /// Has the pool do `f`.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Open) -> Result<T> + Send + 'static,
    ) -> Completion<T> {
        match self.open() {
            Ok(open) => self.ask_of(open, f),
            Err(e) => Completion::ready(Err(e)),
        }
    }

    /// The same of a file that was looked at already. Whoever waits for its closing hears of it after who
    /// waits for this.
    pub(super) fn ask_of<T: Send + 'static>(
        &self,
        open: Arc<Open>,
        f: impl FnOnce(&Open) -> Result<T> + Send + 'static,
    ) -> Completion<T> {
        let (completer, completion) = completion::pair();
        self.pool.run(move || {
            completer.complete(f(&open));
            drop(open);
        });
        completion
    }

    pub(super) fn close(&self) -> Completion<()> {
        if let Err(e) = self.check_generation() {
            return Completion::ready(Err(e));
        }
        let Some(open) = self.open.lock().take() else {
            return Completion::ready(Ok(()));
        };
        let closed = open.closed();
        // Closing may take its time on some file systems.
        self.pool.run(move || drop(open));
        closed
    }
}
