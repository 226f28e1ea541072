//! Threads that make blocking calls for those who must not wait for them.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::completion::{self, Completion};
use crate::error::{Error, ErrorKind, Result};
use crate::sync::{Condvar, Mutex};
use crate::vfs::fork;

/// A thread that had nothing to do for so long ends.
const IDLE: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce() + Send>;

/// A pool of one generation of forks.
#[derive(Debug)]
pub(super) struct Pool {
    shared: Arc<Shared>,
    generation: u32,
}

struct Shared {
    jobs: Mutex<Jobs>,
    arrived: Condvar,
    most: usize,
}

#[derive(Default)]
struct Jobs {
    queue: VecDeque<Job>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at most {} threads", self.most)
    }
}

/// Runs `f`; a panic ends it and not the thread, which others wait for. The panic hook has reported
/// it, and whoever waits for its result is told that it was dropped.
pub(super) fn contained(f: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(f));
}

impl Pool {
    pub(super) fn new(most: usize) -> Self {
        fork::watch();
        let shared = Shared { jobs: Mutex::default(), arrived: Condvar::new(), most: most.max(1) };
        Self { shared: Arc::new(shared), generation: fork::generation() }
    }

    /// How many threads there are at most.
    pub(super) fn threads(&self) -> usize {
        self.shared.most
    }

    /// Has a thread run `job`. On a system without threads it runs at once.
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) {
        let mut jobs = self.shared.jobs.lock();
        jobs.queue.push_back(Box::new(job));
        let starts = jobs.idle < jobs.queue.len() && jobs.threads < self.shared.most;
        jobs.threads += usize::from(starts);
        let wakes = jobs.idle > 0;
        drop(jobs);
        if wakes {
            self.shared.arrived.notify_one();
        }
        if starts {
            let shared = Arc::clone(&self.shared);
            let started = std::thread::Builder::new()
                .name("dictsqlite-io".into())
                .spawn(move || shared.work());
            if started.is_err() {
                self.run_here();
            }
        }
    }

    /// No thread could be started: if there is no other, the jobs are done here.
    fn run_here(&self) {
        let mut jobs = self.shared.jobs.lock();
        jobs.threads -= 1;
        while jobs.threads == 0
            && let Some(job) = jobs.queue.pop_front()
        {
            drop(jobs);
            contained(job);
            jobs = self.shared.jobs.lock();
        }
    }

    /// Has a thread run `f`, for its result.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Completion<T> {
        if self.generation != fork::generation() {
            return Completion::ready(Err(Error::new(
                ErrorKind::Closed,
                "this belongs to the parent of a fork; open it again in the child",
            )));
        }
        let (completer, completion) = completion::pair();
        self.run(move || completer.complete(f()));
        completion
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // The threads of a fork's parent are not here, and one of them may have held the lock.
        if self.generation == fork::generation() {
            self.shared.jobs.lock().closed = true;
            self.shared.arrived.notify_all();
        }
    }
}

impl Shared {
    fn work(&self) {
        let mut jobs = self.jobs.lock();
        loop {
            if let Some(job) = jobs.queue.pop_front() {
                drop(jobs);
                contained(job);
                jobs = self.jobs.lock();
                continue;
            }
            if jobs.closed {
                break;
            }
            jobs.idle += 1;
            let timed_out;
            (jobs, timed_out) = self.arrived.wait_until(jobs, Instant::now() + IDLE);
            jobs.idle -= 1;
            if timed_out && jobs.queue.is_empty() {
                break;
            }
        }
        jobs.threads -= 1;
    }
}
