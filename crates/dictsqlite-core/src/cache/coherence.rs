//! Whether the cache may be believed right now.
//!
//! `believed` is the stamp at which the cache is known to be right. A live stamp that differs means
//! that somebody committed. If it was our own writer, the cache is being brought up to date and is
//! passed by until that is done; if not, a new epoch begins and every older entry is dead.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use crate::sync::Mutex;

use crate::types::Stamp;

/// A moment at which the cache may be believed: entries of this epoch are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) stamp: Stamp,
    pub(crate) epoch: u64,
}

/// The writer's note of a commit it is about to make.
#[derive(Debug)]
pub(crate) struct Own {
    before: Stamp,
    epoch: u64,
}

impl Own {
    /// The epoch under which to write through.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }
}

/// See the module.
pub(crate) struct Coherence {
    /// A sequence lock: odd while the words below change.
    sequence: AtomicU64,
    words: [AtomicU64; 3],
    epoch: AtomicU64,
    change: Mutex<Change>,
    /// Odd from just before our commit until its segments are released.
    number: AtomicU64,
    /// The change counter before that commit.
    before: AtomicU32,
}

#[derive(Default)]
struct Change {
    own_commit_running: bool,
}

impl Coherence {
    pub(crate) fn new(stamp: Stamp) -> Self {
        Self {
            sequence: AtomicU64::new(0),
            words: stamp.0.map(AtomicU64::new),
            epoch: AtomicU64::new(1),
            change: Mutex::new(Change::default()),
            number: AtomicU64::new(0),
            before: AtomicU32::new(0),
        }
    }

    /// The view to read under, if the live stamp is the believed one.
    #[inline]
    pub(crate) fn view(&self, live: Stamp) -> Option<View> {
        let before = self.sequence.load(Ordering::Acquire);
        let words = [0, 1, 2].map(|n| self.words[n].load(Ordering::Relaxed));
        let epoch = self.epoch.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let steady = before & 1 == 0 && self.sequence.load(Ordering::Relaxed) == before;
        (steady && words == live.0).then_some(View { stamp: live, epoch })
    }

    /// The view to read under, beginning a new epoch if somebody else has committed. None while our
    /// own commit is being written through: pass the cache by.
    pub(crate) fn renew(&self, live: impl Fn() -> Stamp) -> Option<View> {
        let change = self.change.lock();
        if change.own_commit_running {
            return None;
        }
        let now = live();
        if let Some(view) = self.view(now) {
            return Some(view);
        }
        let epoch = self.believe(now, true);
        Some(View { stamp: now, epoch })
    }

    /// Our writer holds the write lock and is about to commit; `live` cannot change under it.
    pub(crate) fn begin_own(&self, live: Stamp) -> Own {
        let mut change = self.change.lock();
        change.own_commit_running = true;
        let epoch = match self.view(live) {
            Some(view) => view.epoch,
            None => self.believe(live, true),
        };
        self.before.store(live.change(), Ordering::Relaxed);
        self.number.fetch_or(1, Ordering::AcqRel);
        Own { before: live, epoch }
    }

    /// The segments of our last commit are released, or it was given up.
    pub(crate) fn released(&self) {
        if self.number.load(Ordering::Relaxed) & 1 == 1 {
            self.number.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Whether our commit is on its way, and which one.
    #[inline]
    pub(crate) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// Whether commit number `number`, which is on its way, may have been made: from then on memory's
    /// word on what is in it may be overtaken by somebody else. `None` if it is over by now.
    ///
    /// Only the counter tells: a commit that begins the log anew changes the rest before it is made.
    pub(crate) fn is_made(&self, number: u64, live: Stamp) -> Option<bool> {
        let before = self.before.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        (self.number.load(Ordering::Relaxed) == number).then_some(live.change() != before)
    }

    /// Our commit is made and written through; `after` was read once it was done. Anything but one
    /// step of the change counter means that somebody else committed as well. With `all_dead`
    /// nothing that was cached holds any more, whoever committed.
    pub(crate) fn end_own(&self, own: &Own, after: Stamp, committed: bool, all_dead: bool) {
        let mut change = self.change.lock();
        let alone = if committed {
            after.change() == own.before.change().wrapping_add(1)
        } else {
            after == own.before
        };
        if committed || !alone {
            self.believe(after, !alone || all_dead);
        }
        change.own_commit_running = false;
    }

    /// Called with `change` locked, so there is one writer.
    fn believe(&self, stamp: Stamp, new_epoch: bool) -> u64 {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(sequence + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        for (word, value) in self.words.iter().zip(stamp.0) {
            word.store(value, Ordering::Relaxed);
        }
        let epoch = self.epoch.load(Ordering::Relaxed) + u64::from(new_epoch);
        self.epoch.store(epoch, Ordering::Relaxed);
        self.sequence.store(sequence + 2, Ordering::Release);
        epoch
    }
}
