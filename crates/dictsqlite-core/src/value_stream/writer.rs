//! Writing a value by chunks.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{about, check_process, check_storage, is_inherited};
use crate::completion::{Completer, Completion, pair};
use crate::error::{Error, ErrorKind, Result};
use crate::sqlite::{CHUNK_BYTES, Table};
use crate::store::{Store, unexpected};
use crate::types::{Command, Expect, KeyBuf, NEVER, Outcome, PackedKey, StreamStep, Value};

/// What the entry is to be, once the value is there.
pub(crate) struct Target {
    pub(crate) store: Arc<Store>,
    pub(crate) table: Arc<Table>,
    pub(crate) key: KeyBuf,
    pub(crate) expect: Expect,
    /// How long it lives from the closing on.
    pub(crate) ttl: Option<Duration>,
    /// Whether closing waits for a sync.
    pub(crate) durable: bool,
    /// How long each commit may take.
    pub(crate) timeout: Duration,
}

/// A value under way: [`Dict::write_value`](crate::Dict::write_value) begins one.
///
/// Nothing of it is seen by anybody before [`ValueWriter::close`]; dropped without, it is discarded and
/// the entry is as it was. At most two chunks of 256 KiB are in memory. When a write fails the value is
/// lost, and every later call says so.
///
/// It is a [`std::io::Write`] as well.
pub struct ValueWriter {
    store: Arc<Store>,
    key: PackedKey,
    expect: Expect,
    ttl: Option<Duration>,
    durable: bool,
    timeout: Duration,
    buffer: Vec<u8>,
    /// The stream's number, once its first chunk is committed.
    stream: i64,
    /// Chunks sent to the store.
    sent: i64,
    written: u64,
    under_way: Option<Completion<Outcome>>,
    failed: Option<Error>,
}

impl ValueWriter {
    pub(crate) fn new(target: Target) -> Result<Self> {
        let Target { store, table, key, expect, ttl, durable, timeout } = target;
        check_storage(&table)?;
        Ok(Self {
            store,
            key: PackedKey::from(&key[..]),
            expect,
            ttl,
            durable,
            timeout,
            buffer: Vec::new(),
            stream: 0,
            sent: 0,
            written: 0,
            under_way: None,
            failed: None,
        })
    }

    /// Adds bytes to the value. Waits while a chunk before it is being committed.
    ///
    /// # Errors
    /// `Busy`, `Full`, `Io`, `Timeout` when a chunk could not be committed; `Closed` when the store was
    /// closed; `Conflict` when nothing was added for an hour and what there was is discarded.
    pub fn write(&mut self, data: &[u8]) -> Result<()> {
        self.check()?;
        let mut rest = data;
        loop {
            rest = &rest[self.fill(rest)..];
            if rest.is_empty() {
                return Ok(());
            }
            self.settle()?;
            self.send();
        }
    }

    /// [`ValueWriter::write`] without blocking; the writer comes back when there is room for more, and
    /// is lost with an error.
    pub fn write_async(self, data: impl Into<Vec<u8>>) -> Completion<Self> {
        let (completer, completion) = pair();
        match self.check() {
            Ok(()) => self.take_in(data.into(), 0, completer),
            Err(e) => completer.complete(Err(e)),
        }
        completion
    }

    /// Makes what was written the value of the key, and gives the entry's version. A value that fits in
    /// one chunk becomes an ordinary one.
    ///
    /// # Errors
    /// As [`ValueWriter::write`], and `Conflict`, naming the key, when the entry does not have the
    /// version that was expected. Then the entry is as it was.
    pub fn close(mut self) -> Result<i64> {
        self.check()?;
        if self.sent > 0 {
            if !self.buffer.is_empty() {
                self.settle()?;
                self.send();
            }
            self.settle()?;
        }
        let answer = self.finish().wait();
        self.closed(answer)
    }

