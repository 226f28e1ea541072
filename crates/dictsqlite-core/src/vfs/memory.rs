//! Where SQLite gets its memory from: Rust's global allocator, without statistics.
//!
//! SQLite keeps count of its memory under one lock for the whole process, so that connections that
//! read for the first time, and so fill their page caches, wait for each other. And what a program
//! chose as its allocator it chose for its threads: the C library's grows the heap of a thread other
//! than the main one by four kilobytes at a time, with a call of the kernel for each.

#![allow(unsafe_code)] // SQLite's allocator is a table of C functions.

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::Once;

use rusqlite::ffi;

/// Before each piece of memory stands its size.
const HEAD: usize = ALIGN;
/// What SQLite asks for.
const ALIGN: usize = 8;

/// Has SQLite use it, unless it is in use already.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let methods = ffi::sqlite3_mem_methods {
            xMalloc: Some(take),
            xFree: Some(give_back),
            xRealloc: Some(resize),
            xSize: Some(size),
            xRoundup: Some(round_up),
            xInit: Some(init),
            xShutdown: Some(shut_down),
            pAppData: ptr::null_mut(),
        };
        // SAFETY: the arguments are of the types these options take, and the table is copied. Once
        // SQLite is in use it refuses both, and nothing is changed.
        unsafe {
            ffi::sqlite3_config(ffi::SQLITE_CONFIG_MEMSTATUS, 0);
            ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw const methods);
        }
    });
}

fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(HEAD.checked_add(bytes)?, ALIGN).ok()
}

/// Where the allocation of a piece of memory begins, and how large the piece is.
///
/// # Safety
/// `piece` came from `take` or `resize` and was not given back.
unsafe fn whole(piece: *mut c_void) -> (*mut u8, usize) {
    // SAFETY: `HEAD` bytes before the piece its allocation begins, with the size.
    unsafe {
        let start = piece.cast::<u8>().sub(HEAD);
        (start, start.cast::<usize>().read())
    }
}

/// # Safety
/// `start` is null or the beginning of an allocation of `layout(bytes)`.
unsafe fn piece(start: *mut u8, bytes: usize) -> *mut c_void {
    if start.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: the allocation has room for the size before the piece, and is aligned for it.
    unsafe {
        start.cast::<usize>().write(bytes);
        start.add(HEAD).cast()
    }
}

unsafe extern "C" fn take(bytes: c_int) -> *mut c_void {
    let Ok(bytes) = usize::try_from(bytes) else { return ptr::null_mut() };
    let Some(layout) = layout(bytes) else { return ptr::null_mut() };
    // SAFETY: the layout is not empty, since it has a head.
    unsafe { piece(alloc(layout), bytes) }
}

unsafe extern "C" fn give_back(old: *mut c_void) {
    if old.is_null() {
        return;
    }
    // SAFETY: SQLite gives back what it took, once; it was allocated with this layout.
    unsafe {
        let (start, bytes) = whole(old);
        if let Some(layout) = layout(bytes) {
            dealloc(start, layout);
        }
    }
}

unsafe extern "C" fn resize(old: *mut c_void, bytes: c_int) -> *mut c_void {
    let Ok(bytes) = usize::try_from(bytes) else { return ptr::null_mut() };
    // SAFETY: as for `give_back`; the new size has a head too.
    unsafe {
        let (start, had) = whole(old);
        let (Some(old), Some(new)) = (layout(had), layout(bytes)) else { return ptr::null_mut() };
        piece(realloc(start, old, new.size()), bytes)
    }
}

unsafe extern "C" fn size(of: *mut c_void) -> c_int {
    // SAFETY: SQLite asks for what it took.
    let (_, bytes) = unsafe { whole(of) };
    c_int::try_from(bytes).unwrap_or(c_int::MAX)
}

extern "C" fn round_up(bytes: c_int) -> c_int {
    bytes.checked_add(ALIGN as c_int - 1).map_or(bytes, |sum| sum & !(ALIGN as c_int - 1))
}

extern "C" fn init(_: *mut c_void) -> c_int {
    ffi::SQLITE_OK
}

extern "C" fn shut_down(_: *mut c_void) {}
