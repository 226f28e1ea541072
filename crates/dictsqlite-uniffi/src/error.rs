//! Errors: a kind, a message that says what to do, and the key where one is concerned.

use std::fmt;

use dictsqlite_core as core;

use crate::types::Key;

/// What went wrong, coarse enough to act on; the same in every language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ErrorKind {
    /// The key is not in the table.
    KeyMissing,
    /// The key is not text, a 64-bit integer, bytes or a tuple of these, or it is too long.
    KeyType,
    /// The value cannot be written or read by the table's codec.
    Codec,
    /// Somebody else changed what the operation depended on; it may be tried again.
    Conflict,
    /// Another connection holds the database lock.
    Busy,
    /// The deadline passed; the message says whether the operation still happens.
    Timeout,
    /// The operation was cancelled.
    Cancelled,
    /// The handle, the store or the table is closed.
    Closed,
    /// The file is damaged.
    Corrupt,
    /// The disk, the quota or the database is full.
    Full,
    /// The store or the file is read-only.
    ReadOnly,
    /// The password is wrong or missing.
    Password,
    /// The file or the feature is not supported by this build or release.
    Unsupported,
    /// An argument or option is invalid.
    Invalid,
    /// The operating system failed to read, write or open.
    Io,
    /// A defect of this library; please report it.
    Internal,
}

impl From<core::ErrorKind> for ErrorKind {
    fn from(kind: core::ErrorKind) -> Self {
        match kind {
            core::ErrorKind::KeyMissing => Self::KeyMissing,
            core::ErrorKind::KeyType => Self::KeyType,
            core::ErrorKind::Codec => Self::Codec,
            core::ErrorKind::Conflict => Self::Conflict,
            core::ErrorKind::Busy => Self::Busy,
            core::ErrorKind::Timeout => Self::Timeout,
            core::ErrorKind::Cancelled => Self::Cancelled,
            core::ErrorKind::Closed => Self::Closed,
            core::ErrorKind::Corrupt => Self::Corrupt,
            core::ErrorKind::Full => Self::Full,
            core::ErrorKind::ReadOnly => Self::ReadOnly,
            core::ErrorKind::Password => Self::Password,
            core::ErrorKind::Unsupported => Self::Unsupported,
            core::ErrorKind::Invalid => Self::Invalid,
            core::ErrorKind::Io => Self::Io,
            core::ErrorKind::Internal => Self::Internal,
        }
    }
}

/// The one error of every operation.
#[derive(Clone, Debug, uniffi::Error)]
pub enum NativeError {
    /// An operation failed.
    Failed {
        /// What went wrong.
        kind: ErrorKind,
        /// What happened and what to do about it, without the key.
        detail: String,
        /// The key concerned.
        key: Option<Key>,
        /// Changes that were asked for are no longer in the log.
        history_truncated: bool,
    },
}

/// The result of every fallible operation of this crate.
pub(crate) type Result<T> = std::result::Result<T, NativeError>;

impl NativeError {
    pub(crate) fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self::Failed { kind, detail: detail.into(), key: None, history_truncated: false }
    }
}

impl From<core::Error> for NativeError {
    fn from(e: core::Error) -> Self {
        Self::Failed {
            kind: e.kind().into(),
            detail: e.message().to_owned(),
            key: e.key().map(Key::from),
            history_truncated: e.is_history_truncated(),
        }
    }
}

impl fmt::Display for NativeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Failed { detail, .. } = self;
        f.write_str(detail)
    }
}

impl std::error::Error for NativeError {}
