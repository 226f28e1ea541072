//! A store lives through operations, until the world stops or they are over. What was accepted, and
//! what of it was acknowledged how, is written down.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::account::Account;
use super::history::Flaw;
use super::model::{Answer, Contents};
use super::ops::{Key, Op, Via, key_text};
use super::perform::{Done, named};
use crate::error::{Error, ErrorKind};
use crate::store::{EXIT_LIMIT, Store, open};
use crate::vfs::{Disk, is_traced};
use crate::{Completion, Dict, Entry, ManualClock, Options, PersistMode, Ttl};

/// Nothing of this may take so long.
pub(super) const HANG: Duration = Duration::from_secs(60);
/// So often is it looked whether the world still stands.
const LOOK: Duration = Duration::from_millis(2);
/// So often is tried again what a failing disk has refused.
const TRIES: u32 = 100;

/// Why a life ended early.
#[derive(Debug)]
pub(super) enum Broken {
    /// The world stopped. What was under way may have happened or not.
    Stopped,
    /// A promise was broken, as these words say.
    Wrong(String),
}

pub(super) type Step<T> = Result<T, Broken>;

/// How a store is opened.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) buffer_size: usize,
    pub(super) hot_capacity: usize,
    /// From so many frames on a checkpoint is due, and from so many the writer does it.
    pub(super) due_frames: u32,
    pub(super) cap_frames: u32,
    pub(super) clock: ManualClock,
    /// Whether the order of the entries is compared.
    pub(super) in_order: bool,
}

pub(super) struct Life<'a> {
    pub(super) disk: &'a Disk,
    pub(super) setting: Setting,
    pub(super) now: i64,
    store: Option<Arc<Store>>,
    dicts: Vec<Arc<Dict>>,
    pub(super) account: Account,
    /// What was left of the life before is known.
    pub(super) judged: bool,
    later: VecDeque<(usize, Completion<()>)>,
    /// Operations may fail, and be done again.
    pub(super) failing: bool,
    pub(super) flaw: Flaw,
    held: Option<Op>,
    /// Where backups are put.
    pub(super) copies: Option<tempfile::TempDir>,
}

impl<'a> Life<'a> {
    pub(super) fn new(disk: &'a Disk, setting: &Setting, now: i64, flaw: Flaw) -> Self {
        Self {
            disk,
            setting: setting.clone(),
            now,
            store: None,
            dicts: Vec::new(),
            account: Account::of(vec![Contents::default()]),
            judged: false,
            later: VecDeque::new(),
            failing: false,
            flaw,
            held: None,
            copies: None,
        }
    }

    fn options(&self, via: Via) -> Options {
        let (persist_mode, table) = match via {
            Via::Lazy => (PersistMode::Lazy, "main"),
            Via::Through => (PersistMode::WriteThrough, "main"),
            Via::Durable => (PersistMode::Durable, "main"),
            Via::Other => (PersistMode::Lazy, "other"),
        };
        Options {
            persist_mode,
            table: table.to_owned(),
            buffer_size: self.setting.buffer_size,
            hot_capacity: self.setting.hot_capacity,
            // Nothing is committed because time has passed: that could not be played again.
            flush_interval: Duration::from_secs(3600),
            timeout: Duration::from_secs(30),
            clock: Arc::new(self.setting.clock.clone()),
            ..Options::default()
        }
    }

    /// Opens the store, and all handles.
    pub(super) fn open(&mut self) -> Step<()> {
        let path = self.disk.name().to_owned();
        let store =
            self.again("opening", |life| open(Path::new(&path), &life.options(Via::Lazy)))?;
        self.disk.tell(Arc::clone(&store.state.opener.misplaced));
        let chores = &store.state.chores;
        chores.due_frames.store(self.setting.due_frames, Ordering::Relaxed);
        chores.cap_frames.store(self.setting.cap_frames, Ordering::Relaxed);
        self.store = Some(store);
        for via in Via::ALL {
            let dict = self.again("opening", |life| Dict::open(&path, &life.options(via)))?;
            self.dicts.push(Arc::new(dict));
        }
        Ok(())
    }

    /// Does something that a failing disk may refuse for a while.
    fn again<T>(&self, what: &str, run: impl Fn(&Self) -> crate::Result<T>) -> Step<T> {
        for _ in 0..TRIES {
            match run(self) {
                Ok(done) => return Ok(done),
                Err(_) if self.disk.is_stopped() => return Err(Broken::Stopped),
                Err(e) if self.may_fail(&e) => std::thread::sleep(LOOK),
                Err(e) => return Err(Broken::Wrong(format!("{what} failed: {e}"))),
            }
        }
        Err(Broken::Wrong(format!("{what} failed {TRIES} times")))
    }

