//! The allocator of the extension, and when it gives memory back.
//!
//! Keys and values are made by one thread and freed by another, which is mimalloc's strength. Two of
//! its ways would stall an event loop. It asks for huge pages, which a kernel that gives them to who
//! asks clears at the first touch, four milliseconds each on a virtual machine: that is a feature turned
//! off in `Cargo.toml`. And what was freed goes back to the system a second later, all at once and on
//! whichever thread comes by: forty milliseconds for the memory of a large store. So whoever closes one
//! does most of it at once. (What the loop's own thread allocated waits for that thread.)

#![allow(unsafe_code)] // mimalloc is C.

use dictsqlite_core::Dict;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Of fewer bytes nobody notices when they go back, and the next store is faster with them.
const MANY: u64 = 32 << 20;

/// Gives to the system what is free, if that is much and `closed`, which closes `dict`, has freed it.
pub(crate) fn give_back_after<T>(dict: &Dict, closed: impl FnOnce() -> T) -> T {
    let held = dict.cached_bytes();
    let result = closed();
    give_back_of(dict, held);
    result
}

/// The same once it is closed and has held so many bytes before.
pub(crate) fn give_back_of(dict: &Dict, held: u64) {
    // Other handles keep a store, and its cache, open.
    if held >= MANY && dict.cached_bytes() == 0 {
        // SAFETY: any thread may call it at any time, and it touches no memory that is in use.
        unsafe { libmimalloc_sys::mi_collect(true) }
    }
}
