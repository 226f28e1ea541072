//! Freeing what large values left behind: those that were deleted or replaced, by anybody, and those
//! that were begun and never finished.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{SWEEP_PATIENCE, wait};
use crate::completion::pair;
use crate::error::Result;
use crate::sqlite::WriteConnection;
use crate::state::{Request, State};
use crate::types::{Command, Outcome, Stamp, StreamStep};
use crate::vfs::fork;

/// A value that was not added to for so long (ms) will not be finished.
const ABANDONED_MS: i64 = 3_600_000;
/// The least time between two looks that nobody asked for.
const PAUSE: Duration = Duration::from_secs(1);
/// After this it is looked even if nobody has committed: time alone makes waste of what was abandoned.
const LONG_PAUSE: Duration = Duration::from_secs(600);

/// When to look next, and what the file was when it was looked at last.
pub(super) struct Collector {
    next: Instant,
    next_at_rest: Instant,
    seen: Option<Stamp>,
}

impl Collector {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { next: now, next_at_rest: now, seen: None }
    }

    /// Looks, if it is time or `asked` for, and frees what there is. `connection` is opened if need be.
    pub(super) fn run(
        &mut self,
        state: &Arc<State>,
        connection: &mut Option<Result<WriteConnection>>,
        asked: bool,
    ) {
        let now = Instant::now();
        let stamp = state.stamps.live();
        // Others may have begun to write streams: it is looked for where a connection is open anyway.
        if !asked && connection.is_none() && !state.has_streams.load(Ordering::Acquire) {
            return;
        }
        let due = now >= self.next && (self.seen != Some(stamp) || now >= self.next_at_rest);
        if !asked && !due {
            return;
        }
        let before = state.now_ms().saturating_sub(ABANDONED_MS).max(0);
        let waste = {
            let _pass = fork::enter();
            let c = connection.get_or_insert_with(|| WriteConnection::open(&state.opener));
            c.as_ref().map_err(Clone::clone).and_then(|c| c.has_waste(before))
        };
        self.next = now + PAUSE;
        self.next_at_rest = now + LONG_PAUSE;
        match waste {
            Ok(true) if free(state, before) => self.seen = None,
            Ok(_) => self.seen = Some(stamp),
            // Nothing depends on it: another look will tell.
            Err(_) => {
                self.seen = None;
                *connection = None;
            }
        }
    }
}

/// Frees a part after the other, each in a commit of its own. True if there may be more.
fn free(state: &Arc<State>, before: i64) -> bool {
    while !state.chores.list.lock().stop {
        let (reply, answer) = pair();
        let command = Command::Stream(StreamStep::Collect { before });
        let request = Request { command, durable: false, reply, stage: Arc::default(), hold: None };
        if state.memtable.command(request, Instant::now() + SWEEP_PATIENCE).is_err() {
            return true;
        }
        match wait(state, answer) {
            Ok(Outcome::Count(1)) => {}
            Ok(_) => return false,
            Err(_) => return true,
        }
    }
    true
}
