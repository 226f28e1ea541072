//! The library's own thread that calls back, for those who have no queue.
//!
//! It is started by the first result and ends when there has been nothing to do for a while. A child of
//! a fork has its own.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;

use crate::queue::Queue;

/// How long the thread stays without work.
const LINGER: Duration = Duration::from_millis(100);

static QUEUE: ArcSwapOption<Queue> = ArcSwapOption::const_empty();

/// The queue of this process that the thread runs.
pub(crate) fn queue() -> Arc<Queue> {
    loop {
        let current = QUEUE.load_full();
        if let Some(queue) = &current
            && !queue.is_inherited()
        {
            return Arc::clone(queue);
        }
        if let Some(inherited) = &current {
            // What is in it is the parent's: never dropped here.
            std::mem::forget(Arc::clone(inherited));
        }
        let queue = Arc::new(Queue::unwatched(Some(ensure_runner)));
        // Whoever was first is found in the next round.
        QUEUE.compare_and_swap(&current, Some(queue));
    }
}

fn ensure_runner(queue: &Arc<Queue>) {
    if !queue.take_runner() {
        return;
    }
    let own = Arc::clone(queue);
    let thread = std::thread::Builder::new().name("dictsqlite-call".into());
    if thread.spawn(move || run(&own)).is_err() {
        // Better on this thread than never.
        run(queue);
    }
}

fn run(queue: &Arc<Queue>) {
    while queue.keep_runner(LINGER) {
        // It fails only in the child of a fork, where this thread is not.
        let _ = queue.run(Some(Duration::ZERO));
    }
}
