//! Where SQLite gets its memory: Rust's global allocator, without statistics.
//!
//! SQLite keeps count of its memory under one lock for the whole process, so that connections that
//! read for the first time, and so fill their page caches, wait for each other. And what a program
//! chose as its allocator it chose for its threads: the C library's grows the heap of a thread other
//! than the main one by four kilobytes at a time, with a call of the kernel for each.

#![allow(unsafe_code)] // SQLite's allocator is a table of C functions.

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::ffi::{c_int, c_void};
use std::ptr;

use rusqlite::ffi;

/// Before each piece of memory stands its size.
const HEAD: usize = ALIGN;
/// What SQLite asks for.
const ALIGN: usize = 8;

/// Done when the program or library is loaded, when no other thread can be inside this copy of
/// SQLite yet: its settings must not change while it begins its work. Elsewhere it stays as it is.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple", windows))]
#[used]
#[cfg_attr(any(target_os = "linux", target_os = "android"), unsafe(link_section = ".init_array"))]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
static AT_LOAD: extern "C" fn() = install;

/// Has SQLite use this allocator, unless it is at work already.
#[cfg_attr(
    not(any(target_os = "linux", target_os = "android", target_vendor = "apple", windows)),
    expect(dead_code, reason = "there is no moment at which it would be safe")
)]
extern "C" fn install() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_takes_its_memory_from_here_and_keeps_no_count() {
        // Set once it is at work, neither would have an effect.
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES(randomblob(1000000))")
            .unwrap();
        // SAFETY: SQLite's own allocation, of which the size is asked before it is given back.
        unsafe {
            assert_eq!(ffi::sqlite3_memory_used(), 0);
            let piece = ffi::sqlite3_malloc(20);
            assert_eq!((size(piece), ffi::sqlite3_msize(piece)), (20, 20));
            let piece = ffi::sqlite3_realloc(piece, 5_000);
            assert_eq!((size(piece), ffi::sqlite3_msize(piece)), (5_000, 5_000));
            ffi::sqlite3_free(piece);
        }
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        // SAFETY: null is never followed.
        unsafe {
            assert!(take(-1).is_null());
            give_back(ptr::null_mut());
        }
        assert_eq!([0, 1, 8, 9].map(|bytes| round_up(bytes)), [0, 8, 8, 16]);
        assert_eq!(round_up(c_int::MAX), c_int::MAX);
    }
}
