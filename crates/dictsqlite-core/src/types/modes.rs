//! The modes users choose by name.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// What a write promises when it returns: a ladder, each step stronger than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PersistMode {
    /// A private in-memory database: touches no path and is gone with its last handle.
    Memory,
    /// Visible at once; committed within the flush interval plus the commit then running.
    Lazy,
    /// Visible at once, with at most `buffer_size - 1` acknowledged writes uncommitted.
    WriteThrough,
    /// Committed and synced before the call returns.
    Durable,
}

/// How a table stores its values. It is recorded in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StorageMode {
    /// Bytes, as they are.
    Bytes,
    /// Strict JSON text, key order kept.
    Json,
    /// JSON text at the surface, SQLite's binary JSON in the file.
    Jsonb,
    /// Python pickles; read and written by Python only.
    Pickle,
}

/// The order of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// The order in which the keys were first set; an overwritten key keeps its place.
    Insertion,
    /// Integers, then text by its UTF-8 bytes, then bytes and tuples.
    Key,
}

/// How a transaction keeps out of the way of others, or others out of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TransactionMode {
    /// Reads a snapshot, gathers its writes and holds nothing; what it depends on is looked at again
    /// when it commits, and the first one to commit wins.
    #[default]
    Concurrent,
    /// Holds the write lock from the beginning, so that nothing can conflict with it.
    Immediate,
    /// Reads a snapshot and writes nothing.
    Read,
}

/// What a concurrent transaction has looked at again when it commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// All that it has read, and that nobody wrote what it writes: as if one had run after the other.
    #[default]
    Serializable,
    /// Only that nobody wrote what it writes: two that read the same and write each something else
    /// may both commit (write skew).
    Snapshot,
}

macro_rules! named {
    ($type:ty, $what:literal, $($variant:ident = $name:literal),+) => {
        impl $type {
            /// Every name, in order.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The name users write and the file records.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl FromStr for $type {
            type Err = Error;

            fn from_str(s: &str) -> Result<Self> {
                match s {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(Error::invalid(format!(
                        "{s:?} is not {}; use one of: {}", $what, Self::NAMES.join(", ")
                    ))),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

named!(
    PersistMode,
    "a persist mode",
    Memory = "memory",
    Lazy = "lazy",
    WriteThrough = "writethrough",
    Durable = "durable"
);
named!(
    TransactionMode,
    "a transaction mode",
    Concurrent = "concurrent",
    Immediate = "immediate",
    Read = "read"
);
named!(Isolation, "an isolation", Serializable = "serializable", Snapshot = "snapshot");
named!(Order, "a scan order", Insertion = "insertion", Key = "key");
named!(
    StorageMode,
    "a storage mode",
    Bytes = "bytes",
    Json = "json",
    Jsonb = "jsonb",
    Pickle = "pickle"
);
