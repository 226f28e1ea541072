//! Forks: a generation that tells a child from its parent, and a gate that keeps a fork out while a
//! thread is inside SQLite.
//!
//! After `fork` the child has one thread. Whatever lock another thread held at that moment is held
//! for ever in the child, inside SQLite as well; and SQLite's inherited connections believe in locks
//! that the child does not have. So a fork waits until nobody is inside SQLite, and the child starts
//! anew: the generation goes up, handles notice and open the file again, and what was inherited is
//! left alone.

#![allow(unsafe_code)] // `pthread_atfork` has no safe interface.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
#[cfg(unix)]
use std::time::Instant;

use crate::sync::Mutex;

static GENERATION: AtomicU32 = AtomicU32::new(0);
/// How many threads are inside SQLite; the top bit says that a fork is waiting or under way.
static GATE: AtomicU32 = AtomicU32::new(0);
/// What is to be done before a fork, by those above.
static BEFORE: Mutex<Option<fn()>> = Mutex::new(None);

const FORKING: u32 = 1 << 31;
const NAP: Duration = Duration::from_micros(50);
/// A fork waits no longer than this for threads to leave SQLite. Those that are still inside then
/// are waiting for another process's lock, in a sleep of their own.
#[cfg(unix)]
const PATIENCE: Duration = Duration::from_secs(5);

/// How many forks lie between the first process and this one, once a store was opened in it.
#[inline]
pub fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// True on the thread that the process, or this child of a fork, began with: the one that a program
/// expects to handle signals.
pub fn is_main_thread() -> bool {
    #[cfg(target_os = "linux")]
    // SAFETY: both only give numbers.
    let is_main = unsafe { libc::gettid() == libc::getpid() };
    #[cfg(target_vendor = "apple")]
    // SAFETY: it only looks at the thread it is called on.
    let is_main = unsafe { libc::pthread_main_np() != 0 };
    #[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
    let is_main = true;
    is_main
}

/// Leave to be inside SQLite; a fork waits until it is dropped. Not to be held while idle, nor taken
/// twice by one thread.
pub(crate) struct Pass(u32);

/// Waits while a fork is under way, and keeps the next one out.
pub(crate) fn enter() -> Pass {
    loop {
        if GATE.fetch_add(1, Ordering::Acquire) & FORKING == 0 {
            return Pass(generation());
        }
        GATE.fetch_sub(1, Ordering::Release);
        std::thread::sleep(NAP);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        // A pass taken before the fork was counted in the parent's gate only.
        if self.0 == generation() {
            GATE.fetch_sub(1, Ordering::Release);
        }
    }
}

/// Has `f` called before every fork, while the threads still run.
pub(crate) fn before(f: fn()) {
    *BEFORE.lock() = Some(f);
}

/// Installs the handlers, once.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[cfg(unix)]
        // SAFETY: the handlers are plain functions that live as long as the program, and in the
        // child touch only atomics, descriptors and memory no other thread was using.
        unsafe {
            libc::pthread_atfork(Some(prepare), Some(parent), Some(child));
        }
    });
}

#[cfg(unix)]
extern "C" fn prepare() {
    let before = *BEFORE.lock();
    if let Some(before) = before {
        before();
    }
    GATE.fetch_or(FORKING, Ordering::Acquire);
    let patience = Instant::now() + PATIENCE;
    while GATE.load(Ordering::Acquire) != FORKING && Instant::now() < patience {
        std::thread::sleep(NAP);
    }
}

#[cfg(unix)]
extern "C" fn parent() {
    GATE.fetch_and(!FORKING, Ordering::Release);
}

#[cfg(unix)]
extern "C" fn child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    super::locks::after_fork();
    GATE.store(0, Ordering::Release);
}

/// Runs `f` in a child of a fork, and gives whether it said true there within ten seconds. It must not
/// print, since another thread may hold the lock of the output.
#[cfg(all(test, unix))]
pub(crate) fn in_child(f: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child runs `f` and nothing else, and leaves without unwinding into the parent's frames.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "no fork");
    if pid == 0 {
        std::panic::set_hook(Box::new(|_| {}));
        let fine = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_or(false);
        // SAFETY: it only ends this process.
        unsafe { libc::_exit(i32::from(!fine)) };
    }
    let patience = Instant::now() + Duration::from_secs(10);
    let mut status = -1;
    // SAFETY: a child of ours, and a place for its status.
    while unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) } == 0 {
        if Instant::now() > patience {
            // SAFETY: a child of ours that was not waited for yet.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    status == 0
}
