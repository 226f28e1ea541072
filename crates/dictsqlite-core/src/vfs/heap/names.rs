//! Which files exist. A file has a name as long as its database is open somewhere, and bytes as
//! long as it has a name or is open.
#![deny(unsafe_code)]

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::c_int;
use std::sync::Arc;

use crate::sync::Mutex;
use rusqlite::ffi;

use super::PREFIX;
#[cfg(test)]
use super::disk;
use super::node::{Node, Op};

type Name = Box<[u8]>;

/// A database file and those beside it. They live together: a WAL that still holds commits must
/// outlast the connection that wrote it, as on a disk.
#[derive(Default)]
struct Database {
    /// Files open now, deleted ones included.
    open: usize,
    files: BTreeMap<Name, Arc<Node>>,
    #[cfg(test)]
    disk: Option<Arc<disk::Shared>>,
}

impl Database {
    /// The file of this name, made if it is not there.
    fn file(&mut self, name: &[u8]) -> Result<Arc<Node>, c_int> {
        #[cfg(test)]
        if let Some(disk) = &self.disk {
            disk.check()?;
            if !self.files.contains_key(name) {
                self.files.insert(name.into(), disk.create(name)?);
            }
        }
        Ok(Arc::clone(self.files.entry(name.into()).or_default()))
    }
}

static DATABASES: Mutex<BTreeMap<Name, Database>> = Mutex::new(BTreeMap::new());

/// A file that is open. Dropping it closes the file; the last one of a database takes the database
/// with it.
pub(super) struct OpenNode {
    pub(super) node: Arc<Node>,
    /// `None` for a temporary file, which nobody else can name.
    database: Option<Name>,
}

/// How to open a file: SQLite's flags that matter here.
#[derive(Clone, Copy)]
pub(super) struct Mode {
    pub(super) create: bool,
    pub(super) exclusive: bool,
}

/// A new file without a name.
pub(super) fn open_temporary() -> OpenNode {
    OpenNode { node: Arc::default(), database: None }
}

/// Opens a file by name.
pub(super) fn open(name: &[u8], mode: Mode) -> Result<OpenNode, c_int> {
    if !name.starts_with(PREFIX.as_bytes()) {
        return Err(ffi::SQLITE_CANTOPEN);
    }
    let mut databases = DATABASES.lock();
    let there = databases.get(database_of(name)).is_some_and(|d| d.files.contains_key(name));
    if there && mode.create && mode.exclusive || !there && !mode.create {
        return Err(ffi::SQLITE_CANTOPEN);
    }
    let key: Name = database_of(name).into();
    let database = databases.entry(key.clone()).or_default();
    let node = database.file(name)?;
    database.open += 1;
    Ok(OpenNode { node, database: Some(key) })
}

/// Takes the name away. Those who have the file open keep its bytes until they close it.
#[cfg_attr(not(test), expect(unused_variables, reason = "nothing survives the process anyway"))]
pub(super) fn delete(name: &[u8], sync_directory: bool) -> Result<(), c_int> {
    #[cfg(test)]
    if let Some(disk) = disk_of(name) {
        if !exists_at_all(name) {
            return Err(ffi::SQLITE_IOERR_DELETE_NOENT);
        }
        disk.delete(name, sync_directory)?;
    }
    // The guard is a temporary of this statement, so the bytes are freed after the table is
    // unlocked.
    let deleted = DATABASES.lock().get_mut(database_of(name)).and_then(|d| d.files.remove(name));
    match deleted {
        Some(_) => Ok(()),
        None => Err(ffi::SQLITE_IOERR_DELETE_NOENT),
    }
}

/// Whether there is such a file and it is not empty: an empty journal counts as none, as in
/// SQLite's own VFS.
pub(super) fn exists(name: &[u8]) -> bool {
    let node = DATABASES.lock().get(database_of(name)).and_then(|d| d.files.get(name).cloned());
    node.is_some_and(|node| node.run(Op::Len).is_ok_and(|len| len > 0))
}

/// The database that a file belongs to: SQLite names side files by a suffix that starts with `-`,
/// which no private name contains.
fn database_of(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == b'-').next().unwrap_or(name)
}

impl Drop for OpenNode {
    fn drop(&mut self) {
        let Some(key) = self.database.take() else {
            return;
        };
        let mut databases = DATABASES.lock();
        if let Entry::Occupied(mut database) = databases.entry(key) {
            let open = &mut database.get_mut().open;
            *open = open.saturating_sub(1);
            if *open == 0 {
                let gone = database.remove();
                // Freeing gigabytes takes a while; others open files meanwhile.
                drop(databases);
                drop(gone);
            }
        }
    }
}

#[cfg(test)]
fn disk_of(name: &[u8]) -> Option<Arc<disk::Shared>> {
    DATABASES.lock().get(database_of(name)).and_then(|database| database.disk.clone())
}

#[cfg(test)]
fn exists_at_all(name: &[u8]) -> bool {
    DATABASES.lock().get(database_of(name)).is_some_and(|d| d.files.contains_key(name))
}

/// A database on a simulated disk begins, with these files. It stays, as if somebody had it open.
#[cfg(test)]
pub(super) fn attach(name: &[u8], files: BTreeMap<Name, Arc<Node>>, disk: Arc<disk::Shared>) {
    let database = Database { open: 1, files, disk: Some(disk) };
    DATABASES.lock().insert(name.into(), database);
}

/// The disk is gone; its files go with the last one who has them open.
#[cfg(test)]
pub(super) fn detach(name: &[u8]) {
    drop(OpenNode { node: Arc::default(), database: Some(name.into()) });
}

/// The files of a database as they are now.
#[cfg(test)]
pub(super) fn files_of(name: &[u8]) -> BTreeMap<Name, Arc<Node>> {
    DATABASES.lock().get(name).map(|database| database.files.clone()).unwrap_or_default()
}

/// Whether a database is on a simulated disk.
#[cfg(test)]
pub(crate) fn is_on_disk(name: &str) -> bool {
    disk_of(name.as_bytes()).is_some()
}

/// A handle that tells whether a file is still in memory, without keeping it there.
#[cfg(test)]
pub(in crate::vfs) fn watch(name: &str) -> Option<std::sync::Weak<Node>> {
    let databases = DATABASES.lock();
    let database = databases.get(database_of(name.as_bytes()))?;
    database.files.get(name.as_bytes()).map(Arc::downgrade)
}
