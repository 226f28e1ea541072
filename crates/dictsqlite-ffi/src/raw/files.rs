//! Work on whole files: how it is asked for, how far it is, and what it did.

use std::ffi::{CString, c_char, c_int, c_void};
use std::time::Duration;

use dictsqlite_core::{
    BackupOptions, Checkpoint, ExportFormat, ExportOptions, ImportOptions, Imported,
    LONGEST_TIMEOUT, OnConflict, Progress, RestoreOptions, Result, Warmed,
};

use super::key::dictsqlite_key;
use super::lists::{Owner, list};
use super::slice::{dictsqlite_string, elements, invalid};

/// What is told how far an operation is: at the start, about twenty times a second, and at the end. A `total` of 0 is
/// not known. A result other than 0 cancels the operation, which then gives CANCELLED; the result of the last call
/// changes nothing any more. No exception and no `longjmp` may leave it.
pub type dictsqlite_progress_callback =
    Option<extern "C" fn(user_data: *mut c_void, done: u64, total: u64) -> c_int>;

/// Who is told how far an operation is. Zero-initialised: nobody. A function that waits calls on the thread that called
/// it, an asynchronous one on a thread of the library, never after its own callback.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_progress {
    /// What is called. Or NULL.
    callback: dictsqlite_progress_callback,
    /// Handed to the callback as it is.
    user_data: *mut c_void,
}

/// How a store is backed up. Zero-initialised: to a new file, and nobody is told.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_backup_options {
    /// Whether a file that is there already is replaced.
    overwrite: bool,
    /// In pages.
    progress: dictsqlite_progress,
}

/// How a backup is restored. Zero-initialised: to a new file, and nobody is told.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_restore_options {
    /// Whether a store, or any other file, that is there already is replaced.
    overwrite: bool,
    /// How long it may wait for others to close the file that is replaced, in milliseconds; 0 is 30 s.
    timeout: u64,
    /// In pages.
    progress: dictsqlite_progress,
}

/// What is exported, and how. Zero-initialised: all of the handle's table as JSON Lines to a new file.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_export_options {
    /// `DICTSQLITE_EXPORT_JSONL` or `_BINARY`.
    format: u32,
    /// The tables.
    tables: *const dictsqlite_string,
    /// So many names; 0: the handle's own table.
    tables_len: usize,
    /// Every table of the store, whatever `tables` says.
    all_tables: bool,
    /// Only keys of the prefix's own type that begin with it. Or NULL.
    prefix: *const dictsqlite_key,
    /// Whether an export that is there already is replaced.
    overwrite: bool,
    /// In entries.
    progress: dictsqlite_progress,
}

/// JSON Lines: a line an entry, which people can read and change.
pub const DICTSQLITE_EXPORT_JSONL: u32 = 0;
/// Records with their length and checksum: smaller and faster, and damage shows.
pub const DICTSQLITE_EXPORT_BINARY: u32 = 1;

/// What is imported, and how. Zero-initialised: all of the file, in the place of what is there.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dictsqlite_import_options {
    /// Only these of the file's tables.
    tables: *const dictsqlite_string,
    /// So many names; 0: all of them.
    tables_len: usize,
    /// `DICTSQLITE_IMPORT_REPLACE`, `_SKIP` or `_ERROR`: what becomes of an entry whose key is there already.
    on_conflict: u32,
    /// In bytes read; the file is read twice.
    progress: dictsqlite_progress,
}

/// It takes the place of what is there.
pub const DICTSQLITE_IMPORT_REPLACE: u32 = 0;
/// It is passed over.
pub const DICTSQLITE_IMPORT_SKIP: u32 = 1;
/// Nothing is imported; CONFLICT names the key.
pub const DICTSQLITE_IMPORT_ERROR: u32 = 2;

/// What an import did.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dictsqlite_imported {
    /// Entries in the file, of the tables that were asked for.
    read: u64,
    /// Entries written.
    written: u64,
    /// Entries whose keys were there already and were passed over.
    skipped: u64,
    /// Entries that had expired since they were exported.
    expired: u64,
}

/// What warming did.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dictsqlite_warmed {
    /// Entries read.
    read: u64,
    /// How many of them are in the cache now.
    cached: u64,
}

/// What vacuuming did.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dictsqlite_vacuumed {
    /// Bytes the database had.
    before: u64,
    /// Bytes it has now.
    after: u64,
}

/// What a checkpoint did.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dictsqlite_checkpointed {
    /// Frames (pages) in the write-ahead log when it began.
    frames: u64,
    /// How many of them are in the database now.
    moved: u64,
    /// The log is empty now. If not, a reader or another process still needs it.
    emptied: bool,
}

/// What is wrong with a file, each in words; a `len` of 0 is nothing. Free it with `dictsqlite_problems_free`.
#[repr(C)]
#[derive(Debug)]
pub struct dictsqlite_problems {
    items: *const *const c_char,
    len: usize,
    owner: *mut c_void,
}

