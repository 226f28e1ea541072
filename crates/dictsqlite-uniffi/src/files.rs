//! Work on whole files: backups and their restoring, exports and imports, and the upkeep of a file.
//!
//! Each comes twice, as everything that waits. Cancelled, the future of one is done when the operation
//! has ended: then nothing is left of it, or all of it is there.

use dictsqlite_core as core;
use dictsqlite_core::{
    BackupOptions, Checkpoint, Imported, LONGEST_TIMEOUT, Progress, RestoreOptions, Warmed,
};

use crate::dict::NativeDict;
use crate::error::Result;
use crate::options::seconds;
use crate::pending::end_of;
use crate::types::{ExportFormat, Key, OnConflict};

/// Who is told how far an operation is.
#[uniffi::export(callback_interface)]
pub trait NativeProgress: Send + Sync {
    /// So far of so much; 0 is not known. False cancels the operation. It must not throw.
    fn report(&self, done: u64, total: u64) -> bool;
}

type Told = Option<Box<dyn NativeProgress>>;

fn progress(told: Told) -> Progress {
    match told {
        Some(told) => Progress::calling(move |done, total| told.report(done, total)),
        None => Progress::new(),
    }
}

/// What is exported, and how.
#[derive(Clone, Debug, uniffi::Record)]
pub struct NativeExportOptions {
    /// How the file looks.
    pub format: ExportFormat,
    /// These tables; empty for the handle's own.
    pub tables: Vec<String>,
    /// Every table of the store, whatever `tables` says.
    pub all_tables: bool,
    /// Only keys with this prefix, as in a scan.
    pub prefix: Option<Key>,
    /// Whether an export that is there already is replaced.
    pub overwrite: bool,
}

impl NativeExportOptions {
    fn to_core(&self, told: Told) -> core::ExportOptions {
        core::ExportOptions {
            format: self.format.into(),
            tables: self.tables.clone(),
            all_tables: self.all_tables,
            prefix: self.prefix.clone().map(core::Key::from),
            overwrite: self.overwrite,
            progress: progress(told),
        }
    }
}

/// What an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct NativeImported {
    /// Entries in the file, of the tables that were asked for.
    pub read: u64,
    /// Entries written.
    pub written: u64,
    /// Entries whose keys were there already and were passed over.
    pub skipped: u64,
    /// Entries that had expired since they were exported.
    pub expired: u64,
}

impl From<Imported> for NativeImported {
    fn from(imported: Imported) -> Self {
        let Imported { read, written, skipped, expired } = imported;
        Self { read, written, skipped, expired }
    }
}

/// What warming did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct NativeWarmed {
    /// Entries read.
    pub read: u64,
    /// How many of them are in the cache now.
    pub cached: u64,
}

impl From<Warmed> for NativeWarmed {
    fn from(Warmed { read, cached }: Warmed) -> Self {
        Self { read, cached }
    }
}

/// What vacuuming did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct NativeVacuumed {
    /// Bytes the database had.
    pub before: u64,
    /// Bytes it has now.
    pub after: u64,
}

impl From<(u64, u64)> for NativeVacuumed {
    fn from((before, after): (u64, u64)) -> Self {
        Self { before, after }
    }
}

/// What a checkpoint did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct NativeCheckpoint {
    /// Frames (pages) in the write-ahead log when it began.
    pub frames: u64,
    /// How many of them are in the database now.
    pub moved: u64,
    /// The log is empty now. If not, a reader or another process still needs it.
    pub emptied: bool,
}

impl From<Checkpoint> for NativeCheckpoint {
    fn from(done: Checkpoint) -> Self {
        Self { frames: done.frames, moved: done.moved, emptied: done.emptied }
    }
}

fn restore_options(overwrite: bool, timeout: f64, told: Told) -> Result<RestoreOptions> {
    let timeout = seconds("timeout", timeout)?.unwrap_or(LONGEST_TIMEOUT).min(LONGEST_TIMEOUT);
    Ok(RestoreOptions { overwrite, timeout, progress: progress(told) })
}

/// Puts a copy of the store `source` at `path`, where nobody may have a store open; its bytes.
#[uniffi::export]
pub fn native_restore(
    source: &str,
    path: &str,
    overwrite: bool,
    timeout: f64,
    told: Option<Box<dyn NativeProgress>>,
) -> Result<u64> {
    Ok(core::restore(source, path, &restore_options(overwrite, timeout, told)?)?.bytes)
}

/// The same as a future.
#[uniffi::export]
pub async fn native_restore_async(
    source: String,
    path: String,
    overwrite: bool,
    timeout: f64,
    told: Option<Box<dyn NativeProgress>>,
    ticket: u64,
) -> Result<u64> {
    let options = restore_options(overwrite, timeout, told)?;
    Ok(end_of(ticket, || Ok(core::restore_async(source, path, &options))).await?.bytes)
}

