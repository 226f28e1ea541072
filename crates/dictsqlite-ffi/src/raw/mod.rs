//! What C hands over and gets, and the one place that follows C's pointers.
//!
//! The fields are private to this module: values of these types come from C, where the header's
//! contract holds (a pointer is NULL or valid for as long as the call lasts, with as many bytes or
//! elements behind it as the length beside it says), or are made here. So reading them is safe for the
//! rest of the crate.

#![allow(unsafe_code)]

mod call;
mod changes;
mod code;
mod error;
mod files;
mod info;
mod key;
mod lists;
mod owned;
mod slice;
mod stats;
mod tx;

pub(crate) use call::Callback;
pub use call::{dictsqlite_call, dictsqlite_callback, dictsqlite_op, dictsqlite_result};
pub use changes::{
    DICTSQLITE_CHANGE_DELETE, DICTSQLITE_CHANGE_EXPIRE, DICTSQLITE_CHANGE_INSERT,
    DICTSQLITE_CHANGE_UPDATE, dictsqlite_change, dictsqlite_change_page, dictsqlite_change_stream,
    dictsqlite_changes_options, dictsqlite_watch,
};
pub use code::dictsqlite_code;
pub use error::dictsqlite_error;
pub use files::{
    DICTSQLITE_EXPORT_BINARY, DICTSQLITE_EXPORT_JSONL, DICTSQLITE_IMPORT_ERROR,
    DICTSQLITE_IMPORT_REPLACE, DICTSQLITE_IMPORT_SKIP, dictsqlite_backup_options,
    dictsqlite_checkpointed, dictsqlite_export_options, dictsqlite_import_options,
    dictsqlite_imported, dictsqlite_problems, dictsqlite_progress, dictsqlite_progress_callback,
    dictsqlite_restore_options, dictsqlite_vacuumed, dictsqlite_warmed,
};
pub use info::dictsqlite_info;
pub use key::{dictsqlite_key, dictsqlite_key_list, dictsqlite_key_type};
pub use lists::{
    dictsqlite_item, dictsqlite_page, dictsqlite_table_info, dictsqlite_tables, dictsqlite_values,
};
pub use owned::{dictsqlite_entry, dictsqlite_value};
pub use slice::{
    DICTSQLITE_SCAN_CONSISTENT, DICTSQLITE_SCAN_INSERTION_ORDER, DICTSQLITE_SCAN_KEY_ORDER,
    DICTSQLITE_SCAN_KEYS_ONLY, DICTSQLITE_SCAN_REVERSE, dictsqlite_option, dictsqlite_option_list,
    dictsqlite_pair, dictsqlite_pair_list, dictsqlite_scan_options, dictsqlite_slice,
    dictsqlite_string,
};
pub use stats::dictsqlite_stats;
pub(crate) use tx::Write;
pub use tx::{
    DICTSQLITE_TX_CONCURRENT, DICTSQLITE_TX_IMMEDIATE, DICTSQLITE_TX_READ,
    DICTSQLITE_TX_SERIALIZABLE, DICTSQLITE_TX_SNAPSHOT, DICTSQLITE_WRITE_DELETE,
    DICTSQLITE_WRITE_INCR, DICTSQLITE_WRITE_SET, dictsqlite_check, dictsqlite_check_list,
    dictsqlite_tx, dictsqlite_tx_options, dictsqlite_write, dictsqlite_write_list,
};

/// For `ttl`: as the handle was opened with.
pub const DICTSQLITE_TTL_DEFAULT: i64 = i64::MIN;
/// For `ttl`: for ever.
pub const DICTSQLITE_TTL_NEVER: i64 = i64::MAX;

/// A handle on one table of a store. Zero-initialised, it is no handle.
///
/// It may be copied, and used from any thread. It stays open until `dictsqlite_close`; from then on
/// every use of it, by any copy, gives `DICTSQLITE_CLOSED`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dictsqlite_dict {
    /// The library's own number for it.
    pub id: u64,
}

/// A scan under way. See `dictsqlite_scan_begin`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dictsqlite_scan {
    /// The library's own number for it.
    pub id: u64,
}

/// A queue of finished operations. See `dictsqlite_queue_open`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dictsqlite_queue {
    /// The library's own number for it.
    pub id: u64,
}
