//! A moment at which memory answers for the file, for whoever keeps objects made of values.

use super::Dict;
use super::bound::Bound;
use crate::cache::View;
use crate::error::Result;
use crate::types::{AsKey, Value, pack};

/// No write is pending, and what the cache holds is what the file holds.
#[doc(hidden)]
pub struct Moment<'a> {
    at: &'a Bound,
    view: View,
}

/// Which moment it is. Two are equal only if nobody has changed an entry in between, though entries
/// may have expired.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MomentId {
    generation: u32,
    view: View,
}

impl Dict {
    /// The moment it is, if memory may answer now. Waits for nothing but, in the child of a fork, the
    /// opening of the store.
    ///
    /// # Errors
    /// `Closed`.
    #[doc(hidden)]
    #[inline]
    pub fn moment(&self) -> Result<Option<Moment<'_>>> {
        let at = self.at()?;
        Ok(at.store.quiet().map(|view| Moment { at, view }))
    }
}

impl Moment<'_> {
    /// Which one it is.
    #[inline]
    pub fn id(&self) -> MomentId {
        MomentId { generation: self.at.store.generation, view: self.view }
    }

    /// The value of `key`, if it is in memory, and whether it never expires. It may be newer than the
    /// moment, which is over then and never comes again.
    ///
    /// # Errors
    /// `KeyType`.
    #[inline]
    pub fn recall(&self, key: impl AsKey) -> Result<Option<(Value, bool)>> {
        let packed = pack(self.at.table.id, key.as_key())?;
        Ok(self.at.store.recall(&packed, self.view))
    }
}
