//! The stores open in this process, one a file: opening a file again gives the same store.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::{Store, check_same, is_private};
use crate::error::{Error, ErrorKind, Result};
use crate::options::Options;
use crate::sqlite::{FileId, Place};

/// What is known of a file: being opened or closed by some thread, or open.
enum Slot {
    Moving,
    Open(Arc<Store>),
}

#[derive(Default)]
struct Registry {
    slots: Mutex<HashMap<FileId, Slot>>,
    moved: Condvar,
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::default);

/// Opens the store at `path`, or finds it; it is counted as one more handle.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Arc<Store>> {
    options.validate()?;
    if is_private(path, options) {
        return Store::private(options);
    }
    open_file(path, options)
}

fn open_file(path: &Path, options: &Options) -> Result<Arc<Store>> {
    let path = std::path::absolute(path)
        .map_err(|e| Error::invalid(format!("{} is no path: {e}", path.display())))?;
    let deadline = Instant::now() + options.timeout;
    let mut slots = REGISTRY.slots.lock();
    let id = loop {
        // Under the lock, so that no file is created beside one that SQLite has open here.
        let id = find_or_create(&path, options.read_only)?;
        match slots.get(&id) {
            None => break id,
            Some(Slot::Open(store)) => {
                check_same(store, options)?;
                store.retain();
                return Ok(Arc::clone(store));
            }
            Some(Slot::Moving) => {
                if REGISTRY.moved.wait_until(&mut slots, deadline).timed_out() {
                    return Err(Error::new(
                        ErrorKind::Busy,
                        format!(
                            "{} is still being opened or closed by another thread",
                            path.display()
                        ),
                    ));
                }
            }
        }
    };
    slots.insert(id, Slot::Moving);
    drop(slots);
    let started = Store::start(Place::File(path), options);
    let mut slots = REGISTRY.slots.lock();
    match &started {
        Ok(store) => {
            store.retain();
            slots.insert(id, Slot::Open(Arc::clone(store)));
        }
        Err(_) => {
            slots.remove(&id);
        }
    }
    drop(slots);
    REGISTRY.moved.notify_all();
    started
}

/// The file's identity. A new file is created empty, which is how SQLite begins as well.
fn find_or_create(path: &Path, read_only: bool) -> Result<FileId> {
    let fail = |e: &std::io::Error| {
        Error::new(ErrorKind::Io, format!("cannot open {}: {e}", path.display()))
    };
    match std::fs::metadata(path) {
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
    let id = {
        let mut slots = REGISTRY.slots.lock();
        let id = slots.iter().find_map(|(id, slot)| match slot {
            Slot::Open(open) if Arc::ptr_eq(open, store) => Some(*id),
            _ => None,
        });
        if store.handles.load(std::sync::atomic::Ordering::Acquire) > 0 {
            return;
        }
        if let Some(id) = id {
            slots.insert(id, Slot::Moving);
        }
        id
    };
    store.stop();
    if let Some(id) = id {
        REGISTRY.slots.lock().remove(&id);
        REGISTRY.moved.notify_all();
    }
}

/// Flushes every open store, for at most `limit` in all. Gives a line for each store that still
/// has uncommitted writes then, saying how many and why. Call it before the process ends.
pub fn shutdown(limit: Duration) -> Vec<String> {
    let deadline = Instant::now() + limit;
    let stores: Vec<Arc<Store>> = {
        let mut slots = REGISTRY.slots.lock();
        // Stores that are being closed by other threads are given their time to finish.
        while slots.values().any(|slot| matches!(slot, Slot::Moving)) {
            if REGISTRY.moved.wait_until(&mut slots, deadline).timed_out() {
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
