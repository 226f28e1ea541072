//! One error type, a small set of kinds with stable codes, and messages that say what to do.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use crate::types::Key;

/// The result of every fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, coarse enough to act on. The numbers are stable and the same in every language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ErrorKind {
    /// The key is not in the table.
    KeyMissing = 1,
    /// The key is not text, a 64-bit integer, bytes or a tuple of these, or it is too long.
    KeyType = 2,
    /// The value cannot be written or read by the table's codec.
    Codec = 3,
    /// Somebody else changed what the operation depended on; it may be tried again.
    Conflict = 4,
    /// Another connection holds the database lock.
    Busy = 5,
    /// The deadline passed; the message says whether the operation still happens.
    Timeout = 6,
    /// The operation was cancelled before it was accepted.
    Cancelled = 7,
    /// The handle, the store or the table is closed.
    Closed = 8,
    /// The file is damaged.
    Corrupt = 9,
    /// The disk, the quota or the database is full.
    Full = 10,
    /// The store or the file is read-only.
    ReadOnly = 11,
    /// The password is wrong or missing.
    Password = 12,
    /// The file or the feature is not supported by this build or release.
    Unsupported = 13,
    /// An argument or option is invalid.
    Invalid = 14,
    /// The operating system failed to read, write or open.
    Io = 15,
    /// A defect of this library; please report it.
    Internal = 16,
}

impl ErrorKind {
    /// The stable number of this kind.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// True when the same operation may succeed later without any change by the caller.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Busy | Self::Full | Self::Io | Self::Timeout | Self::Conflict)
    }
}

/// An error: its kind, a message that says what to do and, where one is concerned, the key.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    key: Option<Key>,
    history: bool,
    file: Option<(io::ErrorKind, Option<i32>, PathBuf)>,
}

impl Error {
    /// Makes an error of `kind`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Inner { kind, message, key: None, history: false, file: None }))
    }

    /// The same error, naming the key it is about.
    #[must_use]
    pub fn with_key(mut self, key: Key) -> Self {
        self.0.key = Some(key);
        self
    }

    /// The same error, with what the operating system said of a file.
    #[must_use]
    pub(crate) fn with_file(mut self, e: &io::Error, path: &Path) -> Self {
        self.0.file = Some((e.kind(), e.raw_os_error(), path.to_path_buf()));
        self
    }

    /// What the operating system said, its number for that, and of which file; where that is known.
    #[doc(hidden)]
    pub fn file(&self) -> Option<(io::ErrorKind, Option<i32>, &Path)> {
        self.0.file.as_ref().map(|(kind, code, path)| (*kind, *code, path.as_path()))
    }

    /// The kind of this error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What happened and what to do about it.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The key concerned, where there is one.
    pub fn key(&self) -> Option<&Key> {
        self.0.key.as_ref()
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// Changes that were asked for are not in the log any more.
    pub(crate) fn history_truncated(message: impl Into<String>) -> Self {
        let mut error = Self::invalid(message);
        error.0.history = true;
        error
    }

    /// True when changes that were asked for were removed from the log already: read the state as it is
    /// now, and go on from there. The kind is `Invalid`.
    pub fn is_history_truncated(&self) -> bool {
        self.0.history
    }

    pub(crate) fn closed() -> Self {
        Self::new(ErrorKind::Closed, "this handle is closed; open the store again to go on")
    }

    pub(crate) fn codec(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Codec, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.key {
            Some(key) => write!(f, " (key {key})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl std::error::Error for Error {}
