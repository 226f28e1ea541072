//! What C may ask of an error.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::raw::{dictsqlite_code, dictsqlite_error, dictsqlite_key, dictsqlite_string};

/// The name of a code, such as `"Conflict"`; NULL for a number that is none. Static.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_code_name(code: i32) -> dictsqlite_string {
    dictsqlite_code::name(code).map_or(dictsqlite_string::NULL, dictsqlite_string::of)
}

/// The code of an error; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_error_code(error: Option<&dictsqlite_error>) -> dictsqlite_code {
    error.map_or(dictsqlite_code::DICTSQLITE_OK, dictsqlite_error::code)
}

/// What happened and what to do about it, in UTF-8; `""` for NULL. It is the error's.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_error_message(error: Option<&dictsqlite_error>) -> *const c_char {
    error.map_or(c"".as_ptr(), dictsqlite_error::message)
}

/// True when the same operation may succeed later without any change by the caller.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_error_is_transient(error: Option<&dictsqlite_error>) -> bool {
    error.is_some_and(dictsqlite_error::is_transient)
}

/// True when changes that were asked for were removed from the log already: read the state as it is now, and go
/// on from there. The code is INVALID.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_error_is_history_truncated(error: Option<&dictsqlite_error>) -> bool {
    error.is_some_and(dictsqlite_error::is_history_truncated)
}

/// Gives the key that the error is about, and true; false, and a zero key, if it is about none. What the key points to is
/// the error's.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_error_key(
    error: Option<&dictsqlite_error>,
    key: Option<&mut MaybeUninit<dictsqlite_key>>,
) -> bool {
    let found = error.and_then(dictsqlite_error::key);
    if let Some(key) = key {
        key.write(found.unwrap_or(dictsqlite_key::NONE));
    }
    found.is_some()
}
