//! What the ring's thread is asked to do.

use std::sync::Arc;

use super::super::buf::Buf;
use super::super::file::{Sync, Transfer, VectoredTransfer};
use super::super::os::Open;
use crate::completion::Completer;
use crate::error::Result;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Read,
    Write,
}

/// A task and the file it is for.
pub(super) struct Task {
    pub(super) open: Arc<Open>,
    pub(super) work: Work,
}

pub(super) enum Work {
    /// Of which `done` bytes are done.
    One {
        direction: Direction,
        buf: Buf,
        offset: u64,
        done: usize,
        to: Completer<Transfer>,
    },
    Many {
        direction: Direction,
        requests: Vec<(Buf, u64)>,
        to: Together,
    },
    Sync {
        how: Sync,
        to: Completer<()>,
    },
}

/// Where the transfers of a batch go when all of them are there.
pub(super) enum Together {
    Batch(Completer<Vec<Transfer>>),
    /// The buffers lie one after another in the file.
    Vectored(Completer<VectoredTransfer>),
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.work {
            Work::One { direction, .. } => write!(f, "{direction:?}"),
            Work::Many { direction, requests, .. } => {
                write!(f, "{} of {direction:?}", requests.len())
            }
            Work::Sync { how, .. } => write!(f, "sync {how:?}"),
        }
    }
}

impl Together {
    pub(super) fn complete(self, transfers: Vec<Transfer>) {
        match self {
            Self::Batch(to) => to.complete(Ok(transfers)),
            Self::Vectored(to) => {
                let result = total(&transfers);
                let bufs = transfers.into_iter().map(|transfer| transfer.buf).collect();
                to.complete(Ok(VectoredTransfer { bufs, result }));
            }
        }
    }
}

/// What was transferred without a gap, or the first error.
fn total(transfers: &[Transfer]) -> Result<usize> {
    let mut total = 0;
    let mut whole = true;
    for transfer in transfers {
        let count = transfer.result.clone()?;
        total += if whole { count } else { 0 };
        whole &= count == transfer.buf.len();
    }
    Ok(total)
}

impl Task {
    /// Does it here, by blocking calls.
    pub(super) fn run(self) {
        let open = &*self.open;
        let transfer = |direction, buf, offset| match direction {
            Direction::Read => open.read(buf, offset),
            Direction::Write => open.write(buf, offset),
        };
        match self.work {
            Work::One { direction, buf, offset, to, .. } => {
                to.complete(Ok(transfer(direction, buf, offset)));
            }
            Work::Many { direction, requests, to } => {
                let each = requests.into_iter().map(|(buf, at)| transfer(direction, buf, at));
                to.complete(each.collect::<Vec<_>>());
            }
            Work::Sync { how, to } => to.complete(open.sync(how)),
        }
    }
}
