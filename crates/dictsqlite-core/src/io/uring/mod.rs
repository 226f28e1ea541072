//! Files by Linux's io_uring: one thread of ours owns the ring. It alone submits and reaps, so nothing
//! depends on which thread of the program asked for what, or on whether that thread still lives.
//!
//! What is left in the inbox while the thread is busy goes to the kernel in one call. The thread waits
//! for one completion at a time, never for a number of them, and nothing is linked: independent pages
//! would be read one after another.

mod engine;
mod file;
mod task;
mod vfs;

use std::sync::Arc;

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;

use self::engine::Engine;
use self::task::Task;
pub use self::vfs::UringVfs;
use super::per_fork::PerFork;
use crate::sync::Mutex;

static RING: PerFork<Result<Arc<Ring>, String>> = PerFork::new();

/// The sending side of the ring's thread.
#[derive(Debug)]
pub(super) struct Ring {
    inbox: Mutex<Inbox>,
    wake: OwnedFd,
}

#[derive(Debug, Default)]
struct Inbox {
    tasks: Vec<Task>,
    /// The thread waits in the kernel and must be woken.
    asleep: bool,
    /// The thread is gone.
    broken: bool,
}

impl Ring {
    /// The ring of this process; the error says in words why there is none. Looked for once.
    pub(super) fn shared() -> Result<Arc<Self>, String> {
        RING.get(Self::start).clone()
    }

    fn start() -> Result<Arc<Self>, String> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC).map_err(|e| format!("no eventfd: {e}"))?;
        let ring = Arc::new(Self { inbox: Mutex::default(), wake });
        let engine = Engine::new(Arc::clone(&ring))?;
        std::thread::Builder::new()
            .name("dictsqlite-ring".into())
            .spawn(move || engine.run())
            .map_err(|e| format!("no thread could be started: {e}"))?;
        Ok(ring)
    }

    /// Leaves a task for the thread; gives it back when the thread is gone.
    fn send(&self, task: Task) -> Result<(), Task> {
        let mut inbox = self.inbox.lock();
        if inbox.broken {
            return Err(task);
        }
        inbox.tasks.push(task);
        let wakes = std::mem::take(&mut inbox.asleep);
        drop(inbox);
        if wakes {
            // A counter that is full wakes as well.
            let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
        Ok(())
    }

    /// What was sent since. If that is nothing and `sleeps`, the next one is to wake the thread.
    fn receive(&self, sleeps: bool) -> Vec<Task> {
        let mut inbox = self.inbox.lock();
        let tasks = std::mem::take(&mut inbox.tasks);
        inbox.asleep = sleeps && tasks.is_empty();
        tasks
    }

    /// The thread ends: from now on tasks are given back.
    fn give_up(&self) -> Vec<Task> {
        let mut inbox = self.inbox.lock();
        inbox.broken = true;
        std::mem::take(&mut inbox.tasks)
    }
}
