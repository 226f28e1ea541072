//! Blind writes: accepted as the handle's mode promises, and never looked at before.

use std::mem::MaybeUninit;

use dictsqlite_core::Ttl;

use super::DICTS;
use crate::guard::guard;
use crate::open;
use crate::raw::{
    dictsqlite_code, dictsqlite_dict, dictsqlite_error, dictsqlite_key, dictsqlite_key_list,
    dictsqlite_pair_list, dictsqlite_slice,
};

/// Sets `key` to `value`, which is copied; the handle's time to live applies. When it returns, the promise of the
/// handle's persist mode is kept; for that it may wait up to the timeout.
/// Errors: KEY_TYPE, CODEC (the table's codec cannot hold the value), READ_ONLY, CLOSED; TIMEOUT, BUSY, FULL: the
/// message says whether the write was accepted.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_set(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    value: dictsqlite_slice,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || {
        let (key, value) = (key.read()?, value.read("value")?);
        DICTS.with(dict.id, |dict| dict.set_with_ttl(&key, value, Ttl::Default))
    })
}

/// The same with a time to live of its own, in milliseconds: above 0, or `DICTSQLITE_TTL_NEVER` or `_DEFAULT`.
/// Errors: as `dictsqlite_set`, and INVALID for another `ttl`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_set_ttl(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    value: dictsqlite_slice,
    ttl: i64,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || {
        let (key, value, ttl) = (key.read()?, value.read("value")?, open::ttl(ttl)?);
        DICTS.with(dict.id, |dict| dict.set_with_ttl(&key, value, ttl))
    })
}

/// Deletes `key`, whether it is there or not. `dictsqlite_remove` says whether it was.
/// Errors: as `dictsqlite_set`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_delete(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || {
        let key = key.read()?;
        DICTS.with(dict.id, |dict| dict.delete(&key))
    })
}

/// Sets many keys as one unit: all of it survives a crash, or nothing. `ttl` as for `dictsqlite_set_ttl`.
/// Errors: as `dictsqlite_set_ttl`; then nothing was written.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_set_many(
    dict: dictsqlite_dict,
    items: dictsqlite_pair_list,
    ttl: i64,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || {
        let (items, ttl) = (items.read()?, open::ttl(ttl)?);
        DICTS.with(dict.id, |dict| dict.set_many_with_ttl(&items, ttl))
    })
}

/// Deletes many keys as one unit, whether they are there or not.
/// Errors: as `dictsqlite_set`; then nothing was deleted.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_delete_many(
    dict: dictsqlite_dict,
    keys: dictsqlite_key_list,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || {
        let keys = keys.read()?;
        DICTS.with(dict.id, |dict| dict.delete_many(&keys))
    })
}
