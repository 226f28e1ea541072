//! Checks and writes that are one unit.

use std::mem::MaybeUninit;

use dictsqlite_core::{Atomic, Completion, Dict, Result, Value};

use super::DICTS;
use crate::guard::give;
use crate::open;
use crate::operation::Asked;
use crate::raw::{
    DICTSQLITE_TTL_DEFAULT, Write, dictsqlite_call, dictsqlite_check_list, dictsqlite_code,
    dictsqlite_dict, dictsqlite_error, dictsqlite_op, dictsqlite_write_list,
};

/// What C handed over, as the engine gathers it.
fn gathered<'a>(
    dict: &'a Dict,
    checks: &dictsqlite_check_list,
    writes: &dictsqlite_write_list,
) -> Result<Atomic<'a>> {
    let mut atomic = dict.atomic();
    for (key, version) in checks.read()? {
        atomic.check(&key, version)?;
    }
    for write in writes.read()? {
        match write {
            Write::Set(key, value, ttl) => {
                let ttl = open::ttl(if ttl == 0 { DICTSQLITE_TTL_DEFAULT } else { ttl })?;
                dict.check_value(value)?;
                atomic.set_encoded(&key, Value::from(value), ttl)?;
            }
            Write::Incr(key, by) => drop(atomic.incr(&key, by)?),
            Write::Delete(key) => drop(atomic.delete(&key)?),
        }
    }
    Ok(atomic)
}

/// Does all writes, in order, if every key of `checks` has its version; or nothing. Waits for its commit. `version` gets
/// the number of the last operation, which is the version of what was written last; it may be NULL.
/// Errors: CONFLICT, naming the key, when a check does not hold; CODEC and INVALID when something cannot be counted;
/// then nothing was done. Else as `dictsqlite_set_ttl`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_atomic(
    dict: dictsqlite_dict,
    checks: dictsqlite_check_list,
    writes: dictsqlite_write_list,
    version: Option<&mut MaybeUninit<i64>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    let mut unwanted = MaybeUninit::uninit();
    give(Some(version.unwrap_or(&mut unwanted)), error, || {
        DICTS.get(dict.id).and_then(|dict| gathered(&dict, &checks, &writes)?.commit())
    })
}

/// `dictsqlite_atomic` without blocking; the result's `number` is the number of the last operation.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_atomic_async(
    dict: dictsqlite_dict,
    checks: dictsqlite_check_list,
    writes: dictsqlite_write_list,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || -> Result<Completion<i64>> {
            DICTS.with(dict.id, |dict| Ok(gathered(dict, &checks, &writes)?.commit_async()))
        },
        |version, result| {
            result.number = version;
            Ok(())
        },
    )
}
