//! Reading: memtable, then the cache if the stamp allows, then SQLite on the caller's thread.

use std::sync::Arc;
use std::time::Instant;

use super::Store;
use crate::cache::{Cached, Fill, Look, View};
use crate::clock::expired;
use crate::completion::{Completion, pair};
use crate::error::Result;
use crate::sqlite::{Count, Found, Reader, Table};
use crate::state::Counters;
use crate::types::{Entry, KeyBuf, NEVER, Stamp, Value};

/// What memory knows of a key.
pub(crate) enum Fast {
    Found(Value),
    Absent,
    /// SQLite must be asked.
    Unknown,
}

impl Store {
    /// Looks a key up without touching SQLite and without waiting.
    #[inline]
    pub(crate) fn get_fast(&self, key: &[u8]) -> Fast {
        let state = &*self.state;
        while !state.memtable.is_empty() {
            let number = state.coherence.number();
            let Some(hit) = state.memtable.get(key) else { break };
            // What is in the writer's hands counts until it is committed: then others may go on.
            if hit.taken && number & 1 == 1 {
                match state.coherence.is_made(number, state.stamps.live()) {
                    Some(true) => return Fast::Unknown,
                    Some(false) => {}
                    None => continue,
                }
            }
            return match hit.value {
                Some(value) if !self.is_expired(hit.expires_at) => Fast::Found(value),
                _ => Fast::Absent,
            };
        }
        let Some(view) = state.view() else { return Fast::Unknown };
        match state.cache.get(key, view.epoch) {
            Some(cached) if !self.is_expired(cached.expires_at) => Fast::Found(cached.value),
            Some(_) => Fast::Absent,
            None => Fast::Unknown,
        }
    }

    /// The moment to read under, if nothing is pending and the cache may be believed.
    #[inline]
    pub(crate) fn quiet(&self) -> Option<View> {
        let state = &*self.state;
        if state.memtable.is_empty() { state.view() } else { None }
    }

    /// The value the cache has for a key, and whether it never expires.
    #[inline]
    pub(crate) fn recall(&self, key: &[u8], view: View) -> Option<(Value, bool)> {
        let cached = self.state.cache.get(key, view.epoch)?;
        let lasts = cached.expires_at == NEVER;
        (lasts || !self.is_expired(cached.expires_at)).then_some((cached.value, lasts))
    }

    /// The value of a key.
    pub(crate) fn get(
        &self,
        table: &Table,
        key: &[u8],
        deadline: Instant,
    ) -> Result<Option<Value>> {
        match self.get_fast(key) {
            Fast::Found(value) => Ok(Some(value)),
            Fast::Absent => Ok(None),
            Fast::Unknown => {
                let entry = self.get_committed(table, key, deadline)?;
                Ok(entry.map(|entry| entry.value))
            }
        }
    }

    /// The value of a key, found by a worker if memory does not know it, once one is kicked.
    pub(crate) fn get_async(
        self: &Arc<Self>,
        table: &Arc<Table>,
        key: KeyBuf,
    ) -> Completion<Option<Value>> {
        match self.get_fast(&key) {
            Fast::Found(value) => return Completion::ready(Ok(Some(value))),
            Fast::Absent => return Completion::ready(Ok(None)),
            Fast::Unknown => {}
        }
        let (completer, completion) = pair();
        let (store, table) = (Arc::clone(self), Arc::clone(table));
        // The view is of a moment before the worker's transaction begins, so that what it reads is
        // not older than the view.
        let view = self.state.renewed_view();
        self.readers.queue(Box::new(move |reader| {
            let found = reader.and_then(|reader| {
                let fill = view.and_then(|view| store.fill(&key, view));
                store.read_and_fill(reader, &table, &key, fill)
            });
            let value = found.map(|entry| entry.map(|entry| entry.value));
            Box::new(move || completer.complete(value))
        }));
        completion
    }

    /// The entry of a key; what is pending on it is committed first, since only then is its
    /// version known.
    pub(crate) fn entry(
        &self,
        table: &Table,
        key: &[u8],
        deadline: Instant,
    ) -> Result<Option<Entry>> {
        if self.state.memtable.get(key).is_some() {
            self.barrier(deadline)?;
        }
        self.get_committed(table, key, deadline)
    }

    /// True when the key is there.
    pub(crate) fn contains(&self, table: &Table, key: &[u8], deadline: Instant) -> Result<bool> {
        match self.get_fast(key) {
            Fast::Found(_) => Ok(true),
            Fast::Absent => Ok(false),
            Fast::Unknown => {
                let found = self.readers.borrow(deadline)?.expiry(table, key)?;
                Ok(found.is_some_and(|at| !self.is_expired(at)))
            }
        }
    }

