//! Writing a file from its beginning to its end, with several pieces under way.

use std::sync::Arc;

use super::backpressure::{Backpressure, Permit, Room};
use super::buf::Buf;
use super::file::AsyncFile;
use crate::error::{Error, Result};
use crate::sync::Mutex;

/// Writes pieces one after another into a file. Each is handed over at once; when as much is under way
/// as there is room for, the next waits. So memory is bounded, and disk and caller work at the same time.
///
/// The first error is the result of every later call. Nothing is synced: do that after
/// [`finish`](Self::finish).
///
/// ```
/// use dictsqlite_core::io::{AsyncVfs, Buf, FileWriter, MemoryVfs, OpenOptions, Room};
///
/// # fn main() -> dictsqlite_core::Result<()> {
/// let file = MemoryVfs::new().open("a".as_ref(), &OpenOptions::create()).wait()?;
/// let mut writer = FileWriter::new(file, 0, Room { permits: 8, bytes: 1 << 20 })?;
/// writer.write(Buf::from(b"one ".to_vec()))?;
/// writer.write(Buf::from(b"two".to_vec()))?;
/// assert_eq!(writer.finish()?, 7); // bytes written
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct FileWriter {
    file: Arc<dyn AsyncFile>,
    room: Backpressure,
    begin: u64,
    offset: u64,
    failed: Arc<Mutex<Option<Error>>>,
}

impl FileWriter {
    /// Writes `file` from `offset` on, with so much under way.
    ///
    /// # Errors
    /// `Invalid` when there is no room at all.
    pub fn new(file: Arc<dyn AsyncFile>, offset: u64, room: Room) -> Result<Self> {
        let room = Backpressure::new(room)?;
        Ok(Self { file, room, begin: offset, offset, failed: Arc::default() })
    }

    /// Bytes handed over so far.
    pub fn written(&self) -> u64 {
        self.offset - self.begin
    }

    /// Hands over a piece, once there is room for it.
    ///
    /// # Errors
    /// Those of [`AsyncFile::write_at`], of this piece or an earlier one.
    pub fn write(&mut self, piece: Buf) -> Result<()> {
        if piece.is_empty() {
            return self.check();
        }
        let permit = self.room.acquire(piece.len() as u64)?;
        self.begin_write(piece, permit)
    }

    /// The same for any executor.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_async(&mut self, piece: Buf) -> Result<()> {
        if piece.is_empty() {
            return self.check();
        }
        let permit = self.room.acquire_async(piece.len() as u64).await?;
        self.begin_write(piece, permit)
    }

    fn begin_write(&mut self, piece: Buf, permit: Permit) -> Result<()> {
        self.check()?;
        let offset = self.offset;
        self.offset = offset.saturating_add(piece.len() as u64);
        let failed = Arc::clone(&self.failed);
        self.file.write_at(piece, offset).on_done(move |written| {
            if let Err(e) = written.and_then(|transfer| transfer.whole()) {
                failed.lock().get_or_insert(e);
            }
            drop(permit);
        });
        Ok(())
    }

    fn check(&self) -> Result<()> {
        self.failed.lock().clone().map_or(Ok(()), Err)
    }

    /// Waits until all pieces are written, and gives how many bytes they were.
    ///
    /// # Errors
    /// The first of any piece.
    pub fn finish(self) -> Result<u64> {
        // All the room is free when nothing is under way.
        let all = self.room.acquire(self.room.room().bytes)?;
        self.end(all)
    }

    /// The same for any executor.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub async fn finish_async(self) -> Result<u64> {
        let all = self.room.acquire_async(self.room.room().bytes).await?;
        self.end(all)
    }

    fn end(&self, _all: Permit) -> Result<u64> {
        self.check()?;
        Ok(self.written())
    }
}
