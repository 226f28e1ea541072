//! The bytes of one file, in chunks: growing never copies what is there, and reading a page takes
//! one lock and one copy.

use std::ffi::c_int;
use std::mem::{self, MaybeUninit};
#[cfg(test)]
use std::sync::Arc;

use crate::sync::RwLock;
use rusqlite::ffi;

#[cfg(test)]
use super::disk::OnDisk;
use super::lock::FileLock;
use super::shm::Shm;

/// Bytes a chunk: small enough for a small private database, large enough that a gigabyte is 16
/// thousand of them.
pub(super) const CHUNK: usize = 64 * 1024;

/// One file: its bytes, the lock on it, and, for a database file, its shared memory.
#[derive(Default)]
pub(in crate::vfs) struct Node {
    bytes: RwLock<Bytes>,
    pub(super) lock: FileLock,
    pub(super) shm: Shm,
    #[cfg(test)]
    place: Option<OnDisk>,
}

/// What can be done to the bytes of a file. Offsets and lengths are in bytes.
pub(super) enum Op<'a> {
    /// Fills the buffer from this offset on; what lies beyond the end of the file becomes zero.
    /// Yields the bytes that the file had.
    Read(&'a mut [MaybeUninit<u8>], usize),
    /// Writes at this offset, growing the file if need be. Yields the bytes written.
    Write(&'a [u8], usize),
    /// Makes the file this long; what is added is zero. Yields the length.
    Truncate(usize),
    /// Makes what was written survive. Yields 0.
    Sync,
    /// Yields the length.
    Len,
}

impl Node {
    /// Runs one operation. The C methods reach the bytes only through here, so this is where
    /// operations can be recorded, lost or failed.
    pub(super) fn run(&self, op: Op<'_>) -> Result<usize, c_int> {
        #[cfg(test)]
        if let Some(place) = &self.place {
            return place.run(op, self);
        }
        self.apply(op)
    }

    pub(super) fn apply(&self, op: Op<'_>) -> Result<usize, c_int> {
        match op {
            Op::Read(into, at) => Ok(self.bytes.read().read_at(into, at)),
            Op::Write(from, at) => self.bytes.write().write_at(from, at),
            Op::Truncate(len) => Ok(self.bytes.write().truncate(len)),
            Op::Sync => Ok(0),
            Op::Len => Ok(self.bytes.read().len),
        }
    }
}

/// Files of a simulated disk.
#[cfg(test)]
impl Node {
    /// A new file on a disk.
    pub(super) fn on(place: OnDisk) -> Arc<Self> {
        Arc::new(Self { place: Some(place), ..Self::default() })
    }

    /// A file on a disk that holds these bytes.
    pub(super) fn holding(place: OnDisk, bytes: &[u8]) -> Arc<Self> {
        let node = Self::on(place);
        node.apply(Op::Write(bytes, 0)).expect("there is memory");
        node
    }

    /// Where the file is, if it is on a disk.
    pub(super) fn place(&self) -> Option<&OnDisk> {
        self.place.as_ref()
    }

    /// Bytes from an offset on; zeros beyond the end.
    pub(super) fn copy(&self, at: usize, len: usize) -> Vec<u8> {
        let bytes = self.bytes.read();
        let mut out = vec![0; len];
        let mut done = 0;
        while done < len {
            let (index, start, n) = span(at + done, len - done);
            if let Some(from) = bytes.chunks.get(index).and_then(|c| c.get(start..start + n)) {
                out[done..done + n].copy_from_slice(from);
            }
            done += n;
        }
        out
    }
}

/// The chunks are either [`CHUNK`] long or empty, which stands for zeros, as do chunks that are
/// missing at the end. Bytes of a chunk beyond `len` are zero.
#[derive(Default)]
struct Bytes {
    chunks: Vec<Vec<u8>>,
    len: usize,
}

impl Bytes {
    fn read_at(&self, into: &mut [MaybeUninit<u8>], at: usize) -> usize {
        let have = self.len.saturating_sub(at).min(into.len());
        let (mut rest, beyond) = into.split_at_mut(have);
        beyond.fill(MaybeUninit::new(0));
        let mut at = at;
        while !rest.is_empty() {
            let (index, start, n) = span(at, rest.len());
            let (part, after) = mem::take(&mut rest).split_at_mut(n);
            match self.chunks.get(index).and_then(|c| c.get(start..start + n)) {
                Some(bytes) => part.copy_from_slice(as_uninit(bytes)),
                None => part.fill(MaybeUninit::new(0)),
            }
            (rest, at) = (after, at + n);
        }
        have
    }

    /// All or nothing: without memory for the whole write, nothing changes.
    fn write_at(&mut self, from: &[u8], at: usize) -> Result<usize, c_int> {
        let end = at.checked_add(from.len()).ok_or(ffi::SQLITE_FULL)?;
        if !from.is_empty() {
            self.allocate(at / CHUNK, end.div_ceil(CHUNK))?;
        }
        let (mut rest, mut at) = (from, at);
        while !rest.is_empty() {
            let (index, start, n) = span(at, rest.len());
            let (part, after) = rest.split_at(n);
            if let Some(bytes) =
                self.chunks.get_mut(index).and_then(|c| c.get_mut(start..start + n))
            {
                bytes.copy_from_slice(part);
            }
            (rest, at) = (after, at + n);
        }
        self.len = self.len.max(end);
        Ok(from.len())
    }

    fn truncate(&mut self, len: usize) -> usize {
        if len < self.len {
            self.chunks.truncate(len.div_ceil(CHUNK));
            if let Some(tail) =
                self.chunks.get_mut(len / CHUNK).and_then(|c| c.get_mut(len % CHUNK..))
            {
                tail.fill(0);
            }
        }
        self.len = len;
        len
    }

    /// Gives memory to the chunks `first..end`.
    fn allocate(&mut self, first: usize, end: usize) -> Result<(), c_int> {
        if let Some(missing) = end.checked_sub(self.chunks.len()) {
            self.chunks.try_reserve(missing).map_err(|_| ffi::SQLITE_FULL)?;
            self.chunks.resize_with(end, Vec::new);
        }
        for chunk in self.chunks.iter_mut().take(end).skip(first) {
            if chunk.is_empty() {
                chunk.try_reserve_exact(CHUNK).map_err(|_| ffi::SQLITE_FULL)?;
                chunk.resize(CHUNK, 0);
            }
        }
        Ok(())
    }
}

/// Which chunk `at` lies in, where in it, and how many of `len` bytes it holds from there.
fn span(at: usize, len: usize) -> (usize, usize, usize) {
    let start = at % CHUNK;
    (at / CHUNK, start, len.min(CHUNK - start))
}

/// The same bytes, to be copied to where nothing need have been written yet.
fn as_uninit(bytes: &[u8]) -> &[MaybeUninit<u8>] {
    // SAFETY: `MaybeUninit<u8>` has the layout of `u8`, and the slice stays read-only.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}
