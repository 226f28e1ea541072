//! Reading and writing in a transaction.

use std::mem::MaybeUninit;

use dictsqlite_core::Value;

use super::tx::TXS;
use crate::guard::{give, guard};
use crate::open;
use crate::raw::{
    dictsqlite_code, dictsqlite_entry, dictsqlite_error, dictsqlite_key, dictsqlite_slice,
    dictsqlite_tx, dictsqlite_value,
};

/// Gives the value of `key` as the transaction sees it: its own write, or else what its snapshot has. As
/// `dictsqlite_get` else.
/// Errors: as `dictsqlite_get`; CLOSED when the transaction is over or closed, TIMEOUT when it was open for too long,
/// INVALID on another thread than the one it belongs to.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_get(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    value: Option<&mut MaybeUninit<dictsqlite_value>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(value, error, || {
        let key = key.read()?;
        TXS.with(tx.id, |held| held.tx.get(&key))
    })
}

/// Says whether there is an entry for `key`.
/// Errors: as `dictsqlite_tx_get`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_contains(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    found: Option<&mut MaybeUninit<bool>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(found, error, || {
        let key = key.read()?;
        TXS.with(tx.id, |held| held.tx.contains(&key))
    })
}

/// Gives the value of `key` with its version (0 when it was written in this transaction) and expiry. Free it with
/// `dictsqlite_entry_free`.
/// Errors: as `dictsqlite_tx_get`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_get_entry(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    entry: Option<&mut MaybeUninit<dictsqlite_entry>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(entry, error, || {
        let key = key.read()?;
        TXS.with(tx.id, |held| held.tx.entry(&key))
    })
}

/// Gives the number of entries.
/// Errors: as `dictsqlite_tx_get`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_len(
    tx: dictsqlite_tx,
    len: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(len, error, || TXS.get(tx.id)?.tx.len())
}

/// Sets `key` to `value`, which is copied. `ttl` as for `dictsqlite_set_ttl`. Never waits.
/// Errors: KEY_TYPE, CODEC, INVALID for another `ttl`, READ_ONLY in a transaction that only reads; else as
/// `dictsqlite_tx_get`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_set(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    value: dictsqlite_slice,
    ttl: i64,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || {
        let (key, value, ttl) = (key.read()?, value.read("value")?, open::ttl(ttl)?);
        TXS.with(tx.id, |held| held.tx.set_with_ttl(&key, value, ttl))
    })
}

/// Deletes `key`, whether it is there or not. Never waits.
/// Errors: as `dictsqlite_tx_set`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_delete(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || {
        let key = key.read()?;
        TXS.with(tx.id, |held| held.tx.delete(&key))
    })
}

/// Deletes `key` and says whether it was there.
/// Errors: as `dictsqlite_tx_set`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_remove(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    removed: Option<&mut MaybeUninit<bool>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(removed, error, || {
        let key = key.read()?;
        TXS.with(tx.id, |held| held.tx.remove(&key))
    })
}

/// Removes an entry and gives it, as `dictsqlite_pop` does.
/// Errors: as `dictsqlite_tx_set`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_pop(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    entry: Option<&mut MaybeUninit<dictsqlite_entry>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(entry, error, || {
        let key = key.read()?;
        TXS.with(tx.id, |held| held.tx.pop(&key))
    })
}

/// Gives the entry of `key` if there is one; else sets it to `value`, as `dictsqlite_set_default` does.
/// Errors: as `dictsqlite_tx_set`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_set_default(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    value: dictsqlite_slice,
    ttl: i64,
    existing: Option<&mut MaybeUninit<dictsqlite_entry>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(existing, error, || {
        let (key, value, ttl) = (key.read()?, value.read("value")?, open::ttl(ttl)?);
        TXS.with(tx.id, |held| held.tx.set_default(&key, Value::from(value), ttl))
    })
}

/// Adds `by` to an integer and gives the sum, as `dictsqlite_incr` does.
/// Errors: CODEC when the value is no integer, INVALID when the sum does not fit 64 bits; else as `dictsqlite_tx_set`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_incr(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    by: i64,
    sum: Option<&mut MaybeUninit<i64>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(sum, error, || {
        let key = key.read()?;
        TXS.with(tx.id, |held| held.tx.incr(&key, by))
    })
}

/// Changes when an entry expires and leaves its value; `found` is false when there is none.
/// Errors: as `dictsqlite_tx_set`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_expire(
    tx: dictsqlite_tx,
    key: dictsqlite_key,
    ttl: i64,
    found: Option<&mut MaybeUninit<bool>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(found, error, || {
        let (key, ttl) = (key.read()?, open::ttl(ttl)?);
        TXS.with(tx.id, |held| held.tx.expire(&key, ttl))
    })
}

/// Deletes every entry of the table, one by one, and gives how many those were.
/// Errors: as `dictsqlite_tx_set`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_clear(
    tx: dictsqlite_tx,
    removed: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(removed, error, || TXS.get(tx.id)?.tx.clear())
}
