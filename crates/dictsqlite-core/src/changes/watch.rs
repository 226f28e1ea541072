//! Watching keys: their state, not events. What is found first, and then what is different after later
//! commits; what changes several times while nobody looks is given once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::feed::{Feed, Progress, Source};
use super::{check_logged, leave, truncated};
use crate::completion::Completion;
use crate::error::{Error, Result};
use crate::sqlite::{After, Bounds, Found, LogFilter, PageRequest, Reader, Table};
use crate::store::Store;
use crate::types::{
    Entry, Key, Order, PackedKey, Page, Watched, is_of_prefix_type, prefix_bounds, unpack,
};

/// Entries of one page at most, and their bytes, about.
const ROWS: usize = 1024;
const BYTES: usize = 1 << 20;
/// Keys that can be watched by name.
const MOST_KEYS: usize = 10_000;

/// Keys being watched, from [`Dict::watch`](crate::Dict::watch). It ends with `Closed` when the handle
/// that made it is closed or dropped.
pub struct Watch {
    feed: Arc<Feed<Watching>>,
}

impl Watch {
    /// Watches some keys; without any, those with a prefix, or all of the table.
    pub(crate) fn new(
        store: &Arc<Store>,
        table: &Arc<Table>,
        ended: &Arc<AtomicBool>,
        keys: Vec<PackedKey>,
        prefix: Option<Key>,
        timeout: Duration,
    ) -> Result<Self> {
        if keys.len() > MOST_KEYS {
            return Err(Error::invalid(format!(
                "{} keys are watched by name and {MOST_KEYS} may be; watch a prefix",
                keys.len()
            )));
        }
        if !keys.is_empty() && prefix.is_some() {
            return Err(Error::invalid("watch keys or a prefix, not both"));
        }
        let source = if keys.is_empty() {
            let tables = vec![table.name.clone()];
            let log =
                store.readers.borrow(Instant::now() + timeout)?.snapshot(Reader::log_state)?;
            check_logged(&log, Some(&tables))?;
            Watching::Range(Box::new(Range::new(Arc::clone(table), prefix)?))
        } else {
            Watching::Keys(Named { table: Arc::clone(table), known: vec![None; keys.len()], keys })
        };
        Ok(Self { feed: Feed::new(Arc::clone(store), Arc::clone(ended), timeout, source, 0) })
    }

    /// What is there, the first time; then what has changed since. Waits for it; empty when the
    /// timeout passes (`None`: there is none).
    ///
    /// # Errors
    /// `Closed`; `Invalid` when a prefix's changes were removed from the log before they were looked at
    /// ([`Error::is_history_truncated`]); `Cancelled`; those of reading.
    pub fn next_page(&self, timeout: Option<Duration>) -> Result<Vec<Watched>> {
        self.feed.next(timeout)
    }

    /// [`Watch::next_page`] without blocking; see
    /// [`Changes::next_page_async`](crate::Changes::next_page_async).
    pub fn next_page_async(&self) -> Completion<Vec<Watched>> {
        self.feed.next_async()
    }

    /// Completes when there is a page for [`Watch::take_page`], which does not wait. Cancelled, it
    /// leaves nothing behind, and nothing is lost.
    pub fn ready_async(&self) -> Completion<()> {
        self.feed.ready()
    }

    /// Whether somebody's wait has it look for a page at this moment.
    #[doc(hidden)]
    pub fn is_looking(&self) -> bool {
        self.feed.is_reading()
    }

    /// The page that is there; empty when none is.
    pub fn take_page(&self) -> Vec<Watched> {
        self.feed.take()
    }

    /// Ends it: who waits for it is told `Closed`.
    pub fn close(&self) {
        if !self.feed.is_inherited() {
            self.feed.close();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        leave(&self.feed);
    }
}

enum Watching {
    Keys(Named),
    Range(Box<Range>),
}

impl Source for Watching {
    type Item = Watched;
    const BARRIER: bool = true;

