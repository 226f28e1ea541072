//! Queues: finished operations wait in one until somebody's thread runs their callbacks.
//!
//! A descriptor becomes readable when the first one arrives, and stays so until all are taken: what an
//! event loop watches.

use std::collections::{HashMap, VecDeque};
#[cfg(unix)]
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dictsqlite_core::sync::{Condvar, Mutex};
use dictsqlite_core::{Canceller, Error, ErrorKind, Result};

use crate::handles::Table;
use crate::raw::{Callback, dictsqlite_op, dictsqlite_result};

/// The queues that C opened.
pub(crate) static QUEUES: Table<Queue> = Table::new("queue");

/// See the module.
pub(crate) struct Queue {
    /// The process whose threads have its locks and whose loop has its descriptor.
    process: u32,
    state: Mutex<State>,
    arrived: Condvar,
    signal: Option<Signal>,
    /// Called, outside the lock, when something arrives.
    on_arrival: Option<fn(&Arc<Queue>)>,
}

#[derive(Default)]
struct State {
    ready: VecDeque<(Callback, dictsqlite_result)>,
    under_way: HashMap<u64, Underway>,
    started: u64,
    /// A byte is in the pipe.
    signalled: bool,
    /// A thread of the library runs it.
    has_runner: bool,
    closed: bool,
}

/// An operation whose result is still to come.
struct Underway {
    callback: Callback,
    cancel: Cancel,
}

/// How an operation is cancelled.
pub(crate) enum Cancel {
    /// It only reads: its result is thrown away.
    Forget,
    /// The engine withdraws it, if it is not accepted yet.
    Withdraw(Canceller),
    /// It happens.
    Never,
}

/// A pipe whose reading end is readable while something is in the queue.
#[cfg(unix)]
struct Signal {
    read: std::os::unix::net::UnixStream,
    write: std::os::unix::net::UnixStream,
}

#[cfg(unix)]
impl Signal {
    fn new() -> std::io::Result<Self> {
        let (read, write) = std::os::unix::net::UnixStream::pair()?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        Ok(Self { read, write })
    }

    fn raise(&self) {
        // If the pipe is full there is a byte in it.
        let _ = (&self.write).write(&[1]);
    }

    fn lower(&self) {
        let mut bytes = [0; 16];
        while (&self.read).read(&mut bytes).is_ok_and(|n| n == bytes.len()) {}
    }

    fn descriptor(&self) -> i32 {
        std::os::fd::AsRawFd::as_raw_fd(&self.read)
    }
}

#[cfg(not(unix))]
struct Signal;

#[cfg(not(unix))]
impl Signal {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }
    fn raise(&self) {}
    fn lower(&self) {}
    fn descriptor(&self) -> i32 {
        -1
    }
}

impl Queue {
    /// A queue that somebody outside runs.
    pub(crate) fn watched() -> Result<Self> {
        let signal = Signal::new()
            .map_err(|e| Error::new(ErrorKind::Io, format!("no descriptor for a queue: {e}")))?;
        Ok(Self { signal: Some(signal), ..Self::unwatched(None) })
    }

    /// A queue without a descriptor.
    pub(crate) fn unwatched(on_arrival: Option<fn(&Arc<Self>)>) -> Self {
        Self {
            process: std::process::id(),
            state: Mutex::default(),
            arrived: Condvar::default(),
            signal: None,
            on_arrival,
        }
    }

