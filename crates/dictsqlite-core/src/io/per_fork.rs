//! What each generation of forks has its own of: threads, and what they share.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::vfs::fork;

/// A value for each generation, made when it is first asked for. A child of a fork leaves its parent's
/// alone: threads of the parent may have been in the middle of using it.
#[derive(Debug)]
pub(super) struct PerFork<T> {
    /// The generation and one; 0 while there is none yet.
    generation: AtomicU32,
    value: OnceLock<T>,
    child: OnceLock<Box<PerFork<T>>>,
}

impl<T> PerFork<T> {
    pub(super) const fn new() -> Self {
        Self { generation: AtomicU32::new(0), value: OnceLock::new(), child: OnceLock::new() }
    }

    /// This generation's value.
    pub(super) fn get(&self, make: impl FnOnce() -> T) -> &T {
        fork::watch();
        let current = fork::generation() + 1;
        let mut at = self;
        while at.claim(current) != current {
            at = at.child.get_or_init(|| Box::new(Self::new()));
        }
        at.value.get_or_init(make)
    }

    /// The generation this is of, which is `current` if it was of none.
    fn claim(&self, current: u32) -> u32 {
        let claimed =
            self.generation.compare_exchange(0, current, Ordering::Relaxed, Ordering::Relaxed);
        claimed.map_or_else(|other| other, |_| current)
    }
}
