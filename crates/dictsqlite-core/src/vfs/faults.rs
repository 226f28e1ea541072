//! Faults under SQLite's files, for tests: writes, syncs and reads of chosen files fail as they do on
//! a disk that breaks or is full.

#![allow(unsafe_code)] // Replaces system calls under SQLite.

use std::ffi::{CStr, c_int, c_void};
use std::path::Path;
use std::sync::Once;

use super::locks::{Call, replace};
use crate::sync::Mutex;

/// What fails: calls on files below this directory, with this error number.
struct Fault {
    below: String,
    writes: bool,
    reads: bool,
    errno: c_int,
}

static FAULTS: Mutex<Vec<Fault>> = Mutex::new(Vec::new());

/// A fault that lasts until it is dropped.
pub(crate) struct Broken(String);

impl Broken {
    /// Writing, growing and syncing files below `dir` fails.
    pub(crate) fn writes(dir: &Path, errno: c_int) -> Self {
        Self::new(dir, true, false, errno)
    }

    /// Reading files below `dir` fails.
    pub(crate) fn reads(dir: &Path, errno: c_int) -> Self {
        Self::new(dir, false, true, errno)
    }

    fn new(dir: &Path, writes: bool, reads: bool, errno: c_int) -> Self {
        install();
        let below = dir.canonicalize().unwrap_or_default().to_string_lossy().into_owned();
        FAULTS.lock().push(Fault { below: below.clone(), writes, reads, errno });
        Self(below)
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        FAULTS.lock().retain(|fault| fault.below != self.0);
    }
}

/// Replaces the system calls, once; files of other tests pass through.
fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: SQLite calls them with these arguments.
        let calls: [(&CStr, Call); 8] = unsafe {
            [
                (c"write", std::mem::transmute::<Write, Call>(write)),
                (c"read", std::mem::transmute::<Read, Call>(read)),
                (c"pwrite", std::mem::transmute::<WriteAt, Call>(write_at)),
                (c"pread", std::mem::transmute::<ReadAt, Call>(read_at)),
                (c"pwrite64", std::mem::transmute::<WriteAt, Call>(write_at)),
                (c"pread64", std::mem::transmute::<ReadAt, Call>(read_at)),
                (c"ftruncate", std::mem::transmute::<Truncate, Call>(truncate)),
                (c"fallocate", std::mem::transmute::<Allocate, Call>(allocate)),
            ]
        };
        for (name, call) in calls {
            // SAFETY: as above.
            unsafe { replace(name, call) };
        }
    });
}

type Write = unsafe extern "C" fn(c_int, *const c_void, usize) -> isize;
type Read = unsafe extern "C" fn(c_int, *mut c_void, usize) -> isize;
type WriteAt = unsafe extern "C" fn(c_int, *const c_void, usize, libc::off_t) -> isize;
type ReadAt = unsafe extern "C" fn(c_int, *mut c_void, usize, libc::off_t) -> isize;
type Truncate = unsafe extern "C" fn(c_int, libc::off_t) -> c_int;
type Allocate = unsafe extern "C" fn(c_int, libc::off_t, libc::off_t) -> c_int;

/// True when a call on `fd` is to fail; then `errno` is set.
fn fails(fd: c_int, is_write: bool) -> bool {
    let faults = FAULTS.lock();
    if faults.is_empty() {
        return false;
    }
    let path = std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap_or_default();
    let mut concerned = faults.iter().filter(|fault| path.starts_with(&fault.below));
    let found = concerned.find(|fault| if is_write { fault.writes } else { fault.reads });
    if let Some(fault) = found {
        // SAFETY: the address of this thread's own error number.
        unsafe { *libc::__errno_location() = fault.errno };
    }
    found.is_some()
}

unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, count: usize) -> isize {
    // SAFETY: handed on as it came.
    if fails(fd, true) { -1 } else { unsafe { libc::write(fd, bytes, count) } }
}

unsafe extern "C" fn read(fd: c_int, bytes: *mut c_void, count: usize) -> isize {
    // SAFETY: handed on as it came.
    if fails(fd, false) { -1 } else { unsafe { libc::read(fd, bytes, count) } }
}

unsafe extern "C" fn write_at(fd: c_int, from: *const c_void, n: usize, at: libc::off_t) -> isize {
    // SAFETY: handed on as it came.
    if fails(fd, true) { -1 } else { unsafe { libc::pwrite(fd, from, n, at) } }
}

unsafe extern "C" fn read_at(fd: c_int, to: *mut c_void, n: usize, at: libc::off_t) -> isize {
    // SAFETY: handed on as it came.
    if fails(fd, false) { -1 } else { unsafe { libc::pread(fd, to, n, at) } }
}

unsafe extern "C" fn truncate(fd: c_int, size: libc::off_t) -> c_int {
    // SAFETY: handed on as it came.
    if fails(fd, true) { -1 } else { unsafe { libc::ftruncate(fd, size) } }
}

unsafe extern "C" fn allocate(fd: c_int, from: libc::off_t, size: libc::off_t) -> c_int {
    // SAFETY: handed on as it came.
    if fails(fd, true) { libc::EIO } else { unsafe { libc::posix_fallocate(fd, from, size) } }
}