    /// True in the child of a fork: whoever has its locks may not be there.
    pub(crate) fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }

    fn check(&self) -> Result<()> {
        if self.is_inherited() {
            let message = "the queue is of the process that forked; open one here";
            return Err(Error::new(ErrorKind::Closed, message));
        }
        Ok(())
    }

    /// Readable while something is in the queue; -1 where there is no such thing.
    pub(crate) fn descriptor(&self) -> Result<i32> {
        self.check()?;
        Ok(self.signal.as_ref().map_or(-1, Signal::descriptor))
    }

    /// An operation begins; gives its number.
    pub(crate) fn begin(&self, callback: Callback) -> Result<u64> {
        self.check()?;
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::new(ErrorKind::Closed, "this queue is closed; open another one"));
        }
        state.started += 1;
        let number = state.started;
        state.under_way.insert(number, Underway { callback, cancel: Cancel::Never });
        Ok(number)
    }

    /// From now on the operation can be cancelled so, if it is still under way.
    pub(crate) fn allow(&self, number: u64, cancel: Cancel) {
        if let Some(operation) = self.state.lock().under_way.get_mut(&number) {
            operation.cancel = cancel;
        }
    }

    /// The operation did not begin after all: nobody is called.
    pub(crate) fn abandon(&self, number: u64) {
        self.state.lock().under_way.remove(&number);
    }

    /// The operation is done. False for one whose result nobody waits for any more.
    pub(crate) fn finish(self: &Arc<Self>, number: u64, result: dictsqlite_result) -> bool {
        if self.is_inherited() {
            return false;
        }
        let mut state = self.state.lock();
        let Some(operation) = state.under_way.remove(&number) else { return false };
        state.ready.push_back((operation.callback, result));
        let raise = !std::mem::replace(&mut state.signalled, true);
        drop(state);
        if raise && let Some(signal) = &self.signal {
            signal.raise();
        }
        self.arrived.notify_all();
        if let Some(on_arrival) = self.on_arrival {
            on_arrival(self);
        }
        true
    }

    /// Cancels an operation; false when it is done, or will be in spite of it.
    pub(crate) fn cancel(self: &Arc<Self>, op: dictsqlite_op) -> Result<bool> {
        self.check()?;
        let withdraw = match self.state.lock().under_way.get(&op.number).map(|o| &o.cancel) {
            Some(Cancel::Forget) => None,
            Some(Cancel::Withdraw(canceller)) => Some(canceller.clone()),
            Some(Cancel::Never) | None => return Ok(false),
        };
        if let Some(canceller) = withdraw {
            // Its result, which says so, comes by itself.
            return Ok(canceller.cancel());
        }
        let cancelled = Error::new(ErrorKind::Cancelled, "the operation was cancelled");
        Ok(self.finish(op.number, dictsqlite_result::failed(&cancelled)))
    }

    /// Calls back what is ready, after waiting for something for at most `limit` (`None`: without end) if
    /// anything is under way. Gives how many were called. Those that become ready meanwhile wait for the
    /// next time, so that an event loop turns.
    pub(crate) fn run(&self, limit: Option<Duration>) -> Result<u64> {
        self.check()?;
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut state = self.state.lock();
        while state.ready.is_empty() && !state.under_way.is_empty() {
            let timed_out;
            (state, timed_out) = match until {
                Some(until) => self.arrived.wait_until(state, until),
                None => (self.arrived.wait(state), false),
            };
            if timed_out {
                break;
            }
        }
        let ready = std::mem::take(&mut state.ready);
        if std::mem::take(&mut state.signalled)
            && let Some(signal) = &self.signal
        {
            signal.lower();
        }
        drop(state);
        let count = ready.len() as u64;
        for (callback, result) in ready {
            callback.call(result);
        }
        Ok(count)
    }

    /// Operations whose callback was not called yet.
    pub(crate) fn pending(&self) -> Result<u64> {
        self.check()?;
        let state = self.state.lock();
        Ok((state.ready.len() + state.under_way.len()) as u64)
    }

    /// Ends it, if nothing is under way or waits in it.
    pub(crate) fn close(&self) -> Result<()> {
        self.check()?;
        let mut state = self.state.lock();
        let pending = state.ready.len() + state.under_way.len();
        if pending > 0 {
            return Err(Error::new(
                ErrorKind::Busy,
                format!("{pending} operations are under way; run the queue until none is"),
            ));
        }
        state.closed = true;
        Ok(())
    }

    /// True for the one that is to start a thread that runs it.
    pub(crate) fn take_runner(&self) -> bool {
        !std::mem::replace(&mut self.state.lock().has_runner, true)
    }

    /// Waits for something to run for at most `limit`; false, and no runner any more, if nothing came.
    pub(crate) fn keep_runner(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut state = self.state.lock();
        while state.ready.is_empty() {
            let timed_out;
            (state, timed_out) = self.arrived.wait_until(state, until);
            if timed_out && state.ready.is_empty() {
                state.has_runner = false;
                return false;
            }
        }
        true
    }
}
