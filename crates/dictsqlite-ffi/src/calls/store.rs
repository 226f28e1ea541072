//! Opening, tables, flushing, closing, figures.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use std::path::PathBuf;
use std::ptr::NonNull;
use std::sync::Arc;

use dictsqlite_core::{Dict, Error, ErrorKind, Result, StorageMode};

use super::DICTS;
use crate::guard::{give, guard, null};
use crate::raw::{
    dictsqlite_code, dictsqlite_dict, dictsqlite_error, dictsqlite_info, dictsqlite_option_list,
    dictsqlite_stats, dictsqlite_string, dictsqlite_tables,
};
use crate::{exit, open};

/// The version of the library, as `"1.2.3"`. Static.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}

/// Opens the file at `path` (on Unix any bytes that end with NUL), which is made when it is missing, and a table in it (`table`, or `main`).
/// `":memory:"` is a private in-memory store. Opening a file again gives another handle on the same store.
/// The options are named as in every language: `persist_mode` (memory, lazy, writethrough, durable),
/// `storage_mode` (bytes, json, jsonb), `table`, `buffer_size`, `flush_interval` (s), `cache_bytes`,
/// `hot_capacity`, `timeout` (s), `ttl` (s), `read_only`, `adopt`, `memtable_bytes`, `changes`.
///
/// `dict` is a handle to be closed with `dictsqlite_close`; what the process has open when it exits is
/// flushed then, within 10 s. May wait for locks up to `timeout`.
/// Errors: INVALID (options), UNSUPPORTED (not our file, or a newer one), CODEC (the table has another
/// codec), BUSY, IO, CORRUPT, READ_ONLY, FULL (65536 handles are open).
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_open(
    path: dictsqlite_string,
    options: dictsqlite_option_list,
    dict: Option<&mut MaybeUninit<dictsqlite_dict>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(dict, error, || {
        let (path, options) = (path_of(&path)?, open::options(&options.read()?)?);
        exit::watch();
        handle(Dict::open(path, &options)?)
    })
}

/// The path of a file; an empty one would be a file that SQLite deletes.
pub(super) fn path_of(path: &dictsqlite_string) -> Result<PathBuf> {
    let path = path.read_path("path")?;
    if path.as_os_str().is_empty() {
        let message = "path is empty; give one, or \":memory:\"";
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    Ok(path)
}

/// A handle for a dict whose codec C can write.
pub(super) fn handle(dict: Dict) -> Result<dictsqlite_dict> {
    open::check_storage(dict.storage_mode())?;
    Ok(dictsqlite_dict { id: DICTS.insert(Arc::new(dict))? })
}

/// A codec by its name; NULL for the one that the table has.
pub(super) fn storage(name: &dictsqlite_string) -> Result<Option<StorageMode>> {
    name.read_optional("storage_mode")?.map(open::storage_mode).transpose()
}

/// Opens a handle on another table of the same store, with the options of `dict`. A new table is made with
/// the codec `storage_mode`; NULL takes the one the table has, or that of `dict`.
///
/// `table` is a handle of its own, to be closed with `dictsqlite_close`. May wait up to the timeout.
/// Errors: as `dictsqlite_open`, and CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_open_table(
    dict: dictsqlite_dict,
    name: dictsqlite_string,
    storage_mode: dictsqlite_string,
    table: Option<&mut MaybeUninit<dictsqlite_dict>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(table, error, || {
        let (name, storage) = (name.read("name")?, storage(&storage_mode)?);
        DICTS.with(dict.id, |dict| handle(dict.table(name, storage)?))
    })
}

/// Gives the tables of the store, in the order of their names. Free it with `dictsqlite_tables_free`.
/// Errors: CLOSED, IO, CORRUPT.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_list_tables(
    dict: dictsqlite_dict,
    tables: Option<&mut MaybeUninit<dictsqlite_tables>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(tables, error, || DICTS.with(dict.id, |dict| dict.tables()))
}

/// Removes a table and all that is in it; `dropped` says whether there was one. Its handles, in every
/// thread, get CLOSED from then on. Waits for its commit, up to the timeout.
/// Errors: CLOSED, READ_ONLY, BUSY, TIMEOUT, FULL, IO.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_drop_table(
    dict: dictsqlite_dict,
    name: dictsqlite_string,
    dropped: Option<&mut MaybeUninit<bool>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(dropped, error, || {
        let name = name.read("name")?;
        DICTS.with(dict.id, |dict| dict.drop_table(name))
    })
}

/// Waits until every write accepted so far is committed; with `durable`, until it is synced as well. Up to
/// the timeout.
/// Errors: BUSY, FULL, IO, TIMEOUT (what was accepted is kept and tried again), CLOSED; a row that could
/// never be written and was dropped is told here once, by its key.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_flush(
    dict: dictsqlite_dict,
    durable: bool,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || {
        DICTS.with(dict.id, |dict| if durable { dict.flush_durable() } else { dict.flush() })
    })
}

/// Flushes and closes a handle; the last one closes the store. Calls of other threads that are under way
/// on it end as they would have, or with CLOSED. Waits up to the timeout, and no longer than 10 s.
/// Errors: as `dictsqlite_flush`; then the handle stays open, nothing is lost, and closing can be tried
/// again. CLOSED if it is closed already, which does no harm.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_close(
    dict: dictsqlite_dict,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || {
        let object = DICTS.get(dict.id)?;
        closed(dict.id, &object, object.close())
    })
}

/// Ends the handle if its dict is closed now.
pub(super) fn closed(id: u64, dict: &Dict, result: Result<()>) -> Result<()> {
    if dict.is_closed() {
        let ended = DICTS.remove(id);
        return result.and(ended);
    }
    result
}

/// True for a handle that is open. Never waits.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_is_open(dict: dictsqlite_dict) -> bool {
    DICTS.with(dict.id, |dict| Ok(!dict.is_closed())).unwrap_or(false)
}

/// Gives what the handle is: its table, codec, mode and file. Free it with `dictsqlite_info_free`. Never waits.
/// Errors: CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_read_info(
    dict: dictsqlite_dict,
    info: Option<&mut MaybeUninit<dictsqlite_info>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(info, error, || DICTS.with(dict.id, |dict| Ok(dictsqlite_info::from(&**dict))))
}

/// Gives the figures of the store. `size` is `sizeof(dictsqlite_stats)`: so programs built against an older
/// header get what they know. Never waits.
/// Errors: CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_read_stats(
    dict: dictsqlite_dict,
    stats: Option<NonNull<dictsqlite_stats>>,
    size: usize,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || {
        let out = stats.ok_or_else(|| null("stats"))?;
        let stats = DICTS.with(dict.id, |dict| dict.stats())?;
        dictsqlite_stats::from(stats).write(out, size);
        Ok(())
    })
}
