//! Work on the whole file of a store. Each has a form that does not block: a thread of its own does it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Dict;
use super::asynchronous::on_thread;
use crate::backup::{
    self, BackupOptions, Checkpoint, Copied, ExportOptions, ImportOptions, Imported, Progress,
    RestoreOptions, Warmed,
};
use crate::completion::Completion;
use crate::error::Result;
use crate::types::Key;

impl Dict {
    /// Copies the store, all its tables, to a file of its own at `dest`, while it goes on being read
    /// and written. The copy is of one moment, which every write acknowledged before is part of. It is
    /// a store like any other: [`Dict::open`] opens it. An in-memory store can be backed up as well.
    ///
    /// It is written beside its place, synced, and then put there in one step; cancelled or failed, it
    /// leaves nothing. As long as it is being made the write-ahead log cannot begin anew, and grows.
    ///
    /// # Errors
    /// `Invalid` when something is at `dest` and `overwrite` is false, `Busy` when that is an open
    /// store; `Full`, `Io`, `ReadOnly`, `Corrupt`, `Cancelled`, `Closed`; as [`Dict::flush`] when what
    /// is pending cannot be committed.
    pub fn backup(&self, dest: impl AsRef<Path>, options: &BackupOptions) -> Result<Copied> {
        backup::backup(&self.at()?.store, dest.as_ref(), options, self.options.timeout)
    }

    /// [`Dict::backup`] without blocking. Its canceller cancels it until the copy is put in its place.
    pub fn backup_async(
        self: &Arc<Self>,
        dest: impl AsRef<Path>,
        options: &BackupOptions,
    ) -> Completion<Copied> {
        let (dest, options) = (dest.as_ref().to_path_buf(), options.clone());
        self.long(options.progress.clone(), move |dict| dict.backup(&dest, &options))
    }

    /// Writes entries, as of one moment, to a file that is no database; gives how many. Such a file can
    /// be read by [`Dict::import`], and, as JSON Lines, by people. Versions are not part of it.
    ///
    /// # Errors
    /// As [`Dict::backup`]; `Invalid` for a table that is not there, `Codec` for what another tool
    /// wrote and the table's codec cannot read.
    pub fn export(&self, dest: impl AsRef<Path>, options: &ExportOptions) -> Result<u64> {
        let at = self.at()?;
        backup::export(&at.store, &at.table, dest.as_ref(), options, self.options.timeout)
    }

    /// [`Dict::export`] without blocking.
    pub fn export_async(
        self: &Arc<Self>,
        dest: impl AsRef<Path>,
        options: &ExportOptions,
    ) -> Completion<u64> {
        let (dest, options) = (dest.as_ref().to_path_buf(), options.clone());
        self.long(options.progress.clone(), move |dict| dict.export(&dest, &options))
    }

    /// Reads an export into this store; tables that are not there are made. Every entry goes to the
    /// table it came from, whichever table this handle is on, in the file's order.
    ///
    /// The file is read to its end before anything is written. Then, with [`OnConflict::Replace`],
    /// entries are written in units of at most 1000, and one by one otherwise; what goes wrong or is
    /// cancelled from then on leaves those that were written, and the error says how many.
    ///
    /// [`OnConflict::Replace`]: crate::OnConflict::Replace
    ///
    /// # Errors
    /// `Corrupt`, naming the line (or entry), for a damaged file; `Codec` when a table has another
    /// codec; `Conflict`, naming the key; as [`Dict::set_many`]; `Cancelled`, `Io`.
    pub fn import(&self, source: impl AsRef<Path>, options: &ImportOptions) -> Result<Imported> {
        let store = &self.at()?.store;
        backup::import(store, &self.admission, source.as_ref(), options, self.options.timeout)
    }

    /// [`Dict::import`] without blocking.
    pub fn import_async(
        self: &Arc<Self>,
        source: impl AsRef<Path>,
        options: &ImportOptions,
    ) -> Completion<Imported> {
        let (source, options) = (source.as_ref().to_path_buf(), options.clone());
        self.long(options.progress.clone(), move |dict| dict.import(&source, &options))
    }