    pub(super) fn may_fail(&self, e: &Error) -> bool {
        self.failing && matches!(e.kind(), ErrorKind::Io | ErrorKind::Full)
    }

    /// The world stops, if it has not, and everything that was in memory is gone.
    pub(super) fn end(mut self) -> Account {
        self.disk.stop();
        self.later.clear();
        for dict in self.dicts.drain(..) {
            // On a dead disk it fails, and is closed all the same.
            let _ = dict.close();
        }
        if let Some(store) = self.store.take() {
            let _ = store.release(Instant::now() + EXIT_LIMIT);
        }
        self.account
    }

    pub(super) fn dict(&self, via: Via) -> &Arc<Dict> {
        &self.dicts[via as usize]
    }

    pub(super) fn wait<T>(&self, mut completion: Completion<T>) -> Step<crate::Result<T>> {
        let hang = Instant::now() + HANG;
        loop {
            let stopped = self.disk.is_stopped();
            let until = Instant::now() + if stopped { Duration::ZERO } else { LOOK };
            match completion.wait_until(until) {
                Ok(result) => return Ok(result),
                Err(_) if stopped => return Err(Broken::Stopped),
                Err(_) if Instant::now() > hang => return Err(Broken::Wrong("it hangs".into())),
                Err(pending) => completion = pending,
            }
        }
    }

    /// Waits for what a failing disk may refuse for a while.
    pub(super) fn wait_again<T>(
        &self,
        what: &str,
        run: impl Fn(&Self) -> Completion<T>,
    ) -> Step<T> {
        for _ in 0..TRIES {
            match self.wait(run(self))? {
                Ok(done) => return Ok(done),
                Err(_) if self.disk.is_stopped() => return Err(Broken::Stopped),
                Err(e) if self.may_fail(&e) => {}
                Err(e) => return Err(Broken::Wrong(format!("{what} failed: {e}"))),
            }
        }
        Err(Broken::Wrong(format!("{what} failed {TRIES} times")))
    }

    pub(super) fn live(&mut self, ops: &[Op]) -> Step<()> {
        ops.iter().try_for_each(|op| self.step(op))
    }

    fn step(&mut self, op: &Op) -> Step<()> {
        self.hear_of_later(false)?;
        if is_traced() {
            eprintln!("{} {op:.60?}", self.account.states.len());
        }
        match op {
            Op::Advance(ms) => {
                self.hear_of_later(true)?;
                self.setting.clock.advance(*ms);
                self.now += ms;
                Ok(())
            }
            Op::Reopen => self.reopen(),
            Op::Flush(via) => self.flush(*via, false),
            Op::FlushDurable(via) => self.flush(*via, true),
            Op::Read(via, key) => self.read(*via, *key),
            // What is held back would show in what they see.
            Op::Transaction(_) | Op::Backup(..) if self.flaw.is_for_the_end() => Ok(()),
            Op::Transaction(tx) => self.transact(tx),
            Op::Backup(via, during) => self.back_up(*via, during),
            _ => self.write(op).map(drop),
        }
    }

    fn flush(&mut self, via: Via, durable: bool) -> Step<()> {
        let index = self.account.last();
        match self.wait(self.dict(via).flush_async(durable))? {
            Ok(()) if durable => self.account.is_durable(index),
            Ok(()) => self.account.is_committed(index),
            Err(_) if self.disk.is_stopped() => return Err(Broken::Stopped),
            Err(e) if self.may_fail(&e) => {}
            Err(e) => return Err(Broken::Wrong(format!("flush failed: {e}"))),
        }
        Ok(())
    }

    /// Everything that was accepted is acknowledged.
    pub(super) fn catch_up(&mut self) -> Step<()> {
        if self.failing { self.settle() } else { self.hear_of_later(true) }
    }

    /// Until everything is committed and synced.
    pub(super) fn settle(&mut self) -> Step<()> {
        self.hear_of_later(true)?;
        let index = self.account.last();
        self.wait_again("flush", |life| life.dict(Via::Lazy).flush_async(false))?;
        self.account.is_committed(index);
        Ok(())
    }

    fn read(&self, via: Via, key: Key) -> Step<()> {
        let found = self.wait_again("get", |life| life.dict(via).get_async(&*key_text(key)))?;
        let state = self.account.last_state();
        let expected = state.get(via, key, self.now).map(|row| &row.value[..]);
        if found.as_deref() != expected && !self.flaw.is_for_the_end() {
            return Err(Broken::Wrong(format!("key {key} is {found:?} and not {expected:?}")));
        }
        Ok(())
    }

