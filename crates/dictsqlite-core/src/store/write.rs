//! Writing: accept into the memtable, wait for room or for the commit where the mode asks for it.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Store, read_only};
use crate::codec;
use crate::completion::Completion;
use crate::error::{Error, ErrorKind, Result};
use crate::memtable::{Admission, Admitted, Write};
use crate::sqlite::{holders, locked};
use crate::types::{Command, Value, unpack};

impl Store {
    /// Accepts one write if that takes no waiting. `None` means that it was acknowledged; else the
    /// completion is to be waited for, and `true` says that the write is still to be made then.
    #[inline]
    pub(crate) fn try_put(
        &self,
        key: &[u8],
        value: Option<Value>,
        expires_at: i64,
        admission: &Admission,
    ) -> Result<Option<(Completion<()>, bool)>> {
        if self.read_only {
            return Err(read_only());
        }
        if let Some(value) = &value {
            codec::check_size(key, value).map_err(|e| e.with_key(unpack(key)))?;
        }
        match self.state.memtable.put((key, value, expires_at), admission)? {
            Admitted::Done => Ok(None),
            Admitted::Wait(completion) => Ok(Some((completion, false))),
            Admitted::NoRoom(completion) => Ok(Some((completion, true))),
        }
    }

    /// Writes one key (no value deletes), as the admission promises.
    pub(crate) fn put(
        &self,
        key: &[u8],
        value: Option<Value>,
        expires_at: i64,
        admission: &Admission,
        deadline: Instant,
    ) -> Result<()> {
        while let Some((completion, again)) =
            self.try_put(key, value.clone(), expires_at, admission)?
        {
            self.await_writer(completion, deadline, !again)?;
            if !again {
                break;
            }
        }
        Ok(())
    }

    /// Accepts a batch as one unit if that takes no waiting; as [`Store::try_put`].
    pub(crate) fn try_put_many(
        &self,
        writes: &[(impl AsRef<[u8]>, Option<Value>, i64)],
        admission: &Admission,
    ) -> Result<Option<(Completion<()>, bool)>> {
        if self.read_only {
            return Err(read_only());
        }
        for (key, value, _) in writes {
            if let Some(value) = value {
                codec::check_size(key.as_ref(), value)
                    .map_err(|e| e.with_key(unpack(key.as_ref())))?;
            }
        }
        if writes.is_empty() {
            return Ok(None);
        }
        let batch = writes.iter().map(|(k, v, at)| -> Write<'_> { (k.as_ref(), v.clone(), *at) });
        match self.state.memtable.put_many(batch, admission)? {
            Admitted::Done => Ok(None),
            Admitted::Wait(completion) => Ok(Some((completion, false))),
            Admitted::NoRoom(completion) => Ok(Some((completion, true))),
        }
    }

    /// Writes a batch as one unit.
    pub(crate) fn put_many(
        &self,
        writes: &[(impl AsRef<[u8]>, Option<Value>, i64)],
        admission: &Admission,
        deadline: Instant,
    ) -> Result<()> {
        while let Some((completion, again)) = self.try_put_many(writes, admission)? {
            self.await_writer(completion, deadline, !again)?;
            if !again {
                break;
            }
        }
        Ok(())
    }

    /// Waits for the writer; on the deadline, says why it took so long and what that means.
    fn await_writer(
        &self,
        completion: Completion<()>,
        deadline: Instant,
        accepted: bool,
    ) -> Result<()> {
        match completion.wait_until(deadline) {
            Ok(result) => result,
            Err(_still_waiting) => Err(self.too_late(accepted)),
        }
    }

    fn too_late(&self, accepted: bool) -> Error {
        let (writes, _) = self.state.memtable.backlog();
        let state = if accepted {
            format!("{writes} accepted writes are not committed yet; they are kept and will be")
        } else {
            format!("the write was not accepted, since {writes} before it are not committed yet")
        };
        let at_lock = self.state.at_lock.load(Ordering::Acquire);
        match self.state.memtable.trouble().or_else(|| at_lock.then(locked)) {
            Some(trouble) => {
                let holder = self.named_holder(trouble.kind());
                let message = format!("{}{holder} ({state})", trouble.message());
                Error::new(trouble.kind(), message)
            }
            None => Error::new(ErrorKind::Timeout, format!("the timeout passed: {state}")),
        }
    }

    /// Who holds the lock, where that is what is wrong and can be known.
    fn named_holder(&self, kind: ErrorKind) -> String {
        let path = self.path().filter(|_| kind == ErrorKind::Busy);
        match path.map(holders) {
            Some(who) if !who.is_empty() => format!("; it is held by {}", who.join(" and ")),
            _ => String::new(),
        }
    }

    /// Everything accepted so far is committed, so that SQLite alone knows all of it.
    pub(crate) fn barrier(&self, deadline: Instant) -> Result<()> {
        self.await_writer(self.barrier_async(), deadline, true)
    }

    /// The same without blocking.
    pub(crate) fn barrier_async(&self) -> Completion<()> {
        if self.state.memtable.is_empty() {
            Completion::ready(Ok(()))
        } else {
            self.state.memtable.barrier()
        }
    }

    /// Waits until everything accepted so far is committed; with `durable`, until it is synced.
    pub(crate) fn flush(&self, durable: bool, deadline: Instant) -> Result<()> {
        if durable {
            return self.flush_async(true, deadline).wait();
        }
        self.await_writer(self.flush_async(false, deadline), deadline, true)
    }

    /// The same without blocking.
    pub(crate) fn flush_async(&self, durable: bool, deadline: Instant) -> Completion<()> {
        if self.read_only {
            return Completion::ready(Ok(()));
        }
        if durable {
            self.command(Command::Sync, deadline, true).then(|done| done.map(drop))
        } else {
            self.state.memtable.flush()
        }
    }
}
