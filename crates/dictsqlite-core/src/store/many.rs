//! Reading many keys as of one moment, by several threads when they are many.
//!
//! What memory knows and what is read from the file belong together if nobody committed between the
//! look at memory and the beginning of the read transaction: the stamp tells. It also tells whether
//! another connection reads the same state: it does if the stamp is still the same once that
//! connection's own transaction has begun.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::Store;
use super::read::cached_of;
use crate::cache::View;
use crate::error::{Error, ErrorKind, Result};
use crate::memtable::Hit;
use crate::readers::WORKERS;
use crate::sqlite::{Reader, Table};
use crate::state::Counters;
use crate::sync::{Condvar, Mutex};
use crate::types::{KeyBuf, Stamp, Value};

/// How often memory and file are brought together before memory is flushed instead.
const TRIES: usize = 4;
/// Keys that one thread reads at a time.
const SHARE: usize = 128;
/// A thread more for each so many keys.
const WORTH_A_THREAD: usize = 384;

/// What is asked for.
struct Asked {
    table: Arc<Table>,
    keys: Vec<KeyBuf>,
}

/// Values by their places in what was asked for.
type Found = Vec<(usize, Option<Value>)>;

/// A reading that is shared by threads, all in the state of the file that `stamp` stands for.
struct Batch {
    asked: Arc<Asked>,
    places: Vec<usize>,
    view: Option<View>,
    stamp: Stamp,
    /// Shares that were begun.
    begun: AtomicUsize,
    done: Mutex<Done>,
    changed: Condvar,
}

#[derive(Default)]
struct Done {
    shares: usize,
    found: Found,
    failed: Option<Error>,
}

/// A share that was begun; it is handed in when dropped, whatever became of it.
struct Share<'a> {
    batch: &'a Batch,
    found: Result<Found>,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut done = self.batch.done.lock();
        done.shares += 1;
        match &mut self.found {
            Ok(found) => done.found.append(found),
            Err(e) => done.failed = Some(e.clone()),
        }
        drop(done);
        self.batch.changed.notify_one();
    }
}

impl Batch {
    fn shares(&self) -> usize {
        self.places.len().div_ceil(SHARE)
    }

    /// Reads shares until all are begun.
    fn work(&self, store: &Store, reader: &Reader) {
        loop {
            let share = self.begun.fetch_add(1, Ordering::Relaxed);
            if share >= self.shares() {
                return;
            }
            let end = self.places.len().min((share + 1) * SHARE);
            let places = &self.places[share * SHARE..end];
            let lost = Error::new(ErrorKind::Internal, "a thread that read a part of it broke off");
            let mut share = Share { batch: self, found: Err(lost) };
            share.found = store.read_share(reader, &self.asked, places, self.view);
        }
    }

    /// The same by another thread, in a transaction that has read nothing before the batch began;
    /// it leaves everything to the others if the state of the file is another one by now.
    fn help(&self, store: &Store, reader: &Reader) {
        if self.begun.load(Ordering::Relaxed) < self.shares()
            && reader.pin().is_ok()
            && store.state.stamps.live() == self.stamp
        {
            self.work(store, reader);
        }
    }

    /// What all threads found.
    fn wait(&self) -> Result<Found> {
        let mut done = self.done.lock();
        while done.shares < self.shares() {
            done = self.changed.wait(done);
        }
        match done.failed.take() {
            Some(e) => Err(e),
            None => Ok(std::mem::take(&mut done.found)),
        }
    }
}

impl Store {
    /// The values of many keys, in their order and of one moment.
    pub(crate) fn get_many(
        self: &Arc<Self>,
        table: &Arc<Table>,
        keys: Vec<KeyBuf>,
        deadline: Instant,
    ) -> Result<Vec<Option<Value>>> {
        let asked = Arc::new(Asked { table: Arc::clone(table), keys });
        for _ in 0..TRIES {
            let before = self.state.stamps.live();
            let view = self.state.renewed_view();
            let (mut values, missing) = self.known(&asked.keys, view);
            // What memory knows nothing of is as good a moment later.
            let at = (missing.len() < values.len()).then_some(before);
            if at.is_some() && !self.state.stamps.available() {
                break;
            }
            if missing.is_empty() {
                if at.is_none_or(|at| at == self.state.stamps.live()) {
                    return Ok(values);
                }
            } else if let Some(found) = self.read_many(&asked, missing, view, at, deadline)? {
                found.into_iter().for_each(|(place, value)| values[place] = value);
                return Ok(values);
            }
        }
        // Somebody commits all the time. Once what is pending is committed, the file knows it all.
        self.barrier(deadline)?;
        let mut values = vec![None; asked.keys.len()];
        let all = (0..values.len()).collect();
        let found = self.read_many(&asked, all, None, None, deadline)?;
        found.into_iter().flatten().for_each(|(place, value)| values[place] = value);
        Ok(values)
    }

    /// What memory knows of the keys, and the places of those it does not know.
    fn known(&self, keys: &[KeyBuf], view: Option<View>) -> (Vec<Option<Value>>, Vec<usize>) {
        let pending = self.pending(keys);
        let mut values = vec![None; keys.len()];
        let mut missing = Vec::new();
        for (n, key) in keys.iter().enumerate() {
            if let Some(hit) = pending.get(n).and_then(Option::as_ref) {
                values[n] = hit.value.clone().filter(|_| !self.is_expired(hit.expires_at));
                continue;
            }
            match view.and_then(|view| self.state.cache.get(key, view.epoch)) {
                Some(cached) if self.is_expired(cached.expires_at) => {}
                Some(cached) => values[n] = Some(cached.value),
                None => missing.push(n),
            }
        }
        (values, missing)
    }

