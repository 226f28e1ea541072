//! What a file can do, whatever it is made of.

use std::fmt;

use super::buf::Buf;
use crate::completion::Completion;
use crate::error::{Error, ErrorKind, Result};

/// What does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Threads that make blocking calls.
    Pool,
    /// Linux's io_uring: reads, writes and syncs go to the kernel many at a time. The other calls are
    /// made by the pool.
    Uring,
    /// The memory of this process.
    Memory,
}

impl Kind {
    /// `pool`, `uring` or `memory`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Uring => "uring",
            Self::Memory => "memory",
        }
    }
}

/// How much of a file [`AsyncFile::sync`] brings to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sync {
    /// The bytes, and what is needed to read them back: its length (`fdatasync`).
    Data,
    /// Its times and permissions as well (`fsync`).
    Full,
}

/// How far a file is locked, from the weakest up: SQLite's levels, taken on SQLite's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockLevel {
    /// Not at all.
    None,
    /// For reading, beside other readers and one who holds `Reserved`.
    Shared,
    /// For somebody who will write: one at a time, beside readers.
    Reserved,
    /// For writing: alone.
    Exclusive,
}

/// The end of a read or a write: the buffer, and how many of its bytes were transferred.
#[derive(Debug)]
pub struct Transfer {
    /// The buffer, with the length it was given with.
    pub buf: Buf,
    /// Bytes transferred. A read gives fewer than the buffer has only when the file ends there; a
    /// write gives all or an error. After an error, what was transferred is unknown.
    pub result: Result<usize>,
}

impl Transfer {
    pub(super) fn failed(buf: Buf, error: Error) -> Self {
        Self { buf, result: Err(error) }
    }

    /// The buffer, cut to what was transferred.
    ///
    /// # Errors
    /// The operation's own; the buffer is dropped then.
    pub fn bytes(mut self) -> Result<Buf> {
        let count = self.result?;
        self.buf.truncate(count);
        Ok(self.buf)
    }

    /// The buffer, all of which was transferred.
    ///
    /// # Errors
    /// The operation's own, and `Io` when the file ended first; the buffer is dropped then.
    pub fn whole(self) -> Result<Buf> {
        match self.result? {
            count if count == self.buf.len() => Ok(self.buf),
            count => Err(Error::new(
                ErrorKind::Io,
                format!("the file ends after {count} of the {} bytes wanted", self.buf.len()),
            )),
        }
    }
}

/// The end of a read into, or a write from, several buffers one after another in the file.
#[derive(Debug)]
pub struct VectoredTransfer {
    /// The buffers, as they were given.
    pub bufs: Vec<Buf>,
    /// Bytes transferred in all, from the first buffer on; as for [`Transfer::result`].
    pub result: Result<usize>,
}

/// A file without a cursor. Operations may be begun from any thread, many at a time, and end in any
/// order: two that overlap must not be in flight together, unless it does not matter which is first.
///
/// Every operation happens entirely once its method was called, whether its completion is awaited or
/// dropped. After [`close`](Self::close), and in the child of a fork for what it inherited, operations
/// fail with `Closed`, and give their buffers back as always.
///
/// Errors of all methods: `Io`, `Full` (no space, over quota, over a limit of the file's size),
/// `ReadOnly` (the file was opened for reading, or the file system is read-only), `Closed`, and
/// `Invalid` (an offset beyond 2^63 - 1, or what direct I/O does not allow). The outer error of a
/// transfer's completion is `Internal`, and only if the back end itself broke down.
#[allow(clippy::len_without_is_empty)] // It is asked of the system, and `len` is what that tells.
pub trait AsyncFile: fmt::Debug + Send + std::marker::Sync {
    /// Reads at `offset` until `buf` is full or the file ends.
    fn read_at(&self, buf: Buf, offset: u64) -> Completion<Transfer>;

    /// Writes all of `buf` at `offset`; the file grows as needed.
    fn write_at(&self, buf: Buf, offset: u64) -> Completion<Transfer>;

    /// Reads what lies from `offset` on into one buffer after another.
    fn read_vectored_at(&self, bufs: Vec<Buf>, offset: u64) -> Completion<VectoredTransfer>;

    /// Writes one buffer after another from `offset` on.
    fn write_vectored_at(&self, bufs: Vec<Buf>, offset: u64) -> Completion<VectoredTransfer>;

    /// Reads each buffer at its own offset: one hand-off and one completion for all of them, the
    /// results in the order of the requests. The reads themselves are in no order. One that fails does
    /// not stop the others.
    fn read_batch(&self, batch: Vec<(Buf, u64)>) -> Completion<Vec<Transfer>>;

    /// Writes each buffer at its own offset, as [`read_batch`](Self::read_batch) reads.
    fn write_batch(&self, batch: Vec<(Buf, u64)>) -> Completion<Vec<Transfer>>;

    /// Brings to the disk what was written by operations that had ended when this was called. Those
    /// still in flight are not waited for.
    fn sync(&self, how: Sync) -> Completion<()>;

    /// Makes the file `len` bytes long, by cutting it or by adding zeroes.
    fn truncate(&self, len: u64) -> Completion<()>;

    /// The file's length in bytes.
    fn len(&self) -> Completion<u64>;

    /// Locks the file at `level`, or leaves it as it is when the lock is that strong already. It does
    /// not wait: when somebody else's lock is in the way, the error is `Busy`, and what was held is
    /// still held. `Reserved` and `Exclusive` are taken by who has `Shared`; else the error is
    /// `Invalid`. After an `Exclusive` that was `Busy`, no new readers come in until it is tried again
    /// or unlocked.
    ///
    /// Locks are advice: they bind only those who ask. They belong to this open file, so two of one
    /// process exclude each other on Linux and in memory. Elsewhere `Reserved` is `Unsupported`.
    fn lock(&self, level: LockLevel) -> Completion<()>;

    /// Weakens the lock to `level`, which is `Shared` or `None`; `Invalid` for others.
    fn unlock(&self, level: LockLevel) -> Completion<()>;

    /// True when anybody, this file included, holds `Reserved` or more.
    fn check_reserved(&self) -> Completion<bool>;

    /// Closes the file. It is done when the operations in flight have ended and the descriptor is
    /// closed, which is also when the locks go. Closing twice is fine. A file that is dropped is
    /// closed the same way.
    fn close(&self) -> Completion<()>;

    /// What does the work.
    fn kind(&self) -> Kind;
}
