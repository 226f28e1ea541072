//! Room for work that is under way: so many pieces, and so many bytes of memory, at a time.

mod wait;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use self::wait::{block_on, within};
use super::errors::closed_room;
use crate::error::{Error, ErrorKind, Result};
use crate::vfs::fork;

/// How much may be under way at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Pieces of work: at least 1.
    pub permits: usize,
    /// Bytes of all of them together: at least 1.
    pub bytes: u64,
}

/// Gives leave to begin work, up to a number of pieces and of bytes, in the order in which it was asked
/// for: whoever asks for much is not passed by those who ask for little. Clones share the room.
///
/// A piece of more bytes than all the room takes the whole of it, and so goes alone, rather than never.
///
/// In the child of a fork an inherited one is `Closed`: make a new one there.
///
/// ```
/// use dictsqlite_core::io::{Backpressure, Room};
///
/// # fn main() -> dictsqlite_core::Result<()> {
/// let room = Backpressure::new(Room { permits: 2, bytes: 1000 })?;
/// let first = room.acquire(900)?;
/// assert!(room.try_acquire(200).is_err()); // `Busy`
/// drop(first);
/// let second = room.try_acquire(200)?;
/// assert_eq!(room.metrics().bytes_in_use, 200);
/// # drop(second);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Backpressure(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    room: Room,
    /// Bytes of one permit of `bytes`: 1, unless there are more bytes than the semaphore can count.
    unit: u64,
    permits: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    generation: u32,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    in_use: AtomicU64,
    bytes_in_use: AtomicU64,
    waiting: AtomicU64,
    acquired: AtomicU64,
    waited: AtomicU64,
    waited_us: AtomicU64,
    longest_us: AtomicU64,
    refused: AtomicU64,
    timed_out: AtomicU64,
}

/// What a [`Backpressure`] has done so far, and what is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BackpressureMetrics {
    /// Pieces of work under way.
    pub in_use: u64,
    /// Their bytes, as they were asked for.
    pub bytes_in_use: u64,
    /// Callers that wait.
    pub waiting: u64,
    /// Times that leave was given.
    pub acquired: u64,
    /// How many of these had to wait.
    pub waited: u64,
    /// How long these waited in all, in microseconds.
    pub waited_us: u64,
    /// The longest of these waits, in microseconds.
    pub longest_us: u64,
    /// Times that [`Backpressure::try_acquire`] found no room.
    pub refused: u64,
    /// Times that a deadline passed first.
    pub timed_out: u64,
}

/// Leave to work, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it gives the room back"]
pub struct Permit {
    /// Taken when dropped.
    held: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
    bytes: u64,
    shared: Arc<Shared>,
}

impl Permit {
    /// The bytes that were asked for.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let held = self.held.take();
        if self.shared.generation != fork::generation() {
            // A thread that is not here may hold the semaphore's lock.
            std::mem::forget(held);
            return;
        }
        let counts = &self.shared.counts;
        counts.in_use.fetch_sub(1, Ordering::Relaxed);
        counts.bytes_in_use.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Backpressure {
    /// Room for that much.
    ///
    /// # Errors
    /// `Invalid` when either limit is 0, or there are more permits than can be counted (2^61).
    pub fn new(room: Room) -> Result<Self> {
        if room.permits == 0 || room.bytes == 0 || room.permits > Semaphore::MAX_PERMITS {
            return Err(Error::invalid(format!(
                "room for {} pieces and {} bytes: give at least 1 of each, and at most {} pieces",
                room.permits,
                room.bytes,
                Semaphore::MAX_PERMITS
            )));
        }
        fork::watch();
        let unit = room.bytes.div_ceil(u64::from(u32::MAX));
        // At most `u32::MAX`.
        let units = room.bytes.div_ceil(unit) as usize;
        Ok(Self(Arc::new(Shared {
            room,
            unit,
            permits: Arc::new(Semaphore::new(room.permits)),
            bytes: Arc::new(Semaphore::new(units)),
            generation: fork::generation(),
            counts: Counts::default(),
        })))
    }

    /// The limits it was made with.
    pub fn room(&self) -> Room {
        self.0.room
    }

    /// Waits on this thread until there is room for one piece of `bytes` bytes.
    ///
    /// # Errors
    /// `Closed`, also while it waits; `Cancelled` when [`interruptible`](crate::interruptible) says so.
    pub fn acquire(&self, bytes: u64) -> Result<Permit> {
        block_on(self.acquire_async(bytes))
    }

    /// The same for any executor. Dropped before it is done, it leaves the queue.
    pub fn acquire_async(
        &self,
        bytes: u64,
    ) -> impl Future<Output = Result<Permit>> + Send + 'static {
        let shared = Arc::clone(&self.0);
        async move { shared.acquire(bytes).await }
    }

    /// As [`acquire`](Self::acquire), for at most `timeout`.
    ///
    /// # Errors
    /// `Timeout` as well.
    pub fn acquire_timeout(&self, bytes: u64, timeout: Duration) -> Result<Permit> {
        block_on(self.acquire_timeout_async(bytes, timeout))
    }

