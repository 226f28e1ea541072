//! Asynchronous operations: how their results are asked for, and the results.

use std::ffi::c_void;

use super::changes::dictsqlite_change_page;
use super::code::dictsqlite_code;
use super::error::dictsqlite_error;
use super::files::{
    dictsqlite_checkpointed, dictsqlite_imported, dictsqlite_problems, dictsqlite_vacuumed,
    dictsqlite_warmed,
};
use super::lists::{dictsqlite_page, dictsqlite_tables, dictsqlite_values};
use super::owned::{dictsqlite_entry, dictsqlite_value};
use super::tx::dictsqlite_tx;
use super::{dictsqlite_dict, dictsqlite_queue};

/// What is called with the result of an asynchronous operation, exactly once. The result is the library's
/// and is freed when the callback returns; to keep a part of it, copy that field and set it to zero in the
/// result. No exception and no `longjmp` may leave a callback.
pub type dictsqlite_callback =
    Option<extern "C" fn(user_data: *mut c_void, result: &mut dictsqlite_result)>;

/// Where the result of an asynchronous operation goes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_call {
    /// The queue that calls back, on the thread that runs it. Zero: a thread of the library calls back.
    pub(crate) queue: dictsqlite_queue,
    /// What is called. Not NULL.
    callback: dictsqlite_callback,
    /// Handed to the callback as it is.
    user_data: *mut c_void,
}

/// An asynchronous operation, to be cancelled. Nothing needs to be freed.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dictsqlite_op {
    pub(crate) queue: u64,
    pub(crate) number: u64,
}

/// What came of an asynchronous operation. Which field it fills is said beside each function; the others
/// are zero. Later releases append fields.
#[repr(C)]
#[derive(Debug)]
pub struct dictsqlite_result {
    /// 0, or what went wrong.
    pub(crate) code: dictsqlite_code,
    /// What went wrong, with its message; NULL if `code` is 0.
    error: *mut dictsqlite_error,
    /// A value.
    pub(crate) value: dictsqlite_value,
    /// An entry.
    pub(crate) entry: dictsqlite_entry,
    /// Many values.
    pub(crate) values: dictsqlite_values,
    /// Entries.
    pub(crate) page: dictsqlite_page,
    /// The tables of a store.
    pub(crate) tables: dictsqlite_tables,
    /// A handle. It is open, and closing it is the callback's business.
    pub(crate) dict: dictsqlite_dict,
    /// A count, a sum, a version; 0 or 1 where the question was whether.
    pub(crate) number: i64,
    /// A transaction. It is begun, and closing it is the callback's business.
    pub(crate) tx: dictsqlite_tx,
    /// Changes.
    pub(crate) changes: dictsqlite_change_page,
    /// What an import did.
    pub(crate) imported: dictsqlite_imported,
    /// What warming did.
    pub(crate) warmed: dictsqlite_warmed,
    /// What vacuuming did.
    pub(crate) vacuumed: dictsqlite_vacuumed,
    /// What a checkpoint did.
    pub(crate) checkpointed: dictsqlite_checkpointed,
    /// What is wrong with a file.
    pub(crate) problems: dictsqlite_problems,
}

impl Default for dictsqlite_result {
    fn default() -> Self {
        Self {
            code: dictsqlite_code::default(),
            error: std::ptr::null_mut(),
            value: dictsqlite_value::default(),
            entry: dictsqlite_entry::default(),
            values: dictsqlite_values::default(),
            page: dictsqlite_page::default(),
            tables: dictsqlite_tables::default(),
            dict: dictsqlite_dict::default(),
            number: 0,
            tx: dictsqlite_tx::default(),
            changes: dictsqlite_change_page::default(),
            imported: dictsqlite_imported::default(),
            warmed: dictsqlite_warmed::default(),
            vacuumed: dictsqlite_vacuumed::default(),
            checkpointed: dictsqlite_checkpointed::default(),
            problems: dictsqlite_problems::default(),
        }
    }
}

// SAFETY: everything a result points to is owned by it, and may be read and freed by any thread.
unsafe impl Send for dictsqlite_result {}

impl dictsqlite_result {
    pub(crate) fn failed(error: &dictsqlite_core::Error) -> Self {
        let mut result = Self::default();
        result.code = error.kind().into();
        result.error = dictsqlite_error::new(error).into_raw();
        result
    }
}

impl Drop for dictsqlite_result {
    fn drop(&mut self) {
        dictsqlite_error::free(&mut self.error);
        self.value.free();
        self.entry.free();
        self.values.free();
        self.page.free();
        self.tables.free();
        self.changes.free();
        self.problems.free();
    }
}

/// A callback and what it is called with.
pub(crate) struct Callback {
    function: extern "C" fn(*mut c_void, &mut dictsqlite_result),
    user_data: *mut c_void,
}

// SAFETY: what `user_data` is, and that the callback may use it on the thread that calls, is the header's
// contract with the caller.
unsafe impl Send for Callback {}

impl Callback {
    pub(crate) fn call(self, mut result: dictsqlite_result) {
        (self.function)(self.user_data, &mut result);
    }
}

impl dictsqlite_call {
    pub(crate) fn callback(&self) -> Option<Callback> {
        Some(Callback { function: self.callback?, user_data: self.user_data })
    }
}
