//! The change log, and streams of what is in it.

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::Duration;

use dictsqlite_core::{ChangeRetention, Changes, ChangesOptions, Dict};

use super::DICTS;
use crate::guard::{give, guard};
use crate::handles::Table;
use crate::operation::Asked;
use crate::raw::{
    dictsqlite_call, dictsqlite_change_page, dictsqlite_change_stream, dictsqlite_changes_options,
    dictsqlite_code, dictsqlite_dict, dictsqlite_error, dictsqlite_op,
};

static STREAMS: Table<Changes> = Table::new("stream");

/// How long to wait, as C says it: below 0 without end.
pub(super) fn limit(timeout_ms: i64) -> Option<Duration> {
    u64::try_from(timeout_ms).ok().map(Duration::from_millis)
}

fn retention(count: Option<&u64>, age_ms: Option<&u64>) -> ChangeRetention {
    let age = age_ms.copied().map(Duration::from_millis);
    ChangeRetention { count: count.copied(), age }
}

/// Has the changes of the table logged from now on, whoever makes them, in the same commit; the file records it. Of
/// the store's log the newest `count` changes are kept, and no older ones than `age_ms` milliseconds; NULL leaves a
/// limit as it is, and a new log keeps a million changes of the last seven days. May be called again. Waits for its
/// commit. A write costs two to three times as much at the writer, and the file grows by the log.
/// Errors: INVALID for a limit of 0, READ_ONLY, BUSY, TIMEOUT, FULL, IO, CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_enable_changes(
    dict: dictsqlite_dict,
    count: Option<&u64>,
    age_ms: Option<&u64>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || DICTS.get(dict.id)?.enable_changes(retention(count, age_ms)))
}

/// `dictsqlite_enable_changes` without blocking.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_enable_changes_async(
    dict: dictsqlite_dict,
    count: Option<&u64>,
    age_ms: Option<&u64>,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let kept = retention(count, age_ms);
            DICTS.with(dict.id, |dict| Ok(dict.enable_changes_async(kept)))
        },
        |(), _| Ok(()),
    )
}

/// Says whether the changes of the table are logged.
/// Errors: as `dictsqlite_get`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_has_changes(
    dict: dictsqlite_dict,
    logged: Option<&mut MaybeUninit<bool>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(logged, error, || DICTS.with(dict.id, |dict| dict.has_changes()))
}

/// `dictsqlite_has_changes` without blocking; the result's `number` is 0 or 1.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_has_changes_async(
    dict: dictsqlite_dict,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.read(
        || DICTS.with(dict.id, |dict| Ok(dict.run_async(Dict::has_changes))),
        |logged, result| {
            result.number = i64::from(logged);
            Ok(())
        },
    )
}

/// Begins a stream of the store's changes, as they are committed by anybody; `options` may be NULL. What was accepted
/// and is not committed yet is committed by `dictsqlite_flush`. Nothing is held while nobody waits, and at most a page
/// in memory.
///
/// `stream` is a handle, to be closed with `dictsqlite_changes_close`. It ends, with CLOSED, when `dict` is closed.
/// Errors: INVALID when no such table logs its changes, when `since` is no number of this store, and when changes after
/// it were removed already (`dictsqlite_error_is_history_truncated`); KEY_TYPE for a prefix that is none; CLOSED; FULL
/// (65536 streams are open); as `dictsqlite_get`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_changes_begin(
    dict: dictsqlite_dict,
    options: Option<&dictsqlite_changes_options>,
    stream: Option<&mut MaybeUninit<dictsqlite_change_stream>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(stream, error, || {
        let options = options.map(dictsqlite_changes_options::read).transpose()?;
        let options: ChangesOptions = options.unwrap_or_default();
        let changes = DICTS.with(dict.id, |dict| dict.changes(&options))?;
        Ok(dictsqlite_change_stream { id: STREAMS.insert(Arc::new(changes))? })
    })
}

/// Gives the next changes, at most about a thousand. Waits for one for at most `timeout_ms` milliseconds, below 0
/// without end; a page of none says that the time has passed. Free it with `dictsqlite_change_page_free`. It stays
/// valid when the stream is closed. Of several threads that wait each page goes to one.
/// Errors: CLOSED, also when the stream or its dict is closed meanwhile; INVALID when changes were removed from the log
/// before they were read (`dictsqlite_error_is_history_truncated`); as `dictsqlite_get`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_changes_next(
    stream: dictsqlite_change_stream,
    timeout_ms: i64,
    page: Option<&mut MaybeUninit<dictsqlite_change_page>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(page, error, || STREAMS.get(stream.id)?.next_page(limit(timeout_ms)))
}

/// `dictsqlite_changes_next` without blocking, and without a timeout; the result's `changes`. Cancelled, nothing is
/// lost: the changes come with the next page.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_changes_next_async(
    stream: dictsqlite_change_stream,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || STREAMS.with(stream.id, |changes| Ok(changes.next_page_async())),
        |page, result| {
            result.changes = page.into();
            Ok(())
        },
    )
}

/// Gives the number up to which everything was given out, or passed over by the options: as `since` it goes on from
/// here. It may be above the last change's number. Never waits.
/// Errors: CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_changes_position(
    stream: dictsqlite_change_stream,
    position: Option<&mut MaybeUninit<i64>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(position, error, || STREAMS.with(stream.id, |changes| Ok(changes.position())))
}

/// Ends a stream; who waits for it is told CLOSED.
/// Errors: CLOSED if it is closed already, which does no harm.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_changes_close(
    stream: dictsqlite_change_stream,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || {
        let changes = STREAMS.get(stream.id)?;
        STREAMS.remove(stream.id)?;
        changes.close();
        Ok(())
    })
}