    /// The entry of a key, as it is committed.
    pub(crate) fn get_committed(
        &self,
        table: &Table,
        key: &[u8],
        deadline: Instant,
    ) -> Result<Option<Entry>> {
        let fill = match self.state.renewed_view() {
            None => None,
            Some(view) => match self.state.cache.look(key, view.epoch) {
                Look::Hit(cached) => return Ok(self.alive(entry_of(cached))),
                Look::Miss(fill) => Some((fill, view)),
                Look::Pass => None,
            },
        };
        let reader = self.readers.borrow(deadline)?;
        self.read_and_fill(&reader, table, key, fill)
    }

    pub(super) fn fill(&self, key: &[u8], view: View) -> Option<(Fill<'_>, View)> {
        match self.state.cache.look(key, view.epoch) {
            Look::Miss(fill) => Some((fill, view)),
            Look::Hit(_) | Look::Pass => None,
        }
    }

    /// Reads a key from SQLite and fills the cache, if nobody committed since the view.
    fn read_and_fill(
        &self,
        reader: &Reader,
        table: &Table,
        key: &[u8],
        fill: Option<(Fill<'_>, View)>,
    ) -> Result<Option<Entry>> {
        Counters::add(&self.state.counters.misses, 1);
        let found = reader.get(table, key)?;
        let streamed = found.as_ref().is_some_and(|found| found.streamed);
        let entry = found.and_then(|found| self.alive(found.entry));
        if let (Some((fill, view)), Some(entry), false) = (fill, &entry, streamed)
            && self.state.still(view)
        {
            fill.with(cached_of(entry, view.epoch));
        }
        Ok(entry)
    }

    /// The entry of a key in the snapshot that `reader` has pinned at `stamp`, expired or not. Fills the
    /// cache as long as nobody has committed since.
    pub(crate) fn get_pinned(
        &self,
        reader: &Reader,
        table: &Table,
        (key, whole): (&[u8], bool),
        stamp: Option<Stamp>,
    ) -> Result<Option<Found>> {
        Counters::add(&self.state.counters.misses, 1);
        let view = self.state.view().filter(|view| Some(view.stamp) == stamp);
        let fill = view.and_then(|view| self.fill(key, view));
        let found = reader.find(table, (key, whole))?;
        if let (Some((fill, view)), Some(found)) = (fill, &found)
            && !found.streamed
            && self.state.still(view)
        {
            fill.with(cached_of(&found.entry, view.epoch));
        }
        Ok(found)
    }

    /// The number of entries, those accepted and not yet committed included.
    pub(crate) fn len(&self, table: &Table, deadline: Instant) -> Result<u64> {
        self.barrier(deadline)?;
        self.count(table, deadline)
    }

    /// The number of committed entries.
    pub(crate) fn count(&self, table: &Table, deadline: Instant) -> Result<u64> {
        let view = self.state.renewed_view();
        let known = *table.count.lock();
        let known = known.filter(|count| view.is_some_and(|view| view.epoch == count.epoch));
        let now_ms = self.state.now_ms();
        if let Some(count) = known.filter(|count| count.next_expiry > now_ms) {
            return Ok(count.rows.max(0).unsigned_abs());
        }
        let reader = self.readers.borrow(deadline)?;
        let (rows, next_expiry, dead) = reader.snapshot(|reader| {
            let dead = reader.count_expired(table, now_ms)?;
            Ok((reader.count(table)?, reader.next_expiry(table)?, dead))
        })?;
        if let Some(view) = view {
            let mut count = table.count.lock();
            // The writer adds what it commits under this lock after it has committed; so nothing
            // is missed or added twice.
            if self.state.still(view) {
                *count = Some(Count { rows, next_expiry, epoch: view.epoch });
            }
        }
        Ok((rows - dead).max(0).unsigned_abs())
    }

    #[inline]
    pub(super) fn is_expired(&self, expires_at: i64) -> bool {
        expired(expires_at, &*self.state.clock)
    }

    pub(super) fn alive(&self, entry: Entry) -> Option<Entry> {
        (!self.is_expired(entry.expires_at.unwrap_or(NEVER))).then_some(entry)
    }
}

fn entry_of(cached: Cached) -> Entry {
    Entry {
        value: cached.value,
        version: cached.version,
        expires_at: (cached.expires_at != NEVER).then_some(cached.expires_at),
    }
}

pub(super) fn cached_of(entry: &Entry, epoch: u64) -> Cached {
    Cached {
        value: Arc::clone(&entry.value),
        expires_at: entry.expires_at.unwrap_or(NEVER),
        version: entry.version,
        epoch,
    }
}
