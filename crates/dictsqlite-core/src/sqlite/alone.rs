//! Taking a database file out of use, so that another can be put in its place.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::fault;
use super::open::is_busy;
use crate::error::{Error, ErrorKind, Result};
use crate::vfs::{self, fork};

const PATIENCE: Duration = Duration::from_secs(2);

/// A database that nobody else has open, nor can open until this is dropped. Everything is in the file
/// itself: it has no log.
pub(crate) struct Alone {
    /// None for a file that SQLite cannot read: nobody can have it open as a database.
    connection: Option<Connection>,
}

impl Alone {
    /// Waits a moment for others to close the file.
    ///
    /// # Errors
    /// `Busy` when another connection has it open.
    pub(crate) fn with(path: &Path) -> Result<Self> {
        let _pass = fork::enter();
        fork::watch();
        vfs::install_locks();
        match alone(path) {
            Ok(connection) => Ok(Self { connection: Some(connection) }),
            Err(e) if is_busy(&e) => Err(Error::new(
                ErrorKind::Busy,
                format!(
                    "{} is open in another process or connection; close it there and try again",
                    path.display()
                ),
            )),
            Err(e) => {
                let error = fault::error(&e, &format!("replacing {}", path.display()));
                match error.kind() {
                    ErrorKind::Corrupt => Ok(Self { connection: None }),
                    _ => Err(error),
                }
            }
        }
    }
}

fn alone(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    // Moves the log into the file and removes it, which only the one connection to a file can.
    connection.query_row("PRAGMA journal_mode = delete", [], |_| Ok(()))?;
    connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
    Ok(connection)
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _pass = fork::enter();
        drop(self.connection.take());
    }
}
