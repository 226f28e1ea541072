//! A store: one SQLite file (or a private in-memory database), its memtable, cache, readers and
//! writer. Every handle on it in this process shares it.

mod logging;
mod many;
mod read;
mod registry;
mod warm;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::sync::Mutex;

use crate::cache::{Cache, Coherence};
use crate::completion::pair;
use crate::error::{Error, ErrorKind, Result};
use crate::hold::Hold;
use crate::memtable::Memtable;
use crate::options::Options;
use crate::readers::Readers;
use crate::sqlite::{FileId, Opener, Place, Table, WriteConnection, check_name, other_codec};
use crate::state::{Chores, Counters, Request, Stage, State};
use crate::types::{Command, Outcome, PersistMode, StorageMode, StreamStep, TableSpec};
use crate::vfs::fork;
use crate::vfs::ground::Ground;
use crate::{maintenance, writer};

pub(crate) use read::Fast;
pub use registry::{end, shutdown};
pub(crate) use registry::{open, reopen, reserve};

/// How long closing without a word about it may take.
pub(crate) const EXIT_LIMIT: Duration = Duration::from_secs(10);

/// See the module.
pub(crate) struct Store {
    pub(crate) state: Arc<State>,
    pub(crate) readers: Arc<Readers>,
    /// The generation of forks whose threads and locks these are.
    pub(crate) generation: u32,
    path: Option<std::path::PathBuf>,
    read_only: bool,
    handles: AtomicUsize,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Store {
    /// Opens the database at `place` and starts the threads.
    fn start(place: Place, options: &Options) -> Result<Arc<Self>> {
        let path = match &place {
            Place::File(path) => Some(path.clone()),
            Place::Heap(_) => None,
        };
        let opener = Opener {
            file: path.as_deref().and_then(FileId::of),
            misplaced: Arc::default(),
            doubt: Arc::default(),
            place,
            read_only: options.read_only,
            timeout: options.timeout,
        };
        let ground = opener.ground()?;
        let stamps = opener.prepare(options.adopt)?;
        // Set back by recovery: the log was left behind by somebody who was killed, or could not close.
        let live = stamps.live();
        if stamps.available() && live.change() == 0 && live.frames() > 0 {
            opener.doubt.left_behind.store(true, Ordering::Release);
        }
        let believed = stamps.available() && ground == Ground::Local;
        let cache_bytes = if believed { options.cache_bytes } else { 0 };
        let state = Arc::new(State {
            memtable: Memtable::new(options.memtable_bytes, Arc::clone(&options.clock)),
            cache: Cache::new(cache_bytes, options.hot_capacity),
            coherence: Coherence::new(stamps.live()),
            stamps,
            tables: Default::default(),
            clock: Arc::clone(&options.clock),
            chores: Chores::default(),
            counters: Counters::default(),
            listeners: Default::default(),
            at_lock: Default::default(),
            lent: Default::default(),
            staged: Default::default(),
            has_streams: Default::default(),
            opener: opener.clone(),
        });
        let readers = Arc::new(Readers::new(opener.clone()));
        let bounded: std::sync::Weak<Readers> = Arc::downgrade(&readers);
        state.chores.bound(bounded);
        let store = Arc::new(Self {
            state: Arc::clone(&state),
            readers,
            generation: fork::generation(),
            path,
            read_only: options.read_only,
            handles: AtomicUsize::new(0),
            threads: Mutex::default(),
        });
        if !options.read_only {
            let pass = fork::enter();
            let connection = WriteConnection::open(&opener);
            let streams = connection.as_ref().is_ok_and(WriteConnection::has_streams);
            drop(pass);
            let connection = connection?;
            state.has_streams.store(streams, Ordering::Release);
            let (a, b) = (Arc::clone(&state), state);
            store.spawn("dictsqlite-write", move || writer::run(&a, connection))?;
            store.spawn("dictsqlite-tidy", move || maintenance::run(&b))?;
        } else {
            store.spawn("dictsqlite-tidy", move || maintenance::keep_time(&state))?;
        }
        Ok(store)
    }

    fn spawn(&self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<()> {
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(body)
            .map_err(|e| Error::new(ErrorKind::Io, format!("no thread could be started: {e}")))?;
        self.threads.lock().push(thread);
        Ok(())
    }

    /// One more handle uses the store.
    fn retain(&self) {
        self.handles.fetch_add(1, Ordering::AcqRel);
    }

    /// One more handle uses the store, which its caller has a handle on.
    pub(crate) fn retained(self: &Arc<Self>) -> Arc<Self> {
        self.retain();
        Arc::clone(self)
    }

    /// A handle is done with the store. The last one flushes and closes it.
    ///
    /// # Errors
    /// When what was accepted could not be committed by the deadline; then the handle is still
    /// counted and the store still tries.
    pub(crate) fn release(self: &Arc<Self>, deadline: Instant) -> Result<()> {
        let flushed = self.flush(false, deadline);
        // On a file that is gone nothing can be committed any more, so there is nothing to wait for.
        if flushed.is_err() && !self.is_lost() {
            return flushed;
        }
        if self.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            registry::forget(self);
        }
        flushed
    }

    /// True when the file was removed or replaced: what is uncommitted will never be.
    pub(crate) fn is_lost(&self) -> bool {
        self.state.opener.check_not_misplaced().is_err()
    }

    /// Refuses what would wait for the writer while that waits for this very thread.
    pub(crate) fn check_not_lent(&self) -> Result<()> {
        if self.state.lent.is_here() {
            let message = "this thread has an immediate transaction open, for whose end this would wait; \
                           end it first";
            return Err(Error::invalid(message));
        }
        Ok(())
    }

    /// Ends the threads and connections. What a racing thread wrote since the last flush is
    /// committed first, if that can be done in time.
    fn stop(&self) {
        self.discard_staged();
        self.state.chores.stop();
        self.state.listeners.close();
        self.state.lent.close();
        let limit = if self.is_lost() { Duration::ZERO } else { EXIT_LIMIT };
        self.state.memtable.stop(Instant::now() + limit);
        let threads = std::mem::take(&mut *self.threads.lock());
        let here = std::thread::current().id();
        // A callback of one of the threads may be what let go of the last handle: then they end by
        // themselves, since none of them can wait for this one.
        if threads.iter().all(|thread| thread.thread().id() != here) {
            for thread in threads {
                // A panic of a thread was reported by the panic hook already.
                let _ = thread.join();
            }
        }
        self.readers.close();
        self.state.cache.clear();
        let _pass = fork::enter();
        self.state.stamps.close();
    }

    /// True when it was opened read-only.
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Whoever still writes a value by chunks cannot finish it any more.
    fn discard_staged(&self) {
        let staged = std::mem::take(&mut *self.state.staged.lock());
        if staged.is_empty() {
            return;
        }
        eprintln!(
            "dictsqlite: the store was closed while values were written by chunks; \
             what was written of {} of them is discarded",
            staged.len()
        );
        for stream in staged {
            let step = Command::Stream(StreamStep::Abandon { stream });
            // The memtable commits it before it stops.
            drop(self.command(step, Instant::now() + EXIT_LIMIT, false));
        }
    }

    /// The path, if it is a file.
    pub(crate) fn path(&self) -> Option<&std::path::Path> {
        self.path.as_deref()
    }

    /// Finds a table, or makes it.
    pub(crate) fn table(
        &self,
        name: &str,
        storage: StorageMode,
        deadline: Instant,
    ) -> Result<Arc<Table>> {
        check_name(name)?;
        let found = self.readers.borrow(deadline)?.find_table(name)?;
        if let Some(record) = found {
            if record.storage != storage {
                return Err(other_codec(name, record.storage, storage));
            }
            let table = self.state.tables.intern(name, &record);
            self.note_expiries(&table, deadline)?;
            return Ok(table);
        }
        if self.read_only {
            return Err(self.no_such_table(name, deadline));
        }
        let spec = TableSpec { name: name.to_owned(), storage };
        let opened = self.command(Command::OpenTable(spec), deadline, false).wait()?;
        let Outcome::Table(id) = opened else { return Err(unexpected()) };
        self.state.tables.get(id).ok_or_else(unexpected)
    }

    /// Entries that other processes gave a time to live are swept here as well.
    fn note_expiries(&self, table: &Table, deadline: Instant) -> Result<()> {
        let next = self.readers.borrow(deadline)?.next_expiry(table)?;
        if next != i64::MAX && !self.read_only {
            self.state.chores.note_expiry(next);
        }
        Ok(())
    }

    fn no_such_table(&self, name: &str, deadline: Instant) -> Error {
        let names = self.tables(deadline).unwrap_or_default();
        let names: Vec<_> = names.iter().map(|(name, _)| name.as_str()).collect();
        Error::invalid(format!(
            "there is no table {name:?} and the store is read-only; it has: {}",
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        ))
    }

    /// Names and codecs of all tables.
    pub(crate) fn tables(&self, deadline: Instant) -> Result<Vec<(String, StorageMode)>> {
        self.readers.borrow(deadline)?.tables()
    }

    /// Sends a command to the writer.
    pub(crate) fn command(
        &self,
        command: Command,
        deadline: Instant,
        durable: bool,
    ) -> crate::completion::Completion<Outcome> {
        self.request(command, None, deadline, durable)
    }

    /// Asks the writer for the write lock. What is answered is how that ended.
    pub(crate) fn hold(
        &self,
        hold: Arc<Hold>,
        deadline: Instant,
        durable: bool,
    ) -> crate::completion::Completion<Outcome> {
        self.request(Command::Hold, Some(hold), deadline, durable)
    }

    fn request(
        &self,
        command: Command,
        hold: Option<Arc<Hold>>,
        deadline: Instant,
        durable: bool,
    ) -> crate::completion::Completion<Outcome> {
        let (reply, answer) = pair();
        if self.read_only {
            reply.complete(Err(read_only()));
            return answer;
        }
        let stage = Arc::new(Stage::default());
        let request = Request { command, durable, reply, stage: Arc::clone(&stage), hold };
        if let Err((request, e)) = self.state.memtable.command(request, deadline) {
            request.reply.complete(Err(e));
        }
        answer.cancelled_by(move || stage.cancel())
    }

    /// Sends many commands to the writer at once.
    pub(crate) fn commands(
        &self,
        commands: Vec<Command>,
        deadline: Instant,
        durable: bool,
    ) -> Vec<crate::completion::Completion<Outcome>> {
        let request = |command| {
            let (reply, answer) = pair();
            (Request { command, durable, reply, stage: Arc::default(), hold: None }, answer)
        };
        let (requests, answers): (Vec<_>, Vec<_>) = commands.into_iter().map(request).unzip();
        if let Err((requests, e)) = self.state.memtable.commands(requests, deadline) {
            requests.into_iter().for_each(|request| request.reply.complete(Err(e.clone())));
        }
        answers
    }
}

/// Refuses to mix what a store cannot be twice.
fn check_same(store: &Store, options: &Options) -> Result<()> {
    if store.read_only != options.read_only {
        let (is, asked) =
            if store.read_only { ("read-only", "writable") } else { ("writable", "read-only") };
        return Err(Error::invalid(format!(
            "the file is open in this process as {is} and cannot be opened {asked} as well; \
             close the other handle, or open it alike"
        )));
    }
    Ok(())
}

/// True when the options ask for a private in-memory store.
fn is_private(path: &std::path::Path, options: &Options) -> bool {
    options.persist_mode == PersistMode::Memory || path == std::path::Path::new(":memory:")
}

pub(crate) fn read_only() -> Error {
    Error::new(ErrorKind::ReadOnly, "the store was opened read-only")
}

pub(crate) fn unexpected() -> Error {
    Error::new(ErrorKind::Internal, "the writer gave an answer of the wrong kind")
}