type Problems = Owner<*const c_char, Vec<CString>>;

list!(dictsqlite_problems, Problems);

impl From<Vec<String>> for dictsqlite_problems {
    fn from(problems: Vec<String>) -> Self {
        let text = |text: String| CString::new(text.replace('\0', "\\0")).unwrap_or_default();
        let problems: Vec<CString> = problems.into_iter().map(text).collect();
        // Moving the strings leaves their text in its place.
        let view = problems.iter().map(|text| text.as_ptr()).collect();
        let (items, len, owner) = Problems::into_raw(view, problems);
        Self { items, len, owner }
    }
}

impl From<Imported> for dictsqlite_imported {
    fn from(imported: Imported) -> Self {
        let Imported { read, written, skipped, expired } = imported;
        Self { read, written, skipped, expired }
    }
}

impl From<Warmed> for dictsqlite_warmed {
    fn from(Warmed { read, cached }: Warmed) -> Self {
        Self { read, cached }
    }
}

impl From<(u64, u64)> for dictsqlite_vacuumed {
    fn from((before, after): (u64, u64)) -> Self {
        Self { before, after }
    }
}

impl From<Checkpoint> for dictsqlite_checkpointed {
    fn from(done: Checkpoint) -> Self {
        Self { frames: done.frames, moved: done.moved, emptied: done.emptied }
    }
}

/// A callback and what it is called with.
struct Told {
    function: extern "C" fn(*mut c_void, u64, u64) -> c_int,
    user_data: *mut c_void,
}

// SAFETY: what `user_data` is, and that the callback may use it on the thread that does the work, one call at a time, is
// the header's contract with the caller.
unsafe impl Send for Told {}
// SAFETY: as above.
unsafe impl Sync for Told {}

impl Told {
    /// False to give up.
    fn tell(&self, done: u64, total: u64) -> bool {
        (self.function)(self.user_data, done, total) == 0
    }
}

impl dictsqlite_progress {
    /// The engine's; one that tells nobody if there is no callback.
    pub(crate) fn read(&self) -> Progress {
        let Some(function) = self.callback else { return Progress::new() };
        let told = Told { function, user_data: self.user_data };
        Progress::calling(move |done, total| told.tell(done, total))
    }
}

fn names(first: *const dictsqlite_string, len: usize) -> Result<Vec<String>> {
    let names = elements(first, len, "tables")?;
    names.iter().map(|name| Ok(name.read("the name of a table")?.to_owned())).collect()
}

impl dictsqlite_backup_options {
    /// The engine's options.
    pub(crate) fn read(&self) -> BackupOptions {
        BackupOptions { overwrite: self.overwrite, progress: self.progress.read() }
    }
}

impl dictsqlite_restore_options {
    /// The engine's options.
    pub(crate) fn read(&self) -> RestoreOptions {
        let (overwrite, progress) = (self.overwrite, self.progress.read());
        let timeout = match self.timeout {
            0 => RestoreOptions::default().timeout,
            // No longer than a handle's longest.
            ms => Duration::from_millis(ms).min(LONGEST_TIMEOUT),
        };
        RestoreOptions { overwrite, timeout, progress }
    }
}

impl dictsqlite_export_options {
    /// The engine's options.
    pub(crate) fn read(&self) -> Result<ExportOptions> {
        let format = match self.format {
            DICTSQLITE_EXPORT_JSONL => ExportFormat::JsonLines,
            DICTSQLITE_EXPORT_BINARY => ExportFormat::Binary,
            other => {
                return Err(invalid(format!(
                    "format is {other}; use DICTSQLITE_EXPORT_JSONL or _BINARY"
                )));
            }
        };
        let prefix = elements(self.prefix, usize::from(!self.prefix.is_null()), "prefix")?.first();
        Ok(ExportOptions {
            format,
            tables: names(self.tables, self.tables_len)?,
            all_tables: self.all_tables,
            prefix: prefix.map(dictsqlite_key::read_owned).transpose()?,
            overwrite: self.overwrite,
            progress: self.progress.read(),
        })
    }
}

impl dictsqlite_import_options {
    /// The engine's options.
    pub(crate) fn read(&self) -> Result<ImportOptions> {
        let on_conflict = match self.on_conflict {
            DICTSQLITE_IMPORT_REPLACE => OnConflict::Replace,
            DICTSQLITE_IMPORT_SKIP => OnConflict::Skip,
            DICTSQLITE_IMPORT_ERROR => OnConflict::Error,
            other => {
                return Err(invalid(format!(
                    "on_conflict is {other}; use DICTSQLITE_IMPORT_REPLACE, _SKIP or _ERROR"
                )));
            }
        };
        let tables = names(self.tables, self.tables_len)?;
        Ok(ImportOptions { tables, on_conflict, progress: self.progress.read() })
    }
}
