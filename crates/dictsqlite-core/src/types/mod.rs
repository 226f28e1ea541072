//! The plain data everything else speaks in: keys, values, entries and the writer's commands.

mod command;
mod entry;
mod key;
mod modes;
mod page;
mod prefix;
mod tuple;

#[cfg(test)]
mod tests;

pub(crate) use command::{Command, Expect, Outcome, TableSpec};
pub use entry::{Entry, Value};
pub(crate) use entry::{NEVER, Stamp};
pub use key::{AsKey, Key, KeyRef, MAX_KEY_BYTES};
pub(crate) use key::{
    KeyBuf, PackedKey, SqlKey, Tag, pack, pack_stored, packed_table, packed_tag, sql_key, unpack,
    unpack_parts,
};
pub use modes::{Order, PersistMode, StorageMode};
pub use page::{Page, RowKey, RowRef};
pub(crate) use prefix::{Kind, prefix_bounds};
