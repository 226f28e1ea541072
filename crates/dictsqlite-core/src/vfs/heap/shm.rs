//! The shared memory of a database in WAL mode: the WAL-index, in regions, and eight locks whose
//! meaning is SQLite's.

use std::alloc::{self, Layout};
use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::ptr::{self, NonNull};

use crate::sync::Mutex;
use rusqlite::ffi;

/// Bytes a region. SQLite has never asked for another size.
pub(super) const REGION: usize = 32 * 1024;

const LOCKS: usize = ffi::SQLITE_SHM_NLOCK as usize;

/// The shared memory of one database file.
#[derive(Default)]
pub(super) struct Shm {
    state: Mutex<State>,
}

/// What one connection holds of the eight locks: a bit each.
#[derive(Debug, Default)]
pub(super) struct Held {
    shared: u8,
    exclusive: u8,
}

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Shared,
    Exclusive,
}

#[derive(Default)]
struct State {
    regions: Vec<Region>,
    /// Connections that have the memory mapped.
    users: usize,
    locks: [Lock; LOCKS],
    /// How many forks there were when they were taken.
    forks: u32,
}

impl State {
    /// In the child of a fork nobody has what connections of its parent's held.
    fn forget_parent(&mut self) {
        let forks = crate::vfs::fork::generation();
        if std::mem::replace(&mut self.forks, forks) != forks {
            self.locks = Default::default();
        }
    }
}

#[derive(Default)]
struct Lock {
    shared: usize,
    exclusive: bool,
}

impl Shm {
    /// Adds a connection. It must leave with [`Shm::disconnect`].
    pub(super) fn connect(&self) -> Held {
        let mut state = self.state.lock();
        state.forget_parent();
        state.users += 1;
        Held::default()
    }

    /// Gives up the locks that are left. With the last connection the memory goes too: the next one
    /// rebuilds it from the WAL, as after the last process on a disk, and never believes an
    /// index that outlived those who kept it right.
    pub(super) fn disconnect(&self, mut held: Held) {
        self.unlock(&mut held, 0..LOCKS, Kind::Shared);
        self.unlock(&mut held, 0..LOCKS, Kind::Exclusive);
        let mut state = self.state.lock();
        state.users = state.users.saturating_sub(1);
        if state.users == 0 {
            state.regions.clear();
        }
    }

    /// The address of a region, which stays the same while any connection is there. Null when it
    /// does not exist and `extend` is not set; otherwise it and those before it are made,
    /// filled with zeros.
    pub(super) fn region(&self, index: usize, extend: bool) -> Result<*mut c_void, c_int> {
        let mut state = self.state.lock();
        while extend && state.regions.len() <= index {
            let region = Region::new().ok_or(ffi::SQLITE_IOERR_NOMEM)?;
            state.regions.try_reserve(1).map_err(|_| ffi::SQLITE_IOERR_NOMEM)?;
            state.regions.push(region);
        }
        Ok(state.regions.get(index).map_or(ptr::null_mut(), |region| region.0.as_ptr().cast()))
    }

    /// Takes all locks of the range or none, and answers `SQLITE_BUSY` at once when another
    /// connection is in the way.
    pub(super) fn lock(
        &self,
        held: &mut Held,
        range: Range<usize>,
        kind: Kind,
    ) -> Result<(), c_int> {
        let mask = mask(&range);
        let mut state = self.state.lock();
        state.forget_parent();
        let locks = state.locks.get_mut(range).ok_or(ffi::SQLITE_IOERR_SHMLOCK)?;
        match kind {
            Kind::Shared if held.shared & mask == mask => {}
            Kind::Shared => {
                // SQLite takes one shared lock at a time; more than one, partly held, would be
                // counted twice.
                if held.shared & mask != 0 {
                    return Err(ffi::SQLITE_IOERR_SHMLOCK);
                }
                if locks.iter().any(|lock| lock.exclusive) {
                    return Err(ffi::SQLITE_BUSY);
                }
                locks.iter_mut().for_each(|lock| lock.shared += 1);
                held.shared |= mask;
            }
            Kind::Exclusive if held.exclusive & mask == mask => {}
            Kind::Exclusive => {
                if locks.iter().any(|lock| lock.exclusive || lock.shared > 0) {
                    return Err(ffi::SQLITE_BUSY);
                }
                locks.iter_mut().for_each(|lock| lock.exclusive = true);
                held.exclusive |= mask;
            }
        }
        Ok(())
    }

    /// Gives up what the connection holds in the range in this way.
    pub(super) fn unlock(&self, held: &mut Held, range: Range<usize>, kind: Kind) {
        let mine = match kind {
            Kind::Shared => &mut held.shared,
            Kind::Exclusive => &mut held.exclusive,
        };
        let mut state = self.state.lock();
        for index in range {
            let bit = mask(&(index..index + 1));
            let Some(lock) = state.locks.get_mut(index).filter(|_| *mine & bit != 0) else {
                continue;
            };
            match kind {
                Kind::Shared => lock.shared = lock.shared.saturating_sub(1),
                Kind::Exclusive => lock.exclusive = false,
            }
            *mine &= !bit;
        }
    }
}

/// The bits of a range of locks.
fn mask(range: &Range<usize>) -> u8 {
    range.clone().filter(|index| *index < LOCKS).fold(0, |bits, index| bits | 1 << index)
}

/// Memory that SQLite reads and writes while nothing in Rust looks at it.
struct Region(NonNull<u8>);

/// The layout of a region; aligned as a cache line, which is more than the eight bytes SQLite
/// needs.
#[repr(align(64))]
struct Aligned(#[expect(dead_code, reason = "only its layout is used")] [u8; REGION]);

// SAFETY: the memory is only owned here; SQLite's locks order those who use it.
unsafe impl Send for Region {}

impl Region {
    /// A region of zeros, or `None` without memory.
    fn new() -> Option<Self> {
        // SAFETY: the layout is not of size zero.
        NonNull::new(unsafe { alloc::alloc_zeroed(Layout::new::<Aligned>()) }).map(Self)
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, and no connection is left that could have
        // the address.
        unsafe { alloc::dealloc(self.0.as_ptr(), Layout::new::<Aligned>()) };
    }
}
