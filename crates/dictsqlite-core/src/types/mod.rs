//! The plain data everything else speaks in: keys, values, entries and the writer's commands.

mod change;
mod command;
mod entry;
mod key;
mod modes;
mod page;
mod prefix;
mod proposal;
mod tuple;

#[cfg(test)]
mod tests;

pub use change::{Change, ChangeKind, ChangeRetention, Watched};
pub(crate) use command::{Command, Expect, Outcome, StreamStep, TableSpec};
pub use entry::{Entry, Ttl, Value};
pub(crate) use entry::{NEVER, Stamp};
pub use key::{AsKey, Key, KeyRef, MAX_KEY_BYTES};
pub(crate) use key::{
    KeyBuf, PackedKey, SqlKey, Tag, pack, pack_stored, packed_table, packed_tag, sql_key, unpack,
    unpack_parts,
};
pub use modes::{Isolation, Order, PersistMode, StorageMode, TransactionMode};
pub use page::{Page, RowKey, RowRef};
pub(crate) use prefix::{Kind, is_of_prefix_type, prefix_bounds};
pub(crate) use proposal::{Proposal, ProposedWrite, Range, Rows, Seen};