    /// What is pending of many keys, all at one moment.
    fn pending(&self, keys: &[KeyBuf]) -> Vec<Option<Hit>> {
        let state = &*self.state;
        while !state.memtable.is_empty() {
            let number = state.coherence.number();
            let mut hits = state.memtable.get_many(keys.iter().map(|k| &k[..]));
            if number & 1 == 1 {
                match state.coherence.is_made(number, state.stamps.live()) {
                    // As in `get_fast`: what is committed is SQLite's to tell.
                    Some(true) => hits.iter_mut().for_each(|hit| {
                        hit.take_if(|hit| hit.taken);
                    }),
                    Some(false) => {}
                    None => continue,
                }
            }
            return hits;
        }
        Vec::new()
    }

    /// Reads what is at these places in one state of the file; `None`, and nothing is read, if that
    /// is not the state `at` a stamp.
    fn read_many(
        self: &Arc<Self>,
        asked: &Arc<Asked>,
        places: Vec<usize>,
        view: Option<View>,
        at: Option<Stamp>,
        deadline: Instant,
    ) -> Result<Option<Found>> {
        // Neighbours in the file are read one after another.
        let places = in_order(places, &asked.keys);
        let stamps = &self.state.stamps;
        let reader = self.readers.borrow(deadline)?;
        let before = stamps.live();
        let helpers = if stamps.available() { helpers(places.len()) } else { 0 };
        reader.snapshot(|reader| {
            if at.is_some() || helpers > 0 {
                reader.pin()?;
            }
            let stamp = stamps.live();
            if at.is_some_and(|at| at != stamp) {
                return Ok(None);
            }
            Counters::add(&self.state.counters.misses, places.len() as u64);
            // Otherwise it is not known what the state is that this thread reads.
            let helpers = if before == stamp { helpers } else { 0 };
            let batch = Arc::new(Batch {
                asked: Arc::clone(asked),
                places,
                view,
                stamp,
                begun: AtomicUsize::new(0),
                done: Mutex::default(),
                changed: Condvar::new(),
            });
            for _ in 0..helpers {
                let (store, batch) = (Arc::clone(self), Arc::clone(&batch));
                self.readers.submit(Box::new(move |reader| {
                    if let Ok(reader) = reader {
                        batch.help(&store, reader);
                    }
                    Box::new(|| ())
                }));
            }
            batch.work(self, reader);
            batch.wait().map(Some)
        })
    }

    /// Reads what is at these places and fills the cache, if nobody committed since the view.
    fn read_share(
        &self,
        reader: &Reader,
        asked: &Asked,
        places: &[usize],
        view: Option<View>,
    ) -> Result<Found> {
        let keys = || places.iter().map(|place| &asked.keys[*place][..]);
        let fills = keys().map(|key| view.and_then(|view| self.fill(key, view)));
        let fills: Vec<_> = fills.collect();
        let mut read = Vec::with_capacity(places.len());
        reader.get_each(&asked.table, keys(), |found| read.push(found))?;
        let steady = view.is_some_and(|view| self.state.still(view));
        let mut found = Vec::with_capacity(places.len());
        for ((place, fill), read) in places.iter().zip(fills).zip(read) {
            let may_fill = steady && read.as_ref().is_none_or(|read| !read.streamed);
            let entry = read.and_then(|read| self.alive(read.entry));
            if let (Some((fill, view)), Some(entry), true) = (fill, &entry, may_fill) {
                fill.with(cached_of(entry, view.epoch));
            }
            found.push((*place, entry.map(|entry| entry.value)));
        }
        Ok(found)
    }
}

/// Places in the order of their keys. What most keys differ by is compared as one number.
fn in_order(places: Vec<usize>, keys: &[KeyBuf]) -> Vec<usize> {
    let Some(first) = places.first().map(|place| &keys[*place][..]) else { return places };
    let common =
        |n: usize, key: &[u8]| first[..n].iter().zip(key).take_while(|(a, b)| a == b).count();
    let shared = places.iter().fold(first.len(), |n, place| common(n, &keys[*place]));
    let number = |place: &usize| {
        let mut bytes = [0; 8];
        let rest = &keys[*place][shared..];
        let length = rest.len().min(8);
        bytes[..length].copy_from_slice(&rest[..length]);
        u64::from_be_bytes(bytes)
    };
    let mut numbered: Vec<_> = places.iter().map(|place| (number(place), *place)).collect();
    numbered.sort_unstable_by(|(a, m), (b, n)| a.cmp(b).then_with(|| keys[*m].cmp(&keys[*n])));
    numbered.into_iter().map(|(_, place)| place).collect()
}

/// How many threads besides the caller's are worth it for so many keys.
fn helpers(keys: usize) -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    let worth = WORKERS.min(keys / WORTH_A_THREAD);
    if worth == 0 {
        return 0;
    }
    let cores = CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from));
    worth.min(cores - 1)
}