    /// [`ValueWriter::close`] without blocking.
    pub fn close_async(self) -> Completion<i64> {
        let (completer, completion) = pair();
        match self.check() {
            Ok(()) => self.end(completer),
            Err(e) => completer.complete(Err(e)),
        }
        completion
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    fn check(&self) -> Result<()> {
        check_process(&self.store)?;
        self.store.check_not_lent()?;
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Takes as much into the buffer as goes in; how much that is.
    fn fill(&mut self, data: &[u8]) -> usize {
        let n = data.len().min(CHUNK_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&data[..n]);
        self.written += n as u64;
        n
    }

    /// Sends the buffer to be staged.
    fn send(&mut self) {
        let (key, data) = (Arc::clone(&self.key), Value::from(&self.buffer[..]));
        self.buffer.clear();
        let step = StreamStep::Stage { key, stream: self.stream, n: self.sent, data };
        self.sent += 1;
        let deadline = Instant::now() + self.timeout;
        self.under_way = Some(self.store.command(Command::Stream(step), deadline, false));
    }

    /// Waits for the chunk under way.
    fn settle(&mut self) -> Result<()> {
        match self.under_way.take() {
            Some(under_way) => {
                let outcome = under_way.wait();
                self.staged(outcome)
            }
            None => Ok(()),
        }
    }

    /// What became of the chunk that was under way.
    fn staged(&mut self, outcome: Result<Outcome>) -> Result<()> {
        let failed = match outcome {
            Ok(Outcome::Number(stream)) => {
                if self.stream == 0 {
                    self.stream = stream;
                    self.store.state.staged.lock().insert(stream);
                    self.store.state.has_streams.store(true, Ordering::Release);
                }
                return Ok(());
            }
            Ok(_) => unexpected(),
            Err(e) => about(&e, &self.key, "; the value is not stored, and its entry is as it was"),
        };
        self.failed = Some(failed.clone());
        Err(failed)
    }

    /// Goes on with `next` once the chunk under way is staged, on whichever thread commits it.
    fn when_staged(mut self, next: impl FnOnce(Result<Self>) + Send + 'static) {
        match self.under_way.take() {
            None => next(Ok(self)),
            Some(under_way) => under_way.on_done(move |outcome| {
                let staged = self.staged(outcome);
                next(staged.map(|()| self));
            }),
        }
    }

    fn take_in(mut self, data: Vec<u8>, from: usize, completer: Completer<Self>) {
        let from = from + self.fill(&data[from..]);
        if from == data.len() {
            completer.complete(Ok(self));
            return;
        }
        self.when_staged(move |staged| match staged {
            Ok(mut writer) => {
                writer.send();
                writer.take_in(data, from, completer);
            }
            Err(e) => completer.complete(Err(e)),
        });
    }

    fn end(self, completer: Completer<i64>) {
        self.when_staged(move |staged| match staged {
            Ok(mut writer) if writer.sent > 0 && !writer.buffer.is_empty() => {
                writer.send();
                writer.end(completer);
            }
            Ok(mut writer) => {
                let answer = writer.finish();
                answer.on_done(move |answer| completer.complete(writer.closed(answer)));
            }
            Err(e) => completer.complete(Err(e)),
        });
    }

    /// Sends what makes it the value of the key.
    fn finish(&mut self) -> Completion<Outcome> {
        let expires_at = match self.ttl {
            Some(ttl) => {
                let ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX).max(1);
                self.store.state.now_ms().saturating_add(ms)
            }
            None => NEVER,
        };
        let (key, expect) = (Arc::clone(&self.key), self.expect);
        let command = if self.sent == 0 {
            let value = Value::from(&self.buffer[..]);
            Command::Set { key, value, expires_at, expect }
        } else {
            let stream = self.stream;
            Command::Stream(StreamStep::Publish { key, stream, expires_at, expect })
        };
        self.store.command(command, Instant::now() + self.timeout, self.durable)
    }

    fn closed(mut self, answer: Result<Outcome>) -> Result<i64> {
        match answer {
            Ok(Outcome::Version(version)) => {
                self.store.state.staged.lock().remove(&self.stream);
                self.stream = 0;
                Ok(version)
            }
            Ok(_) => Err(unexpected()),
            Err(e) if e.kind() == ErrorKind::Conflict && e.key().is_some() => Err(e),
            Err(e) => Err(about(&e, &self.key, "; the value is not stored")),
        }
    }
}

/// Says that a staged stream is waste, and has it freed.
fn abandon(store: &Arc<Store>, stream: i64, timeout: Duration) {
    // The store says it for those it finds when it is closed.
    if !store.state.staged.lock().remove(&stream) {
        return;
    }
    let command = Command::Stream(StreamStep::Abandon { stream });
    let state = Arc::clone(&store.state);
    store
        .command(command, Instant::now() + timeout, false)
        // If it fails, it is found by its age.
        .on_done(move |_| state.chores.ask_to_collect());
}

impl Drop for ValueWriter {
    fn drop(&mut self) {
        if is_inherited(&self.store) {
            // The store is the parent's, and the stream the parent's writer's.
            std::mem::forget(Arc::clone(&self.store));
            return;
        }
        let (store, timeout) = (Arc::clone(&self.store), self.timeout);
        if self.stream != 0 {
            abandon(&store, self.stream, timeout);
        } else if let Some(first) = self.under_way.take() {
            first.on_done(move |outcome| {
                if let Ok(Outcome::Number(stream)) = outcome {
                    store.state.staged.lock().insert(stream);
                    abandon(&store, stream, timeout);
                }
            });
        }
    }
}

impl std::io::Write for ValueWriter {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        Self::write(self, data).map(|()| data.len()).map_err(std::io::Error::other)
    }

    /// Does nothing: what is written is seen by nobody before the value is closed.
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
