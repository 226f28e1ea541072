//! What the engine's threads see of a loop: where they put results, and how the loop hears of them.
//!
//! The first result since the loop last looked writes a byte to a pipe that the loop watches, unless the
//! loop is looking by itself. It does so for some microseconds after a read that went alone: a task that
//! reads one key after the other has its answer in less time than it takes to put a thread to sleep and
//! to wake it on another processor. The loop goes on turning meanwhile. Where looking finds nothing (the
//! reader has to wait for this thread's processor, or for a disk) it is soon left off.

use std::any::Any;
use std::io::{PipeWriter, Write};
use std::time::{Duration, Instant};

use dictsqlite_core::{Error, Value};

use super::hub::Work;
use super::reads::Many;
use crate::sync::Mutex;

/// How long the loop looks by itself.
const LOOKING: Duration = Duration::from_micros(50);
/// After so many vain looks in a row it looks once in this many reads.
const SELDOM: u32 = 1024;

/// A result on its way to a loop. In those that the engine's threads put in no Python object is.
pub(super) enum Answer {
    /// Of a read.
    Read(Result<Option<Value>, Error>),
    /// Of many reads; it has tokens of its own.
    Many(Many),
    /// Of any other operation.
    Other(Other),
    /// One whose value the loop has begun to make.
    Begun(Work),
}
pub(super) type Other = Result<Box<dyn Any + Send>, Error>;

pub(super) type Arrived = Vec<(u64, Answer)>;

/// See the module.
pub(super) struct Inbox {
    state: Mutex<State>,
    wake: PipeWriter,
}

#[derive(Default)]
struct State {
    arrived: Arrived,
    /// Since when the loop looks by itself.
    looking: Option<Instant>,
    /// Reads until it looks again, and how many that will be after the next vain look.
    skipped: u32,
    next: u32,
}

/// What a look found.
pub(super) enum Look {
    Found(Arrived),
    /// Nothing yet: look again when the loop has turned.
    Again,
    /// Nothing: the pipe will tell.
    Ended,
}

impl Inbox {
    pub(super) fn new(wake: PipeWriter) -> Self {
        Self { state: Mutex::default(), wake }
    }

    /// Puts a result in; the first one since the loop last looked wakes it.
    pub(super) fn put(&self, token: u64, answer: Answer) {
        let first = {
            let mut state = self.state.lock();
            state.arrived.push((token, answer));
            state.arrived.len() == 1 && state.looking.is_none()
        };
        if first {
            self.write();
        }
    }

    fn write(&self) {
        // A full pipe wakes the loop as well; a closed one has no loop any more.
        let _ = (&self.wake).write(&[1]);
    }

    /// All that has arrived.
    pub(super) fn take(&self) -> Arrived {
        std::mem::take(&mut self.state.lock().arrived)
    }

    /// Whether the loop is to look by itself for the answer of a read that it has just sent.
    pub(super) fn begin_to_look(&self) -> bool {
        let mut state = self.state.lock();
        if state.skipped > 0 {
            state.skipped -= 1;
            return false;
        }
        // What is there already has written its byte.
        if state.looking.is_some() || !state.arrived.is_empty() {
            return false;
        }
        state.looking = Some(Instant::now());
        true
    }

    /// The loop cannot look after all.
    pub(super) fn end_look(&self) {
        let mut state = self.state.lock();
        if state.looking.take().is_some() && !state.arrived.is_empty() {
            drop(state);
            self.write();
        }
    }

    /// One look.
    pub(super) fn look(&self) -> Look {
        let mut state = self.state.lock();
        let Some(since) = state.looking else { return Look::Ended };
        if !state.arrived.is_empty() {
            state.looking = None;
            state.next = 0;
            return Look::Found(std::mem::take(&mut state.arrived));
        }
        if since.elapsed() < LOOKING {
            return Look::Again;
        }
        state.looking = None;
        state.next = (state.next * 2).clamp(1, SELDOM);
        state.skipped = state.next;
        Look::Ended
    }
}
