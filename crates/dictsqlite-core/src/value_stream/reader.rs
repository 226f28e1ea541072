//! Reading a value by chunks.

use std::io::SeekFrom;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{about, check_process, check_storage, is_inherited};
use crate::clock::expired;
use crate::completion::{Completion, pair};
use crate::error::{Error, ErrorKind, Result};
use crate::sqlite::{Body, Table};
use crate::store::{Fast, Store};
use crate::types::{KeyBuf, NEVER, Stamp, Value, unpack};

/// A value that is open for reading: [`Dict::read_value`](crate::Dict::read_value) opens one.
///
/// At most one chunk of it is in memory, unless it is an ordinary value: that is read whole when it is
/// opened, and stays what it was. A streamed one can only be read as long as its entry has it.
///
/// It is a [`std::io::Read`] and a [`std::io::Seek`] as well.
pub struct ValueReader {
    store: Arc<Store>,
    table: Arc<Table>,
    key: KeyBuf,
    source: Source,
    size: u64,
    position: u64,
    timeout: Duration,
}

enum Source {
    Whole(Value),
    Stream { stream: i64, chunk: u64, held: Held },
}

/// The chunk that was read last.
#[derive(Default)]
struct Held {
    n: Option<i64>,
    data: Vec<u8>,
    /// The state of the file in which the entry still had the value.
    stamp: Stamp,
    expires_at: i64,
}

impl ValueReader {
    pub(crate) fn open(
        store: &Arc<Store>,
        table: &Arc<Table>,
        key: KeyBuf,
        timeout: Duration,
    ) -> Result<Self> {
        check_storage(table)?;
        let missing = || Error::new(ErrorKind::KeyMissing, "no such key").with_key(unpack(&key));
        let body = match store.get_fast(&key) {
            Fast::Found(value) => Body::Whole(value),
            Fast::Absent => return Err(missing()),
            Fast::Unknown => {
                let reader = store.readers.borrow(Instant::now() + timeout)?;
                let head = reader.head(table, &key)?;
                let clock = &*store.state.clock;
                let alive = head.filter(|h| !expired(h.expires_at.unwrap_or(NEVER), clock));
                alive.ok_or_else(missing)?.body
            }
        };
        let (source, size) = match body {
            Body::Whole(value) => {
                let size = value.len() as u64;
                (Source::Whole(value), size)
            }
            Body::Stream { stream, bytes, chunk } => {
                (Source::Stream { stream, chunk, held: Held::default() }, bytes)
            }
        };
        let (store, table) = (Arc::clone(store), Arc::clone(table));
        Ok(Self { store, table, key, source, size, position: 0, timeout })
    }

