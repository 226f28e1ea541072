//! Opening, tables, flushing and closing without blocking.

use std::mem::MaybeUninit;

use dictsqlite_core::Dict;

use super::DICTS;
use super::store::{closed, handle, path_of, storage};
use crate::operation::Asked;
use crate::raw::{
    dictsqlite_call, dictsqlite_code, dictsqlite_dict, dictsqlite_error, dictsqlite_op,
    dictsqlite_option_list, dictsqlite_string,
};
use crate::{exit, open};

/// `dictsqlite_open` without blocking; the result's `dict`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_open_async(
    path: dictsqlite_string,
    options: dictsqlite_option_list,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let (path, options) = (path_of(&path)?, open::options(&options.read()?)?);
            exit::watch();
            Ok(Dict::open_async(path, &options))
        },
        |dict, result| {
            result.dict = handle(dict)?;
            Ok(())
        },
    )
}

/// `dictsqlite_open_table` without blocking; the result's `dict`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_open_table_async(
    dict: dictsqlite_dict,
    name: dictsqlite_string,
    storage_mode: dictsqlite_string,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let (name, storage) = (name.read("name")?.to_owned(), storage(&storage_mode)?);
            DICTS.with(dict.id, |dict| Ok(dict.spawn_async(move |dict| dict.table(&name, storage))))
        },
        |table, result| {
            result.dict = handle(table)?;
            Ok(())
        },
    )
}

/// `dictsqlite_list_tables` without blocking; the result's `tables`.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_list_tables_async(
    dict: dictsqlite_dict,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.read(
        || DICTS.with(dict.id, |dict| Ok(dict.run_async(Dict::tables))),
        |tables, result| {
            result.tables = tables.into();
            Ok(())
        },
    )
}

/// `dictsqlite_drop_table` without blocking; the result's `number` is 0 or 1.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_drop_table_async(
    dict: dictsqlite_dict,
    name: dictsqlite_string,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let name = name.read("name")?.to_owned();
            DICTS.with(dict.id, |dict| Ok(dict.spawn_async(move |dict| dict.drop_table(&name))))
        },
        |dropped, result| {
            result.number = i64::from(dropped);
            Ok(())
        },
    )
}

/// `dictsqlite_flush` without blocking.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_flush_async(
    dict: dictsqlite_dict,
    durable: bool,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }
        .start(|| DICTS.with(dict.id, |dict| Ok(dict.flush_async(durable))), |(), _| Ok(()))
}

/// `dictsqlite_close` without blocking. The handle is closed when the callback is called.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_close_async(
    dict: dictsqlite_dict,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let id = dict.id;
            DICTS.with(dict.id, |dict| {
                Ok(dict.spawn_async(move |dict| closed(id, dict, dict.close())))
            })
        },
        |(), _| Ok(()),
    )
}
