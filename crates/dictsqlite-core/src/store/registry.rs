//! The stores open in this process, one a file: opening a file again gives the same store.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

use crate::sync::{Condvar, Mutex};

use super::{Store, check_same, is_private};
use crate::error::{Error, ErrorKind, Result};
use crate::io;
use crate::options::Options;
use crate::sqlite::{FileId, Place};
use crate::vfs::{self, fork};

/// How long a fork waits for private stores to commit what is pending.
const PRIVATE_FLUSH: Duration = Duration::from_secs(2);

/// No SQLite database that is not empty is shorter than its smallest page.
const LEAST_BYTES: u64 = 512;

/// Whether `end` was called.
static ENDING: AtomicBool = AtomicBool::new(false);

/// What is known of a file: being opened or closed by some thread, or open.
enum Slot {
    Moving,
    Open(Arc<Store>),
}

/// What a store is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Id {
    File(FileId),
    Heap(String),
}

/// The stores of one generation of forks. A child begins with none: those it inherited have lost
/// their threads and their locks, and are left alone.
#[derive(Default)]
struct Registry {
    generation: u32,
    slots: Mutex<HashMap<Id, Slot>>,
    moved: Condvar,
    child: OnceLock<Box<Registry>>,
}

static FIRST: LazyLock<Registry> = LazyLock::new(|| {
    fork::before(flush_private);
    io::guard_by(is_live);
    Registry { generation: fork::generation(), ..Registry::default() }
});

/// The registry of this process.
fn registry() -> &'static Registry {
    let mut registry = &*FIRST;
    while registry.generation != fork::generation() {
        let generation = registry.generation + 1;
        let child = || Box::new(Registry { generation, ..Registry::default() });
        registry = registry.child.get_or_init(child);
    }
    registry
}

/// A file that no handle of this process is opened on as long as this is there.
pub(crate) struct Reserved(Id);

/// Reserves the file at `path`, if there is one, waiting until `deadline` for its closing to end.
///
/// # Errors
/// `Busy` when it is open in this process.
pub(crate) fn reserve(path: &Path, deadline: Instant) -> Result<Option<Reserved>> {
    let registry = registry();
    let mut slots = registry.slots.lock();
    loop {
        let Some(id) = FileId::of(path).map(Id::File) else { return Ok(None) };
        match slots.get(&id) {
            None => {
                slots.insert(id.clone(), Slot::Moving);
                return Ok(Some(Reserved(id)));
            }
            Some(Slot::Moving) => {
                let timed_out;
                (slots, timed_out) = registry.moved.wait_until(slots, deadline);
                if !timed_out {
                    continue;
                }
            }
            Some(Slot::Open(_)) => {}
        }
        let message = format!(
            "{} is open in this process; close every handle on it and try again",
            path.display()
        );
        return Err(Error::new(ErrorKind::Busy, message));
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let registry = registry();
        registry.slots.lock().remove(&self.0);
        registry.moved.notify_all();
    }
}

/// Before a fork: what is in memory only is brought to where the child finds it.
fn flush_private() {
    let deadline = Instant::now() + PRIVATE_FLUSH;
    let stores: Vec<Arc<Store>> = {
        let slots = registry().slots.lock();
        let private = slots.iter().filter_map(|(id, slot)| match (id, slot) {
            (Id::Heap(_), Slot::Open(store)) => Some(Arc::clone(store)),
            _ => None,
        });
        private.collect()
    };
    for store in stores {
        // Nobody can be told here; a heap has no lock or disk that could fail it.
        let _ = store.barrier(deadline);
    }
}