    /// Closes every handle and so the store, and opens all of it again.
    fn reopen(&mut self) -> Step<()> {
        self.hear_of_later(true)?;
        let index = self.account.last();
        while let Some(dict) = self.dicts.last().cloned() {
            self.again("closing", |_| dict.close())?;
            self.dicts.pop();
        }
        if let Some(store) = self.store.take() {
            self.again("closing", |_| store.release(Instant::now() + EXIT_LIMIT))?;
        }
        if self.disk.is_stopped() {
            return Err(Broken::Stopped);
        }
        self.account.is_committed(index);
        self.open()
    }

    /// What the batches that were not waited for have come to.
    fn hear_of_later(&mut self, all: bool) -> Step<()> {
        while let Some((index, completion)) = self.later.pop_front() {
            if !all && !completion.is_done() {
                self.later.push_front((index, completion));
                return Ok(());
            }
            match self.wait(completion)? {
                Ok(()) => self.account.is_durable(index),
                Err(_) if self.disk.is_stopped() => return Err(Broken::Stopped),
                Err(e) if self.may_fail(&e) => {}
                Err(e) => return Err(Broken::Wrong(format!("a batch failed: {e}"))),
            }
        }
        Ok(())
    }

    /// Does one operation, and compares its answer. Gives the version, where that is an answer.
    pub(super) fn write(&mut self, op: &Op) -> Step<Option<i64>> {
        let via = op.writes().unwrap_or(Via::Lazy);
        let expect = match op {
            Op::SetIf(_, key, _, right)
            | Op::DeleteIf(_, key, right)
            | Op::Atomic(_, _, Some((key, right))) => {
                let entry =
                    self.wait_again("entry", |life| life.dict(via).entry_async(&*key_text(*key)))?;
                let version = entry.map_or(0, |entry: Entry| entry.version);
                if *right { version } else { version + 1000 }
            }
            _ => 0,
        };
        let mut next = self.account.last_state().clone();
        let (expected, wrote) = next.take(op, self.now);
        let index = self.account.accept(next, op.weight());
        if let Op::SetLater(items) = op {
            self.later.push_back((index, self.dict(via).set_many_async(&named(items), Ttl::Never)));
            return Ok(None);
        }
        let done = self.perform_flawed(op, expect)?;
        let (answer, version) = match done {
            Ok(done) => done,
            Err(e) if e.kind() == ErrorKind::Conflict => (Answer::Conflict, None),
            Err(_) if self.disk.is_stopped() => return Err(Broken::Stopped),
            // Accepted is accepted, and what only the writer decides waits for the disk.
            Err(e) if self.may_fail(&e) && op.is_blind() => return Ok(None),
            Err(e) => return Err(Broken::Wrong(format!("{op:?} failed: {e}"))),
        };
        if answer != expected && !self.flaw.is_for_the_end() {
            let words = format!("{op:?} answered {answer:?} and not {expected:?}");
            return Err(Broken::Wrong(words));
        }
        if let Some(version) = version {
            self.account.committed_version = self.account.committed_version.max(version);
        }
        match (op.is_blind(), via) {
            (true, Via::Durable) => self.account.is_durable(index),
            (true, Via::Through) => {
                self.account.is_within(index, self.setting.buffer_size as u64 - 1);
            }
            (true, Via::Lazy | Via::Other) => {}
            // What wrote nothing had nothing to sync.
            (false, Via::Durable) if wrote => self.account.is_durable(index),
            (false, _) => self.account.is_committed(index),
        }
        Ok(version)
    }

    /// [`Life::perform`], unless the build is broken.
    fn perform_flawed(&mut self, op: &Op, expect: i64) -> Step<crate::Result<Done>> {
        match (self.flaw, op) {
            (Flaw::SplitBatches, Op::SetMany(via, items)) => {
                for (key, value) in items {
                    let single = Op::Set(*via, *key, value.clone(), None);
                    if let Err(e) = self.perform(&single, 0)? {
                        return Ok(Err(e));
                    }
                }
                Ok(Ok((Answer::Done, None)))
            }
            (Flaw::Overtaking, Op::Set(Via::Lazy, ..)) if self.held.is_none() => {
                self.held = Some(op.clone());
                Ok(Ok((Answer::Done, None)))
            }
            _ => {
                let done = self.perform(op, expect)?;
                if let Some(held) = self.held.take()
                    && let Err(e) = self.perform(&held, 0)?
                {
                    return Ok(Err(e));
                }
                Ok(done)
            }
        }
    }
}
