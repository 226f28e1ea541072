//! Work on whole files: backups and their restoring, exports and imports, and the upkeep of a file.

use std::mem::MaybeUninit;
use std::path::PathBuf;

use dictsqlite_core::{
    BackupOptions, ExportOptions, ImportOptions, Key, Progress, RestoreOptions, Result,
};

use super::DICTS;
use crate::guard::give;
use crate::raw::{
    dictsqlite_backup_options, dictsqlite_checkpointed, dictsqlite_code, dictsqlite_dict,
    dictsqlite_error, dictsqlite_export_options, dictsqlite_import_options, dictsqlite_imported,
    dictsqlite_key, dictsqlite_problems, dictsqlite_progress, dictsqlite_restore_options,
    dictsqlite_string, dictsqlite_vacuumed, dictsqlite_warmed,
};

/// Where a backup goes, and how.
pub(super) fn backup(
    dest: &dictsqlite_string,
    options: Option<&dictsqlite_backup_options>,
) -> Result<(PathBuf, BackupOptions)> {
    let options = options.map(dictsqlite_backup_options::read).unwrap_or_default();
    Ok((dest.read_path("dest")?, options))
}

/// What is restored, where it goes, and how.
pub(super) fn restore(
    source: &dictsqlite_string,
    path: &dictsqlite_string,
    options: Option<&dictsqlite_restore_options>,
) -> Result<(PathBuf, PathBuf, RestoreOptions)> {
    let options = options.map(dictsqlite_restore_options::read).unwrap_or_default();
    Ok((source.read_path("source")?, path.read_path("path")?, options))
}

/// Where an export goes, and how.
pub(super) fn export(
    dest: &dictsqlite_string,
    options: Option<&dictsqlite_export_options>,
) -> Result<(PathBuf, ExportOptions)> {
    let options = options.map(dictsqlite_export_options::read).transpose()?;
    Ok((dest.read_path("dest")?, options.unwrap_or_default()))
}

/// What is imported, and how.
pub(super) fn import(
    source: &dictsqlite_string,
    options: Option<&dictsqlite_import_options>,
) -> Result<(PathBuf, ImportOptions)> {
    let options = options.map(dictsqlite_import_options::read).transpose()?;
    Ok((source.read_path("source")?, options.unwrap_or_default()))
}

/// What is warmed, and who is told.
pub(super) fn warm(
    prefix: Option<&dictsqlite_key>,
    progress: Option<&dictsqlite_progress>,
) -> Result<(Option<Key>, Progress)> {
    let progress = progress.map(dictsqlite_progress::read).unwrap_or_default();
    Ok((prefix.map(dictsqlite_key::read_owned).transpose()?, progress))
}

/// Copies the store, all its tables, to a file of its own at `dest`, while it goes on being read and written; `options`
/// may be NULL. The copy is of one moment, which every write acknowledged before is part of. It is a store like any other.
/// `bytes` is its size. It is written beside its place, synced, and then put there in one step: cancelled or failed, it
/// leaves nothing. Takes as long as the store is large.
/// Errors: INVALID when something is at `dest` and may not be replaced; BUSY when that is an open store; CANCELLED by the
/// progress callback; FULL, IO, CORRUPT, CLOSED; as `dictsqlite_flush` when what is pending cannot be committed.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_backup(
    dict: dictsqlite_dict,
    dest: dictsqlite_string,
    options: Option<&dictsqlite_backup_options>,
    bytes: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(bytes, error, || {
        let (dest, options) = backup(&dest, options)?;
        Ok(DICTS.get(dict.id)?.backup(dest, &options)?.bytes)
    })
}

/// Puts a copy of the store `source` at `path`, where nobody may have a store open; `options` may be NULL. `bytes` is its
/// size. The copy is checked, and what was at `path` stays until it is whole. The source is only read. Needs no handle.
/// Errors: INVALID when something is at `path` and may not be replaced; BUSY when a store is open there; CORRUPT when the
/// source is damaged; CANCELLED by the progress callback; UNSUPPORTED, FULL, IO.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_restore(
    source: dictsqlite_string,
    path: dictsqlite_string,
    options: Option<&dictsqlite_restore_options>,
    bytes: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(bytes, error, || {
        let (source, path, options) = restore(&source, &path, options)?;
        Ok(dictsqlite_core::restore(source, path, &options)?.bytes)
    })
}