/// Whether a file is one that SQLite has open for a store: nobody else is to open or replace it.
fn is_live(path: &Path) -> bool {
    let Some(file) = FileId::of(path) else { return false };
    let slots = registry().slots.lock();
    if slots.contains_key(&Id::File(file)) {
        return true;
    }
    let places = slots.values().filter_map(|slot| match slot {
        Slot::Open(store) => store.path().map(Path::as_os_str).map(ToOwned::to_owned),
        Slot::Moving => None,
    });
    let places: Vec<_> = places.collect();
    drop(slots);
    places.into_iter().any(|place| {
        ["-wal", "-shm"].into_iter().any(|suffix| {
            let mut beside = place.clone();
            beside.push(suffix);
            FileId::of(Path::new(&beside)) == Some(file)
        })
    })
}

/// Opens the store at `path`, or finds it; it is counted as one more handle.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Arc<Store>> {
    options.validate()?;
    #[cfg(test)]
    if let Some(name) = path.to_str().filter(|name| vfs::is_disk(name)) {
        return open_heap(name.to_owned(), options);
    }
    if is_private(path, options) {
        if options.read_only {
            return Err(Error::invalid(
                "an in-memory store is new and empty, so read_only makes no sense for it",
            ));
        }
        open_heap(vfs::private_name(), options)
    } else {
        open_file(path, options)
    }
}

/// In the child of a fork: the store a handle had in the parent, opened anew.
pub(crate) fn reopen(inherited: &Store, options: &Options) -> Result<Arc<Store>> {
    match &inherited.state.opener.place {
        Place::File(path) => open_file(path, options),
        Place::Heap(name) => open_heap(name.clone(), options),
    }
}

fn open_heap(name: String, options: &Options) -> Result<Arc<Store>> {
    let id = Id::Heap(name.clone());
    let deadline = Instant::now() + options.timeout;
    start(Place::Heap(name), options, deadline, || Ok(id.clone()))
}

fn open_file(path: &Path, options: &Options) -> Result<Arc<Store>> {
    let path = std::path::absolute(path)
        .map_err(|e| Error::invalid(format!("{} is no path: {e}", path.display())))?;
    let deadline = Instant::now() + options.timeout;
    // Called under the registry's lock, so that no file is created beside one that SQLite has open.
    let identify = || find_or_create(&path, options.read_only).map(Id::File);
    start(Place::File(path.clone()), options, deadline, identify)
}

/// Finds the store, or starts it. The identity is asked for again after every wait, since the file
/// may be another one by then.
fn start(
    place: Place,
    options: &Options,
    deadline: Instant,
    identify: impl Fn() -> Result<Id>,
) -> Result<Arc<Store>> {
    let registry = registry();
    let mut slots = registry.slots.lock();
    let id = loop {
        let id = identify()?;
        match slots.get(&id) {
            None => break id,
            Some(Slot::Open(store)) => {
                check_same(store, options)?;
                store.retain();
                return Ok(Arc::clone(store));
            }
            Some(Slot::Moving) => {
                let timed_out;
                (slots, timed_out) = registry.moved.wait_until(slots, deadline);
                if timed_out {
                    return Err(Error::new(
                        ErrorKind::Busy,
                        "the store is still being opened or closed by another thread",
                    ));
                }
            }
        }
    };
    slots.insert(id.clone(), Slot::Moving);
    drop(slots);
    let started = Store::start(place, options);
    let mut slots = registry.slots.lock();
    match &started {
        Ok(store) => {
            store.retain();
            if ENDING.load(Ordering::Acquire) {
                store.state.memtable.end();
            }
            slots.insert(id, Slot::Open(Arc::clone(store)));
        }
        Err(_) => {
            slots.remove(&id);
        }
    }
    drop(slots);
    registry.moved.notify_all();
    started
}

