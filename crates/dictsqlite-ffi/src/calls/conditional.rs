//! What the writer decides: right across threads and processes, and done once it is committed.

use std::mem::MaybeUninit;

use dictsqlite_core::Value;

use super::DICTS;
use crate::guard::{give, guard};
use crate::open;
use crate::raw::{
    dictsqlite_code, dictsqlite_dict, dictsqlite_entry, dictsqlite_error, dictsqlite_key,
    dictsqlite_page, dictsqlite_slice,
};

/// Sets `key` if its version is `version` (0: if there is no entry), and gives the new version. Waits for its
/// commit. `ttl` as for `dictsqlite_set_ttl`.
/// Errors: CONFLICT, naming the key, when it has another version; else as `dictsqlite_set_ttl`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_set_if_version(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    value: dictsqlite_slice,
    version: i64,
    ttl: i64,
    new_version: Option<&mut MaybeUninit<i64>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(new_version, error, || {
        let (key, value, ttl) = (key.read()?, value.read("value")?, open::ttl(ttl)?);
        let value = Value::from(value);
        DICTS.with(dict.id, |dict| dict.set_if_version(&key, value, version, ttl))
    })
}

/// Deletes `key` if its version is `version`. Waits for its commit.
/// Errors: CONFLICT, naming the key, when it has another version or is not there; else as `dictsqlite_set`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_delete_if_version(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    version: i64,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || {
        let key = key.read()?;
        DICTS.with(dict.id, |dict| dict.delete_if_version(&key, version))
    })
}

/// Deletes `key` and says whether it was there. Waits for its commit.
/// Errors: as `dictsqlite_set`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_remove(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    removed: Option<&mut MaybeUninit<bool>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(removed, error, || {
        let key = key.read()?;
        DICTS.with(dict.id, |dict| dict.remove(&key))
    })
}

/// Removes an entry and gives it; `entry->value.data` is NULL if there was none. Free it with
/// `dictsqlite_entry_free`. Waits for its commit.
/// Errors: as `dictsqlite_set`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_pop(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    entry: Option<&mut MaybeUninit<dictsqlite_entry>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(entry, error, || {
        let key = key.read()?;
        DICTS.with(dict.id, |dict| dict.pop(&key))
    })
}

/// Removes the newest entry in insertion order, or with `newest` false the oldest, and gives it as a page of one;
/// of none if the table is empty. Free it with `dictsqlite_page_free`. Waits for its commit.
/// Errors: as `dictsqlite_set`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_pop_item(
    dict: dictsqlite_dict,
    newest: bool,
    item: Option<&mut MaybeUninit<dictsqlite_page>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(item, error, || DICTS.with(dict.id, |dict| dict.pop_item(newest)))
}

/// Gives the entry of `key` if there is one; else sets it to `value`, and `existing->value.data` is NULL. Free it
/// with `dictsqlite_entry_free`. Waits for its commit. `ttl` as for `dictsqlite_set_ttl`.
/// Errors: as `dictsqlite_set_ttl`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_set_default(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    value: dictsqlite_slice,
    ttl: i64,
    existing: Option<&mut MaybeUninit<dictsqlite_entry>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(existing, error, || {
        let (key, value, ttl) = (key.read()?, value.read("value")?, open::ttl(ttl)?);
        DICTS.with(dict.id, |dict| dict.set_default(&key, Value::from(value), ttl))
    })
}

/// Adds `by` to an integer, which counts from 0 when there is none, and gives the sum. In a `bytes` table it is kept
/// as decimal digits. The entry's expiry stays. Waits for its commit.
/// Errors: CODEC when the value is no integer, INVALID when the sum does not fit 64 bits; else as `dictsqlite_set`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_incr(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    by: i64,
    sum: Option<&mut MaybeUninit<i64>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(sum, error, || {
        let key = key.read()?;
        DICTS.with(dict.id, |dict| dict.incr(&key, by))
    })
}

/// Changes when an entry expires and leaves its value; `found` is false when there is none. `ttl` as for
/// `dictsqlite_set_ttl`. Waits for its commit.
/// Errors: as `dictsqlite_set_ttl`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_expire(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    ttl: i64,
    found: Option<&mut MaybeUninit<bool>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(found, error, || {
        let (key, ttl) = (key.read()?, open::ttl(ttl)?);
        DICTS.with(dict.id, |dict| dict.expire(&key, ttl))
    })
}

/// Removes every entry of the table and gives how many rows that were. Waits for its commit.
/// Errors: as `dictsqlite_set`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_clear(
    dict: dictsqlite_dict,
    removed: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(removed, error, || DICTS.with(dict.id, |dict| dict.clear()))
}
