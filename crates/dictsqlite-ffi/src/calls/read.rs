//! Reading.

use std::mem::MaybeUninit;

use super::DICTS;
use crate::guard::give;
use crate::raw::{
    dictsqlite_code, dictsqlite_dict, dictsqlite_entry, dictsqlite_error, dictsqlite_key,
    dictsqlite_key_list, dictsqlite_value, dictsqlite_values,
};

/// Gives the value of `key`; its `data` is NULL if there is none, which is no error. Nothing is copied: the
/// value is shared with the cache. Free it with `dictsqlite_value_free`.
/// Answered from memory, or else read from the file by the calling thread.
/// Errors: KEY_TYPE, CODEC (another tool stored what the codec has no form for), IO, CORRUPT, BUSY, CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_get(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    value: Option<&mut MaybeUninit<dictsqlite_value>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(value, error, || {
        let key = key.read()?;
        DICTS.with(dict.id, |dict| dict.get(&key))
    })
}

/// Says whether there is an entry for `key`.
/// Errors: as `dictsqlite_get`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_contains(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    found: Option<&mut MaybeUninit<bool>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(found, error, || {
        let key = key.read()?;
        DICTS.with(dict.id, |dict| dict.contains(&key))
    })
}

/// Gives the value of `key` with its version and expiry; `entry->value.data` is NULL if there is none. Free it
/// with `dictsqlite_entry_free`. Pending writes of the key are committed first, up to the timeout.
/// Errors: as `dictsqlite_get` and `dictsqlite_flush`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_get_entry(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    entry: Option<&mut MaybeUninit<dictsqlite_entry>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(entry, error, || {
        let key = key.read()?;
        DICTS.with(dict.id, |dict| dict.entry(&key))
    })
}

/// Gives the number of entries. Pending writes are committed first, up to the timeout.
/// Errors: as `dictsqlite_get` and `dictsqlite_flush`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_len(
    dict: dictsqlite_dict,
    len: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(len, error, || DICTS.with(dict.id, |dict| dict.len()))
}

/// Gives the values of many keys, in their order, from one read transaction. Free it with
/// `dictsqlite_values_free`.
/// Errors: as `dictsqlite_get`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_get_many(
    dict: dictsqlite_dict,
    keys: dictsqlite_key_list,
    values: Option<&mut MaybeUninit<dictsqlite_values>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(values, error, || {
        let keys = keys.read()?;
        DICTS.with(dict.id, |dict| dict.get_many(&keys))
    })
}
