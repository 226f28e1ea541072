//! Connections for reading: borrowed by the threads that read, and worked by threads of our own
//! for callers that must not block.

mod pinned;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::sync::{Condvar, Mutex};

use crate::error::{Error, ErrorKind, Result};
use crate::sqlite::{Opener, Reader};

pub(crate) use pinned::{Pinned, wait_for};

/// Connections at most; scans that hold one are counted.
const MOST: usize = 32;
/// Idle connections kept.
const KEPT: usize = 8;
/// Threads that work off what must not block its caller.
pub(crate) const WORKERS: usize = 2;

/// Results are delivered once so many jobs are done, so that whoever waits is woken once for all.
const DELIVERED_TOGETHER: usize = 128;

/// A reading to be done by a worker, alone with a connection. It gives what delivers its result.
type Job = Box<dyn FnOnce(Result<&Reader>) -> Delivery + Send>;
pub(crate) type Delivery = Box<dyn FnOnce()>;

/// The pool of one store.
pub(crate) struct Readers {
    opener: Opener,
    pool: Mutex<Pool>,
    returned: Condvar,
    jobs: Mutex<Jobs>,
    arrived: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Reader>,
    lent: usize,
    /// Lent for long, and not counted above.
    pinned: usize,
    waiting: VecDeque<pinned::Waiting>,
    closed: bool,
}

#[derive(Default)]
struct Jobs {
    queue: VecDeque<Job>,
    workers: usize,
    idle: usize,
    closed: bool,
}

/// A borrowed connection; it goes back when dropped.
pub(crate) struct Lent<'a> {
    reader: Option<Reader>,
    pool: &'a Readers,
}

impl std::ops::Deref for Lent<'_> {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        match &self.reader {
            Some(reader) => reader,
            // Taken only by `drop` and `keep`, which end the borrow.
            None => unreachable!("a lent reader is there until it is returned"),
        }
    }
}

impl Lent<'_> {
    /// Takes the connection out of the borrow; it is to be given back with `put_back`.
    pub(crate) fn keep(mut self) -> Option<Reader> {
        self.reader.take()
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take() {
            self.pool.put_back(reader);
        }
    }
}

/// Runs `f`; a panic ends it and not the worker, which others wait for. The panic hook has reported
/// it, and whoever waits for its result is told that it was dropped.
fn contained<T>(f: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(f)).ok()
}

fn deliver(delivery: Delivery) {
    contained(delivery);
}

impl Readers {
    pub(crate) fn new(opener: Opener) -> Self {
        Self {
            opener,
            pool: Mutex::default(),
            returned: Condvar::new(),
            jobs: Mutex::default(),
            arrived: Condvar::new(),
        }
    }

    /// Borrows a connection, waiting for one until the deadline if all are in use.
    pub(crate) fn borrow(&self, deadline: Instant) -> Result<Lent<'_>> {
        self.opener.check_not_misplaced()?;
        let mut pool = self.pool.lock();
        loop {
            if pool.closed {
                return Err(Error::closed());
            }
            if let Some(reader) = pool.idle.pop() {
                pool.lent += 1;
                return Ok(Lent { reader: Some(reader), pool: self });
            }
            if pool.lent < MOST {
                pool.lent += 1;
                break;
            }
            let timed_out;
            (pool, timed_out) = self.returned.wait_until(pool, deadline);
            if timed_out {
                return Err(Error::new(
                    ErrorKind::Timeout,
                    format!("all {MOST} reading connections are in use; close idle scans"),
                ));
            }
        }
        drop(pool);
        match Reader::open(&self.opener) {
            Ok(reader) => Ok(Lent { reader: Some(reader), pool: self }),
            Err(e) => {
                self.pool.lock().lent -= 1;
                self.returned.notify_one();
                Err(e)
            }
        }
    }

    /// Gives a connection back.
    pub(crate) fn put_back(&self, reader: Reader) {
        let mut pool = self.pool.lock();
        pool.lent -= 1;
        // A panic may have left a transaction open.
        if pool.closed || pool.idle.len() >= KEPT || !reader.is_idle() {
            drop(pool);
            reader.close();
        } else {
            pool.idle.push(reader);
            drop(pool);
        }
        self.returned.notify_one();
    }

    /// Has a worker run `job`.
    pub(crate) fn submit(self: &Arc<Self>, job: Job) {
        self.queue(job);
        self.kick();
    }

    /// Leaves a job for the workers without waking one; `kick` does. Jobs that wait together share
    /// one read transaction, begun after all of them were queued.
    pub(crate) fn queue(&self, job: Job) {
        let mut jobs = self.jobs.lock();
        if jobs.closed {
            drop(jobs);
            job(Err(Error::closed()))();
        } else {
            jobs.queue.push_back(job);
        }
    }

    /// Has a worker do what is queued.
    pub(crate) fn kick(self: &Arc<Self>) {
        let mut jobs = self.jobs.lock();
        if jobs.queue.is_empty() {
            return;
        }
        let start = jobs.idle == 0 && jobs.workers < WORKERS;
        jobs.workers += usize::from(start);
        drop(jobs);
        if !start {
            self.arrived.notify_one();
            return;
        }
        let readers = Arc::clone(self);
        let spawned = std::thread::Builder::new()
            .name("dictsqlite-read".into())
            .spawn(move || readers.work());
        if spawned.is_err() {
            let left = {
                let mut jobs = self.jobs.lock();
                jobs.workers -= 1;
                if jobs.workers == 0 { std::mem::take(&mut jobs.queue) } else { VecDeque::new() }
            };
            for job in left {
                job(Err(Error::new(ErrorKind::Io, "no thread could be started for reading")))();
            }
        }
    }

    fn work(&self) {
        while let Some(jobs) = self.next_jobs() {
            let lent = self
                .borrow(Instant::now() + self.opener.timeout)
                .and_then(|reader| reader.begin().map(|()| reader));
            match lent {
                Ok(reader) => {
                    let mut done = Vec::with_capacity(jobs.len().min(DELIVERED_TOGETHER));
                    for job in jobs {
                        done.extend(contained(|| job(Ok(&*reader))));
                        if done.len() == DELIVERED_TOGETHER {
                            done.drain(..).for_each(deliver);
                        }
                    }
                    // Nothing was written, so there is nothing the end could lose.
                    let _ = reader.end();
                    drop(reader);
                    done.into_iter().for_each(deliver);
                }
                Err(e) => jobs.into_iter().for_each(|job| {
                    contained(|| job(Err(e.clone()))).into_iter().for_each(deliver);
                }),
            }
        }
    }

    fn next_jobs(&self) -> Option<VecDeque<Job>> {
        let mut jobs = self.jobs.lock();
        loop {
            if !jobs.queue.is_empty() {
                return Some(std::mem::take(&mut jobs.queue));
            }
            if jobs.closed {
                jobs.workers -= 1;
                return None;
            }
            jobs.idle += 1;
            jobs = self.arrived.wait(jobs);
            jobs.idle -= 1;
        }
    }

    /// True when no connection is lent.
    #[cfg(test)]
    pub(crate) fn all_returned(&self) -> bool {
        self.pool.lock().lent == 0
    }

    /// Closes every idle connection; lent ones close when they come back.
    pub(crate) fn close(&self) {
        let idle = {
            let mut pool = self.pool.lock();
            pool.closed = true;
            std::mem::take(&mut pool.idle)
        };
        idle.into_iter().for_each(Reader::close);
        let waiting = std::mem::take(&mut self.pool.lock().waiting);
        drop(waiting);
        self.jobs.lock().closed = true;
        self.arrived.notify_all();
        self.returned.notify_all();
    }
}
