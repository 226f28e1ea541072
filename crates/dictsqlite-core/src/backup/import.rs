//! Entries read from an export: all of it is checked before the first one is written.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::binary::{Frames, MAGIC};
use super::files::{Input, reading};
use super::lines::Lines;
use super::record::{Named, Record};
use super::{Progress, await_writer};
use crate::completion::Completion;
use crate::error::{Error, ErrorKind, Result};
use crate::memtable::{Admission, OwnedWrite};
use crate::sqlite::Table;
use crate::store::{Store, read_only};
use crate::types::{AsKey, Command, Expect, KeyBuf, NEVER, Outcome, PackedKey, pack};

/// Entries and bytes that are gathered; those that replace are written as one unit.
const BATCH: usize = 1000;
const BATCH_BYTES: usize = 4 << 20;
/// What the file is read through.
const READ_BYTES: usize = 256 << 10;
/// How long a decision that was begun is waited for before another look.
const LOOK: Duration = Duration::from_millis(50);

/// What becomes of an entry whose key is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// It takes its place.
    #[default]
    Replace,
    /// It is passed over.
    Skip,
    /// Nothing is imported; the error names the key.
    Error,
}

impl std::str::FromStr for OnConflict {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "replace" => Ok(Self::Replace),
            "skip" => Ok(Self::Skip),
            "error" => Ok(Self::Error),
            _ => Err(Error::invalid(format!(
                "{name:?} is no way to go on; on_conflict is one of: replace, skip, error"
            ))),
        }
    }
}

/// What is imported, and how.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Only these of the file's tables; empty for all.
    pub tables: Vec<String>,
    /// What becomes of an entry whose key is there already.
    pub on_conflict: OnConflict,
    /// How far it is, and its cancelling. The file is read twice, so the total is twice its bytes.
    pub progress: Progress,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Entries in the file, of the tables that were asked for.
    pub read: u64,
    /// Entries written.
    pub written: u64,
    /// Entries whose keys were there already and were passed over.
    pub skipped: u64,
    /// Entries that had expired since they were exported.
    pub expired: u64,
}

/// Imports the file `source`.
pub(crate) fn import(
    store: &Arc<Store>,
    admission: &Admission,
    source: &Path,
    options: &ImportOptions,
    timeout: Duration,
) -> Result<Imported> {
    if store.state.opener.read_only {
        return Err(read_only());
    }
    let progress = &options.progress;
    progress.begin()?;
    let nothing = |e: Error| {
        let message = format!("{}: {}; nothing was imported", source.display(), e.message());
        let error = Error::new(e.kind(), message);
        match e.key() {
            Some(key) => error.with_key(key.clone()),
            None => error,
        }
    };
    let tables = verify(store, source, options, timeout).map_err(nothing)?;
    let mut import = Import {
        store,
        admission,
        progress,
        timeout,
        on_conflict: options.on_conflict,
        writes: Vec::new(),
        bytes: 0,
        sent: VecDeque::new(),
        done: Imported::default(),
    };
    let written = import.run(source, &tables).and_then(|()| import.finish());
    let ended = written.and_then(|()| progress.decide());
    ended.map_err(|e| {
        import.give_up();
        let why = match e.kind() {
            // Other operations leave nothing behind, and say so.
            ErrorKind::Cancelled => "the import was cancelled",
            _ => e.message(),
        };
        let written = import.done.written;
        let message = format!("{why} ({written} entries of the file were imported and stay)");
        let error = Error::new(e.kind(), message);
        match e.key() {
            Some(key) => error.with_key(key.clone()),
            None => error,
        }
    })?;
    progress.finish(progress.total());
    Ok(import.done)
}

/// An export in one of the forms.
enum Export {
    Lines(Lines<Input>),
    Frames(Frames<Input>),
}

impl Export {
    /// The export, and the bytes of its file.
    fn open(path: &Path) -> Result<(Self, u64)> {
        let input = Input::of(path)?;
        let length = input.length();
        let mut input = BufReader::with_capacity(READ_BYTES, input);
        let head = input.fill_buf().map_err(reading)?;
        let export = if head.starts_with(MAGIC) {
            Self::Frames(Frames::new(input)?)
        } else {
            Self::Lines(Lines::new(input)?)
        };
        Ok((export, length))
    }