    /// Reads entries (all of this table, or those with a prefix) into the cache, in insertion order, or
    /// with a prefix in key order, until the cache is full. Without a cache they only pass through the
    /// system's.
    ///
    /// # Errors
    /// Those of reading; `Cancelled`.
    pub fn warm(&self, prefix: Option<&Key>, progress: &Progress) -> Result<Warmed> {
        let at = self.at()?;
        backup::warm(&at.store, &at.table, prefix, self.deadline(), progress)
    }

    /// [`Dict::warm`] without blocking.
    pub fn warm_async(
        self: &Arc<Self>,
        prefix: Option<Key>,
        progress: &Progress,
    ) -> Completion<Warmed> {
        let progress = progress.clone();
        self.long(progress.clone(), move |dict| dict.warm(prefix.as_ref(), &progress))
    }

    /// Writes the database anew, without the room that deleted entries left; gives how many bytes it
    /// had and has. Writes are accepted meanwhile and committed afterwards. It needs room on the disk
    /// for two copies while it works. What is cached has to be read again.
    ///
    /// # Errors
    /// `Busy`, naming the holder, when another connection has the lock until the timeout; `ReadOnly`,
    /// `Full`, `Io`, `Corrupt`, `Cancelled`. Then the database is as it was, or, cancelled in the last
    /// moment, the same without that room.
    pub fn vacuum(&self, progress: &Progress) -> Result<(u64, u64)> {
        backup::vacuum(&self.at()?.store, self.deadline(), progress)
    }

    /// [`Dict::vacuum`] without blocking.
    pub fn vacuum_async(self: &Arc<Self>, progress: &Progress) -> Completion<(u64, u64)> {
        let progress = progress.clone();
        self.long(progress.clone(), move |dict| dict.vacuum(&progress))
    }

    /// Commits what is pending, moves the write-ahead log into the database and empties it, as far as
    /// readers allow. The store does so by itself; this is for who copies or measures the file.
    ///
    /// # Errors
    /// `Busy`, `ReadOnly`, `Full`, `Io`; as [`Dict::flush`].
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        backup::checkpoint(&self.at()?.store, self.deadline())
    }

    /// [`Dict::checkpoint`] without blocking.
    pub fn checkpoint_async(self: &Arc<Self>) -> Completion<Checkpoint> {
        self.spawn_async(Self::checkpoint)
    }

    /// Reads all of the file and looks for what is wrong with it, in SQLite's terms and in ours; each
    /// problem in words, nothing when there is none.
    ///
    /// # Errors
    /// Those of reading; `Cancelled`. Damage is no error but a problem.
    pub fn integrity_check(&self, progress: &Progress) -> Result<Vec<String>> {
        backup::integrity_check(&self.at()?.store, self.deadline(), progress)
    }

    /// [`Dict::integrity_check`] without blocking.
    pub fn integrity_check_async(self: &Arc<Self>, progress: &Progress) -> Completion<Vec<String>> {
        let progress = progress.clone();
        self.long(progress.clone(), move |dict| dict.integrity_check(&progress))
    }

    /// Runs an operation on a thread of its own; its canceller is its progress's.
    fn long<T: Send + 'static>(
        self: &Arc<Self>,
        progress: Progress,
        operation: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Completion<T> {
        self.spawn_async(operation).cancelled_by(move || progress.cancel())
    }
}

/// [`restore`](crate::restore) without blocking. Its canceller cancels it until the copy is put in its
/// place.
pub fn restore_async(
    source: impl AsRef<Path>,
    path: impl AsRef<Path>,
    options: &RestoreOptions,
) -> Completion<Copied> {
    let own = |path: &Path| -> PathBuf { path.to_path_buf() };
    let (source, path, options) = (own(source.as_ref()), own(path.as_ref()), options.clone());
    let progress = options.progress.clone();
    on_thread(move || backup::restore(&source, &path, &options))
        .cancelled_by(move || progress.cancel())
}
