//! The lock on a database file: many readers, one writer to be, and at the end the writer alone.
#![deny(unsafe_code)]

use std::ffi::c_int;

use crate::sync::Mutex;
use rusqlite::ffi;

/// What one open file holds, in SQLite's terms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    #[default]
    None,
    /// Reads.
    Shared,
    /// Will write; others still read, and new readers come.
    Reserved,
    /// Waits for the readers to leave; no new ones come.
    Pending,
    /// Writes; nobody reads.
    Exclusive,
}

impl Level {
    /// From SQLite's number, if it is one of them.
    pub(super) fn from_code(code: c_int) -> Option<Self> {
        match code {
            ffi::SQLITE_LOCK_NONE => Some(Self::None),
            ffi::SQLITE_LOCK_SHARED => Some(Self::Shared),
            ffi::SQLITE_LOCK_RESERVED => Some(Self::Reserved),
            ffi::SQLITE_LOCK_PENDING => Some(Self::Pending),
            ffi::SQLITE_LOCK_EXCLUSIVE => Some(Self::Exclusive),
            _ => None,
        }
    }
}

/// The lock of one file, shared by all that have it open. Each keeps its own [`Level`] and passes
/// it in.
#[derive(Default)]
pub(super) struct FileLock {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many hold `Shared` or more.
    holders: usize,
    /// The level of the one above `Shared`, or `None`.
    writer: Level,
}

impl FileLock {
    /// Raises `held` to `wanted`, or answers `SQLITE_BUSY` at once. On the way from `Reserved` to
    /// `Exclusive` a refusal leaves `Pending` behind, so that the readers there are can only
    /// get fewer.
    pub(super) fn raise(&self, held: &mut Level, wanted: Level) -> Result<(), c_int> {
        if *held >= wanted {
            return Ok(());
        }
        let mut state = self.state.lock();
        if wanted == Level::Shared {
            if state.writer >= Level::Pending {
                return Err(ffi::SQLITE_BUSY);
            }
            state.holders += 1;
            *held = Level::Shared;
            return Ok(());
        }
        if *held == Level::None {
            // SQLite always takes Shared first.
            return Err(ffi::SQLITE_IOERR_LOCK);
        }
        if *held == Level::Shared && state.writer != Level::None {
            return Err(ffi::SQLITE_BUSY);
        }
        if wanted < Level::Exclusive {
            (state.writer, *held) = (wanted, wanted);
            return Ok(());
        }
        if *held == Level::Reserved {
            (state.writer, *held) = (Level::Pending, Level::Pending);
        }
        if state.holders > 1 {
            return Err(ffi::SQLITE_BUSY);
        }
        (state.writer, *held) = (Level::Exclusive, Level::Exclusive);
        Ok(())
    }

    /// Lowers `held` to `wanted`, which is `Shared` or `None`.
    pub(super) fn lower(&self, held: &mut Level, wanted: Level) {
        if *held <= wanted {
            return;
        }
        let mut state = self.state.lock();
        if *held > Level::Shared {
            state.writer = Level::None;
        }
        if wanted == Level::None {
            state.holders = state.holders.saturating_sub(1);
        }
        *held = wanted.min(Level::Shared);
    }

    /// Whether anybody is about to write.
    pub(super) fn is_reserved(&self) -> bool {
        self.state.lock().writer >= Level::Reserved
    }
}