    fn tables(&self) -> &[Named] {
        match self {
            Self::Lines(lines) => lines.tables(),
            Self::Frames(frames) => frames.tables(),
        }
    }

    fn next(&mut self) -> Result<Option<Record>> {
        match self {
            Self::Lines(lines) => lines.next(),
            Self::Frames(frames) => frames.next(),
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.bytes(),
            Self::Frames(frames) => frames.bytes(),
        }
    }

    fn place(&self) -> String {
        match self {
            Self::Lines(lines) => lines.place(),
            Self::Frames(frames) => frames.place(),
        }
    }
}

/// Reads all of the file, and opens the tables: what can be wrong is found before anything is written.
/// `None` stands for a table that is not asked for.
fn verify(
    store: &Store,
    source: &Path,
    options: &ImportOptions,
    timeout: Duration,
) -> Result<Vec<Option<Arc<Table>>>> {
    let (mut export, length) = Export::open(source)?;
    let named = export.tables().to_vec();
    for wanted in &options.tables {
        if named.iter().all(|named| named.name != *wanted) {
            let has: Vec<_> = named.iter().map(|named| named.name.as_str()).collect();
            let has = has.join(", ");
            return Err(Error::invalid(format!("it has no table {wanted:?}; it has: {has}")));
        }
    }
    let wanted = |name: &String| options.tables.is_empty() || options.tables.contains(name);
    let wanted: Vec<bool> = named.iter().map(|named| wanted(&named.name)).collect();
    let deadline = Instant::now() + timeout;
    let there = store.tables(deadline)?;
    for (named, _) in named.iter().zip(&wanted).filter(|(_, wanted)| **wanted) {
        let known = there.iter().find(|(name, _)| *name == named.name);
        if let Some((_, storage)) = known.filter(|(_, storage)| *storage != named.storage) {
            return Err(Error::codec(format!(
                "table {:?} was exported as {} and is {storage} here; import into another store, or \
                 give tables= without it",
                named.name, named.storage
            )));
        }
    }
    let mut opened: Vec<Option<Arc<Table>>> = vec![None; named.len()];
    if options.on_conflict == OnConflict::Error {
        for (n, named) in named.iter().enumerate().filter(|(n, _)| wanted[*n]) {
            if there.iter().any(|(name, _)| *name == named.name) {
                opened[n] = Some(store.table(&named.name, named.storage, deadline)?);
            }
        }
    }
    while let Some(record) = export.next()? {
        let packed = pack(0, record.key.as_key())
            .and_then(|packed| crate::codec::check_size(&packed, &record.value).map(|()| packed))
            .map_err(|e| Error::new(e.kind(), format!("{}: {}", export.place(), e.message())))?;
        drop(packed);
        if let Some(table) = &opened[record.table] {
            let key = pack(table.id, record.key.as_key())?;
            if store.contains(table, &key, Instant::now() + timeout)? {
                return Err(there_already(&export.place(), &record));
            }
        }
        options.progress.report(export.bytes(), 2 * length.max(1))?;
    }
    // Only now, when nothing can be wrong with the file any more, are tables made.
    for (n, named) in named.iter().enumerate().filter(|(n, _)| wanted[*n]) {
        opened[n] = Some(store.table(&named.name, named.storage, Instant::now() + timeout)?);
    }
    Ok(opened)
}

fn there_already(place: &str, record: &Record) -> Error {
    let message = format!(
        "{place}: the key is there already; import with on_conflict=\"replace\" or \"skip\""
    );
    Error::new(ErrorKind::Conflict, message).with_key(record.key.clone())
}

/// An import under way.
struct Import<'a> {
    store: &'a Arc<Store>,
    admission: &'a Admission,
    progress: &'a Progress,
    timeout: Duration,
    on_conflict: OnConflict,
    /// Blind writes of the next unit.
    writes: Vec<OwnedWrite>,
    bytes: usize,
    /// Decisions that the writer has not made yet.
    sent: VecDeque<Completion<Outcome>>,
    done: Imported,
}

