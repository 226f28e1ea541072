//! The allocator of the extension, and when it gives memory back.
//!
//! Keys and values are made by one thread and freed by another, which is mimalloc's strength. Two of
//! its ways would stall an event loop. It asks for huge pages, which the kernel clears at the first
//! touch, four milliseconds each on a virtual machine: that is a feature turned off in `Cargo.toml`.
//! And what was freed goes back to the system a second later, all at once and on whichever thread
//! comes by: forty milliseconds for the memory of a large store. So whoever closes that does it.

#![allow(unsafe_code)] // mimalloc is C.

use dictsqlite_core::Dict;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Of fewer bytes nobody notices when they go back, and the next store is faster with them.
const MANY: u64 = 32 << 20;

/// Whether much will be free when `dict` is closed.
pub(crate) fn holds_much(dict: &Dict) -> bool {
    dict.stats().is_ok_and(|stats| stats.cached_bytes >= MANY)
}

/// Gives to the system what is free.
pub(crate) fn give_back() {
    // SAFETY: it may be called by any thread at any time, and touches no memory that is in use.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
