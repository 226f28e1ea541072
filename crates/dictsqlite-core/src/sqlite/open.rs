//! Opening connections, and making a file ours on first contact.

use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::doubt::Doubt;
use super::fault;
use super::schema::{self, Identity};
use super::stamp::Stamps;
use crate::completion::{interrupted, is_interrupted};
use crate::error::{Error, ErrorKind, Result};
use crate::vfs::{self, ground, ground::Ground};

/// Prepared statements kept by a connection.
const STATEMENTS: usize = 128;
/// The most a write-ahead log keeps on disk once it was emptied, in bytes.
const WAL_KEEP: i64 = 64 << 20;
const RETRY: Duration = Duration::from_millis(5);

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A file, by its absolute path.
    File(PathBuf),
    /// A private one in memory, by its name in the heap file system.
    Heap(String),
}

/// A file as the operating system knows it: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileId(u64, u64);

impl FileId {
    /// The identity of the file at `path`, if there is one.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Some(Self(metadata.dev(), metadata.ino()))
        }
        #[cfg(not(unix))]
        {
            use std::hash::{DefaultHasher, Hash, Hasher};
            let _ = metadata;
            let mut hasher = DefaultHasher::new();
            std::fs::canonicalize(path).ok()?.hash(&mut hasher);
            Some(Self(0, hasher.finish()))
        }
    }
}

/// Opens the connections of one store.
#[derive(Clone, Debug)]
pub(crate) struct Opener {
    pub(crate) place: Place,
    pub(crate) read_only: bool,
    pub(crate) timeout: Duration,
    /// Which file it was when it was opened.
    pub(crate) file: Option<FileId>,
    /// Set once another file, or none, was found in its place.
    pub(crate) misplaced: Arc<AtomicBool>,
    pub(crate) doubt: Arc<Doubt>,
}

impl Opener {
    /// Refuses to go on when another file is where ours was, or none: what is written would be lost,
    /// and what is read would be out of date.
    pub(crate) fn check_in_place(&self) -> Result<()> {
        if let (Place::File(path), Some(file)) = (&self.place, self.file)
            && FileId::of(path) != Some(file)
        {
            self.misplaced.store(true, Ordering::Release);
        }
        self.check_not_misplaced()
    }

    /// The same, as far as is known already.
    pub(crate) fn check_not_misplaced(&self) -> Result<()> {
        if !self.misplaced.load(Ordering::Acquire) {
            return Ok(());
        }
        let message = format!(
            "{} was removed or replaced while it was open; close it and open it again",
            self.describe()
        );
        Err(Error::new(ErrorKind::Io, message))
    }