    fn read(&mut self, reader: &Reader, now_ms: i64) -> Result<Progress<Watched>> {
        match self {
            Self::Keys(named) => named.read(reader, now_ms),
            Self::Range(range) => range.read(reader, now_ms),
        }
    }
}

/// Keys by name: looked at again after every commit, without a log.
struct Named {
    table: Arc<Table>,
    keys: Vec<PackedKey>,
    /// What was given out last; nothing at first.
    known: Vec<Option<Option<Entry>>>,
}

impl Named {
    fn read(&mut self, reader: &Reader, now_ms: i64) -> Result<Progress<Watched>> {
        let mut items = Vec::new();
        let mut known = self.known.iter_mut().zip(&self.keys);
        reader.get_each(&self.table, self.keys.iter().map(|key| &key[..]), |found| {
            let Some((known, key)) = known.next() else { return };
            let entry = alive(found, now_ms);
            if known.as_ref() != Some(&entry) {
                items.push(Watched { key: unpack(key), entry: entry.clone() });
                *known = Some(entry);
            }
        })?;
        Ok(Progress { items, seen: 0, more: false })
    }
}

/// A prefix, or a whole table: its entries a page at a time, then the keys that the log names.
struct Range {
    table: Arc<Table>,
    prefix: Option<Key>,
    filter: LogFilter,
    /// The pages that are still to come, in the beginning.
    scan: Option<PageRequest>,
    /// As far as the log was looked at; not known before the first page.
    after: Option<i64>,
}

impl Range {
    fn new(table: Arc<Table>, prefix: Option<Key>) -> Result<Self> {
        let (start, end) = match &prefix {
            Some(prefix) => {
                let (start, end) = prefix_bounds(table.id, prefix)?;
                (Some(start), end)
            }
            None => (None, None),
        };
        let scan = PageRequest {
            order: Order::Key,
            reverse: false,
            bounds: Bounds { start, end },
            after: After::Start,
            newest: None,
            rows: ROWS,
            bytes: BYTES,
            values: true,
            details: true,
            now_ms: 0,
        };
        let filter = LogFilter::new(Some(vec![table.name.clone()]), prefix.clone())?;
        Ok(Self { table, prefix, filter, scan: Some(scan), after: None })
    }

    fn read(&mut self, reader: &Reader, now_ms: i64) -> Result<Progress<Watched>> {
        let after = match self.after {
            Some(after) => after,
            // What changes from here on is looked at again after the last of the first pages.
            None => reader.log_state()?.last,
        };
        self.after = Some(after);
        if let Some(scan) = &mut self.scan {
            scan.now_ms = now_ms;
            let mut page = Page::default();
            let ended = reader.page(&self.table, scan, &mut page)?;
            if ended {
                self.scan = None;
            }
            let rows = (0..page.len()).filter_map(|n| page.row(n));
            let items = rows.filter_map(|row| {
                let value = row.owned_value()?;
                let entry = Entry { value, version: row.version(), expires_at: row.expires_at() };
                let key = row.owned_key();
                let wanted = self.prefix.as_ref().is_none_or(|p| is_of_prefix_type(p, &key));
                wanted.then_some(Watched { key, entry: Some(entry) })
            });
            return Ok(Progress { items: items.collect(), seen: after, more: true });
        }
        let changed = reader.changed_keys(&self.filter, after, self.table.id, ROWS)?;
        if changed.removed > after {
            return Err(truncated(after, changed.removed));
        }
        let mut items = Vec::new();
        let mut keys = changed.found.iter();
        reader.get_each(&self.table, changed.found.iter().map(|key| &key[..]), |found| {
            if let Some(key) = keys.next() {
                items.push(Watched { key: unpack(key), entry: alive(found, now_ms) });
            }
        })?;
        self.after = Some(changed.seen);
        Ok(Progress { items, seen: changed.seen, more: changed.more })
    }
}

fn alive(found: Option<Found>, now_ms: i64) -> Option<Entry> {
    found.map(|found| found.entry).filter(|entry| entry.expires_at.is_none_or(|at| at > now_ms))
}
