//! Completions that are done at a time: one thread for all of them, which ends when none is left.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::per_fork::PerFork;
use crate::completion::{self, Completer, Completion};
use crate::error::{Error, ErrorKind};
use crate::sync::{Condvar, Mutex};

static TIMER: PerFork<Timer> = PerFork::new();

/// Longer than any process lives, and short enough to be added to a time.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

#[derive(Default)]
struct Timer {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// By time; the number tells those of one time apart.
    until: BTreeMap<(Instant, Reverse<u64>), (Completer<Duration>, Instant)>,
    next: u64,
    runs: bool,
}

/// Is done after `duration`, with the time that has passed. Withdrawn by its canceller.
pub(super) fn after(duration: Duration) -> Completion<Duration> {
    let began = Instant::now();
    if duration.is_zero() {
        return Completion::ready(Ok(duration));
    }
    let timer = TIMER.get(Timer::default);
    let (completer, completion) = completion::pair();
    let mut waiting = timer.waiting.lock();
    waiting.next += 1;
    let key = (began + duration.min(LONGEST), Reverse(waiting.next));
    waiting.until.insert(key, (completer, began));
    let starts = !std::mem::replace(&mut waiting.runs, true);
    drop(waiting);
    if starts {
        let started =
            std::thread::Builder::new().name("dictsqlite-time".into()).spawn(|| run(timer_now()));
        if started.is_err() {
            let mut waiting = timer.waiting.lock();
            waiting.runs = false;
            let lost = std::mem::take(&mut waiting.until);
            drop(waiting);
            for (completer, _) in lost.into_values() {
                completer.complete(Err(Error::new(
                    ErrorKind::Io,
                    "no thread could be started to measure time",
                )));
            }
        }
    } else {
        timer.changed.notify_one();
    }
    completion.cancelled_by(move || withdraw(key))
}

fn timer_now() -> &'static Timer {
    TIMER.get(Timer::default)
}

fn withdraw(key: (Instant, Reverse<u64>)) -> bool {
    let found = timer_now().waiting.lock().until.remove(&key);
    match found {
        Some((completer, _)) => {
            let error = Error::new(ErrorKind::Cancelled, "the sleep was cancelled");
            completer.complete(Err(error));
            true
        }
        None => false,
    }
}

fn run(timer: &'static Timer) {
    let mut waiting = timer.waiting.lock();
    while let Some(first) = waiting.until.first_entry() {
        let now = Instant::now();
        let until = first.key().0;
        if until > now {
            waiting = timer.changed.wait_until(waiting, until).0;
            continue;
        }
        let (completer, began) = first.remove();
        drop(waiting);
        completer.complete(Ok(now.duration_since(began)));
        waiting = timer.waiting.lock();
    }
    waiting.runs = false;
}
