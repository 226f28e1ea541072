//! Lists that C owns: each has a view that C reads, and an owner of everything the view points to.

use std::ffi::{CString, c_char, c_void};

use dictsqlite_core::{Entry, Item, Key, StorageMode, Value, Watched};

use super::key::dictsqlite_key;
use super::slice::dictsqlite_slice;

/// The values of many keys, in their order; `data` is NULL for those that are absent. Free it with
/// `dictsqlite_values_free`.
#[repr(C)]
#[derive(Debug)]
pub struct dictsqlite_values {
    items: *const dictsqlite_slice,
    len: usize,
    owner: *mut c_void,
}

/// One entry of a page. What it points to is the page's.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_item {
    key: dictsqlite_key,
    /// `data` is NULL when the scan leaves values out, and in the page of a watch when there is no entry.
    value: dictsqlite_slice,
    /// The number of the operation that wrote it.
    version: i64,
    /// When it expires, in milliseconds since the Unix epoch; 0 for never.
    expires_at: i64,
}

/// Entries of a scan, where a `len` of 0 is the end, or what a watch has found. Free it with `dictsqlite_page_free`.
#[repr(C)]
#[derive(Debug)]
pub struct dictsqlite_page {
    items: *const dictsqlite_item,
    len: usize,
    owner: *mut c_void,
}

/// A table: its name and the name of its codec.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_table_info {
    name: *const c_char,
    storage_mode: *const c_char,
}

/// The tables of a store, in the order of their names. Free it with `dictsqlite_tables_free`.
#[repr(C)]
#[derive(Debug)]
pub struct dictsqlite_tables {
    items: *const dictsqlite_table_info,
    len: usize,
    owner: *mut c_void,
}

/// What a list points to. The view is in boxes and vectors that do not change any more, so that
/// moving their owner leaves it in its place.
pub(super) struct Owner<V, T> {
    view: Box<[V]>,
    _kept: T,
}

impl<V, T> Owner<V, T> {
    /// Its view and itself, for C.
    pub(super) fn into_raw(view: Box<[V]>, kept: T) -> (*const V, usize, *mut c_void) {
        if view.is_empty() {
            return (std::ptr::null(), 0, std::ptr::null_mut());
        }
        let owner = Box::new(Self { view, _kept: kept });
        let (items, len) = (owner.view.as_ptr(), owner.view.len());
        (items, len, Box::into_raw(owner).cast())
    }

    pub(super) fn free(owner: *mut c_void) {
        if !owner.is_null() {
            // SAFETY: by the header's contract it came from `into_raw` of the same list type and was
            // not freed yet.
            drop(unsafe { Box::from_raw(owner.cast::<Self>()) });
        }
    }
}

type Pages = Owner<dictsqlite_item, (Vec<Item>, Vec<Box<[dictsqlite_key]>>)>;
type Values = Owner<dictsqlite_slice, Vec<Option<Value>>>;
type Tables = Owner<dictsqlite_table_info, Vec<(CString, CString)>>;

macro_rules! list {
    ($list:ident, $owner:ty) => {
        impl Default for $list {
            fn default() -> Self {
                Self { items: std::ptr::null(), len: 0, owner: std::ptr::null_mut() }
            }
        }

        impl $list {
            /// Frees it; nothing is left.
            pub(crate) fn free(&mut self) {
                <$owner>::free(std::mem::take(self).owner);
            }
        }
    };
}
pub(super) use list;

list!(dictsqlite_page, Pages);
list!(dictsqlite_values, Values);
list!(dictsqlite_tables, Tables);

pub(super) fn slice(value: Option<&Value>) -> dictsqlite_slice {
    value.map_or(dictsqlite_slice::NONE, |value| dictsqlite_slice::of(value))
}

impl From<Vec<Option<Value>>> for dictsqlite_values {
    fn from(values: Vec<Option<Value>>) -> Self {
        let view = values.iter().map(|value| slice(value.as_ref())).collect();
        let (items, len, owner) = Values::into_raw(view, values);
        Self { items, len, owner }
    }
}

impl From<Vec<Item>> for dictsqlite_page {
    fn from(page: Vec<Item>) -> Self {
        let mut tuples = Vec::new();
        let view = |item: &Item| dictsqlite_item {
            key: dictsqlite_key::of(&item.key, &mut tuples),
            value: slice(item.value.as_ref()),
            version: item.version,
            expires_at: item.expires_at.unwrap_or(0),
        };
        let view = page.iter().map(view).collect();
        let (items, len, owner) = Pages::into_raw(view, (page, tuples));
        Self { items, len, owner }
    }
}

impl From<Option<(Key, Entry)>> for dictsqlite_page {
    fn from(item: Option<(Key, Entry)>) -> Self {
        let item = item.map(|(key, entry)| Item {
            key,
            value: Some(entry.value),
            version: entry.version,
            expires_at: entry.expires_at,
        });
        Self::from(Vec::from_iter(item))
    }
}

impl From<Vec<Watched>> for dictsqlite_page {
    fn from(found: Vec<Watched>) -> Self {
        let item = |Watched { key, entry }| match entry {
            Some(Entry { value, version, expires_at }) => {
                Item { key, value: Some(value), version, expires_at }
            }
            None => Item { key, value: None, version: 0, expires_at: None },
        };
        Self::from(found.into_iter().map(item).collect::<Vec<_>>())
    }
}

impl From<Vec<(String, StorageMode)>> for dictsqlite_tables {
    fn from(tables: Vec<(String, StorageMode)>) -> Self {
        // No table's name has a NUL.
        let text = |text: &str| CString::new(text).unwrap_or_default();
        let tables: Vec<(CString, CString)> =
            tables.iter().map(|(name, storage)| (text(name), text(storage.name()))).collect();
        let view = tables.iter().map(|(name, storage)| dictsqlite_table_info {
            name: name.as_ptr(),
            storage_mode: storage.as_ptr(),
        });
        let (items, len, owner) = Tables::into_raw(view.collect(), tables);
        Self { items, len, owner }
    }
}
