//! Savepoints: marks in the log of writes, to which it can be cut back.

use super::{Inner, Transaction};
use crate::error::{Error, Result};

/// A savepoint: its number, and how many writes there were.
pub(super) struct Mark {
    id: u64,
    len: usize,
}

impl Inner {
    fn place(&self, id: u64) -> Result<usize> {
        let place = self.savepoints.iter().position(|mark| mark.id == id);
        place.ok_or_else(|| {
            Error::invalid(
                "there is no such savepoint: it was released, or an earlier one was rolled back to",
            )
        })
    }
}

impl Transaction {
    /// Marks what was written so far, and gives the mark's number.
    ///
    /// # Errors
    /// As [`Transaction::rollback`].
    pub fn savepoint(&self) -> Result<u64> {
        let mut inner = self.shared.open()?;
        let (id, len) = (inner.next_savepoint, inner.buffer.len());
        inner.next_savepoint += 1;
        inner.savepoints.push(Mark { id, len });
        Ok(id)
    }

    /// Takes back everything that was written since a savepoint, which stays, and forgets the ones
    /// after it. What was read since then still counts as read.
    ///
    /// # Errors
    /// `Invalid` when there is no such savepoint; else as [`Transaction::rollback`].
    pub fn rollback_to(&self, savepoint: u64) -> Result<()> {
        let mut inner = self.shared.open()?;
        let place = inner.place(savepoint)?;
        let len = inner.savepoints[place].len;
        inner.savepoints.truncate(place + 1);
        inner.buffer.truncate(len);
        Ok(())
    }

    /// Forgets a savepoint and the ones after it; what was written stays.
    ///
    /// # Errors
    /// As [`Transaction::rollback_to`].
    pub fn release(&self, savepoint: u64) -> Result<()> {
        let mut inner = self.shared.open()?;
        let place = inner.place(savepoint)?;
        inner.savepoints.truncate(place);
        Ok(())
    }
}
