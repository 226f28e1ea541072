//! The thread that sees the commits of other processes for those who wait for one. It looks at the
//! stamp, which is a few loads, every few milliseconds, and only while somebody waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sqlite::Place;
use crate::state::State;

/// The time between two looks: the first after a commit, growing to the second while there is none.
const SHORTEST: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(20);
/// Without a stamp, those who wait look for themselves so often.
const BLIND: Duration = Duration::from_millis(100);
/// So long the thread stays when nobody waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sees to it that somebody looks out for who has begun to listen.
pub(crate) fn keep(state: &Arc<State>) {
    // Nobody else commits to a private store.
    if !matches!(state.opener.place, Place::File(_)) || !state.listeners.needs_lookout() {
        return;
    }
    let shared = Arc::clone(state);
    let body = move || run(&shared);
    let thread = std::thread::Builder::new().name("dictsqlite-look".into()).spawn(body);
    // Without it, commits of others are seen when this process commits.
    state.listeners.looks_out(thread.ok());
}

fn run(state: &State) {
    let mut seen = state.stamps.live();
    let mut nap = SHORTEST;
    let mut patience = Instant::now() + PATIENCE;
    while state.listeners.pause(Instant::now() + nap, patience) {
        if state.listeners.any() {
            patience = Instant::now() + PATIENCE;
        }
        if !state.stamps.available() {
            nap = BLIND;
            state.listeners.tell_all();
            continue;
        }
        let live = state.stamps.live();
        if live == seen {
            nap = (nap * 5 / 4).min(LONGEST);
        } else {
            seen = live;
            nap = SHORTEST;
        }
        state.listeners.tell(|| live);
    }
}
