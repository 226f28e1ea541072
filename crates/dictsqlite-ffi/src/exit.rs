//! The end of the process: what is accepted and not committed is flushed, as other languages do.

#![allow(unsafe_code)] // `atexit` has no safe interface.
#![cfg_attr(not(unix), allow(dead_code))] // Elsewhere users close.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long the end of the process may wait.
const LIMIT: Duration = Duration::from_secs(10);

/// Has `exit` flush every open store, from the first call on.
pub(crate) fn watch() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.swap(true, Ordering::AcqRel) {
        return;
    }
    #[cfg(unix)]
    // SAFETY: the handler is a plain function that lives as long as the program: the library is never
    // unloaded.
    unsafe {
        libc::atexit(leave);
    }
}

extern "C" fn leave() {
    let lines = crate::guard::caught(|| Ok(dictsqlite_core::end(LIMIT)));
    for line in lines.unwrap_or_default() {
        eprintln!("{line}");
    }
}