    /// Bytes of the value.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where the next read begins, in bytes from the start; it may be behind the end.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Moves the position, and gives it.
    ///
    /// # Errors
    /// `Invalid` for a place before the start.
    pub fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(position) => (position, 0),
            SeekFrom::Current(offset) => (self.position, offset),
            SeekFrom::End(offset) => (self.size, offset),
        };
        self.position = base
            .checked_add_signed(offset)
            .ok_or_else(|| Error::invalid("the position would be before the start of the value"))?;
        Ok(self.position)
    }

    /// Reads into `out` from the position on, at most to the end of a chunk; 0 at the end of the value.
    ///
    /// # Errors
    /// `Conflict`, naming the key, when the value was replaced or deleted, or has expired; those of
    /// reading; `Closed` when the store was closed.
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        self.load()?;
        let data = self.loaded(out.len());
        let n = data.len();
        out[..n].copy_from_slice(data);
        self.position += n as u64;
        Ok(n)
    }

    /// The same, at most `most` bytes, as a new vector.
    ///
    /// # Errors
    /// As [`ValueReader::read`].
    pub fn read_some(&mut self, most: usize) -> Result<Vec<u8>> {
        self.load()?;
        let data = self.loaded(most).to_vec();
        self.position += data.len() as u64;
        Ok(data)
    }

    /// [`ValueReader::read_some`] without blocking; the reader comes back with the bytes.
    pub fn read_some_async(mut self, most: usize) -> Completion<(Self, Vec<u8>)> {
        if self.is_loaded() || is_inherited(&self.store) {
            return Completion::ready(self.read_some(most).map(|data| (self, data)));
        }
        let (completer, completion) = pair();
        let readers = Arc::clone(&self.store.readers);
        readers.submit(Box::new(move |reader| {
            // It reads by itself: the worker's transaction may be older than the stamp it goes by.
            let read = reader.and_then(|_| self.read_some(most));
            Box::new(move || completer.complete(read.map(|data| (self, data))))
        }));
        completion
    }

    /// What is in memory at the position.
    fn loaded(&self, most: usize) -> &[u8] {
        let data = match &self.source {
            Source::Whole(value) => {
                let from = usize::try_from(self.position).unwrap_or(usize::MAX).min(value.len());
                &value[from..]
            }
            Source::Stream { .. } if self.position >= self.size => &[],
            Source::Stream { chunk, held, .. } => {
                let from = usize::try_from(self.position % chunk).unwrap_or(usize::MAX);
                &held.data[from.min(held.data.len())..]
            }
        };
        &data[..most.min(data.len())]
    }

    /// True if what is in memory is what there is at the position.
    fn is_loaded(&self) -> bool {
        let state = &*self.store.state;
        match &self.source {
            Source::Whole(_) => true,
            Source::Stream { chunk, held, .. } => {
                held.n.is_some_and(|n| self.position >= self.size || n == self.place(*chunk))
                    && state.stamps.available()
                    && state.stamps.live() == held.stamp
                    && state.memtable.get(&self.key).is_none()
                    && !expired(held.expires_at, &*state.clock)
            }
        }
    }

    /// The number of the chunk at the position.
    fn place(&self, chunk: u64) -> i64 {
        i64::try_from(self.position / chunk).unwrap_or(i64::MAX)
    }

    /// Brings the chunk at the position into memory, or makes sure that the entry still has it.
    fn load(&mut self) -> Result<()> {
        check_process(&self.store)?;
        if self.is_loaded() {
            return Ok(());
        }
        let at_end = self.position >= self.size;
        let (store, key) = (&self.store, &self.key);
        let gone = |why: &str| {
            let message = format!("the value {why} while it was read; open it again");
            Error::new(ErrorKind::Conflict, message).with_key(unpack(key))
        };
        let Source::Stream { stream, chunk, held } = &mut self.source else { return Ok(()) };
        let n = i64::try_from(self.position / *chunk).unwrap_or(i64::MAX);
        if store.state.memtable.get(key).is_some() {
            // Accepted after the value was opened, and newer for this process.
            return Err(gone("was replaced or deleted"));
        }
        let wanted = (!at_end && held.n != Some(n)).then_some(n);
        let reader = store.readers.borrow(Instant::now() + self.timeout)?;
        // Before the read, so that what is read is not older.
        let stamp = store.state.stamps.live();
        let found = reader
            .chunk(&self.table, key, *stream, wanted, &mut held.data)
            .inspect_err(|_| held.n = None)
            .map_err(|e| about(&e, key, ""))?;
        let Some(expires_at) = found else { return Err(gone("was replaced or deleted")) };
        let expires_at = expires_at.unwrap_or(NEVER);
        if expired(expires_at, &*store.state.clock) {
            return Err(gone("expired"));
        }
        (held.stamp, held.expires_at) = (stamp, expires_at);
        held.n = wanted.or(held.n);
        Ok(())
    }
}

impl Drop for ValueReader {
    fn drop(&mut self) {
        if is_inherited(&self.store) {
            // The store is the parent's: left alone, not closed.
            std::mem::forget(Arc::clone(&self.store));
        }
    }
}

impl std::io::Read for ValueReader {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        Self::read(self, out).map_err(std::io::Error::other)
    }
}

impl std::io::Seek for ValueReader {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        Self::seek(self, to).map_err(std::io::Error::other)
    }
}
