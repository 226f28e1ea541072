//! Transactions without blocking. What never waits (setting, deleting, savepoints, rolling back, closing) has
//! no such form.

use std::mem::MaybeUninit;

use dictsqlite_core::Value;

use super::DICTS;
use super::store::storage;
use super::tx::{TXS, handle, options_of};
use crate::open;
use crate::operation::Asked;
use crate::raw::{
    dictsqlite_call, dictsqlite_code, dictsqlite_dict, dictsqlite_error, dictsqlite_key,
    dictsqlite_op, dictsqlite_slice, dictsqlite_string, dictsqlite_tx, dictsqlite_tx_options,
};

/// `dictsqlite_tx_begin` without blocking; the result's `tx`. The transaction belongs to no thread: any one may use
/// it, one at a time. So nobody is told who uses the dict while an immediate one is open: writes wait for it, up
/// to their timeout. Cancelled, an immediate one leaves the queue for the write lock.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_begin_async(
    dict: dictsqlite_dict,
    options: Option<&dictsqlite_tx_options>,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let options = options_of(options)?;
            DICTS.with(dict.id, |dict| Ok(dict.transaction_async(&options)))
        },
        |tx, result| {
            result.tx = handle(tx, true)?;
            Ok(())
        },
    )
}

/// `dictsqlite_tx_table` without blocking; the result's `tx`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_table_async(
    tx: dictsqlite_tx,
    name: dictsqlite_string,
    storage_mode: dictsqlite_string,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let (name, storage) = (name.read("name")?, storage(&storage_mode)?);
            TXS.with(tx.id, |held| Ok(held.tx.table_async(name, storage)))
        },
        |tx, result| {
            result.tx = handle(tx, false)?;
            Ok(())
        },
    )
}

/// `dictsqlite_tx_get` without blocking; the result's `value`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_get_async(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.read(
        || {
            let key = key.read()?;
            TXS.with(tx.id, |held| Ok(held.tx.get_async(&key)))
        },
        |value, result| {
            result.value = value.into();
            Ok(())
        },
    )
}

/// `dictsqlite_tx_contains` without blocking; the result's `number` is 0 or 1.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_contains_async(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.read(
        || {
            let key = key.read()?;
            TXS.with(tx.id, |held| Ok(held.tx.contains_async(&key)))
        },
        |found, result| {
            result.number = i64::from(found);
            Ok(())
        },
    )
}

/// `dictsqlite_tx_get_entry` without blocking; the result's `entry`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_get_entry_async(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.read(
        || {
            let key = key.read()?;
            TXS.with(tx.id, |held| Ok(held.tx.entry_async(&key)))
        },
        |entry, result| {
            result.entry = entry.into();
            Ok(())
        },
    )
}

/// `dictsqlite_tx_len` without blocking; the result's `number`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_len_async(
    tx: dictsqlite_tx,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.read(
        || TXS.with(tx.id, |held| Ok(held.tx.len_async())),
        |len, result| {
            result.number = len.cast_signed();
            Ok(())
        },
    )
}

/// `dictsqlite_tx_remove` without blocking; the result's `number` is 0 or 1.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_remove_async(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let key = key.read()?;
            TXS.with(tx.id, |held| Ok(held.tx.remove_async(&key)))
        },
        |removed, result| {
            result.number = i64::from(removed);
            Ok(())
        },
    )
}

/// `dictsqlite_tx_pop` without blocking; the result's `entry`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_pop_async(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let key = key.read()?;
            TXS.with(tx.id, |held| Ok(held.tx.pop_async(&key)))
        },
        |entry, result| {
            result.entry = entry.into();
            Ok(())
        },
    )
}

/// `dictsqlite_tx_set_default` without blocking; the result's `entry`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_set_default_async(
    tx: dictsqlite_tx,
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
            TXS.with(tx.id, |held| Ok(held.tx.set_default_async(&key, value, ttl)))
        },
        |entry, result| {
            result.entry = entry.into();
            Ok(())
        },
    )
}

/// `dictsqlite_tx_incr` without blocking; the result's `number` is the sum.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_incr_async(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    by: i64,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let key = key.read()?;
            TXS.with(tx.id, |held| Ok(held.tx.incr_async(&key, by)))
        },
        |sum, result| {
            result.number = sum;
            Ok(())
        },
    )
}

/// `dictsqlite_tx_expire` without blocking; the result's `number` is 0 or 1.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_expire_async(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    ttl: i64,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let (key, ttl) = (key.read()?, open::ttl(ttl)?);
            TXS.with(tx.id, |held| Ok(held.tx.expire_async(&key, ttl)))
        },
        |found, result| {
            result.number = i64::from(found);
            Ok(())
        },
    )
}

/// `dictsqlite_tx_clear` without blocking; the result's `number` is how many were deleted.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_clear_async(
    tx: dictsqlite_tx,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || TXS.with(tx.id, |held| Ok(held.tx.clear_async())),
        |removed, result| {
            result.number = removed.cast_signed();
            Ok(())
        },
    )
}

/// `dictsqlite_tx_commit` without blocking; the result's `number` is the number of its last operation.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_commit_async(
    tx: dictsqlite_tx,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || TXS.with(tx.id, |held| Ok(held.tx.commit_async())),
        |version, result| {
            result.number = version;
            Ok(())
        },
    )
}
