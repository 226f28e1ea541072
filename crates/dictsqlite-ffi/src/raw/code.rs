//! The codes functions return.

use dictsqlite_core::ErrorKind;

/// What a function returns: 0, or what went wrong. The numbers are stable and the same in every language.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum dictsqlite_code {
    /// Done.
    #[default]
    DICTSQLITE_OK = 0,
    /// The key is not in the table. (An absent key is no error where it can be told otherwise.)
    DICTSQLITE_KEY_MISSING = 1,
    /// The key is not UTF-8 text, an integer, bytes or a flat tuple of these, or it is too long.
    DICTSQLITE_KEY_TYPE = 2,
    /// The value cannot be written or read by the table's codec.
    DICTSQLITE_CODEC = 3,
    /// Somebody else changed what the operation depended on; it may be tried again.
    DICTSQLITE_CONFLICT = 4,
    /// Another connection holds the database lock; or the queue has operations under way.
    DICTSQLITE_BUSY = 5,
    /// The deadline passed; the message says whether the operation still happens.
    DICTSQLITE_TIMEOUT = 6,
    /// The operation was cancelled before it was accepted.
    DICTSQLITE_CANCELLED = 7,
    /// The handle, the store or the table is closed.
    DICTSQLITE_CLOSED = 8,
    /// The file is damaged.
    DICTSQLITE_CORRUPT = 9,
    /// The disk, the quota, the database or the table of handles is full.
    DICTSQLITE_FULL = 10,
    /// The store or the file is read-only.
    DICTSQLITE_READ_ONLY = 11,
    /// The password is wrong or missing.
    DICTSQLITE_PASSWORD = 12,
    /// The file or the feature is not supported by this build or release.
    DICTSQLITE_UNSUPPORTED = 13,
    /// An argument or option is invalid; NULL where something is needed among them.
    DICTSQLITE_INVALID = 14,
    /// The operating system failed to read, write or open.
    DICTSQLITE_IO = 15,
    /// A defect of this library; please report it.
    DICTSQLITE_INTERNAL = 16,
}

use dictsqlite_code::*;

impl dictsqlite_code {
    /// Every code with its name, in order.
    const NAMES: [(Self, &'static std::ffi::CStr); 17] = [
        (DICTSQLITE_OK, c"Ok"),
        (DICTSQLITE_KEY_MISSING, c"KeyMissing"),
        (DICTSQLITE_KEY_TYPE, c"KeyType"),
        (DICTSQLITE_CODEC, c"Codec"),
        (DICTSQLITE_CONFLICT, c"Conflict"),
        (DICTSQLITE_BUSY, c"Busy"),
        (DICTSQLITE_TIMEOUT, c"Timeout"),
        (DICTSQLITE_CANCELLED, c"Cancelled"),
        (DICTSQLITE_CLOSED, c"Closed"),
        (DICTSQLITE_CORRUPT, c"Corrupt"),
        (DICTSQLITE_FULL, c"Full"),
        (DICTSQLITE_READ_ONLY, c"ReadOnly"),
        (DICTSQLITE_PASSWORD, c"Password"),
        (DICTSQLITE_UNSUPPORTED, c"Unsupported"),
        (DICTSQLITE_INVALID, c"Invalid"),
        (DICTSQLITE_IO, c"Io"),
        (DICTSQLITE_INTERNAL, c"Internal"),
    ];

    /// The name of a number, if it is a code.
    pub(crate) fn name(number: i32) -> Option<&'static std::ffi::CStr> {
        Self::NAMES.iter().find(|(code, _)| *code as i32 == number).map(|(_, name)| *name)
    }
}

impl From<ErrorKind> for dictsqlite_code {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::KeyMissing => DICTSQLITE_KEY_MISSING,
            ErrorKind::KeyType => DICTSQLITE_KEY_TYPE,
            ErrorKind::Codec => DICTSQLITE_CODEC,
            ErrorKind::Conflict => DICTSQLITE_CONFLICT,
            ErrorKind::Busy => DICTSQLITE_BUSY,
            ErrorKind::Timeout => DICTSQLITE_TIMEOUT,
            ErrorKind::Cancelled => DICTSQLITE_CANCELLED,
            ErrorKind::Closed => DICTSQLITE_CLOSED,
            ErrorKind::Corrupt => DICTSQLITE_CORRUPT,
            ErrorKind::Full => DICTSQLITE_FULL,
            ErrorKind::ReadOnly => DICTSQLITE_READ_ONLY,
            ErrorKind::Password => DICTSQLITE_PASSWORD,
            ErrorKind::Unsupported => DICTSQLITE_UNSUPPORTED,
            ErrorKind::Invalid => DICTSQLITE_INVALID,
            ErrorKind::Io => DICTSQLITE_IO,
            ErrorKind::Internal => DICTSQLITE_INTERNAL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [ErrorKind; 16] = [
        ErrorKind::KeyMissing,
        ErrorKind::KeyType,
        ErrorKind::Codec,
        ErrorKind::Conflict,
        ErrorKind::Busy,
        ErrorKind::Timeout,
        ErrorKind::Cancelled,
        ErrorKind::Closed,
        ErrorKind::Corrupt,
        ErrorKind::Full,
        ErrorKind::ReadOnly,
        ErrorKind::Password,
        ErrorKind::Unsupported,
        ErrorKind::Invalid,
        ErrorKind::Io,
        ErrorKind::Internal,
    ];

    #[test]
    fn the_codes_and_names_are_the_engines() {
        for kind in KINDS {
            let code = dictsqlite_code::from(kind);
            assert_eq!(code as i32, i32::from(kind.code()), "{kind:?}");
            let name = dictsqlite_code::name(code as i32).and_then(|name| name.to_str().ok());
            assert_eq!(name, Some(format!("{kind:?}").as_str()));
        }
        assert_eq!(dictsqlite_code::name(17), None);
        assert_eq!(dictsqlite_code::name(-1), None);
    }
}
