//! A simulated disk, for tests: it knows what of its files a power cut would leave, it fails when it
//! is told to, and after a cut it gives what is left as a disk of its own.
//!
//! # The fault model
//!
//! **What survives for certain** is what was written before a sync of its file that returned without
//! an error, and names that were made, or taken away, before the directory was synced. The directory
//! is synced when SQLite's own VFS syncs it: by the first sync of a log or a journal through a handle
//! that may have made it, and by a deletion that asks for it.
//!
//! **What may survive** is everything else, each sector (512 bytes) by itself, in any order: a sector
//! is found as it was after any one of the writes that touched it since it was last synced, or as it
//! was before them. So are the length of a file and each name. Of a write that was under way a sector
//! may hold a part, the beginning or the end of what was written to it, and rarely rubbish.
//!
//! **What is assumed** (SQLite calls it powersafe overwrite): of a sector, only the bytes that were
//! written are in danger. What stood beside them, in the same sector or another one, is not damaged.
//! And what was synced does not decay.
//!
//! **A sync that fails** may have written some of the sectors. The others are lost for good as far as
//! later syncs go: whoever reads sees them, as long as the power is on, and no later sync writes them,
//! unless they are written again. (That is what Linux does: after the error the pages count as clean.)
//!
//! **A write that fails** may have written its beginning.
//!
//! **When the world stops**, every call fails from then on and nothing changes; the call during which
//! it stopped may have been done or not.
//!
//! Locks and shared memory belong to the running system: they never fail, and do not survive.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use fastrand::Rng;
use rusqlite::ffi;

use super::names;
use super::node::{Node, Op};
use crate::sync::Mutex;
use record::Record;

mod record;
mod survivors;
#[cfg(test)]
mod tests;

type Name = Box<[u8]>;

/// What is counted: whatever changes the disk, or makes a change survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Write,
    Truncate,
    Sync,
    Create,
    Delete,
}

/// When something happens: at so many calls that change something, or at so many syncs, from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Call(u64),
    Sync(u64),
}

/// What happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The power goes, or the process is killed: everything fails from then on.
    Stop,
    /// So many calls (or syncs) fail with EIO.
    Io(u64),
    /// So many calls (or syncs) fail with ENOSPC.
    Full(u64),
}

/// What a power cut does to what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// All of it is there.
    Nothing,
    /// All of it is lost.
    Everything,
    /// What was written up to some moment is there, and what came after is not.
    Newest,
    /// Some of it is there, in no order.
    Scattered,
}

impl Loss {
    pub(crate) const ALL: [Self; 4] =
        [Self::Nothing, Self::Everything, Self::Newest, Self::Scattered];
}

/// A disk with one database on it. Its files stay until it is dropped, whoever has them open.
pub(crate) struct Disk {
    name: String,
    shared: Arc<Shared>,
}

/// What the files of a disk share with it.
pub(super) struct Shared {
    stopped: AtomicBool,
    state: Mutex<State>,
}

struct State {
    random: Rng,
    calls: u64,
    syncs: u64,
    /// The number of the last change.
    now: u64,
    fault: Option<(When, What)>,
    /// Files whose name ends so are not synced, and it is said that they were.
    deaf: Option<&'static [u8]>,
    directory: BTreeMap<Name, Listed>,
    /// Set when the world stops.
    tell: Vec<Arc<AtomicBool>>,
}

/// What a name stands for: after the last sync of the directory, and after each change since.
#[derive(Clone, Default)]
struct Listed {
    synced: Option<Arc<Node>>,
    since: Vec<(u64, Option<Arc<Node>>)>,
}

/// What is to become of a call.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Done,
    Fails(c_int),
    /// It may have been done, but nobody will know.
    Last(c_int),
}

