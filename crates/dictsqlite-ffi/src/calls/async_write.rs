//! Blind writes without blocking.

use std::mem::MaybeUninit;

use super::DICTS;
use crate::open;
use crate::operation::Asked;
use crate::raw::{
    dictsqlite_call, dictsqlite_code, dictsqlite_dict, dictsqlite_error, dictsqlite_key,
    dictsqlite_key_list, dictsqlite_op, dictsqlite_pair_list, dictsqlite_slice,
};

/// `dictsqlite_set_ttl` without blocking: done when the promise of the handle's persist mode is kept. Key and value are
/// copied before it returns.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_set_async(
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
            let (key, value, ttl) = (key.read()?, value.read("value")?, open::ttl(ttl)?);
            DICTS.with(dict.id, |dict| Ok(dict.set_async(&key, value, ttl)))
        },
        |(), _| Ok(()),
    )
}

/// `dictsqlite_delete` without blocking.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_delete_async(
    dict: dictsqlite_dict,
    key: dictsqlite_key,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let key = key.read()?;
            DICTS.with(dict.id, |dict| Ok(dict.delete_async(&key)))
        },
        |(), _| Ok(()),
    )
}

/// `dictsqlite_set_many` without blocking. Keys and values are copied before it returns.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_set_many_async(
    dict: dictsqlite_dict,
    items: dictsqlite_pair_list,
    ttl: i64,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let (items, ttl) = (items.read()?, open::ttl(ttl)?);
            DICTS.with(dict.id, |dict| Ok(dict.set_many_async(&items, ttl)))
        },
        |(), _| Ok(()),
    )
}

/// `dictsqlite_delete_many` without blocking.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_delete_many_async(
    dict: dictsqlite_dict,
    keys: dictsqlite_key_list,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let keys = keys.read()?;
            DICTS.with(dict.id, |dict| Ok(dict.delete_many_async(&keys)))
        },
        |(), _| Ok(()),
    )
}
