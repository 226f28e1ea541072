//! Transactions: their beginning, their end, and what they are made of.

use std::mem::MaybeUninit;
use std::sync::Arc;

use dictsqlite_core::{Result, ScanOptions, Transaction, TransactionOptions};

use super::DICTS;
use super::scan::{Pages, begun};
use super::store::storage;
use crate::guard::{give, guard};
use crate::handles::Table;
use crate::open;
use crate::raw::{
    dictsqlite_code, dictsqlite_dict, dictsqlite_error, dictsqlite_scan, dictsqlite_scan_options,
    dictsqlite_string, dictsqlite_tx, dictsqlite_tx_options,
};

/// The transactions that C has handles on.
pub(super) static TXS: Table<Held> = Table::new("transaction");

/// A handle on a transaction, on one of its tables.
pub(super) struct Held {
    pub(super) tx: Transaction,
    /// The one that it was begun with.
    first: bool,
}

/// A handle for a transaction on a table whose codec C can write.
pub(super) fn handle(tx: Transaction, first: bool) -> Result<dictsqlite_tx> {
    open::check_storage(tx.storage_mode())?;
    Ok(dictsqlite_tx { id: TXS.insert(Arc::new(Held { tx, first }))? })
}

/// The engine's options.
pub(super) fn options_of(options: Option<&dictsqlite_tx_options>) -> Result<TransactionOptions> {
    options.map(dictsqlite_tx_options::read).transpose().map(Option::unwrap_or_default)
}

/// Begins a transaction, as a dict on the table of `dict`; `dictsqlite_tx_table` gives it on the others. It sees every
/// write that was acknowledged before, and nobody sees its own before `dictsqlite_tx_commit`. `options` may be NULL.
/// It belongs to the calling thread: others get INVALID. While an immediate one is open, its thread gets INVALID
/// for using the dict itself. May wait up to the timeout.
///
/// `tx` is a handle, to be closed with `dictsqlite_tx_close`, after the commit as well; not committed by then, it is
/// rolled back. It is rolled back as well when it was open for longer than `max_hold`: then it gives TIMEOUT.
/// Errors: INVALID (options; an immediate transaction of this thread is open), TIMEOUT and BUSY (pending writes could
/// not be committed, or the write lock not be had, in time), CLOSED, IO, FULL (65536 are open).
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_begin(
    dict: dictsqlite_dict,
    options: Option<&dictsqlite_tx_options>,
    tx: Option<&mut MaybeUninit<dictsqlite_tx>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(tx, error, || {
        let options = options_of(options)?;
        handle(DICTS.get(dict.id)?.transaction(&options)?, true)
    })
}

/// Gives the same transaction on another table, which must have the codec `storage_mode`; NULL takes the one that it
/// has. A concurrent transaction makes a table that is missing, with that codec or the one of this table, at once and
/// whether it is committed or not. `table` is a handle, to be closed with `dictsqlite_tx_close`, which ends nothing else.
/// Errors: CODEC when the table has another codec, INVALID when it is missing and cannot be made here; else as
/// `dictsqlite_tx_get`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_table(
    tx: dictsqlite_tx,
    name: dictsqlite_string,
    storage_mode: dictsqlite_string,
    table: Option<&mut MaybeUninit<dictsqlite_tx>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(table, error, || {
        let (name, storage) = (name.read("name")?, storage(&storage_mode)?);
        handle(TXS.get(tx.id)?.tx.table(name, storage)?, false)
    })
}

/// Begins a scan in the transaction: of its snapshot, with its own writes; those have version 0. As
/// `dictsqlite_scan_begin` else; CONSISTENT changes nothing.
/// Errors: KEY_TYPE for a prefix or bound that is no key, FULL (65536 scans are open); else as `dictsqlite_tx_get`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_scan_begin(
    tx: dictsqlite_tx,
    options: Option<&dictsqlite_scan_options>,
    scan: Option<&mut MaybeUninit<dictsqlite_scan>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(scan, error, || {
        let options = options.map(dictsqlite_scan_options::read).transpose()?;
        let options: ScanOptions = options.unwrap_or_default();
        begun(Pages::Tx(TXS.with(tx.id, |held| held.tx.scan(&options))?))
    })
}

/// Marks what was written so far; `savepoint` is the mark's number. Never waits.
/// Errors: as `dictsqlite_tx_rollback`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_savepoint(
    tx: dictsqlite_tx,
    savepoint: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(savepoint, error, || TXS.with(tx.id, |held| held.tx.savepoint()))
}

/// Takes back everything that was written since a savepoint, which stays, and forgets the ones after it. Never waits.
/// Errors: INVALID when there is no such savepoint; else as `dictsqlite_tx_rollback`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_rollback_to(
    tx: dictsqlite_tx,
    savepoint: u64,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || TXS.with(tx.id, |held| held.tx.rollback_to(savepoint)))
}

/// Forgets a savepoint and the ones after it; what was written stays. Never waits.
/// Errors: as `dictsqlite_tx_rollback_to`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_release(
    tx: dictsqlite_tx,
    savepoint: u64,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || TXS.with(tx.id, |held| held.tx.release(savepoint)))
}

/// Commits: all of it is committed (and synced, in `durable`) when this returns. `version` gets the number of its last
/// operation, which is the version of what was written last, and 0 when nothing was written; it may be NULL. The
/// handle stays, to be closed.
/// Errors: CONFLICT, naming the key where it is one, when somebody else has changed what it has read, or what it
/// writes: begin another one. TIMEOUT, BUSY, FULL, IO when it could not be committed in time. In all of these nothing
/// of it was written, and it is over. Else as `dictsqlite_tx_rollback`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_commit(
    tx: dictsqlite_tx,
    version: Option<&mut MaybeUninit<i64>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    let mut unwanted = MaybeUninit::uninit();
    give(Some(version.unwrap_or(&mut unwanted)), error, || TXS.get(tx.id)?.tx.commit())
}

/// Gives up everything that was written in it. The handle stays, to be closed. Never waits.
/// Errors: CLOSED when it is over or closed already, TIMEOUT when it was open for too long, INVALID on another
/// thread than the one it belongs to.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_rollback(
    tx: dictsqlite_tx,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || TXS.with(tx.id, |held| held.tx.rollback()))
}

/// True for a transaction that was neither committed nor rolled back, and whose time is not up. Never waits.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_is_open(tx: dictsqlite_tx) -> bool {
    TXS.with(tx.id, |held| Ok(held.tx.is_open())).unwrap_or(false)
}

/// Closes the handle of a transaction, from any thread; what was not committed is rolled back. The handle of another
/// table (`dictsqlite_tx_table`) is closed alone.
/// Errors: CLOSED if it is closed already, which does no harm.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tx_close(
    tx: dictsqlite_tx,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || {
        let held = TXS.get(tx.id)?;
        TXS.remove(tx.id)?;
        if held.first {
            held.tx.abandon();
        }
        Ok(())
    })
}
