//! One free function for each type that C owns. Each sets what it frees to zero, and zero or NULL frees
//! nothing: so freeing through the same variable twice does no harm.

use crate::raw::{
    dictsqlite_change_page, dictsqlite_entry, dictsqlite_error, dictsqlite_info, dictsqlite_page,
    dictsqlite_problems, dictsqlite_tables, dictsqlite_value, dictsqlite_values,
};

/// Frees a value and sets it to zero. May be called from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_value_free(value: Option<&mut dictsqlite_value>) {
    if let Some(value) = value {
        value.free();
    }
}

/// Frees an entry and sets it to zero. May be called from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_entry_free(entry: Option<&mut dictsqlite_entry>) {
    if let Some(entry) = entry {
        entry.free();
    }
}

/// Frees the values of many keys and sets it to zero. May be called from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_values_free(values: Option<&mut dictsqlite_values>) {
    if let Some(values) = values {
        values.free();
    }
}

/// Frees a page and sets it to zero. May be called from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_page_free(page: Option<&mut dictsqlite_page>) {
    if let Some(page) = page {
        page.free();
    }
}

/// Frees a list of tables and sets it to zero. May be called from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_tables_free(tables: Option<&mut dictsqlite_tables>) {
    if let Some(tables) = tables {
        tables.free();
    }
}

/// Frees a page of changes and sets it to zero. May be called from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_change_page_free(page: Option<&mut dictsqlite_change_page>) {
    if let Some(page) = page {
        page.free();
    }
}

/// Frees what is wrong with a file and sets it to zero. May be called from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_problems_free(problems: Option<&mut dictsqlite_problems>) {
    if let Some(problems) = problems {
        problems.free();
    }
}

/// Frees what a handle is and sets it to zero. May be called from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_info_free(info: Option<&mut dictsqlite_info>) {
    if let Some(info) = info {
        info.free();
    }
}

/// Frees an error and sets the pointer to NULL. May be called from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_error_free(error: Option<&mut *mut dictsqlite_error>) {
    if let Some(error) = error {
        dictsqlite_error::free(error);
    }
}
