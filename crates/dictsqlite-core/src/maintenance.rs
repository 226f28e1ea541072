//! The thread that does what can wait: the bulk of checkpoints, and sweeping expired entries.

mod streams;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::completion::{Completion, pair};
use crate::error::Result;
use crate::sqlite::WriteConnection;
use crate::state::{Counters, Request, State};
use crate::types::{Command, Outcome};
use crate::vfs::fork;

/// Rows swept by one command, so that no commit becomes long.
const SWEEP_ROWS: u32 = 1000;
/// The least time between two sweeps.
const SWEEP_PAUSE: Duration = Duration::from_millis(500);
/// The longest sleep: once in so long it is looked whether the file is still in its place.
const LONGEST: Duration = Duration::from_secs(2);
/// Changes removed from the log by one command.
const TRIM_ROWS: u32 = 1000;
/// The least time between two looks at the log's length.
const TRIM_PAUSE: Duration = Duration::from_millis(500);
/// How long a sweep may wait for the write lock.
const SWEEP_PATIENCE: Duration = Duration::from_secs(60);

/// The thread body; returns when told to stop.
pub(crate) fn run(state: &Arc<State>) {
    let mut connection = None;
    let mut next_sweep = Instant::now();
    let mut next_trim = next_sweep;
    let mut collector = streams::Collector::new();
    loop {
        let (checkpoint, collect) = {
            let mut list = state.chores.list.lock();
            if !list.stop && !list.checkpoint && !list.collect {
                let nap = until_expiry(state).max(next_sweep - Instant::now().min(next_sweep));
                list = state.chores.changed.wait_until(list, Instant::now() + nap).0;
            }
            if list.stop {
                drop(list);
                let _pass = fork::enter();
                drop(connection);
                return;
            }
            (std::mem::take(&mut list.checkpoint), std::mem::take(&mut list.collect))
        };
        if checkpoint {
            let _pass = fork::enter();
            let c = connection.get_or_insert_with(|| WriteConnection::open(&state.opener));
            let _alone = state.chores.checkpointing.lock();
            // What fails here is tried again after the next commits; nothing depends on it.
            if c.as_mut().is_ok_and(|c| c.checkpoint().is_ok()) {
                Counters::add(&state.counters.checkpoints, 1);
            } else {
                connection = None;
            }
        }
        // The writer does so as well, unless it is stuck.
        state.expire();
        state.chores.expire_bounded();
        if state.opener.check_in_place().is_err() {
            // What is cached belongs to a file that is gone: without a stamp it is not believed.
            let _pass = fork::enter();
            state.stamps.close();
        }
        if Instant::now() >= next_trim {
            trim(state, &mut connection);
            next_trim = Instant::now() + TRIM_PAUSE;
        }
        if Instant::now() >= next_sweep && until_expiry(state).is_zero() {
            sweep(state);
            next_sweep = Instant::now() + SWEEP_PAUSE;
        }
        collector.run(state, &mut connection, collect);
    }
}

/// All there is to do where nothing is written: what has lasted too long is ended.
pub(crate) fn keep_time(state: &State) {
    loop {
        let mut list = state.chores.list.lock();
        if !list.stop {
            list = state.chores.changed.wait_until(list, Instant::now() + LONGEST).0;
        }
        if list.stop {
            return;
        }
        drop(list);
        state.chores.expire_bounded();
    }
}

fn until_expiry(state: &State) -> Duration {
    let next = state.chores.next_expiry.load(Ordering::Acquire);
    if next == i64::MAX {
        return LONGEST;
    }
    let wait = next.saturating_sub(state.now_ms()).max(0);
    Duration::from_millis(wait.unsigned_abs()).min(LONGEST)
}

/// Removes expired entries of every open table, a thousand a commit.
fn sweep(state: &State) {
    state.chores.next_expiry.store(i64::MAX, Ordering::Release);
    for table in state.tables.open() {
        loop {
            let (reply, answer) = pair();
            let command = Command::Sweep { table: table.id, limit: SWEEP_ROWS };
            let stage = Arc::default();
            let request = Request { command, durable: false, reply, stage, hold: None };
            let deadline = Instant::now() + SWEEP_PATIENCE;
            if state.memtable.command(request, deadline).is_err() {
                return;
            }
            match wait(state, answer) {
                Ok(Outcome::Swept(n, _)) if n >= u64::from(SWEEP_ROWS) => {}
                Ok(Outcome::Swept(_, next)) => {
                    state.chores.note_expiry(next);
                    break;
                }
                // Not now; what has expired is absent all the same, and swept later.
                _ => {
                    let later = SWEEP_PAUSE.as_millis() as i64;
                    state.chores.note_expiry(state.now_ms().saturating_add(later));
                    break;
                }
            }
        }
    }
}

/// Removes what the change log need not keep any more.
fn trim(state: &State, connection: &mut Option<Result<WriteConnection>>) {
    if !state.tables.open().iter().any(|table| table.has_changes()) {
        return;
    }
    let is_due = |connection: &mut Option<Result<WriteConnection>>| {
        let _pass = fork::enter();
        let c = connection.get_or_insert_with(|| WriteConnection::open(&state.opener));
        match c {
            // What fails is looked at again the next time.
            Ok(c) => c.log_is_due(state.now_ms()).unwrap_or(false),
            Err(_) => {
                *connection = None;
                false
            }
        }
    };
    while is_due(connection) {
        let (reply, answer) = pair();
        let command = Command::TrimChanges { limit: TRIM_ROWS };
        let request = Request { command, durable: false, reply, stage: Arc::default(), hold: None };
        let deadline = Instant::now() + SWEEP_PATIENCE;
        if state.memtable.command(request, deadline).is_err() {
            return;
        }
        if !matches!(wait(state, answer), Ok(Outcome::Trimmed(true))) {
            return;
        }
    }
}

/// Waits for the writer, and does meanwhile what a stuck writer cannot.
fn wait(state: &State, mut answer: Completion<Outcome>) -> Result<Outcome> {
    loop {
        match answer.wait_until(Instant::now() + LONGEST) {
            Ok(result) => return result,
            Err(pending) => answer = pending,
        }
        state.expire();
    }
}
