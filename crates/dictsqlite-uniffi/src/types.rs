//! The plain data that crosses: keys, entries and modes, each the mirror of the engine's own.

use dictsqlite_core as core;

/// Bytes within a key: a type of its own, so that a language whose arrays have no value equality can
/// give it one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

uniffi::custom_type!(Blob, Vec<u8>, {
    lower: |blob| blob.0,
    try_lift: |bytes| Ok(Blob(bytes)),
});

/// A key: text, a 64-bit integer, bytes, or a tuple of these.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Key {
    /// Text, ordered by its UTF-8 bytes.
    Text {
        /// The text.
        value: String,
    },
    /// A 64-bit signed integer.
    Integer {
        /// The number.
        value: i64,
    },
    /// Bytes.
    Bytes {
        /// The bytes.
        value: Blob,
    },
    /// A tuple of text, integers and bytes.
    Tuple {
        /// Its elements; a tuple among them is refused.
        items: Vec<Key>,
    },
}

impl From<Key> for core::Key {
    fn from(key: Key) -> Self {
        match key {
            Key::Text { value } => Self::Text(value),
            Key::Integer { value } => Self::Int(value),
            Key::Bytes { value } => Self::Bytes(value.0),
            Key::Tuple { items } => Self::Tuple(items.into_iter().map(Self::from).collect()),
        }
    }
}

impl From<core::Key> for Key {
    fn from(key: core::Key) -> Self {
        match key {
            core::Key::Text(value) => Self::Text { value },
            core::Key::Int(value) => Self::Integer { value },
            core::Key::Bytes(value) => Self::Bytes { value: Blob(value) },
            core::Key::Tuple(items) => {
                Self::Tuple { items: items.into_iter().map(Self::from).collect() }
            }
        }
    }
}

impl From<&core::Key> for Key {
    fn from(key: &core::Key) -> Self {
        key.clone().into()
    }
}

pub(crate) fn keys(keys: Vec<Key>) -> Vec<core::Key> {
    keys.into_iter().map(core::Key::from).collect()
}

/// A key with the value it is to have.
#[derive(Clone, Debug, uniffi::Record)]
pub struct NativePair {
    /// The key.
    pub key: Key,
    /// The value.
    pub value: Vec<u8>,
}

/// A value with what the store knows about it.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct NativeEntry {
    /// The key, where the operation chose it.
    pub key: Option<Key>,
    /// The value.
    pub value: Vec<u8>,
    /// The number of the operation that wrote it.
    pub version: i64,
    /// When it expires, in milliseconds since the Unix epoch.
    pub expires_at: Option<i64>,
}

impl From<core::Entry> for NativeEntry {
    fn from(entry: core::Entry) -> Self {
        Self {
            key: None,
            value: entry.value.to_vec(),
            version: entry.version,
            expires_at: entry.expires_at,
        }
    }
}

impl From<(core::Key, core::Entry)> for NativeEntry {
    fn from((key, entry): (core::Key, core::Entry)) -> Self {
        Self { key: Some(key.into()), ..entry.into() }
    }
}

/// What memory knows of a key.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum NativePeek {
    /// The value.
    Found {
        /// The value.
        value: Vec<u8>,
    },
    /// There is no such entry.
    Absent,
    /// SQLite must be asked.
    Unknown,
}

impl From<core::Peek> for NativePeek {
    fn from(peek: core::Peek) -> Self {
        match peek {
            core::Peek::Found(value) => Self::Found { value: value.to_vec() },
            core::Peek::Absent => Self::Absent,
            core::Peek::Unknown => Self::Unknown,
        }
    }
}

macro_rules! mirrored {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
        pub enum $name { $($(#[$of])* $variant,)+ }

        impl From<core::$name> for $name {
            fn from(mode: core::$name) -> Self {
                match mode { $(core::$name::$variant => Self::$variant,)+ }
            }
        }

        impl From<$name> for core::$name {
            fn from(mode: $name) -> Self {
                match mode { $($name::$variant => Self::$variant,)+ }
            }
        }
    };
}

mirrored! {
    /// What a write promises when it returns: a ladder, each step stronger than the one before.
    PersistMode {
        /// A private in-memory database: touches no path and is gone with its last handle.
        Memory,
        /// Visible at once; committed within the flush interval plus the commit then running.
        Lazy,
        /// Visible at once, with at most `buffer_size - 1` acknowledged writes uncommitted.
        WriteThrough,
        /// Committed and synced before the call returns.
        Durable,
    }
}

mirrored! {
    /// How a table stores its values. It is recorded in the file.
    StorageMode {
        /// Bytes, as they are.
        Bytes,
        /// Strict JSON text, key order kept.
        Json,
        /// JSON text at the surface, SQLite's binary JSON in the file.
        Jsonb,
        /// Python pickles; read and written by Python only.
        Pickle,
    }
}

mirrored! {
    /// The order of a scan.
    Order {
        /// The order in which the keys were first set; an overwritten key keeps its place.
        Insertion,
        /// Integers, then text by its UTF-8 bytes, then bytes and tuples.
        Key,
    }
}

mirrored! {
    /// How a transaction keeps out of the way of others, or others out of its own.
    TransactionMode {
        /// Reads a snapshot, gathers its writes and holds nothing; what it depends on is looked at
        /// again when it commits, and the first one to commit wins.
        Concurrent,
        /// Holds the write lock from the beginning, so that nothing can conflict with it.
        Immediate,
        /// Reads a snapshot and writes nothing.
        Read,
    }
}

mirrored! {
    /// What a concurrent transaction has looked at again when it commits.
    Isolation {
        /// All that it has read, and that nobody wrote what it writes: as if one had run after the
        /// other.
        Serializable,
        /// Only that nobody wrote what it writes: two that read the same and write each something
        /// else may both commit (write skew).
        Snapshot,
    }
}

mirrored! {
    /// What happened to an entry.
    ChangeKind {
        /// There was none, and now there is one.
        Insert,
        /// Its value or its expiry was written.
        Update,
        /// It was deleted.
        Delete,
        /// It had expired, and was removed.
        Expire,
    }
}

mirrored! {
    /// How an export looks.
    ExportFormat {
        /// JSON Lines: a line an entry, which people can read and change.
        JsonLines,
        /// Records with their length and checksum: smaller and faster, and damage shows.
        Binary,
    }
}

mirrored! {
    /// What becomes of an imported entry whose key is there already.
    OnConflict {
        /// It takes the place of what is there.
        Replace,
        /// It is passed over.
        Skip,
        /// Nothing is imported; the error names the key.
        Error,
    }
}
