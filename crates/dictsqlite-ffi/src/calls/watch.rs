//! Watching keys: their state, not events.

use std::mem::MaybeUninit;
use std::sync::Arc;

use dictsqlite_core::Watch;

use super::DICTS;
use super::changes::limit;
use crate::guard::{give, guard};
use crate::handles::Table;
use crate::operation::Asked;
use crate::raw::{
    dictsqlite_call, dictsqlite_code, dictsqlite_dict, dictsqlite_error, dictsqlite_key,
    dictsqlite_key_list, dictsqlite_op, dictsqlite_page, dictsqlite_watch,
};

static WATCHES: Table<Watch> = Table::new("watch");

/// Watches `keys`, at most 10,000; without any, all keys with `prefix`, or with NULL all keys of the table, for which
/// it must log its changes. Gives what is there, and then what is different after later commits, by anybody: what
/// changes several times while nobody looks is given once.
///
/// `watch` is a handle, to be closed with `dictsqlite_watch_close`. It ends, with CLOSED, when `dict` is closed.
/// Errors: KEY_TYPE; INVALID for keys and a prefix, too many keys, or a table that does not log its changes; CLOSED; FULL
/// (65536 watches are open); as `dictsqlite_get`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_watch_begin(
    dict: dictsqlite_dict,
    keys: dictsqlite_key_list,
    prefix: Option<&dictsqlite_key>,
    watch: Option<&mut MaybeUninit<dictsqlite_watch>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(watch, error, || {
        let (keys, prefix) = (keys.read()?, prefix.map(dictsqlite_key::read_owned).transpose()?);
        let found = DICTS.with(dict.id, |dict| dict.watch(&keys, prefix.as_ref()))?;
        Ok(dictsqlite_watch { id: WATCHES.insert(Arc::new(found))? })
    })
}

/// Gives what is there, the first time, a page at a time; then what has changed since. The value of an item has NULL as
/// its `data` when there is no entry. Waits for at most `timeout_ms` milliseconds, below 0 without end; a page of none
/// says that the time has passed. Free it with `dictsqlite_page_free`.
/// Errors: as `dictsqlite_changes_next` and, the first time, `dictsqlite_flush`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_watch_next(
    watch: dictsqlite_watch,
    timeout_ms: i64,
    page: Option<&mut MaybeUninit<dictsqlite_page>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(page, error, || WATCHES.get(watch.id)?.next_page(limit(timeout_ms)))
}

/// `dictsqlite_watch_next` without blocking, and without a timeout; the result's `page`. Cancelled, nothing is lost.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_watch_next_async(
    watch: dictsqlite_watch,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || WATCHES.with(watch.id, |watch| Ok(watch.next_page_async())),
        |page, result| {
            result.page = page.into();
            Ok(())
        },
    )
}

/// Ends a watch; who waits for it is told CLOSED.
/// Errors: CLOSED if it is closed already, which does no harm.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_watch_close(
    watch: dictsqlite_watch,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || {
        let found = WATCHES.get(watch.id)?;
        WATCHES.remove(watch.id)?;
        found.close();
        Ok(())
    })
}
