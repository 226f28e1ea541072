//! The change log as C sees it.

use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

use dictsqlite_core::{Change, ChangeKind, ChangesOptions, Key, Result, StorageMode};

use super::key::dictsqlite_key;
use super::lists::{Owner, list, slice};
use super::slice::{dictsqlite_slice, dictsqlite_string, elements};

/// A stream of changes. See `dictsqlite_changes_begin`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dictsqlite_change_stream {
    /// The library's own number for it.
    pub id: u64,
}

/// Keys being watched. See `dictsqlite_watch_begin`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dictsqlite_watch {
    /// The library's own number for it.
    pub id: u64,
}

/// Which changes a stream gives. Zero-initialised: those of every table whose changes are logged, from now on.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_changes_options {
    /// The changes after this number; 0 from the beginning of what is kept. NULL: what is committed from
    /// now on.
    since: *const i64,
    /// Only those of these tables.
    tables: *const dictsqlite_string,
    /// So many names; 0: of every table.
    tables_len: usize,
    /// Only those of keys of the prefix's own type that begin with it. Or NULL.
    prefix: *const dictsqlite_key,
}

/// There was no entry, and now there is one.
pub const DICTSQLITE_CHANGE_INSERT: u32 = 1;
/// Its value or its expiry was written.
pub const DICTSQLITE_CHANGE_UPDATE: u32 = 2;
/// It was deleted.
pub const DICTSQLITE_CHANGE_DELETE: u32 = 3;
/// It had expired, and was removed.
pub const DICTSQLITE_CHANGE_EXPIRE: u32 = 4;

/// One change of one entry, as it was committed. What it points to is the page's.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_change {
    /// The number of the operation: larger than that of every change committed before, and the entry's
    /// version after an insert or update. To go on later, remember it.
    seq: i64,
    /// `DICTSQLITE_CHANGE_INSERT`, `_UPDATE`, `_DELETE` or `_EXPIRE`.
    kind: u32,
    /// The name of the table.
    table: *const c_char,
    /// The name of the codec of both values.
    storage_mode: *const c_char,
    key: dictsqlite_key,
    /// The value before; `data` is NULL for an insert.
    before: dictsqlite_slice,
    /// The value after; `data` is NULL for a delete and an expiry.
    after: dictsqlite_slice,
    /// When the entry as it is now expires, in milliseconds since the Unix epoch; 0 for never.
    expires_at: i64,
    /// When it was written, in milliseconds since the Unix epoch.
    at: i64,
}

/// Changes, in the order of their numbers. Free it with `dictsqlite_change_page_free`.
#[repr(C)]
#[derive(Debug)]
pub struct dictsqlite_change_page {
    items: *const dictsqlite_change,
    len: usize,
    owner: *mut c_void,
}

type Changes = Owner<dictsqlite_change, (Vec<Change>, Vec<Box<[dictsqlite_key]>>, Vec<CString>)>;

list!(dictsqlite_change_page, Changes);

impl From<Vec<Change>> for dictsqlite_change_page {
    fn from(changes: Vec<Change>) -> Self {
        let (mut tuples, mut names) = (Vec::new(), Names::default());
        let view = |change: &Change| dictsqlite_change {
            seq: change.seq,
            kind: kind(change.kind),
            table: names.of(&change.table),
            storage_mode: storage(change.storage),
            key: dictsqlite_key::of(&change.key, &mut tuples),
            before: slice(change.old.as_ref()),
            after: slice(change.new.as_ref()),
            expires_at: change.expires_at.unwrap_or(0),
            at: change.at,
        };
        let view = changes.iter().map(view).collect();
        let (items, len, owner) = Changes::into_raw(view, (changes, tuples, names.kept));
        Self { items, len, owner }
    }
}

/// The names of tables, each once.
#[derive(Default)]
struct Names {
    known: Vec<Arc<str>>,
    kept: Vec<CString>,
}

impl Names {
    fn of(&mut self, name: &Arc<str>) -> *const c_char {
        let at = self.known.iter().position(|known| known == name).unwrap_or_else(|| {
            self.known.push(Arc::clone(name));
            // No table's name has a NUL.
            self.kept.push(CString::new(&**name).unwrap_or_default());
            self.known.len() - 1
        });
        // Moving the string leaves its text in its place.
        self.kept[at].as_ptr()
    }
}

fn kind(kind: ChangeKind) -> u32 {
    match kind {
        ChangeKind::Insert => DICTSQLITE_CHANGE_INSERT,
        ChangeKind::Update => DICTSQLITE_CHANGE_UPDATE,
        ChangeKind::Delete => DICTSQLITE_CHANGE_DELETE,
        ChangeKind::Expire => DICTSQLITE_CHANGE_EXPIRE,
    }
}

fn storage(mode: StorageMode) -> *const c_char {
    let name = match mode {
        StorageMode::Bytes => c"bytes",
        StorageMode::Json => c"json",
        StorageMode::Jsonb => c"jsonb",
        StorageMode::Pickle => c"pickle",
    };
    name.as_ptr()
}

impl dictsqlite_changes_options {
    /// The engine's options.
    pub(crate) fn read(&self) -> Result<ChangesOptions> {
        let since = elements(self.since, usize::from(!self.since.is_null()), "since")?.first();
        let tables = elements(self.tables, self.tables_len, "tables")?;
        let tables = tables.iter().map(|name| Ok(name.read("the name of a table")?.to_owned()));
        let tables = tables.collect::<Result<Vec<_>>>()?;
        let prefix = elements(self.prefix, usize::from(!self.prefix.is_null()), "prefix")?.first();
        Ok(ChangesOptions {
            since: since.copied(),
            tables: (!tables.is_empty()).then_some(tables),
            prefix: prefix.map(dictsqlite_key::read_owned).transpose()?,
        })
    }
}

impl dictsqlite_key {
    /// The key, as the engine owns it.
    pub(crate) fn read_owned(&self) -> Result<Key> {
        use dictsqlite_core::AsKey;
        Ok(Key::from(self.read()?.as_key()))
    }
}
