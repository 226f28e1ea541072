//! SQLite's errors in our words.

use rusqlite::ffi;

use crate::error::{Error, ErrorKind};

/// The kind of an SQLite result code.
fn kind_of(code: i32) -> ErrorKind {
    match code & 0xFF {
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => ErrorKind::Busy,
        ffi::SQLITE_FULL => ErrorKind::Full,
        ffi::SQLITE_READONLY | ffi::SQLITE_PERM => ErrorKind::ReadOnly,
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => ErrorKind::Corrupt,
        ffi::SQLITE_IOERR | ffi::SQLITE_CANTOPEN | ffi::SQLITE_PROTOCOL | ffi::SQLITE_NOMEM => {
            ErrorKind::Io
        }
        ffi::SQLITE_INTERRUPT => ErrorKind::Cancelled,
        ffi::SQLITE_TOOBIG | ffi::SQLITE_MISMATCH | ffi::SQLITE_CONSTRAINT => ErrorKind::Codec,
        ffi::SQLITE_AUTH => ErrorKind::Unsupported,
        _ => ErrorKind::Internal,
    }
}

fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Busy => {
            "another connection holds the database lock; try again, or raise the timeout"
        }
        ErrorKind::Full => "the disk or the quota is full; free some space and try again",
        ErrorKind::ReadOnly => "the file or its directory cannot be written; check permissions",
        ErrorKind::Corrupt => "the file or its disk is damaged, or it is not an SQLite database",
        ErrorKind::Io => "the operating system could not open, read or write the file",
        ErrorKind::Codec => "the row cannot be stored",
        _ => "SQLite refused",
    }
}

/// How SQLite says that a table is not there.
const NO_SUCH_TABLE: &str = "no such table";

/// The table every file of ours has.
const NOT_OURS: &str = "no such table: _dictsqlite";

/// The error of a table that is there under its name but is another one.
pub(super) fn no_such_table(name: &str) -> rusqlite::Error {
    let text = format!("{NO_SUCH_TABLE}: {name}");
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(text))
}

/// True if a statement names a table that is not there.
pub(super) fn is_no_such_table(e: &rusqlite::Error) -> bool {
    matches!(e, rusqlite::Error::SqliteFailure(_, Some(text)) if text.starts_with(NO_SUCH_TABLE))
}

/// An error of ours for one of rusqlite's, saying what was being done.
pub(super) fn error(e: &rusqlite::Error, doing: &str) -> Error {
    match e {
        rusqlite::Error::SqliteFailure(failure, text) => {
            let text = text.clone().unwrap_or_else(|| failure.to_string());
            if text == NOT_OURS {
                let message = format!(
                    "{doing}: the file was removed or replaced meanwhile, or is not ours any more; \
                     open it again ({text})"
                );
                return Error::new(ErrorKind::Io, message);
            }
            if text.starts_with(NO_SUCH_TABLE) {
                let message = format!("{doing}: the table was dropped; open it again ({text})");
                return Error::new(ErrorKind::Closed, message);
            }
            let kind = kind_of(failure.extended_code);
            let code = failure.extended_code;
            Error::new(kind, format!("{doing}: {} ({text}, SQLite code {code})", advice(kind)))
        }
        other => Error::new(ErrorKind::Internal, format!("{doing}: {other}")),
    }
}

/// True when the operating system could not write what it had taken.
pub(super) fn is_failed_sync(e: &rusqlite::Error) -> bool {
    let failed = [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC];
    matches!(e, rusqlite::Error::SqliteFailure(e, _) if failed.contains(&e.extended_code))
}

/// The error of a result code.
pub(super) fn of_code(code: i32) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
}

/// True when nothing is wrong with the row itself and the whole transaction must be tried again.
pub(super) fn spoils_transaction(e: &rusqlite::Error) -> bool {
    match e {
        rusqlite::Error::SqliteFailure(failure, _) => matches!(
            kind_of(failure.extended_code),
            ErrorKind::Busy
                | ErrorKind::Full
                | ErrorKind::Io
                | ErrorKind::Corrupt
                | ErrorKind::ReadOnly
                | ErrorKind::Cancelled
        ),
        _ => false,
    }
}
