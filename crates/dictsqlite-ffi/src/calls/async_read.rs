//! Reading without blocking.

use std::mem::MaybeUninit;

use super::DICTS;
use crate::operation::Asked;
use crate::raw::{
    dictsqlite_call, dictsqlite_code, dictsqlite_dict, dictsqlite_error, dictsqlite_key,
    dictsqlite_key_list, dictsqlite_op,
};

/// `dictsqlite_get` without blocking; the result's `value`. Cancelled, its result is thrown away.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_get_async(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.read(
        || {
            let key = key.read()?;
            DICTS.with(dict.id, |dict| Ok(dict.get_async(&key)))
        },
        |value, result| {
            result.value = value.into();
            Ok(())
        },
    )
}

/// `dictsqlite_contains` without blocking; the result's `number` is 0 or 1.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_contains_async(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.read(
        || {
            let key = key.read()?;
            DICTS.with(dict.id, |dict| Ok(dict.contains_async(&key)))
        },
        |found, result| {
            result.number = i64::from(found);
            Ok(())
        },
    )
}

/// `dictsqlite_get_entry` without blocking; the result's `entry`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_get_entry_async(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.read(
        || {
            let key = key.read()?;
            DICTS.with(dict.id, |dict| Ok(dict.entry_async(&key)))
        },
        |entry, result| {
            result.entry = entry.into();
            Ok(())
        },
    )
}

/// `dictsqlite_len` without blocking; the result's `number`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_len_async(
    dict: dictsqlite_dict,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.read(
        || DICTS.with(dict.id, |dict| Ok(dict.len_async())),
        |len, result| {
            result.number = len.cast_signed();
            Ok(())
        },
    )
}

/// `dictsqlite_get_many` without blocking; the result's `values`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_get_many_async(
    dict: dictsqlite_dict,
    keys: dictsqlite_key_list,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.read(
        || {
            let keys = keys.read()?;
            DICTS.with(dict.id, |dict| Ok(dict.get_many_async(&keys)))
        },
        |values, result| {
            result.values = values.into();
            Ok(())
        },
    )
}
