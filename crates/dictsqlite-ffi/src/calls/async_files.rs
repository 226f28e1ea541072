//! Work on whole files without blocking: a thread of its own does it, to its end or until it is cancelled.

use std::mem::MaybeUninit;

use dictsqlite_core::Progress;

use super::DICTS;
use super::files::{backup, export, import, restore, warm};
use crate::operation::Asked;
use crate::raw::{
    dictsqlite_backup_options, dictsqlite_call, dictsqlite_code, dictsqlite_dict, dictsqlite_error,
    dictsqlite_export_options, dictsqlite_import_options, dictsqlite_key, dictsqlite_op,
    dictsqlite_progress, dictsqlite_restore_options, dictsqlite_result, dictsqlite_string,
};

/// A count as a result has it.
fn counted(count: u64, result: &mut dictsqlite_result) -> dictsqlite_core::Result<()> {
    result.number = i64::try_from(count).unwrap_or(i64::MAX);
    Ok(())
}

/// `dictsqlite_backup` without blocking; the result's `number` is the bytes. Cancelled, it calls back when nothing of it
/// is left; that works until the copy is put in its place.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_backup_async(
    dict: dictsqlite_dict,
    dest: dictsqlite_string,
    options: Option<&dictsqlite_backup_options>,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let (dest, options) = backup(&dest, options)?;
            DICTS.with(dict.id, |dict| Ok(dict.backup_async(dest, &options)))
        },
        |copied, result| counted(copied.bytes, result),
    )
}

/// `dictsqlite_restore` without blocking; the result's `number` is the bytes. Cancelled as `dictsqlite_backup_async`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_restore_async(
    source: dictsqlite_string,
    path: dictsqlite_string,
    options: Option<&dictsqlite_restore_options>,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let (source, path, options) = restore(&source, &path, options)?;
            Ok(dictsqlite_core::restore_async(source, path, &options))
        },
        |copied, result| counted(copied.bytes, result),
    )
}

/// `dictsqlite_export` without blocking; the result's `number`. Cancelled as `dictsqlite_backup_async`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_export_async(
    dict: dictsqlite_dict,
    dest: dictsqlite_string,
    options: Option<&dictsqlite_export_options>,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let (dest, options) = export(&dest, options)?;
            DICTS.with(dict.id, |dict| Ok(dict.export_async(dest, &options)))
        },
        counted,
    )
}

/// `dictsqlite_import` without blocking; the result's `imported`. Cancelled, it leaves the entries that were written.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_import_async(
    dict: dictsqlite_dict,
    source: dictsqlite_string,
    options: Option<&dictsqlite_import_options>,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let (source, options) = import(&source, options)?;
            DICTS.with(dict.id, |dict| Ok(dict.import_async(source, &options)))
        },
        |imported, result| {
            result.imported = imported.into();
            Ok(())
        },
    )
}

/// `dictsqlite_warm` without blocking; the result's `warmed`. It can be cancelled.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_warm_async(
    dict: dictsqlite_dict,
    prefix: Option<&dictsqlite_key>,
    progress: Option<&dictsqlite_progress>,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let (prefix, progress) = warm(prefix, progress)?;
            DICTS.with(dict.id, |dict| Ok(dict.warm_async(prefix, &progress)))
        },
        |warmed, result| {
            result.warmed = warmed.into();
            Ok(())
        },
    )
}

/// `dictsqlite_vacuum` without blocking; the result's `vacuumed`. Cancelled, it leaves the database as it was, or, in the
/// last moment, the same without that room.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_vacuum_async(
    dict: dictsqlite_dict,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || DICTS.with(dict.id, |dict| Ok(dict.vacuum_async(&Progress::new()))),
        |sizes, result| {
            result.vacuumed = sizes.into();
            Ok(())
        },
    )
}

/// `dictsqlite_checkpoint` without blocking; the result's `checkpointed`. It cannot be cancelled.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_checkpoint_async(
    dict: dictsqlite_dict,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || DICTS.with(dict.id, |dict| Ok(dict.checkpoint_async())),
        |done, result| {
            result.checkpointed = done.into();
            Ok(())
        },
    )
}

/// `dictsqlite_integrity_check` without blocking; the result's `problems`. It can be cancelled.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_integrity_check_async(
    dict: dictsqlite_dict,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || DICTS.with(dict.id, |dict| Ok(dict.integrity_check_async(&Progress::new()))),
        |problems, result| {
            result.problems = problems.into();
            Ok(())
        },
    )
}