impl State {
    fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            calls: 0,
            syncs: 0,
            now: 0,
            fault: None,
            deaf: None,
            directory: BTreeMap::new(),
            tell: Vec::new(),
        }
    }

    fn fate(&mut self, call: Call, name: &[u8], place: &Range<usize>) -> Fate {
        self.calls += 1;
        self.syncs += u64::from(call == Call::Sync);
        let fate = self.decide(call);
        if is_traced() {
            let (number, name) = (self.calls, String::from_utf8_lossy(name));
            eprintln!("{number:5} {name} {call:?} {place:?} {fate:?}");
        }
        fate
    }

    fn decide(&mut self, call: Call) -> Fate {
        let Some((when, what)) = self.fault else { return Fate::Done };
        let met = match when {
            When::Call(n) => self.calls >= n,
            When::Sync(n) => call == Call::Sync && self.syncs >= n,
        };
        if !met {
            return Fate::Done;
        }
        let (times, full) = match what {
            What::Stop => {
                self.tell.iter().for_each(|flag| flag.store(true, Ordering::Release));
                return Fate::Last(code(call, false));
            }
            What::Io(times) => (times, false),
            What::Full(times) => (times, true),
        };
        let again = if full { What::Full(times - 1) } else { What::Io(times - 1) };
        self.fault = (times > 1).then_some((when, again));
        Fate::Fails(code(call, full))
    }

    fn list(&mut self, name: &[u8], node: Option<Arc<Node>>) {
        self.now += 1;
        let now = self.now;
        self.directory.entry(name.into()).or_default().since.push((now, node));
    }

    fn sync_directory(&mut self) {
        for listed in self.directory.values_mut() {
            if let Some((_, last)) = listed.since.pop() {
                *listed = Listed { synced: last, since: Vec::new() };
            }
        }
    }
}

/// What SQLite's own VFS says of such a failure.
fn code(call: Call, full: bool) -> c_int {
    match call {
        Call::Write if full => ffi::SQLITE_FULL,
        Call::Write => ffi::SQLITE_IOERR_WRITE,
        Call::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
        Call::Sync => ffi::SQLITE_IOERR_FSYNC,
        Call::Create => ffi::SQLITE_CANTOPEN,
        Call::Delete => ffi::SQLITE_IOERR_DELETE,
    }
}

impl Shared {
    fn new(state: State) -> Arc<Self> {
        Arc::new(Self { stopped: AtomicBool::new(false), state: Mutex::new(state) })
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Runs a call that changes something: `change` does it, or what of it is done when it fails.
    fn call(
        &self,
        call: Call,
        name: &[u8],
        place: Range<usize>,
        change: impl FnOnce(&mut State, &Fate) -> Result<usize, c_int>,
    ) -> Result<usize, c_int> {
        let mut state = self.state.lock();
        if self.stopped() {
            return Err(code(call, false));
        }
        let fate = state.fate(call, name, &place);
        if let Fate::Last(_) = fate {
            self.stopped.store(true, Ordering::Release);
        }
        let done = change(&mut state, &fate);
        match fate {
            Fate::Done => done,
            Fate::Fails(code) | Fate::Last(code) => Err(code),
        }
    }

    /// A new file under a name.
    pub(super) fn create(self: &Arc<Self>, name: &[u8]) -> Result<Arc<Node>, c_int> {
        let node = Node::on(OnDisk::new(self, name, Record::default()));
        self.call(Call::Create, name, 0..0, |state, fate| {
            if !matches!(fate, Fate::Fails(_)) {
                state.list(name, Some(Arc::clone(&node)));
            }
            Ok(0)
        })?;
        Ok(node)
    }

    /// The name is taken away.
    pub(super) fn delete(&self, name: &[u8], sync_directory: bool) -> Result<(), c_int> {
        self.call(Call::Delete, name, 0..0, |state, fate| {
            if !matches!(fate, Fate::Fails(_)) {
                state.list(name, None);
            }
            if sync_directory && matches!(fate, Fate::Done) {
                state.sync_directory();
            }
            Ok(0)
        })
        .map(drop)
    }

    /// Refuses to open anything once the world has stopped.
    pub(super) fn check(&self) -> Result<(), c_int> {
        if self.stopped() { Err(ffi::SQLITE_CANTOPEN) } else { Ok(()) }
    }
}

/// A file's place on a disk.
pub(super) struct OnDisk {
    shared: Arc<Shared>,
    name: Name,
    record: Mutex<Record>,
}

impl OnDisk {
    fn new(shared: &Arc<Shared>, name: &[u8], record: Record) -> Self {
        Self { shared: Arc::clone(shared), name: name.into(), record: Mutex::new(record) }
    }

    fn call(
        &self,
        call: Call,
        place: Range<usize>,
        change: impl FnOnce(&mut State, &Fate) -> Result<usize, c_int>,
    ) -> Result<usize, c_int> {
        self.shared.call(call, &self.name, place, change)
    }