#[uniffi::export]
impl NativeDict {
    /// Copies the store, as of one moment, to a file of its own; its bytes.
    pub fn backup(
        &self,
        dest: &str,
        overwrite: bool,
        told: Option<Box<dyn NativeProgress>>,
    ) -> Result<u64> {
        let options = BackupOptions { overwrite, progress: progress(told) };
        Ok(self.dict.backup(dest, &options)?.bytes)
    }

    /// The same as a future.
    pub async fn backup_async(
        &self,
        dest: String,
        overwrite: bool,
        told: Option<Box<dyn NativeProgress>>,
        ticket: u64,
    ) -> Result<u64> {
        let options = BackupOptions { overwrite, progress: progress(told) };
        Ok(end_of(ticket, || Ok(self.dict.backup_async(dest, &options))).await?.bytes)
    }

    /// Writes entries, as of one moment, to a file that is no database; how many.
    pub fn export_to(
        &self,
        dest: &str,
        options: NativeExportOptions,
        told: Option<Box<dyn NativeProgress>>,
    ) -> Result<u64> {
        Ok(self.dict.export(dest, &options.to_core(told))?)
    }

    /// The same as a future.
    pub async fn export_to_async(
        &self,
        dest: String,
        options: NativeExportOptions,
        told: Option<Box<dyn NativeProgress>>,
        ticket: u64,
    ) -> Result<u64> {
        let options = options.to_core(told);
        end_of(ticket, || Ok(self.dict.export_async(dest, &options))).await
    }

    /// Reads an export into this store; without `tables` all of it.
    pub fn import_from(
        &self,
        source: &str,
        tables: Vec<String>,
        on_conflict: OnConflict,
        told: Option<Box<dyn NativeProgress>>,
    ) -> Result<NativeImported> {
        let (on_conflict, progress) = (on_conflict.into(), progress(told));
        let options = core::ImportOptions { tables, on_conflict, progress };
        Ok(self.dict.import(source, &options)?.into())
    }

    /// The same as a future.
    pub async fn import_from_async(
        &self,
        source: String,
        tables: Vec<String>,
        on_conflict: OnConflict,
        told: Option<Box<dyn NativeProgress>>,
        ticket: u64,
    ) -> Result<NativeImported> {
        let (on_conflict, progress) = (on_conflict.into(), progress(told));
        let options = core::ImportOptions { tables, on_conflict, progress };
        Ok(end_of(ticket, || Ok(self.dict.import_async(source, &options))).await?.into())
    }

    /// Reads entries into the cache until it is full.
    pub fn warm(
        &self,
        prefix: Option<Key>,
        told: Option<Box<dyn NativeProgress>>,
    ) -> Result<NativeWarmed> {
        let prefix = prefix.map(core::Key::from);
        Ok(self.dict.warm(prefix.as_ref(), &progress(told))?.into())
    }

    /// The same as a future.
    pub async fn warm_async(
        &self,
        prefix: Option<Key>,
        told: Option<Box<dyn NativeProgress>>,
        ticket: u64,
    ) -> Result<NativeWarmed> {
        let (prefix, progress) = (prefix.map(core::Key::from), progress(told));
        Ok(end_of(ticket, || Ok(self.dict.warm_async(prefix, &progress))).await?.into())
    }

    /// Writes the database anew, without the room that deleted entries left.
    pub fn vacuum(&self) -> Result<NativeVacuumed> {
        Ok(self.dict.vacuum(&Progress::new())?.into())
    }

    /// The same as a future.
    pub async fn vacuum_async(&self, ticket: u64) -> Result<NativeVacuumed> {
        Ok(end_of(ticket, || Ok(self.dict.vacuum_async(&Progress::new()))).await?.into())
    }

    /// Commits what is pending, and moves the write-ahead log into the database.
    pub fn checkpoint(&self) -> Result<NativeCheckpoint> {
        Ok(self.dict.checkpoint()?.into())
    }

    /// The same as a future.
    pub async fn checkpoint_async(&self, ticket: u64) -> Result<NativeCheckpoint> {
        Ok(end_of(ticket, || Ok(self.dict.checkpoint_async())).await?.into())
    }

    /// What is wrong with the file, in words; empty when nothing is.
    pub fn integrity_check(&self) -> Result<Vec<String>> {
        Ok(self.dict.integrity_check(&Progress::new())?)
    }

    /// The same as a future.
    pub async fn integrity_check_async(&self, ticket: u64) -> Result<Vec<String>> {
        end_of(ticket, || Ok(self.dict.integrity_check_async(&Progress::new()))).await
    }
}
