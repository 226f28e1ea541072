//! What is on the disk, and whether it is what was promised.

use std::ffi::CString;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::account::Account;
use super::model::{Contents, Row};
use super::ops::Key;
use crate::vfs::{Disk, HEAP_VFS};

/// What another connection finds in the file.
pub(super) struct Found {
    pub(super) contents: Contents,
    /// The highest version of an entry, and the file's counter.
    version: i64,
    counter: i64,
}

/// Looks at a file that the store has open, or that nobody has.
pub(super) fn look(disk: &Disk) -> Result<Found, String> {
    read(connect(disk))
}

/// Looks at a file of its own.
pub(super) fn look_at(path: &Path) -> Result<Found, String> {
    read(Connection::open(path))
}

fn read(connection: rusqlite::Result<Connection>) -> Result<Found, String> {
    let found = connection.and_then(|c| found(&c));
    found.map_err(|e| format!("the file cannot be read: {e}"))?
}

fn found(c: &Connection) -> rusqlite::Result<Result<Found, String>> {
    let verdict: String = c.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Ok(Err(format!("the file is damaged: {verdict}")));
    }
    let counter = c
        .query_row("SELECT value FROM _dictsqlite WHERE name = 'counter'", [], |row| row.get(0))
        .optional()?;
    let (mut contents, mut version) = (Contents::default(), 0);
    for (n, name) in ["main", "other"].iter().enumerate() {
        let sql = format!("SELECT key, value, expires_at, version FROM {name} ORDER BY id");
        let mut statement = c.prepare(&sql)?;
        let rows = statement.query_map([], |row| {
            let key: String = row.get(0)?;
            let key = key.trim_start_matches("key").parse().unwrap_or(Key::MAX);
            let version: i64 = row.get(3)?;
            Ok((Row { key, value: row.get(1)?, expires_at: row.get(2)? }, version))
        })?;
        for row in rows {
            let (row, of) = row?;
            version = version.max(of);
            contents.0[n].push(row);
        }
    }
    Ok(Ok(Found { contents, version, counter: counter.unwrap_or(0) }))
}

/// Another connection to the file.
pub(super) fn connect(disk: &Disk) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let vfs = CString::from(HEAP_VFS);
    Connection::open_with_flags_and_vfs(disk.name(), flags, vfs.as_c_str())
}

impl Found {
    /// What is there must be what was there after one of the accepted operations, and not before the
    /// last one that must be left. Gives which one it was.
    pub(super) fn judge(
        &self,
        account: &Account,
        power_cut: bool,
        now: i64,
        in_order: bool,
    ) -> Result<usize, String> {
        let (least, promise) =
            if power_cut { (account.durable, "durable") } else { (account.committed, "committed") };
        let seen = self.contents.seen(now, in_order);
        let is_this = |state: &Contents| state.seen(now, in_order) == seen;
        let Some(at) = account.states.iter().rposition(is_this) else {
            let closest = &account.states[least];
            return Err(format!(
                "what is left is no prefix of the {} operations accepted: {} ({promise} were {least}: {})",
                account.states.len() - 1,
                shown(&seen),
                shown(&closest.seen(now, in_order)),
            ));
        };
        if at < least {
            return Err(format!(
                "what is left is as after operation {at} of {}, but {least} were acknowledged as \
                 {promise}",
                account.states.len() - 1
            ));
        }
        let known = if power_cut { account.durable_version } else { account.committed_version };
        if self.counter < self.version || self.counter < known {
            return Err(format!(
                "the counter is {}, with version {} in the file and {known} acknowledged",
                self.counter, self.version
            ));
        }
        Ok(at)
    }

    /// A version that was given now must be above all that are known.
    pub(super) fn check_new(&self, version: i64) -> Result<(), String> {
        if version > self.version && version > self.counter {
            return Ok(());
        }
        Err(format!(
            "the new version {version} is not above {} in the file and the counter {}",
            self.version, self.counter
        ))
    }
}

fn shown(contents: &Contents) -> String {
    let table = |rows: &[Row]| -> String {
        let row = |row: &Row| {
            let head: String = row.value.iter().take(4).map(|b| format!("{b:02x}")).collect();
            format!("{}={head}..{}", row.key, row.value.len())
        };
        rows.iter().map(row).collect::<Vec<_>>().join(" ")
    };
    format!("[{}] [{}]", table(&contents.0[0]), table(&contents.0[1]))
}