/// The file's identity. A new file is created empty, which is how SQLite begins as well.
fn find_or_create(path: &Path, read_only: bool) -> Result<FileId> {
    let fail = |e: &std::io::Error| {
        let missing = e.kind() == std::io::ErrorKind::NotFound;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let message = match directory.filter(|directory| !directory.exists()) {
            Some(directory) if missing => {
                let (path, directory) = (path.display(), directory.display());
                format!("cannot open {path}: there is no directory {directory}; make it first")
            }
            _ if missing && read_only => {
                format!("there is no file {}, and read_only makes none", path.display())
            }
            _ => format!("cannot open {}: {e}", path.display()),
        };
        Error::new(ErrorKind::Io, message).with_file(e, path)
    };
    match std::fs::metadata(path) {
        // SQLite takes what is shorter than a page for empty, and would write over it.
        Ok(metadata) if metadata.is_file() && (1..LEAST_BYTES).contains(&metadata.len()) => {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "{} is damaged, or it is not an SQLite database; it has only {} bytes",
                    path.display(),
                    metadata.len()
                ),
            ));
        }
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => {
            return Err(Error::new(
                ErrorKind::Io,
                format!("{} is not a regular file; give the path of one", path.display()),
            ));
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !read_only => {
            match OpenOptions::new().write(true).create_new(true).open(path) {
                Ok(_) => {}
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(fail(&e)),
            }
        }
        Err(e) => return Err(fail(&e)),
    }
    FileId::of(path).ok_or_else(|| {
        Error::new(ErrorKind::Io, format!("{} vanished while it was opened", path.display()))
    })
}

/// The last handle is gone: closes the store, unless somebody opened it again meanwhile.
pub(super) fn forget(store: &Arc<Store>) {
    let registry = registry();
    let id = {
        let mut slots = registry.slots.lock();
        let id = slots.iter().find_map(|(id, slot)| match slot {
            Slot::Open(open) if Arc::ptr_eq(open, store) => Some(id.clone()),
            _ => None,
        });
        if store.handles.load(Ordering::Acquire) > 0 {
            return;
        }
        if let Some(id) = &id {
            slots.insert(id.clone(), Slot::Moving);
        }
        id
    };
    store.stop();
    if let Some(id) = id {
        registry.slots.lock().remove(&id);
        registry.moved.notify_all();
    }
}

/// [`shutdown`] for a process that is about to end: what is written after it, by other handlers of
/// the exit and by finalizers, is acknowledged when it is committed, whatever the mode, and handles
/// that are dropped are not waited for once more.
pub fn end(limit: Duration) -> Vec<String> {
    ENDING.store(true, Ordering::Release);
    for slot in registry().slots.lock().values() {
        if let Slot::Open(store) = slot {
            store.state.memtable.end();
        }
    }
    shutdown(limit)
}

/// Flushes every open store, for at most `limit` in all. Gives a line for each store that still
/// has uncommitted writes then, saying how many and why. Call it before the process ends.
pub fn shutdown(limit: Duration) -> Vec<String> {
    let deadline = Instant::now() + limit;
    let registry = registry();
    // All of them begin at once, so that none loses its time to another one that is stuck.
    for slot in registry.slots.lock().values() {
        if let Slot::Open(store) = slot {
            drop(store.state.memtable.barrier(deadline));
        }
    }
    let stores: Vec<Arc<Store>> = {
        let mut slots = registry.slots.lock();
        // Stores that are being closed by other threads are given their time to finish.
        while slots.values().any(|slot| matches!(slot, Slot::Moving)) {
            let timed_out;
            (slots, timed_out) = registry.moved.wait_until(slots, deadline);
            if timed_out {
                break;
            }
        }
        let open = slots.values().filter_map(|slot| match slot {
            Slot::Open(store) => Some(Arc::clone(store)),
            Slot::Moving => None,
        });
        open.collect()
    };
    let mut lost = Vec::new();
    for store in stores {
        if let Err(e) = store.flush(false, deadline) {
            let (writes, _) = store.state.memtable.backlog();
            let path: PathBuf = store.path().map(Path::to_path_buf).unwrap_or_default();
            lost.push(format!(
                "dictsqlite: {writes} accepted writes to {} could not be committed: {e}",
                path.display()
            ));
        }
    }
    lost
}
