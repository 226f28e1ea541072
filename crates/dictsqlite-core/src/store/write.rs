//! Writing: accept into the memtable, wait for room or for the commit where the mode asks for it.

use std::sync::Arc;
use std::time::Instant;

use super::{Store, read_only};
use crate::codec;
use crate::completion::Completion;
use crate::error::Result;
use crate::memtable::{Admission, Admitted, OwnedWrite};
use crate::types::{Command, KeyBuf, Value, unpack};

impl Store {
    /// Accepts one write if there is room now.
    #[inline]
    pub(crate) fn try_put(
        &self,
        key: &[u8],
        value: Option<Value>,
        expires_at: i64,
        admission: &Admission,
    ) -> Result<Admitted> {
        if self.read_only {
            return Err(read_only());
        }
        check_size(key, value.as_ref())?;
        self.state.memtable.put((key, value, expires_at), admission)
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
        match self.try_put(key, value.clone(), expires_at, admission)? {
            Admitted::Done => Ok(()),
            Admitted::Wait(committed) => self.await_writer(committed, deadline),
            Admitted::NoRoom => {
                let write = (KeyBuf::from_slice(key), value, expires_at);
                self.await_room(self.put_later(vec![write], admission), deadline)
            }
        }
    }

    /// Writes a batch as one unit.
    pub(crate) fn put_many(
        &self,
        writes: Vec<OwnedWrite>,
        admission: &Admission,
        deadline: Instant,
    ) -> Result<()> {
        self.await_room(self.put_async(writes, admission), deadline)
    }

    /// The same without blocking.
    pub(crate) fn put_async(
        &self,
        writes: Vec<OwnedWrite>,
        admission: &Admission,
    ) -> Completion<()> {
        if self.read_only {
            return Completion::ready(Err(read_only()));
        }
        if writes.is_empty() {
            return Completion::ready(Ok(()));
        }
        match writes.iter().try_for_each(|(key, value, _)| check_size(key, value.as_ref())) {
            Ok(()) => self.put_later(writes, admission),
            Err(e) => Completion::ready(Err(e)),
        }
    }

    /// Writes as soon as there is room; until then it can be cancelled.
    fn put_later(&self, writes: Vec<OwnedWrite>, admission: &Admission) -> Completion<()> {
        match self.state.memtable.put_later(writes, admission) {
            Ok((completion, None)) => completion,
            Ok((completion, Some(ticket))) => {
                let state = Arc::clone(&self.state);
                completion.cancelled_by(move || state.memtable.withdraw(ticket))
            }
            Err(e) => Completion::ready(Err(e)),
        }
    }

    /// Waits for a write that may not be accepted yet; on the deadline it is withdrawn.
    fn await_room(&self, completion: Completion<()>, deadline: Instant) -> Result<()> {
        let canceller = completion.canceller();
        match completion.wait_until(deadline) {
            Ok(result) => result,
            Err(late) if canceller.is_some_and(|canceller| canceller.cancel()) => {
                drop(late);
                Err(self.state.too_late(false))
            }
            // Accepted in the last moment, perhaps.
            Err(late) => late.now().unwrap_or_else(|_| Err(self.state.too_late(true))),
        }
    }

    /// Waits for the writer to commit what was accepted; on the deadline, says why it took so long
    /// and what that means.
    pub(crate) fn await_writer(&self, completion: Completion<()>, deadline: Instant) -> Result<()> {
        match completion.wait_until(deadline) {
            Ok(result) => result,
            Err(_still_waiting) => Err(self.state.too_late(true)),
        }
    }

    /// Everything accepted so far is committed, so that SQLite alone knows all of it.
    pub(crate) fn barrier(&self, deadline: Instant) -> Result<()> {
        self.await_writer(self.barrier_async(deadline), deadline)
    }

    /// The same without blocking.
    pub(crate) fn barrier_async(&self, deadline: Instant) -> Completion<()> {
        if self.state.memtable.is_empty() {
            Completion::ready(Ok(()))
        } else {
            self.state.memtable.barrier(deadline)
        }
    }

    /// Done when everything acknowledged so far is committed: a snapshot taken then has all of it. What
    /// waits for its commit is not waited for.
    pub(crate) fn barrier_of_acknowledged(&self, deadline: Instant) -> Completion<()> {
        if self.state.memtable.is_empty() {
            return Completion::ready(Ok(()));
        }
        self.state.memtable.barrier_of_acknowledged(deadline)
    }

    /// Waits until everything accepted so far is committed; with `durable`, until it is synced.
    pub(crate) fn flush(&self, durable: bool, deadline: Instant) -> Result<()> {
        if durable {
            return self.flush_async(true, deadline).wait();
        }
        self.await_writer(self.flush_async(false, deadline), deadline)
    }

    /// The same without blocking.
    pub(crate) fn flush_async(&self, durable: bool, deadline: Instant) -> Completion<()> {
        if self.read_only {
            return Completion::ready(Ok(()));
        }
        if durable {
            self.command(Command::Sync, deadline, true).then(|done| done.map(drop))
        } else {
            self.state.memtable.flush(deadline)
        }
    }
}

fn check_size(key: &[u8], value: Option<&Value>) -> Result<()> {
    let Some(value) = value else { return Ok(()) };
    codec::check_size(key, value).map_err(|e| e.with_key(unpack(key)))
}
