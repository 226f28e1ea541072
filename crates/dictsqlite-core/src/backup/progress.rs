//! How far a long operation is, told to whoever asks, and how it is cancelled.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::completion::{Completion, interrupted, is_interrupted};
use crate::error::{Error, ErrorKind, Result};
use crate::sync::Mutex;

/// The least time between two calls of a callback, and between two looks while waiting.
const PAUSE: Duration = Duration::from_millis(50);

type Watch = Box<dyn Fn(u64, u64) -> bool + Send + Sync>;
type Interrupt = Box<dyn Fn() + Send>;

/// How far an operation is, and its cancelling. Clones are of the same operation; make one for each.
///
/// ```
/// use dictsqlite_core::{BackupOptions, Dict, Options, Progress};
/// # let dir = tempfile::tempdir().unwrap();
/// let dict = Dict::open(dir.path().join("a.db"), &Options::default())?;
/// dict.set("k", b"v")?;
/// let progress = Progress::calling(|done, total| {
///     eprintln!("{done} of {total} pages");
///     true // false cancels
/// });
/// let options = BackupOptions { progress: progress.clone(), ..BackupOptions::default() };
/// dict.backup(dir.path().join("copy.db"), &options)?;
/// assert_eq!(progress.done(), progress.total());
/// # Ok::<(), dictsqlite_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Progress(Arc<Shared>);

#[derive(Default)]
struct Shared {
    done: AtomicU64,
    total: AtomicU64,
    stage: AtomicU8,
    watch: Option<Watch>,
    called: Mutex<Option<Instant>>,
    /// Stops the statement that runs.
    interrupt: Mutex<Option<Interrupt>>,
}

const RUNNING: u8 = 0;
const CANCELLED: u8 = 1;
/// Too late to cancel: the result is being put in its place.
const DECIDED: u8 = 2;

impl Progress {
    /// One that is asked, and calls nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that calls `watch` with what is done and the total, on the thread that does the work: at
    /// the start, about every 50 ms, and at the end. The unit is the operation's: pages, rows or
    /// bytes. A total of 0 is not known. When it returns false, the operation is cancelled.
    pub fn calling(watch: impl Fn(u64, u64) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared { watch: Some(Box::new(watch)), ..Shared::default() }))
    }

    /// What is done.
    pub fn done(&self) -> u64 {
        self.0.done.load(Ordering::Relaxed)
    }

    /// Of how much; 0 when that is not known.
    pub fn total(&self) -> u64 {
        self.0.total.load(Ordering::Relaxed)
    }

    /// Cancels the operation: it gives up at its next step, and leaves nothing behind (an import leaves
    /// what it had written). True when it will; false when it was cancelled before, or when its result
    /// is already in its place.
    pub fn cancel(&self) -> bool {
        let stage = &self.0.stage;
        let cancelled =
            stage.compare_exchange(RUNNING, CANCELLED, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if cancelled && let Some(interrupt) = &*self.0.interrupt.lock() {
            interrupt();
        }
        cancelled
    }

    /// True once it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.stage.load(Ordering::Acquire) == CANCELLED
    }

    /// An operation begins.
    pub(crate) fn begin(&self) -> Result<()> {
        let stage = &self.0.stage;
        // It may have been another operation's before.
        let _ = stage.compare_exchange(DECIDED, RUNNING, Ordering::AcqRel, Ordering::Acquire);
        *self.0.called.lock() = None;
        self.report(0, 0)
    }

    /// The operation is so far; an error when it is to give up.
    pub(crate) fn report(&self, done: u64, total: u64) -> Result<()> {
        self.0.done.store(done, Ordering::Relaxed);
        self.0.total.store(total, Ordering::Relaxed);
        if self.is_due(done == total && total > 0) {
            if self.0.watch.as_ref().is_some_and(|watch| !watch(done, total)) {
                self.cancel();
            }
            if is_interrupted() {
                self.cancel();
                return Err(interrupted("the operation was given up and left nothing behind"));
            }
        }
        self.check()
    }

    /// True at the start, at the end, and now and then between.
    fn is_due(&self, end: bool) -> bool {
        let now = Instant::now();
        let mut called = self.0.called.lock();
        let due = end || called.is_none_or(|at| now.saturating_duration_since(at) >= PAUSE);
        if due {
            *called = Some(now);
        }
        due
    }

    /// An error when the operation is to give up.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(cancelled()) } else { Ok(()) }
    }

    /// From here on it cannot be cancelled; an error when it was.
    pub(crate) fn decide(&self) -> Result<()> {
        let stage = &self.0.stage;
        match stage.compare_exchange(RUNNING, DECIDED, Ordering::AcqRel, Ordering::Acquire) {
            Err(CANCELLED) => Err(cancelled()),
            _ => Ok(()),
        }
    }

    /// Waits for the writer until the deadline (`None`: it answers by itself), or until this is
    /// cancelled; then the completion is given back.
    pub(crate) fn wait_until<T>(
        &self,
        mut completion: Completion<T>,
        deadline: Option<Instant>,
    ) -> std::result::Result<Result<T>, Completion<T>> {
        loop {
            let look = Instant::now() + PAUSE;
            let last = deadline.filter(|deadline| *deadline <= look);
            completion = match completion.wait_until(last.unwrap_or(look)) {
                Err(waiting) if last.is_none() && !self.is_cancelled() => waiting,
                ended => return ended,
            };
        }
    }

    /// The operation is done, whoever would have cancelled it. What the callback answers comes too late.
    pub(crate) fn finish(&self, total: u64) {
        self.0.done.store(total, Ordering::Relaxed);
        self.0.total.store(total, Ordering::Relaxed);
        if let Some(watch) = &self.0.watch {
            watch(total, total);
        }
    }

    /// Runs one long statement, which cancelling interrupts.
    pub(crate) fn interruptible<T>(
        &self,
        interrupt: impl Fn() + Send + 'static,
        f: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        *self.0.interrupt.lock() = Some(Box::new(interrupt));
        // A cancelling that came before found nothing to interrupt.
        let result = self.check().and_then(|()| f());
        *self.0.interrupt.lock() = None;
        match result {
            Err(e) if e.kind() == ErrorKind::Cancelled => Err(cancelled()),
            result => result,
        }
    }
}

fn cancelled() -> Error {
    let message = "the operation was cancelled; it left nothing behind";
    Error::new(ErrorKind::Cancelled, message)
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("done", &self.done())
            .field("total", &self.total())
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}
