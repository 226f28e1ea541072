//! Handles: numbers that stand for objects, so that a handle used after its close, or closed twice,
//! is told and not followed.
//!
//! A handle is a slot's index and the slot's generation, which goes up with every close. Slots are
//! never freed. Looking one up takes no lock and writes to no shared memory, and nothing here can be
//! left locked in the child of a fork.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use dictsqlite_core::{Error, ErrorKind, Result};

/// Handles of one kind that can be open at once.
pub(crate) const MOST: usize = 1 << 16;

/// The objects of one kind.
pub(crate) struct Table<T: 'static> {
    /// What messages call them.
    what: &'static str,
    slots: [Slot<T>; MOST],
    /// How many slots were ever used.
    used: AtomicU32,
    /// The first free slot, as index and one; above it a count of changes, so that a slot that was
    /// taken and given back meanwhile is not mistaken for one that stayed.
    free: AtomicU64,
}

struct Slot<T> {
    held: ArcSwapOption<Held<T>>,
    generation: AtomicU32,
    /// While it is free: the next free slot, as index and one; 0 for none.
    next: AtomicU32,
}

struct Held<T> {
    generation: u32,
    object: Arc<T>,
}

impl<T> Slot<T> {
    const fn empty() -> Self {
        Self {
            held: ArcSwapOption::const_empty(),
            generation: AtomicU32::new(0),
            next: AtomicU32::new(0),
        }
    }
}

impl<T> Table<T> {
    pub(crate) const fn new(what: &'static str) -> Self {
        Self {
            what,
            slots: [const { Slot::empty() }; MOST],
            used: AtomicU32::new(0),
            free: AtomicU64::new(0),
        }
    }

    /// A handle for `object`.
    pub(crate) fn insert(&self, object: Arc<T>) -> Result<u64> {
        let Some((index, slot)) = self.take_free() else {
            return Err(Error::new(
                ErrorKind::Full,
                format!("{MOST} {}s are open in this process; close some", self.what),
            ));
        };
        // From 1 on, so that no small number is a handle by chance.
        let generation = slot.generation.load(Ordering::Relaxed).wrapping_add(1);
        slot.held.store(Some(Arc::new(Held { generation, object })));
        Ok(u64::from(generation) << 32 | u64::from(index + 1))
    }

    /// Calls `f` with the object of a handle.
    #[inline]
    pub(crate) fn with<R>(&self, id: u64, f: impl FnOnce(&Arc<T>) -> Result<R>) -> Result<R> {
        if let Some((_, slot)) = self.slot(id)
            && let Some(held) = &*slot.held.load()
            && held.generation == (id >> 32) as u32
        {
            return f(&held.object);
        }
        Err(self.closed(id))
    }

    /// The object of a handle.
    pub(crate) fn get(&self, id: u64) -> Result<Arc<T>> {
        self.with(id, |object| Ok(Arc::clone(object)))
    }

    /// Ends a handle; of several that try at once, one succeeds.
    pub(crate) fn remove(&self, id: u64) -> Result<()> {
        let Some((index, slot)) = self.slot(id) else { return Err(self.closed(id)) };
        let held = slot.held.load_full();
        let Some(held) = held.filter(|held| held.generation == (id >> 32) as u32) else {
            return Err(self.closed(id));
        };
        let before = slot.held.compare_and_swap(&held, None);
        if !before.as_ref().is_some_and(|before| Arc::ptr_eq(before, &held)) {
            return Err(self.closed(id));
        }
        slot.generation.fetch_add(1, Ordering::Relaxed);
        self.give_back(index, slot);
        Ok(())
    }

    #[inline]
    fn slot(&self, id: u64) -> Option<(u32, &Slot<T>)> {
        let index = (id as u32).checked_sub(1)?;
        Some((index, self.slots.get(index as usize)?))
    }

    #[cold]
    fn closed(&self, id: u64) -> Error {
        let what = self.what;
        Error::new(
            ErrorKind::Closed,
            match id {
                0 => format!("this {what} was never opened"),
                _ => format!("this {what} is closed; open it again to go on"),
            },
        )
    }

    fn take_free(&self) -> Option<(u32, &Slot<T>)> {
        let mut free = self.free.load(Ordering::Acquire);
        while let Some((index, slot)) = self.slot(free) {
            let next = u64::from(slot.next.load(Ordering::Relaxed));
            let count = (free >> 32).wrapping_add(1) << 32;
            match self.free.compare_exchange_weak(
                free,
                count | next,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some((index, slot)),
                Err(now) => free = now,
            }
        }
        let more = |used| (used < MOST as u32).then_some(used + 1);
        let index = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some((index, self.slots.get(index as usize)?))
    }

    fn give_back(&self, index: u32, slot: &Slot<T>) {
        let mut free = self.free.load(Ordering::Acquire);
        loop {
            slot.next.store(free as u32, Ordering::Relaxed);
            let count = (free >> 32).wrapping_add(1) << 32;
            let first = count | u64::from(index + 1);
            match self.free.compare_exchange_weak(free, first, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return,
                Err(now) => free = now,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static WORDS: Table<String> = Table::new("word");
    static NUMBERS: Table<usize> = Table::new("number");

    #[test]
    fn a_closed_handle_is_told_from_the_next_one_of_its_slot() {
        let first = WORDS.insert(Arc::new("a".to_owned())).expect("room");
        assert_eq!(*WORDS.get(first).expect("open"), "a");
        WORDS.remove(first).expect("open");
        let second = WORDS.insert(Arc::new("b".to_owned())).expect("room");
        assert_eq!(first as u32, second as u32, "the slot is used again");
        for _ in 0..2 {
            let error = WORDS.remove(first).expect_err("closed");
            assert_eq!(error.kind(), ErrorKind::Closed);
        }
        assert!(WORDS.get(first).is_err());
        assert_eq!(*WORDS.get(second).expect("open"), "b");
        for wrong in [0, 1, 2, u64::MAX, u64::from(u32::MAX), 1 << 32] {
            assert!(WORDS.get(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn threads_that_open_and_close_never_share_a_slot() {
        let rounds = |mine: usize| {
            for round in 0..2_000 {
                let n = mine * 10_000 + round;
                let id = NUMBERS.insert(Arc::new(n)).expect("room");
                assert_eq!(*NUMBERS.get(id).expect("open"), n);
                NUMBERS.remove(id).expect("open");
                assert!(NUMBERS.get(id).is_err());
            }
        };
        std::thread::scope(|scope| {
            for mine in 0..4 {
                scope.spawn(move || rounds(mine));
            }
        });
        assert!(NUMBERS.used.load(Ordering::Relaxed) <= 8, "slots are used again");
    }
}
