//! Large values by chunks: written and read without being whole in memory at any time.
//!
//! A writer stages its chunks beside the table, as commands that are committed while the next chunk is
//! filled: at most one is under way, so a slow disk holds the writer up instead of filling memory. Only
//! closing changes the entry, in one small commit; until then readers have the old value. A reader reads
//! a chunk at a time, each in a read transaction of its own, and holds none in between; the entry must
//! still have the value then, or the read says that it has not.

mod reader;
mod writer;

#[cfg(test)]
mod tests;

use crate::error::{Error, ErrorKind, Result};
use crate::sqlite::Table;
use crate::store::Store;
use crate::types::{StorageMode, unpack};
use crate::vfs::fork;

pub use reader::ValueReader;
pub(crate) use writer::Target;
pub use writer::ValueWriter;

/// Refuses tables whose values are no plain bytes.
fn check_storage(table: &Table) -> Result<()> {
    if table.storage == StorageMode::Bytes {
        return Ok(());
    }
    Err(Error::codec(format!(
        "values are read and written by chunks in tables of storage_mode \"bytes\" only, and table {:?} \
         has \"{}\"",
        table.name, table.storage
    )))
}

/// True in the child of a fork for what was opened in its parent.
fn is_inherited(store: &Store) -> bool {
    store.generation != fork::generation()
}

fn check_process(store: &Store) -> Result<()> {
    if is_inherited(store) {
        let message = "the value was open when the process forked; open it again here";
        return Err(Error::new(ErrorKind::Closed, message));
    }
    Ok(())
}

/// The same error, about a packed key.
fn about(error: &Error, key: &[u8], result: &str) -> Error {
    let message = format!("{}{result}", error.message());
    Error::new(error.kind(), message).with_key(unpack(key))
}
