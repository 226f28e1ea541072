//! What is done to a store's file now and then.

use std::sync::Arc;
use std::time::Instant;

use super::{Progress, barrier};
use crate::error::{Error, ErrorKind, Result};
use crate::sqlite::{After, Bounds, PageRequest, Table, Upkeep};
use crate::state::Counters;
use crate::store::{Store, read_only};
use crate::types::{Key, Kind, Order, Page, prefix_bounds};

/// What a checkpoint did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Frames (pages) in the write-ahead log when it began.
    pub frames: u64,
    /// How many of them are in the database now.
    pub moved: u64,
    /// The log is empty now. If not, a reader or another process still needs it.
    pub emptied: bool,
}

/// Moves the write-ahead log into the database, once all that is pending is committed.
pub(crate) fn checkpoint(store: &Store, deadline: Instant) -> Result<Checkpoint> {
    if store.state.opener.read_only {
        return Err(read_only());
    }
    store.barrier(deadline)?;
    let upkeep = Upkeep::open(&store.state.opener)?;
    loop {
        // Not while the maintenance thread is at it, which would be in the way.
        let alone = store.state.chores.checkpointing.lock();
        let done = upkeep.checkpoint();
        drop(alone);
        let late = Instant::now() >= deadline;
        match done {
            Err(e) if e.kind() == ErrorKind::Busy && !late => {}
            // A reader that is slow holds it for a moment, a scan for longer.
            Ok(done) if !done.emptied && !late && done.moved < done.frames => {}
            Ok(done) => {
                Counters::add(&store.state.counters.checkpoints, 1);
                let (frames, moved, emptied) = (done.frames, done.moved, done.emptied);
                return Ok(Checkpoint { frames, moved, emptied });
            }
            Err(e) => return Err(e),
        }
        if crate::completion::is_interrupted() {
            return Err(crate::completion::interrupted("the log is as it was"));
        }
    }
}

/// Writes the database anew, without what deleting left behind; the bytes it had and has.
pub(crate) fn vacuum(store: &Store, deadline: Instant, progress: &Progress) -> Result<(u64, u64)> {
    if store.state.opener.read_only {
        return Err(read_only());
    }
    progress.begin()?;
    barrier(store, deadline, progress)?;
    let upkeep = Upkeep::open(&store.state.opener)?;
    let before = upkeep.bytes()?;
    loop {
        // The writer lets go of the lock between two commits, and tries again while this has it.
        if progress.interruptible(upkeep.interrupt()?, || upkeep.vacuum())? {
            break;
        }
        progress.report(0, 0)?;
        if Instant::now() >= deadline {
            let holder = store.state.named_holder(ErrorKind::Busy);
            return Err(Error::new(
                ErrorKind::Busy,
                format!(
                    "another connection holds the database's lock{holder}; nothing was vacuumed, \
                     try again"
                ),
            ));
        }
    }
    progress.decide()?;
    let after = upkeep.bytes()?;
    // The file becomes smaller only now. Readers may be in the way; then it is done later.
    let alone = store.state.chores.checkpointing.lock();
    let _ = upkeep.checkpoint();
    drop(alone);
    progress.finish(0);
    Ok((before, after))
}

/// What is wrong with the file, in words; empty when nothing is.
pub(crate) fn integrity_check(
    store: &Store,
    deadline: Instant,
    progress: &Progress,
) -> Result<Vec<String>> {
    progress.begin()?;
    barrier(store, deadline, progress)?;
    let upkeep = Upkeep::open(&store.state.opener)?;
    let found = progress.interruptible(upkeep.interrupt()?, || upkeep.problems())?;
    progress.decide()?;
    Ok(found)
}

/// What warming did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Warmed {
    /// Entries read.
    pub read: u64,
    /// How many of them are in the cache now.
    pub cached: u64,
}

/// Rows of a page when warming: few, since a commit ends what a page may put into the cache.
const WARM_ROWS: usize = 512;
const WARM_BYTES: usize = 1 << 20;

/// Reads entries into the cache, in key order, until it is full; without a cache, through the system's.
pub(crate) fn warm(
    store: &Store,
    table: &Arc<Table>,
    prefix: Option<&Key>,
    deadline: Instant,
    progress: &Progress,
) -> Result<Warmed> {
    progress.begin()?;
    barrier(store, deadline, progress)?;
    let bounds = match prefix {
        Some(prefix) => {
            let (start, end) = prefix_bounds(table.id, prefix)?;
            Bounds { start: Some(start), end }
        }
        None => Bounds::default(),
    };
    let kind = prefix.and_then(Kind::of);
    let mut request = PageRequest {
        order: if prefix.is_some() { Order::Key } else { Order::Insertion },
        reverse: false,
        bounds,
        after: After::Start,
        newest: None,
        rows: WARM_ROWS,
        bytes: WARM_BYTES,
        values: true,
        details: true,
        now_ms: 0,
    };
    let total = if prefix.is_none() { store.count(table, deadline)? } else { 0 };
    let mut warmed = Warmed::default();
    let caches = store.state.renewed_view().is_some() && !store.state.cache.is_off();
    loop {
        request.now_ms = store.state.now_ms();
        let view = store.state.renewed_view();
        let mut page = Page::default();
        let ended = store.readers.borrow(deadline)?.page(table, &mut request, &mut page)?;
        if let Some(kind) = kind {
            page.retain(|key| kind.is_of(&key));
        }
        warmed.read += page.len() as u64;
        if let Some(view) = view {
            warmed.cached += store.warm(&page, view);
        }
        progress.report(warmed.read.min(total.saturating_sub(1)), total)?;
        if ended || (caches && store.state.cache.is_full()) {
            progress.decide()?;
            progress.finish(warmed.read);
            return Ok(warmed);
        }
    }
}
