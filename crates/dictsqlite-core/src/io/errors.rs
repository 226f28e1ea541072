//! What the operating system says, in this crate's kinds.

use std::io;
use std::path::Path;

use super::file::Transfer;
use crate::error::{Error, ErrorKind};

/// The error of an operation; `what` is what could not be done.
pub(super) fn error(what: &str, error: &io::Error) -> Error {
    let (kind, hint) = kind_of(error);
    Error::new(kind, format!("cannot {what}: {error}{hint}"))
}

/// The same, of an operation on a path.
pub(super) fn path_error(what: &str, path: &Path, e: &io::Error) -> Error {
    error(&format!("{what} {}", path.display()), e)
}

fn kind_of(error: &io::Error) -> (ErrorKind, &'static str) {
    use io::ErrorKind as Os;
    match error.kind() {
        Os::StorageFull => (ErrorKind::Full, "; free some space"),
        Os::QuotaExceeded => (ErrorKind::Full, "; free some space or raise the quota"),
        Os::FileTooLarge => (ErrorKind::Full, "; the file would pass a limit of its size"),
        Os::ReadOnlyFilesystem => (ErrorKind::ReadOnly, ""),
        Os::InvalidInput => (ErrorKind::Invalid, ""),
        Os::IsADirectory => (ErrorKind::Invalid, "; give the path of a file"),
        Os::Unsupported => (ErrorKind::Unsupported, ""),
        _ => (ErrorKind::Io, ""),
    }
}

/// The error of every operation on a file that is closed.
pub(super) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "this file is closed; open it again to go on")
}

/// The error of what a child of a fork inherited.
pub(super) fn inherited() -> Error {
    Error::new(
        ErrorKind::Closed,
        "this file was opened before the process forked; open it again in the child",
    )
}

pub(super) fn read_only() -> Error {
    Error::new(ErrorKind::ReadOnly, "the file was opened for reading; open it with `write`")
}

/// Whether `len` bytes at `offset` can be addressed.
pub(super) fn check_range(offset: u64, len: usize) -> Result<(), Error> {
    let end = u64::try_from(len).ok().and_then(|len| offset.checked_add(len));
    match end {
        Some(end) if i64::try_from(end).is_ok() => Ok(()),
        _ => Err(Error::invalid(format!(
            "{len} bytes at offset {offset} pass the end of what can be addressed, 2^63 - 1"
        ))),
    }
}

/// The failed transfers of a batch that was not begun.
pub(super) fn all_failed(batch: Vec<(super::buf::Buf, u64)>, error: &Error) -> Vec<Transfer> {
    batch.into_iter().map(|(buf, _)| Transfer::failed(buf, error.clone())).collect()
}

/// The error of a controller that lets nobody in any more.
pub(super) fn closed_room() -> Error {
    Error::new(ErrorKind::Closed, "no more work is let in: the controller of the room is closed")
}
