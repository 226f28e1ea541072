//! Locks of an open file description, on SQLite's bytes.

#![allow(unsafe_code)] // `fcntl` with a `flock` has no safe interface that locks ranges.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;

use crate::error::Result;
use crate::io::errors;

const FIRST: i64 = 0x4000_0000;
/// Held by who waits until the readers are gone.
pub(super) const PENDING: Range<i64> = FIRST..FIRST + 1;
/// Held by who will write.
pub(super) const RESERVED: Range<i64> = FIRST + 1..FIRST + 2;
/// Held by readers together, or by one writer.
pub(super) const SHARED: Range<i64> = FIRST + 2..FIRST + 512;

#[derive(Clone, Copy)]
pub(super) enum Type {
    None,
    Read,
    Write,
}

/// Locks a range; false when somebody else's lock is in the way.
pub(super) fn set(file: &File, range: Range<i64>, how: Type) -> Result<bool> {
    match call(file, libc::F_OFD_SETLK, range, how) {
        Ok(_) => Ok(true),
        Err(e) if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(e) if e.raw_os_error() == Some(libc::EBADF) => Err(errors::read_only()),
        Err(e) => Err(errors::error("lock", &e)),
    }
}

/// Whether somebody else has a lock on the range.
pub(super) fn is_taken(file: &File, range: Range<i64>) -> Result<bool> {
    let found = call(file, libc::F_OFD_GETLK, range, Type::Write);
    let found = found.map_err(|e| errors::error("look at the locks", &e))?;
    Ok(found != libc::F_UNLCK as libc::c_short)
}

/// The kind of lock that the call leaves in its argument.
fn call(
    file: &File,
    command: libc::c_int,
    range: Range<i64>,
    how: Type,
) -> io::Result<libc::c_short> {
    // SAFETY: zeroes are a valid `flock`; the descriptor is open as long as `file` is borrowed.
    unsafe {
        let mut lock: libc::flock = std::mem::zeroed();
        lock.l_type = match how {
            Type::None => libc::F_UNLCK,
            Type::Read => libc::F_RDLCK,
            Type::Write => libc::F_WRLCK,
        } as libc::c_short;
        lock.l_whence = libc::SEEK_SET as libc::c_short;
        lock.l_start = range.start;
        lock.l_len = range.end - range.start;
        loop {
            if libc::fcntl(file.as_raw_fd(), command, &raw mut lock) == 0 {
                return Ok(lock.l_type);
            }
            let e = io::Error::last_os_error();
            if e.kind() != io::ErrorKind::Interrupted {
                return Err(e);
            }
        }
    }
}
