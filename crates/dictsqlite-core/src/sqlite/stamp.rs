//! SQLite's WAL-index header, read in place: whether anybody committed, for the price of a load.
//!
//! The layout is SQLite's own (`struct WalIndexHdr`, documented in its "WAL-mode File Format"):
//! 32-bit words, of which word 2 is the change counter, 4 the last valid frame, 6-7 the checksum of
//! that frame and 8-9 the salts. The counter alone is not enough: recovery sets it back to zero.

#![allow(unsafe_code)] // Reads the mapping SQLite gives out; there is no safe interface to it.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::sync::Mutex;
use arc_swap::ArcSwapOption;
use rusqlite::{Connection, ffi};

use crate::types::Stamp;

const REGION_BYTES: c_int = 32 * 1024;

/// The live stamp of a database.
pub(crate) struct Stamps {
    /// Gone when the store is closed. Readers hold it for the moment of a load, so that the mapping
    /// is not taken away under them.
    anchor: ArcSwapOption<Anchor>,
}

/// A connection that does nothing but keep the mapping in place.
struct Anchor {
    header: *const AtomicU32,
    _connection: Mutex<Connection>,
}

// SAFETY: `header` points to memory shared between processes, which is only read, atomically, and
// stays mapped as long as the connection is open; the connection itself is behind a lock.
unsafe impl Send for Anchor {}
// SAFETY: as above.
unsafe impl Sync for Anchor {}

impl Stamps {
    /// Takes a connection in WAL mode that has read from the database already.
    pub(crate) fn new(connection: Connection) -> Self {
        let header = map_header(&connection).unwrap_or(ptr::null());
        let anchor = Anchor { header, _connection: Mutex::new(connection) };
        Self { anchor: ArcSwapOption::from_pointee(anchor) }
    }

    /// True when the stamp can be read; without it nothing may be cached.
    pub(crate) fn available(&self) -> bool {
        self.anchor.load().as_ref().is_some_and(|anchor| !anchor.header.is_null())
    }

    /// The stamp now; that of an unused log when it cannot be read.
    #[inline]
    pub(crate) fn live(&self) -> Stamp {
        self.anchor.load().as_ref().map_or(Stamp::default(), |anchor| anchor.stamp())
    }

    /// Closes the connection, once no reader is at the mapping any more. As the last one of the file
    /// it moves what is in the log into the database and removes the log.
    pub(crate) fn close(&self) {
        let Some(mut anchor) = self.anchor.swap(None) else { return };
        while let Err(shared) = Arc::try_unwrap(anchor) {
            anchor = shared;
            std::thread::yield_now();
        }
    }
}

impl Anchor {
    #[inline]
    fn stamp(&self) -> Stamp {
        if self.header.is_null() {
            return Stamp::default();
        }
        // SAFETY: the mapping outlives `self`.
        unsafe { load(self.header) }
    }
}

/// # Safety
/// `header` points to a mapped header.
#[inline]
unsafe fn load(header: *const AtomicU32) -> Stamp {
    // SAFETY: the header has 12 words.
    let word = |n: usize| u64::from(unsafe { &*header.add(n) }.load(Ordering::Acquire));
    Stamp([word(2) | word(4) << 32, word(6) | word(7) << 32, word(8) | word(9) << 32])
}

/// The stamp now, by a connection that has read from its database; `None` without shared memory.
pub(super) fn stamp_of(connection: &Connection) -> Option<Stamp> {
    let header = map_header(connection)?;
    // SAFETY: the mapping stays as long as the connection, which is borrowed, has the database open.
    Some(unsafe { load(header) })
}

fn map_header(connection: &Connection) -> Option<*const AtomicU32> {
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    // SAFETY: SQLITE_FCNTL_FILE_POINTER writes a pointer to the connection's own open file.
    let rc = unsafe {
        ffi::sqlite3_file_control(
            connection.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_FILE_POINTER,
            (&raw mut file).cast::<c_void>(),
        )
    };
    if rc != ffi::SQLITE_OK || file.is_null() {
        return None;
    }
    let mut region: *mut c_void = ptr::null_mut();
    // SAFETY: `file` is open as long as the connection is, and its methods are valid for it.
    // Extending is not asked for, so this maps only what exists already.
    let rc = unsafe {
        let methods = (*file).pMethods.as_ref()?;
        (methods.xShmMap?)(file, 0, REGION_BYTES, 0, (&raw mut region).cast())
    };
    (rc == ffi::SQLITE_OK && !region.is_null()).then_some(region.cast::<AtomicU32>().cast_const())
}
