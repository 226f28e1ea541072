//! What the writer decides, without blocking.

use std::mem::MaybeUninit;

use dictsqlite_core::Value;

use super::DICTS;
use crate::open;
use crate::operation::Asked;
use crate::raw::{
    dictsqlite_call, dictsqlite_code, dictsqlite_dict, dictsqlite_error, dictsqlite_key,
    dictsqlite_op, dictsqlite_slice,
};

/// `dictsqlite_set_if_version` without blocking; the result's `number` is the new version.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_set_if_version_async(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    value: dictsqlite_slice,
    version: i64,
    ttl: i64,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let (key, value, ttl) =
                (key.read()?, Value::from(value.read("value")?), open::ttl(ttl)?);
            DICTS.with(dict.id, |dict| Ok(dict.set_if_version_async(&key, value, version, ttl)))
        },
        |version, result| {
            result.number = version;
            Ok(())
        },
    )
}

/// `dictsqlite_delete_if_version` without blocking.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_delete_if_version_async(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    version: i64,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let key = key.read()?;
            DICTS.with(dict.id, |dict| Ok(dict.delete_if_version_async(&key, version)))
        },
        |(), _| Ok(()),
    )
}

/// `dictsqlite_remove` without blocking; the result's `number` is 0 or 1.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_remove_async(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let key = key.read()?;
            DICTS.with(dict.id, |dict| Ok(dict.remove_async(&key)))
        },
        |removed, result| {
            result.number = i64::from(removed);
            Ok(())
        },
    )
}

/// `dictsqlite_pop` without blocking; the result's `entry`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_pop_async(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let key = key.read()?;
            DICTS.with(dict.id, |dict| Ok(dict.pop_async(&key)))
        },
        |entry, result| {
            result.entry = entry.into();
            Ok(())
        },
    )
}

/// `dictsqlite_pop_item` without blocking; the result's `page`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_pop_item_async(
    dict: dictsqlite_dict,
    newest: bool,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || DICTS.with(dict.id, |dict| Ok(dict.pop_item_async(newest))),
        |item, result| {
            result.page = item.into();
            Ok(())
        },
    )
}

/// `dictsqlite_set_default` without blocking; the result's `entry`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_set_default_async(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    value: dictsqlite_slice,
    ttl: i64,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let (key, value, ttl) =
                (key.read()?, Value::from(value.read("value")?), open::ttl(ttl)?);
            DICTS.with(dict.id, |dict| Ok(dict.set_default_async(&key, value, ttl)))
        },
        |entry, result| {
            result.entry = entry.into();
            Ok(())
        },
    )
}

/// `dictsqlite_incr` without blocking; the result's `number` is the sum.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_incr_async(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    by: i64,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let key = key.read()?;
            DICTS.with(dict.id, |dict| Ok(dict.incr_async(&key, by)))
        },
        |sum, result| {
            result.number = sum;
            Ok(())
        },
    )
}

/// `dictsqlite_expire` without blocking; the result's `number` is 0 or 1.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_expire_async(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    ttl: i64,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let (key, ttl) = (key.read()?, open::ttl(ttl)?);
            DICTS.with(dict.id, |dict| Ok(dict.expire_async(&key, ttl)))
        },
        |found, result| {
            result.number = i64::from(found);
            Ok(())
        },
    )
}

/// `dictsqlite_clear` without blocking; the result's `number` is how many rows were removed.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_clear_async(
    dict: dictsqlite_dict,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || DICTS.with(dict.id, |dict| Ok(dict.clear_async())),
        |removed, result| {
            result.number = removed.cast_signed();
            Ok(())
        },
    )
}
