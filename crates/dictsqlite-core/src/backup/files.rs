//! Files read and written from one end to the other, over [`crate::io`]: a few large pieces are on
//! their way while the next one is made, or the last one used. The only file here that knows that
//! interface.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::completion::Completion;
use crate::error::{Error, ErrorKind, Result};
use crate::io::{AsyncFile, AsyncVfs, Buf, DefaultVfs, OpenOptions, Sync, Transfer};

/// Bytes of a piece.
const PIECE: usize = 1 << 20;
/// Pieces under way at most.
const UNDER_WAY: usize = 4;

/// A file written to its end.
pub(super) struct Output {
    file: Arc<dyn AsyncFile>,
    piece: Vec<u8>,
    offset: u64,
    under_way: VecDeque<Completion<Transfer>>,
}

impl Output {
    /// Writes the file at `path`, which is there and empty.
    pub(super) fn to(path: &Path) -> Result<Self> {
        Self::open(path, &OpenOptions::write())
    }

    /// Writes a new file at `path`, for its owner alone.
    pub(super) fn create(path: &Path) -> Result<Self> {
        Self::open(path, &OpenOptions { mode: Some(0o600), ..OpenOptions::create_new() })
    }

    fn open(path: &Path, options: &OpenOptions) -> Result<Self> {
        let file = DefaultVfs::new().open(path, options).wait()?;
        let piece = Vec::with_capacity(PIECE + (PIECE >> 2));
        Ok(Self { file, piece, offset: 0, under_way: VecDeque::new() })
    }

    /// What is written is appended here, and [`Output::advance`] called now and then.
    pub(super) fn piece(&mut self) -> &mut Vec<u8> {
        &mut self.piece
    }

    /// Appends as many zeroes, to be written over.
    pub(super) fn room(&mut self, count: usize) -> &mut [u8] {
        let start = self.piece.len();
        self.piece.resize(start + count, 0);
        &mut self.piece[start..]
    }

    /// Sends what was appended on its way, if it is a piece.
    pub(super) fn advance(&mut self) -> Result<()> {
        if self.piece.len() >= PIECE { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<()> {
        if self.under_way.len() == UNDER_WAY {
            self.wait_for_one()?;
        }
        let next = Vec::with_capacity(PIECE + (PIECE >> 2));
        let piece = std::mem::replace(&mut self.piece, next);
        let (length, offset) = (piece.len() as u64, self.offset);
        self.under_way.push_back(self.file.write_at(Buf::from(piece), offset));
        self.offset += length;
        Ok(())
    }

    fn wait_for_one(&mut self) -> Result<()> {
        match self.under_way.pop_front() {
            Some(written) => written.wait()?.whole().map(drop),
            None => Ok(()),
        }
    }

    /// Writes what is left, syncs and closes the file; how many bytes it has.
    pub(super) fn finish(self) -> Result<u64> {
        self.end(true)
    }

    /// The same for a file that is of no use after a crash.
    pub(super) fn finish_unsynced(self) -> Result<u64> {
        self.end(false)
    }

    fn end(mut self, synced: bool) -> Result<u64> {
        if !self.piece.is_empty() {
            self.send()?;
        }
        while !self.under_way.is_empty() {
            self.wait_for_one()?;
        }
        if synced {
            self.file.sync(Sync::Full).wait()?;
        }
        self.file.close().wait()?;
        Ok(self.offset)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // Given up: what is under way must not go on when the file is removed and another made.
        while let Some(written) = self.under_way.pop_front() {
            let _ = written.wait();
        }
    }
}

/// A file read from its start, with the next piece under way.
pub(super) struct Input {
    file: Arc<dyn AsyncFile>,
    length: u64,
    offset: u64,
    piece: Buf,
    used: usize,
    next: Option<Completion<Transfer>>,
}

impl Input {
    pub(super) fn of(path: &Path) -> Result<Self> {
        let file = DefaultVfs::new().open(path, &OpenOptions::read()).wait()?;
        let length = file.len().wait()?;
        Ok(Self { file, length, offset: 0, piece: Buf::zeroed(0), used: 0, next: None })
    }

    /// Bytes of the file, when it was opened.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    fn ask(&mut self) -> Completion<Transfer> {
        let read = self.file.read_at(Buf::zeroed(PIECE), self.offset);
        self.offset += PIECE as u64;
        read
    }

    fn refill(&mut self) -> Result<()> {
        let asked = match self.next.take() {
            Some(asked) => asked,
            None => self.ask(),
        };
        self.piece = asked.wait()?.bytes()?;
        self.used = 0;
        if self.piece.len() == PIECE {
            self.next = Some(self.ask());
        }
        Ok(())
    }
}

impl io::Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.used == self.piece.len() {
            self.refill().map_err(io::Error::other)?;
        }
        let left = &self.piece[self.used..];
        let count = left.len().min(out.len());
        out[..count].copy_from_slice(&left[..count]);
        self.used += count;
        Ok(count)
    }
}

/// The error that an [`Input`] gave as one of the operating system's.
pub(super) fn reading(e: io::Error) -> Error {
    match e.downcast::<Error>() {
        Ok(own) => own,
        Err(e) => Error::new(ErrorKind::Io, format!("reading failed: {e}")),
    }
}
