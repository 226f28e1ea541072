//! A file whose reads, writes and syncs go through the ring.

use std::sync::Arc;

use super::Ring;
use super::task::{Direction, Task, Together, Work};
use crate::completion::{self, Completion};
use crate::io::buf::Buf;
use crate::io::errors;
use crate::io::file::{AsyncFile, Kind, LockLevel, Sync, Transfer, VectoredTransfer};
use crate::io::handle::Handle;
use crate::io::os::Open;
use crate::io::pool::Pool;

/// A single read of at most so many bytes is done in the call when the page cache has them: copying
/// them takes less time than handing them over. A longer one would keep the caller from its loop.
const MOST_AT_ONCE: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct UringFile {
    handle: Handle,
    ring: Arc<Ring>,
}

impl UringFile {
    pub(super) fn new(open: Open, ring: Arc<Ring>, pool: Arc<Pool>) -> Self {
        Self { handle: Handle::new(open, pool), ring }
    }

    /// Sends a task to the ring; should that be gone, the pool does it.
    fn send(&self, open: Arc<Open>, work: Work) {
        if let Err(task) = self.ring.send(Task { open, work }) {
            self.handle.pool.run(move || task.run());
        }
    }

    fn one(&self, direction: Direction, mut buf: Buf, offset: u64) -> Completion<Transfer> {
        let checked = self.handle.open().and_then(|open| {
            match direction {
                Direction::Read => open.check_read(offset, buf.len())?,
                Direction::Write => open.check_write(offset, buf.len())?,
            }
            Ok(open)
        });
        match checked {
            Err(e) => Completion::ready(Ok(Transfer::failed(buf, e))),
            Ok(_) if buf.is_empty() => Completion::ready(Ok(Transfer { buf, result: Ok(0) })),
            Ok(open) => {
                let mut done = 0;
                if direction == Direction::Read && buf.len() <= MOST_AT_ONCE {
                    let all;
                    (done, all) = open.read_cached(&mut buf, offset);
                    if all {
                        return Completion::ready(Ok(Transfer { buf, result: Ok(done) }));
                    }
                }
                let (to, completion) = completion::pair();
                self.send(open, Work::One { direction, buf, offset, done, to });
                completion
            }
        }
    }

    fn batch(&self, direction: Direction, requests: Vec<(Buf, u64)>) -> Completion<Vec<Transfer>> {
        match self.handle.open() {
            Err(e) => Completion::ready(Ok(errors::all_failed(requests, &e))),
            Ok(open) => {
                let (to, completion) = completion::pair();
                let to = Together::Batch(to);
                self.send(open, Work::Many { direction, requests, to });
                completion
            }
        }
    }

    fn vectored(
        &self,
        direction: Direction,
        bufs: Vec<Buf>,
        offset: u64,
    ) -> Completion<VectoredTransfer> {
        let wanted = bufs.iter().map(|buf| buf.len()).sum::<usize>();
        let checked = self.handle.open().and_then(|open| {
            match direction {
                Direction::Read => open.check_read(offset, wanted)?,
                Direction::Write => open.check_write(offset, wanted)?,
            }
            Ok(open)
        });
        let open = match checked {
            Ok(open) => open,
            Err(e) => return Completion::ready(Ok(VectoredTransfer { bufs, result: Err(e) })),
        };
        let mut at = offset;
        let requests = bufs.into_iter().map(|buf| {
            let here = at;
            at += buf.len() as u64;
            (buf, here)
        });
        let requests = requests.collect();
        let (to, completion) = completion::pair();
        self.send(open, Work::Many { direction, requests, to: Together::Vectored(to) });
        completion
    }
}

impl AsyncFile for UringFile {
    fn read_at(&self, buf: Buf, offset: u64) -> Completion<Transfer> {
        self.one(Direction::Read, buf, offset)
    }

    fn write_at(&self, buf: Buf, offset: u64) -> Completion<Transfer> {
        self.one(Direction::Write, buf, offset)
    }

    fn read_vectored_at(&self, bufs: Vec<Buf>, offset: u64) -> Completion<VectoredTransfer> {
        self.vectored(Direction::Read, bufs, offset)
    }

    fn write_vectored_at(&self, bufs: Vec<Buf>, offset: u64) -> Completion<VectoredTransfer> {
        self.vectored(Direction::Write, bufs, offset)
    }

    fn read_batch(&self, batch: Vec<(Buf, u64)>) -> Completion<Vec<Transfer>> {
        self.batch(Direction::Read, batch)
    }

    fn write_batch(&self, batch: Vec<(Buf, u64)>) -> Completion<Vec<Transfer>> {
        self.batch(Direction::Write, batch)
    }

    fn sync(&self, how: Sync) -> Completion<()> {
        match self.handle.open() {
            Err(e) => Completion::ready(Err(e)),
            Ok(open) => {
                let (to, completion) = completion::pair();
                self.send(open, Work::Sync { how, to });
                completion
            }
        }
    }

    fn truncate(&self, len: u64) -> Completion<()> {
        self.handle.ask(move |open| open.truncate(len))
    }

    fn len(&self) -> Completion<u64> {
        self.handle.ask(Open::len)
    }

    fn lock(&self, level: LockLevel) -> Completion<()> {
        self.handle.ask(move |open| open.lock(level))
    }

    fn unlock(&self, level: LockLevel) -> Completion<()> {
        self.handle.ask(move |open| open.unlock(level))
    }

    fn check_reserved(&self) -> Completion<bool> {
        self.handle.ask(Open::check_reserved)
    }

    fn close(&self) -> Completion<()> {
        self.handle.close()
    }

    fn kind(&self) -> Kind {
        Kind::Uring
    }
}