    /// What the file is on; a drive of another machine is refused.
    pub(crate) fn ground(&self) -> Result<Ground> {
        let Place::File(path) = &self.place else { return Ok(Ground::Local) };
        match ground::of(path) {
            Ground::Network(name) => Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{} is on a network drive ({name}), where SQLite's WAL mode has no shared memory \
                     between the machines and damages files; keep it on a local disk",
                    self.describe()
                ),
            )),
            other => Ok(other),
        }
    }

    /// A connection with our settings. It may be used by one thread at a time.
    pub(super) fn connect(&self, cache_kib: i64) -> Result<Connection> {
        vfs::fork::watch();
        vfs::install_locks();
        let fail = |e| fault::error(&e, &format!("opening {}", self.describe()));
        let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags |= if self.read_only {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
        };
        let connection = match &self.place {
            Place::File(path) => Connection::open_with_flags(path, flags).map_err(fail)?,
            Place::Heap(name) => {
                vfs::register_heap().map_err(|code| {
                    Error::new(ErrorKind::Internal, format!("no heap file system: {code}"))
                })?;
                let vfs = CString::from(vfs::HEAP_VFS);
                Connection::open_with_flags_and_vfs(name, flags, vfs.as_c_str()).map_err(fail)?
            }
        };
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection
            .busy_timeout(self.timeout)
            .and_then(|()| connection.pragma_update(None, "cache_size", -cache_kib))
            .and_then(|()| connection.pragma_update(None, "temp_store", "memory"))
            .and_then(|()| connection.pragma_update(None, "wal_autocheckpoint", 0))
            .and_then(|()| connection.pragma_update(None, "journal_size_limit", WAL_KEEP))
            .map_err(fail)?;
        Ok(connection)
    }

    /// First contact: makes sure that the file is ours and in WAL mode, and reads the stamp.
    ///
    /// Many processes may do this to one new file at once, and SQLite's own waiting does not cover
    /// a change of journal mode; so all of it is tried again as one unit until the timeout.
    pub(crate) fn prepare(&self, adopt: bool) -> Result<Stamps> {
        let deadline = Instant::now() + self.timeout;
        loop {
            let pass = vfs::fork::enter();
            let attempt = self.try_prepare(adopt);
            drop(pass);
            match attempt {
                Err(e) if e.kind() == ErrorKind::Busy && Instant::now() < deadline => {
                    if is_interrupted() {
                        return Err(interrupted("nothing was opened"));
                    }
                    std::thread::sleep(RETRY);
                }
                other => return other,
            }
        }
    }

    fn try_prepare(&self, adopt: bool) -> Result<Stamps> {
        let mut connection = self.connect(256)?;
        connection
            .busy_timeout(Duration::from_millis(100).min(self.timeout))
            .map_err(|e| fault::error(&e, "opening"))?;
        let identity = schema::identify(&connection)
            .map_err(|e| Error::new(e.kind(), format!("{}: {}", self.describe(), e.message())))?;
        match identity {
            Identity::Ours => {}
            Identity::Empty if !self.read_only => {}
            Identity::Foreign if adopt && !self.read_only => {}
            Identity::Empty | Identity::Foreign => return Err(self.refuse_foreign()),
            Identity::Earlier => return Err(self.refuse_earlier()),
        }
        self.make_wal(&connection)?;
        if identity != Identity::Ours {
            create(&mut connection, identity == Identity::Empty)
                .map_err(|e| fault::error(&e, &format!("creating {}", self.describe())))?;
        }
        connection.busy_timeout(self.timeout).map_err(|e| fault::error(&e, "opening"))?;
        // The mapping of the WAL index exists once the connection has read something.
        schema::read_number(&connection, "format").map_err(|e| fault::error(&e, "opening"))?;
        Ok(Stamps::new(connection))
    }

    fn make_wal(&self, connection: &Connection) -> Result<()> {
        let describe = || format!("opening {}", self.describe());
        let mode: String = connection
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .map_err(|e| fault::error(&e, &describe()))?;
        if mode == "wal" {
            return Ok(());
        }
        if self.read_only {
            return Err(Error::new(
                ErrorKind::ReadOnly,
                "the database is not in WAL mode and cannot be changed to it read-only; \
                 open it once for writing",
            ));
        }
        let mode: String = connection
            .query_row("PRAGMA journal_mode = wal", [], |row| row.get(0))
            .map_err(|e| fault::error(&e, &describe()))?;
        if mode == "wal" {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("{} does not support SQLite's WAL mode", self.describe()),
        ))
    }

    fn describe(&self) -> String {
        match &self.place {
            Place::File(path) => path.display().to_string(),
            Place::Heap(_) => "the in-memory store".to_owned(),
        }
    }

    fn refuse_foreign(&self) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "{} is an SQLite database of something else; open it with adopt=True to add our \
                 tables beside what is in it",
                self.describe()
            ),
        )
    }

    fn refuse_earlier(&self) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "{} was written by an earlier DictSQLite release, whose files record neither codec \
                 nor format; copy it with dictsqlite.import_legacy(old_path, new_path, \
                 storage_mode=...)",
                self.describe()
            ),
        )
    }
}

/// Makes the file ours, unless somebody was quicker.
fn create(connection: &mut Connection, set_application_id: bool) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let there =
        transaction.prepare("SELECT 1 FROM sqlite_schema WHERE name = '_dictsqlite'")?.exists([])?;
    if !there {
        schema::create(&transaction, set_application_id)?;
    }
    transaction.commit()
}

/// True for the error of a statement that could not get a lock.
pub(super) fn is_busy(e: &rusqlite::Error) -> bool {
    matches!(e.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
