//! What an export consists of, whatever it looks like.

use crate::codec::MAX_VALUE_BYTES;
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Key, MAX_KEY_BYTES, StorageMode, Value};

/// How an export looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportFormat {
    /// JSON Lines: a line an entry, which people can read and change.
    #[default]
    JsonLines,
    /// Records with their length and checksum: smaller and faster, and damage shows.
    Binary,
}

impl std::str::FromStr for ExportFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "jsonl" => Ok(Self::JsonLines),
            "binary" => Ok(Self::Binary),
            _ => Err(Error::invalid(format!(
                "{name:?} is no format of an export; use one of: jsonl, binary"
            ))),
        }
    }
}

/// A table of an export: its name and codec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) storage: StorageMode,
}

/// An entry of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Which of the tables, by its place among them.
    pub(super) table: usize,
    pub(super) key: Key,
    pub(super) value: Value,
    pub(super) expires_at: Option<i64>,
}

/// No record can be larger, in whatever form.
pub(super) const LARGEST: u64 = (MAX_VALUE_BYTES as u64 + MAX_KEY_BYTES as u64) * 6 + 4096;

/// The refusal of what is no export, or a damaged one. `place` says where, as "line 7" does.
pub(super) fn damaged(place: &str, why: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("{place}: {why}"))
}

/// The place of a table among those of an export.
pub(super) fn place_of(tables: &[Named], name: &str) -> Option<usize> {
    tables.iter().position(|table| table.name == name)
}