    /// The same for any executor. Dropped before it is done, it leaves the queue.
    pub fn acquire_timeout_async(
        &self,
        bytes: u64,
        timeout: Duration,
    ) -> impl Future<Output = Result<Permit>> + Send + 'static {
        let shared = Arc::clone(&self.0);
        async move {
            if let Some(permit) = within(timeout, shared.acquire(bytes)).await? {
                return permit;
            }
            shared.counts.timed_out.fetch_add(1, Ordering::Relaxed);
            Err(Error::new(
                ErrorKind::Timeout,
                format!("no room for {bytes} bytes within {timeout:?}; nothing was begun"),
            ))
        }
    }

    /// Takes the room if it is there and nobody waits for it.
    ///
    /// # Errors
    /// `Busy` when there is none, and `Closed`.
    pub fn try_acquire(&self, bytes: u64) -> Result<Permit> {
        let shared = &self.0;
        shared.check_generation()?;
        let refused = |e: TryAcquireError| match e {
            TryAcquireError::Closed => closed_room(),
            TryAcquireError::NoPermits => {
                shared.counts.refused.fetch_add(1, Ordering::Relaxed);
                Error::new(ErrorKind::Busy, format!("no room for {bytes} bytes now; try later"))
            }
        };
        let one = Arc::clone(&shared.permits).try_acquire_owned().map_err(refused)?;
        let units = shared.units(bytes);
        let many = Arc::clone(&shared.bytes).try_acquire_many_owned(units).map_err(refused)?;
        Ok(shared.permit((one, many), bytes))
    }

    /// Lets nobody in any more: who waits, and who asks from now on, gets `Closed`. What is under way is
    /// not concerned.
    pub fn close(&self) {
        if self.0.check_generation().is_ok() {
            self.0.permits.close();
            self.0.bytes.close();
        }
    }

    /// True after [`close`](Self::close), and in the child of a fork.
    pub fn is_closed(&self) -> bool {
        self.0.check_generation().is_err() || self.0.permits.is_closed()
    }

    /// What was counted so far; the numbers are not of one moment.
    pub fn metrics(&self) -> BackpressureMetrics {
        let counts = &self.0.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        BackpressureMetrics {
            in_use: read(&counts.in_use),
            bytes_in_use: read(&counts.bytes_in_use),
            waiting: read(&counts.waiting),
            acquired: read(&counts.acquired),
            waited: read(&counts.waited),
            waited_us: read(&counts.waited_us),
            longest_us: read(&counts.longest_us),
            refused: read(&counts.refused),
            timed_out: read(&counts.timed_out),
        }
    }
}

impl Shared {
    fn check_generation(&self) -> Result<()> {
        if self.generation == fork::generation() { Ok(()) } else { Err(closed_room()) }
    }

    /// Permits of the semaphore of bytes for so many bytes.
    fn units(&self, bytes: u64) -> u32 {
        let most = self.room.bytes.div_ceil(self.unit);
        u32::try_from(bytes.div_ceil(self.unit).min(most)).unwrap_or(u32::MAX)
    }

    /// The pieces are counted first: so whoever is next of them waits for bytes, and later ones wait
    /// behind.
    async fn acquire(self: &Arc<Self>, bytes: u64) -> Result<Permit> {
        self.check_generation()?;
        let queued = Queued::new(self);
        let one = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| closed_room())?;
        let units = self.units(bytes);
        let many =
            Arc::clone(&self.bytes).acquire_many_owned(units).await.map_err(|_| closed_room())?;
        queued.served();
        Ok(self.permit((one, many), bytes))
    }

    fn permit(
        self: &Arc<Self>,
        held: (OwnedSemaphorePermit, OwnedSemaphorePermit),
        bytes: u64,
    ) -> Permit {
        let counts = &self.counts;
        counts.in_use.fetch_add(1, Ordering::Relaxed);
        counts.bytes_in_use.fetch_add(bytes, Ordering::Relaxed);
        counts.acquired.fetch_add(1, Ordering::Relaxed);
        Permit { held: Some(held), bytes, shared: Arc::clone(self) }
    }
}

/// Somebody who waits, counted until it is served or gives up.
struct Queued<'a> {
    counts: &'a Counts,
    since: Instant,
}

/// A shorter wait was none: there was room.
const AT_ONCE: Duration = Duration::from_micros(20);

impl<'a> Queued<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.counts.waiting.fetch_add(1, Ordering::Relaxed);
        Self { counts: &shared.counts, since: Instant::now() }
    }

    fn served(self) {
        let waited = self.since.elapsed();
        if waited >= AT_ONCE {
            let us = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
            self.counts.waited.fetch_add(1, Ordering::Relaxed);
            self.counts.waited_us.fetch_add(us, Ordering::Relaxed);
            self.counts.longest_us.fetch_max(us, Ordering::Relaxed);
        }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
