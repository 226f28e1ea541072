//! What a handle is.

use std::ffi::{CString, c_char, c_void};

use dictsqlite_core::Dict;

/// What a handle is. Free it with `dictsqlite_info_free`.
#[repr(C)]
#[derive(Debug)]
pub struct dictsqlite_info {
    /// The name of its table.
    table: *const c_char,
    /// The name of the table's codec.
    storage_mode: *const c_char,
    /// What its writes promise, by name.
    persist_mode: *const c_char,
    /// The absolute path of the file; NULL for a store in memory.
    path: *const c_char,
    /// Whether the store was opened read-only.
    read_only: bool,
    owner: *mut c_void,
}

type Owner = [Option<CString>; 4];

impl Default for dictsqlite_info {
    fn default() -> Self {
        Self {
            table: std::ptr::null(),
            storage_mode: std::ptr::null(),
            persist_mode: std::ptr::null(),
            path: std::ptr::null(),
            read_only: false,
            owner: std::ptr::null_mut(),
        }
    }
}

impl From<&Dict> for dictsqlite_info {
    fn from(dict: &Dict) -> Self {
        let path = dict.path().map(|path| path.as_os_str().as_encoded_bytes());
        let text = |text: &[u8]| CString::new(text).ok();
        let owner: Box<Owner> = Box::new([
            text(dict.name().as_bytes()),
            text(dict.storage_mode().name().as_bytes()),
            text(dict.persist_mode().name().as_bytes()),
            path.and_then(text),
        ]);
        // Moving the box leaves the strings in their place.
        let [table, storage_mode, persist_mode, path] =
            owner.each_ref().map(|text| text.as_ref().map_or(std::ptr::null(), |t| t.as_ptr()));
        let owner = Box::into_raw(owner).cast();
        Self { table, storage_mode, persist_mode, path, read_only: dict.is_read_only(), owner }
    }
}

impl dictsqlite_info {
    /// Frees it; nothing is left.
    pub(crate) fn free(&mut self) {
        let owner = std::mem::take(self).owner;
        if !owner.is_null() {
            // SAFETY: by the header's contract it came from `Box::into_raw` and was not freed yet.
            drop(unsafe { Box::from_raw(owner.cast::<Owner>()) });
        }
    }
}