/// Writes entries, as of one moment, to a file that is no database, which `dictsqlite_import` reads; `options` may be
/// NULL. `count` is how many. Versions are not part of it. It is put in its place in one step, as by `dictsqlite_backup`.
/// Errors: INVALID for a table that is not there; CODEC for what another tool wrote and the table's codec cannot read;
/// KEY_TYPE for a prefix that is none; else as `dictsqlite_backup`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_export(
    dict: dictsqlite_dict,
    dest: dictsqlite_string,
    options: Option<&dictsqlite_export_options>,
    count: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(count, error, || {
        let (dest, options) = export(&dest, options)?;
        DICTS.get(dict.id)?.export(dest, &options)
    })
}

/// Reads an export, of either format, into this store; `options` may be NULL. Every entry goes to the table it came from,
/// whichever table `dict` is on; those that are missing are made. The file is read to its end before anything is written.
/// Then, with `DICTSQLITE_IMPORT_REPLACE`, entries are written in units of at most 1000, and one by one otherwise: what
/// goes wrong or is cancelled from then on leaves those that were written, and the error says how many.
/// Errors: CORRUPT, naming the line, for a file that is no export or is damaged; CODEC for a table with another codec;
/// CONFLICT, naming the key, with `DICTSQLITE_IMPORT_ERROR`; CANCELLED by the progress callback; READ_ONLY, BUSY,
/// TIMEOUT, FULL, IO, CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_import(
    dict: dictsqlite_dict,
    source: dictsqlite_string,
    options: Option<&dictsqlite_import_options>,
    imported: Option<&mut MaybeUninit<dictsqlite_imported>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(imported, error, || {
        let (source, options) = import(&source, options)?;
        DICTS.get(dict.id)?.import(source, &options)
    })
}

/// Reads entries into the cache until it is full: those with `prefix` in key order, or with NULL all of the table in
/// insertion order. `progress` may be NULL; it counts entries.
/// Errors: KEY_TYPE for a prefix that is none; CANCELLED by the progress callback; as `dictsqlite_get`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_warm(
    dict: dictsqlite_dict,
    prefix: Option<&dictsqlite_key>,
    progress: Option<&dictsqlite_progress>,
    warmed: Option<&mut MaybeUninit<dictsqlite_warmed>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(warmed, error, || {
        let (prefix, progress) = warm(prefix, progress)?;
        DICTS.get(dict.id)?.warm(prefix.as_ref(), &progress)
    })
}

/// Writes the database anew, without the room that deleted entries left. Writes are accepted meanwhile and committed
/// afterwards. Needs room on the disk for two copies while it works. What is cached has to be read again.
/// Errors: BUSY when another connection has the lock until the timeout; READ_ONLY, FULL, IO, CORRUPT, CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_vacuum(
    dict: dictsqlite_dict,
    vacuumed: Option<&mut MaybeUninit<dictsqlite_vacuumed>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(vacuumed, error, || DICTS.get(dict.id)?.vacuum(&Progress::new()))
}

/// Commits what is pending, moves the write-ahead log into the database and empties it, as far as readers allow. The
/// store does so by itself; this is for who copies or measures the file. Waits up to the timeout.
/// Errors: BUSY, READ_ONLY, FULL, IO, CLOSED; as `dictsqlite_flush`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_checkpoint(
    dict: dictsqlite_dict,
    done: Option<&mut MaybeUninit<dictsqlite_checkpointed>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(done, error, || DICTS.get(dict.id)?.checkpoint())
}

/// Reads all of the file and gives what is wrong with it, in SQLite's terms and in ours. Free it with
/// `dictsqlite_problems_free`. Damage is no error but a problem.
/// Errors: as `dictsqlite_get`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_integrity_check(
    dict: dictsqlite_dict,
    problems: Option<&mut MaybeUninit<dictsqlite_problems>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(problems, error, || DICTS.get(dict.id)?.integrity_check(&Progress::new()))
}