    /// Runs an operation on the file's node, and notes what of it would survive.
    pub(super) fn run(&self, op: Op<'_>, node: &Node) -> Result<usize, c_int> {
        match op {
            Op::Read(..) if self.shared.stopped() => Err(ffi::SQLITE_IOERR_READ),
            Op::Len if self.shared.stopped() => Err(ffi::SQLITE_IOERR_FSTAT),
            Op::Read(..) | Op::Len => node.apply(op),
            Op::Write(bytes, at) => self.call(Call::Write, at..at + bytes.len(), |state, fate| {
                let whole = !matches!(fate, Fate::Fails(_));
                let n = if whole { bytes.len() } else { state.random.usize(..=bytes.len()) };
                let done = node.apply(Op::Write(&bytes[..n], at))?;
                state.now += 1;
                self.record.lock().wrote(node, at..at + n, state.now);
                Ok(done)
            }),
            Op::Truncate(len) => self.call(Call::Truncate, len..len, |state, fate| {
                if matches!(fate, Fate::Fails(_)) {
                    return Ok(0);
                }
                let before = node.apply(Op::Len)?;
                let done = node.apply(Op::Truncate(len))?;
                state.now += 1;
                self.record.lock().cut(node, before, len, state.now);
                Ok(done)
            }),
            Op::Sync => self.call(Call::Sync, 0..0, |state, fate| {
                let mut record = self.record.lock();
                match fate {
                    Fate::Done if state.deaf.is_some_and(|end| self.name.ends_with(end)) => {}
                    Fate::Done => record.synced(),
                    Fate::Fails(_) => record.not_synced(&mut state.random),
                    Fate::Last(_) => {}
                }
                Ok(0)
            }),
        }
    }

    /// The directory is synced, as after the first sync of a log.
    pub(super) fn sync_directory(&self) {
        let mut state = self.shared.state.lock();
        if !self.shared.stopped() && state.deaf.is_none_or(|end| !self.name.ends_with(end)) {
            state.sync_directory();
        }
    }
}

impl Disk {
    /// An empty disk; what it does at random follows from the seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(Shared::new(State::new(seed)), BTreeMap::new(), new_name())
    }

    fn with(shared: Arc<Shared>, files: BTreeMap<Name, Arc<Node>>, name: String) -> Self {
        names::attach(name.as_bytes(), files, Arc::clone(&shared));
        Self { name, shared }
    }

    /// The database's name, which is opened like a path.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What shall happen, counted from now; once, and instead of what was said before.
    pub(crate) fn arm(&self, when: When, what: What) {
        let mut state = self.shared.state.lock();
        let when = match when {
            When::Call(n) => When::Call(state.calls + n),
            When::Sync(n) => When::Sync(state.syncs + n),
        };
        state.fault = Some((when, what));
    }

    /// Nothing more fails.
    pub(crate) fn disarm(&self) {
        self.shared.state.lock().fault = None;
    }

    /// The power goes, or the process is killed, now.
    pub(crate) fn stop(&self) {
        let state = self.shared.state.lock();
        self.shared.stopped.store(true, Ordering::Release);
        state.tell.iter().for_each(|flag| flag.store(true, Ordering::Release));
    }

    /// True once the world has stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        self.shared.stopped()
    }

    /// The flag is set when the world stops.
    pub(crate) fn tell(&self, flag: Arc<AtomicBool>) {
        let mut state = self.shared.state.lock();
        if self.is_stopped() {
            flag.store(true, Ordering::Release);
        }
        state.tell.push(flag);
    }

    /// Calls that changed something, and syncs among them, until now.
    pub(crate) fn counted(&self) -> (u64, u64) {
        let state = self.shared.state.lock();
        (state.calls, state.syncs)
    }

    /// A disk that is broken on purpose: files whose name ends so are never synced.
    pub(crate) fn ignore_syncs(&self, end: &'static str) {
        self.shared.state.lock().deaf = Some(end.as_bytes());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The files know their disk, and the directory knows the files.
        self.shared.state.lock().directory.clear();
        names::detach(self.name.as_bytes());
    }
}

/// Whether every call is told, to see what a history that failed did.
pub(crate) fn is_traced() -> bool {
    static TRACED: OnceLock<bool> = OnceLock::new();
    *TRACED.get_or_init(|| std::env::var_os("DICTSQLITE_SIMULATION_TRACE").is_some())
}

fn new_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{}disk{}", super::PREFIX, NEXT.fetch_add(1, Ordering::Relaxed))
}
