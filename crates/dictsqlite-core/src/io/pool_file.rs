//! A file whose calls are made by a pool of threads.

use std::sync::Arc;

use super::buf::Buf;
use super::file::{AsyncFile, Kind, LockLevel, Sync, Transfer, VectoredTransfer};
use super::handle::Handle;
use super::os::Open;
use super::{errors, pool::Pool};
use crate::completion::{self, Completer, Completion};
use crate::sync::Mutex;

/// A batch is split among threads in parts of at least so many transfers: less is done before a second
/// thread is awake.
const LEAST_PART: usize = 32;

#[derive(Debug)]
pub(super) struct PoolFile(Handle);

impl PoolFile {
    pub(super) fn new(open: Open, pool: Arc<Pool>) -> Self {
        Self(Handle::new(open, pool))
    }
}

/// One of [`Open`]'s transfers.
type Move = fn(&Open, Buf, u64) -> Transfer;
type VectoredMove = fn(&Open, Vec<Buf>, u64) -> VectoredTransfer;

/// One transfer by the pool.
pub(super) fn transfer(handle: &Handle, buf: Buf, offset: u64, how: Move) -> Completion<Transfer> {
    match handle.open() {
        Ok(open) => handle.ask_of(open, move |open| Ok(how(open, buf, offset))),
        Err(e) => Completion::ready(Ok(Transfer::failed(buf, e))),
    }
}

/// One vectored transfer by the pool.
pub(super) fn vectored(
    handle: &Handle,
    bufs: Vec<Buf>,
    offset: u64,
    how: VectoredMove,
) -> Completion<VectoredTransfer> {
    match handle.open() {
        Ok(open) => handle.ask_of(open, move |open| Ok(how(open, bufs, offset))),
        Err(e) => Completion::ready(Ok(VectoredTransfer { bufs, result: Err(e) })),
    }
}

/// A batch by the pool: one hand-off, or one for each of a few parts.
pub(super) fn batch(
    handle: &Handle,
    batch: Vec<(Buf, u64)>,
    how: Move,
) -> Completion<Vec<Transfer>> {
    let open = match handle.open() {
        Ok(open) => open,
        Err(e) => return Completion::ready(Ok(errors::all_failed(batch, &e))),
    };
    let parts = (batch.len() / LEAST_PART).clamp(1, handle.pool.threads());
    if parts == 1 {
        return handle.ask_of(open, move |open| Ok(transfer_all(open, batch, how)));
    }
    let (completer, completion) = completion::pair();
    let all = Arc::new(Parts::new(parts, completer));
    let each = batch.len().div_ceil(parts);
    let mut rest = batch;
    for part in 0..parts {
        let after = rest.split_off(each.min(rest.len()));
        let these = std::mem::replace(&mut rest, after);
        let (open, all) = (Arc::clone(&open), Arc::clone(&all));
        handle.pool.run(move || {
            all.put(part, transfer_all(&open, these, how));
            drop(open);
        });
    }
    completion
}

fn transfer_all(open: &Open, batch: Vec<(Buf, u64)>, how: Move) -> Vec<Transfer> {
    batch.into_iter().map(|(buf, offset)| how(open, buf, offset)).collect()
}

/// The parts of a batch that are there. If one is lost by a panic, the completer goes with the last of
/// the others, and says so.
struct Parts(Mutex<Inner>);

struct Inner {
    parts: Vec<Vec<Transfer>>,
    missing: usize,
    completer: Option<Completer<Vec<Transfer>>>,
}

impl Parts {
    fn new(parts: usize, completer: Completer<Vec<Transfer>>) -> Self {
        let empty = std::iter::repeat_with(Vec::new).take(parts).collect();
        Self(Mutex::new(Inner { parts: empty, missing: parts, completer: Some(completer) }))
    }

    fn put(&self, part: usize, transfers: Vec<Transfer>) {
        let mut inner = self.0.lock();
        inner.parts[part] = transfers;
        inner.missing -= 1;
        if inner.missing == 0
            && let Some(completer) = inner.completer.take()
        {
            let parts = std::mem::take(&mut inner.parts);
            drop(inner);
            completer.complete(Ok(parts.into_iter().flatten().collect()));
        }
    }
}

impl AsyncFile for PoolFile {
    fn read_at(&self, buf: Buf, offset: u64) -> Completion<Transfer> {
        transfer(&self.0, buf, offset, Open::read)
    }

    fn write_at(&self, buf: Buf, offset: u64) -> Completion<Transfer> {
        transfer(&self.0, buf, offset, Open::write)
    }

    fn read_vectored_at(&self, bufs: Vec<Buf>, offset: u64) -> Completion<VectoredTransfer> {
        vectored(&self.0, bufs, offset, Open::read_vectored)
    }

    fn write_vectored_at(&self, bufs: Vec<Buf>, offset: u64) -> Completion<VectoredTransfer> {
        vectored(&self.0, bufs, offset, Open::write_vectored)
    }

    fn read_batch(&self, requests: Vec<(Buf, u64)>) -> Completion<Vec<Transfer>> {
        batch(&self.0, requests, Open::read)
    }

    fn write_batch(&self, requests: Vec<(Buf, u64)>) -> Completion<Vec<Transfer>> {
        batch(&self.0, requests, Open::write)
    }

    fn sync(&self, how: Sync) -> Completion<()> {
        self.0.ask(move |open| open.sync(how))
    }

    fn truncate(&self, len: u64) -> Completion<()> {
        self.0.ask(move |open| open.truncate(len))
    }

    fn len(&self) -> Completion<u64> {
        self.0.ask(Open::len)
    }

    fn lock(&self, level: LockLevel) -> Completion<()> {
        self.0.ask(move |open| open.lock(level))
    }

    fn unlock(&self, level: LockLevel) -> Completion<()> {
        self.0.ask(move |open| open.unlock(level))
    }

    fn check_reserved(&self) -> Completion<bool> {
        self.0.ask(Open::check_reserved)
    }

    fn close(&self) -> Completion<()> {
        self.0.close()
    }

    fn kind(&self) -> Kind {
        Kind::Pool
    }
}