impl Import<'_> {
    fn run(&mut self, source: &Path, tables: &[Option<Arc<Table>>]) -> Result<()> {
        let (mut export, length) = Export::open(source)?;
        let length = length.max(1);
        while let Some(record) = export.next()? {
            if let Some(table) = tables.get(record.table).and_then(Option::as_ref) {
                self.take(table, record)?;
            }
            self.progress.report(length + export.bytes().min(length - 1), 2 * length)?;
        }
        Ok(())
    }

    fn take(&mut self, table: &Table, record: Record) -> Result<()> {
        self.done.read += 1;
        if record.expires_at.is_some_and(|at| at <= self.store.state.now_ms()) {
            self.done.expired += 1;
            return Ok(());
        }
        let key = pack(table.id, record.key.as_key())?;
        let expires_at = record.expires_at.unwrap_or(NEVER);
        self.bytes += key.len() + record.value.len();
        let decided = |key: &KeyBuf| PackedKey::from(&key[..]);
        match self.on_conflict {
            OnConflict::Replace => self.writes.push((key, Some(record.value), expires_at)),
            OnConflict::Skip => self.send(Command::SetDefault {
                key: decided(&key),
                value: record.value,
                expires_at,
            }),
            OnConflict::Error => self.send(Command::Set {
                key: decided(&key),
                value: record.value,
                expires_at,
                expect: Expect::Version(0),
            }),
        }
        if self.writes.len() + self.sent.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.settle()?;
        }
        Ok(())
    }

    fn send(&mut self, command: Command) {
        let deadline = Instant::now() + self.timeout;
        self.sent.push_back(self.store.command(command, deadline, self.admission.durable));
    }

    /// Writes what was gathered, as one unit, or hears what was decided.
    fn settle(&mut self) -> Result<()> {
        self.bytes = 0;
        self.put()?;
        let mut failed = None;
        while let Some(decided) = self.sent.pop_front() {
            match self.progress.wait_until(decided, None) {
                Ok(decided) => failed = failed.or(self.hear(decided).err()),
                Err(waiting) => {
                    self.sent.push_front(waiting);
                    return self.progress.check();
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn put(&mut self) -> Result<()> {
        let writes = std::mem::take(&mut self.writes);
        let count = writes.len() as u64;
        let put = self.store.put_async(writes, self.admission);
        match self.progress.wait_until(put, Some(Instant::now() + self.timeout)) {
            Ok(written) => written.map(|()| self.done.written += count),
            Err(waiting) => {
                let accepted = !withdraw(&waiting);
                // It happens, even if nobody waits for it.
                self.done.written += if accepted { count } else { 0 };
                self.progress.check()?;
                Err(self.store.state.too_late(accepted))
            }
        }
    }

    fn hear(&mut self, decided: Result<Outcome>) -> Result<()> {
        match decided? {
            Outcome::Entry(Some(_)) => self.done.skipped += 1,
            _ => self.done.written += 1,
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.settle()?;
        let (durable, deadline) = (self.admission.durable, Instant::now() + self.timeout);
        let flushed = self.store.flush_async(durable, deadline);
        await_writer(self.store, flushed, (!durable).then_some(deadline), self.progress)
    }

    /// Withdraws what the writer has not begun, the last first, so that what stays is how the file
    /// begins; what it has begun counts.
    fn give_up(&mut self) {
        while let Some(mut decided) = self.sent.pop_back() {
            // It is decided in a moment. If its commit fails instead, it can be withdrawn again.
            while !withdraw(&decided) {
                decided = match decided.wait_until(Instant::now() + LOOK) {
                    Err(waiting) => waiting,
                    Ok(decided) => {
                        let _ = self.hear(decided);
                        break;
                    }
                };
            }
        }
    }
}

/// True when it will not happen.
fn withdraw<T>(completion: &Completion<T>) -> bool {
    completion.canceller().is_some_and(|canceller| canceller.cancel())
}
