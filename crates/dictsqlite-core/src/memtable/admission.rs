//! How writes are let in, and what becomes of them.

use std::time::Duration;

use crate::completion::Completion;
use crate::types::{KeyBuf, Value};

/// How a handle's writes are let in, and how soon they must be committed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admission {
    /// Uncommitted operations there may be once a write was acknowledged.
    pub(crate) window: u64,
    /// The writer may linger until this many operations are pending.
    pub(crate) linger: u64,
    /// The longest a write may stay uncommitted.
    pub(crate) interval: Duration,
    /// Whether a write is acknowledged only when it is committed and synced.
    pub(crate) durable: bool,
    /// How long a write may wait for room, or for its commit.
    pub(crate) timeout: Duration,
}

impl Admission {
    /// Uncommitted operations there may be with these. A batch larger than the window is let in and
    /// acknowledged only when it is committed, and so is a durable write.
    pub(super) fn width(&self, ops: u64) -> u64 {
        if ops > self.window { u64::MAX } else { self.window }
    }
}

/// What became of a write.
pub(crate) enum Admitted {
    /// Accepted and acknowledged.
    Done,
    /// Accepted; to be acknowledged when the completion is done.
    Wait(Completion<()>),
    /// Not accepted: there is no room, or others wait for it.
    NoRoom,
}

/// A pending write a reader found. No value means deleted.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) value: Option<Value>,
    pub(crate) expires_at: i64,
    /// The writer has it in hand: it may be committed already.
    pub(crate) taken: bool,
}

/// One write: a packed key, the value (none deletes) and when it expires.
pub(crate) type Write<'a> = (&'a [u8], Option<Value>, i64);

/// The same with the key, for one that has to wait.
pub(crate) type OwnedWrite = (KeyBuf, Option<Value>, i64);
