//! Scans: a page at a time, in insertion or key order, holding nothing between pages.
//!
//! A scan begins with a flush barrier, so it sees every write acknowledged before it began and the
//! caller's own. Each page is one consistent read; between pages no read transaction is open, so an
//! idle consumer never keeps checkpoints from finishing. With `consistent` the whole scan is of one
//! moment, and holds a read transaction until it is dropped.

mod cursor;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::completion::{Completion, pair};
use crate::error::{Error, ErrorKind, Result};
use crate::sqlite::{Bounds, PageRequest, Reader, Table};
use crate::store::Store;
use crate::types::{AsKey, Key, KeyBuf, Kind, Order, Page, RowRef, Value, pack, prefix_bounds};
use crate::vfs::fork;

pub use cursor::{Cursor, Cursors};

const FIRST_PAGE: usize = 256;
const LARGEST_PAGE: usize = 4096;
const PAGE_BYTES: usize = 4 << 20;

/// What to scan. With `prefix`, `start` or `end` the order is key order unless said otherwise.
#[derive(Clone, Debug)]
pub struct ScanOptions {
    /// Only keys of the prefix's own type that begin with it: text, bytes, or a tuple's elements.
    pub prefix: Option<Key>,
    /// Only keys not below this one, in key order across types.
    pub start: Option<Key>,
    /// Only keys below this one.
    pub end: Option<Key>,
    /// From the end to the start.
    pub reverse: bool,
    /// At most this many entries.
    pub limit: Option<u64>,
    /// The order; `None` chooses as described above.
    pub order: Option<Order>,
    /// One moment for the whole scan, at the price of an open read transaction.
    pub consistent: bool,
    /// Whether values are read; without them a scan of large values is cheap.
    pub values: bool,
    /// Only what is behind this place of an earlier scan with the same order, direction and bounds.
    pub after: Option<Cursor>,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            prefix: None,
            start: None,
            end: None,
            reverse: false,
            limit: None,
            order: None,
            consistent: false,
            values: true,
            after: None,
        }
    }
}

/// One entry of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The key.
    pub key: Key,
    /// The value, unless the scan leaves values out.
    pub value: Option<Value>,
    /// The number of the operation that wrote it.
    pub version: i64,
    /// When it expires, in milliseconds since the Unix epoch.
    pub expires_at: Option<i64>,
}

/// A scan under way. It is an iterator of items, and gives whole pages as well.
pub struct Scan {
    store: Arc<Store>,
    table: Arc<Table>,
    request: PageRequest,
    kind: Option<Kind>,
    left: u64,
    ended: bool,
    consistent: bool,
    pinned: Option<Reader>,
    timeout: Duration,
    cursors: Cursors,
    /// What is given out one by one, and how much of it was.
    page: Page,
    given: usize,
}

impl Scan {
    pub(crate) fn new(
        store: Arc<Store>,
        table: Arc<Table>,
        options: &ScanOptions,
        timeout: Duration,
    ) -> Result<Self> {
        let ranged = options.prefix.is_some() || options.start.is_some() || options.end.is_some();
        let by_default = if ranged { Order::Key } else { Order::Insertion };
        let order = options.order.unwrap_or(by_default);
        let bounds = bounds(table.id, options)?;
        let cursors = Cursors::new(&table, options, order)?;
        let request = PageRequest {
            order,
            reverse: options.reverse,
            bounds,
            after: cursors.begin(),
            newest: None,
            rows: FIRST_PAGE,
            bytes: PAGE_BYTES,
            values: options.values,
            details: true,
            now_ms: 0,
        };
        Ok(Self {
            store,
            table,
            request,
            kind: options.prefix.as_ref().and_then(Kind::of),
            left: options.limit.unwrap_or(u64::MAX),
            ended: options.limit == Some(0),
            consistent: options.consistent,
            pinned: None,
            timeout,
            cursors,
            page: Page::default(),
            given: 0,
        })
    }

    /// Where the scan is: behind the last entry it has given out. A scan that begins there
    /// ([`ScanOptions::after`]) gives exactly the rest.
    ///
    /// ```
    /// # use dictsqlite_core::{Dict, Options, ScanOptions};
    /// # let dict = Dict::open(":memory:", &Options::default())?;
    /// # for n in 0..10_i64 { dict.set(n, b"v")?; }
    /// let mut scan = dict.scan(&ScanOptions::default())?;
    /// scan.by_ref().take(4).for_each(drop);
    /// let place = scan.cursor().to_string(); // to be kept anywhere
    ///
    /// let rest = ScanOptions { after: Some(place.parse()?), ..ScanOptions::default() };
    /// assert_eq!(dict.scan(&rest)?.count(), 6);
    /// # Ok::<(), dictsqlite_core::Error>(())
    /// ```
    pub fn cursor(&self) -> Cursor {
        match self.given.checked_sub(1).and_then(|last| self.page.row(last)) {
            Some(row) if self.given < self.page.len() => self.cursors.after(row),
            _ => self.cursors.at(&self.request.after),
        }
    }

    /// What makes cursors of this scan's rows, for those who take whole pages.
    pub fn cursors(&self) -> Cursors {
        self.cursors.clone()
    }

    /// The next entries, at most a few thousand; empty at the end.
    ///
    /// # Errors
    /// Those of reading; `Busy` or `Full` when pending writes cannot be committed by the timeout.
    pub fn next_page(&mut self) -> Result<Vec<Item>> {
        self.check_generation()?;
        let rest = self.rest();
        if !rest.is_empty() {
            return Ok(rest);
        }
        self.request.details = true;
        self.read_behind_barrier().map(|page| items(&page, 0))
    }

    /// What is left of the page that is given out one by one.
    fn rest(&mut self) -> Vec<Item> {
        let given = std::mem::take(&mut self.given);
        items(&std::mem::take(&mut self.page), given)
    }

    /// The same as one buffer, without versions and expiries: keys and values can be taken from it
    /// without a copy in between. Not to be mixed with taking items one by one.
    ///
    /// # Errors
    /// As [`Scan::next_page`].
    pub fn next_rows(&mut self) -> Result<Page> {
        self.check_generation()?;
        self.request.details = false;
        self.read_behind_barrier()
    }

    fn read_behind_barrier(&mut self) -> Result<Page> {
        let deadline = Instant::now() + self.timeout;
        if self.pinned.is_none() && !self.ended {
            self.store.barrier(deadline)?;
        }
        self.read_page(deadline)
    }

    /// [`Scan::next_page`] without blocking; the scan comes back with the page.
    pub fn next_page_async(mut self) -> Completion<(Self, Vec<Item>)> {
        let rest = self.rest();
        if !rest.is_empty() {
            return Completion::ready(self.check_generation().map(|()| (self, rest)));
        }
        self.request.details = true;
        self.read_async(|scan, page| (scan, items(&page, 0)))
    }

    /// [`Scan::next_rows`] without blocking; the scan comes back with the page.
    pub fn next_rows_async(mut self) -> Completion<(Self, Page)> {
        self.request.details = false;
        self.read_async(|scan, page| (scan, page))
    }

    fn read_async<T: Send + 'static>(
        mut self,
        result: impl FnOnce(Self, Page) -> T + Send + 'static,
    ) -> Completion<T> {
        let (completer, completion) = pair();
        if let Err(e) = self.check_generation() {
            return Completion::ready(Err(e));
        }
        let barrier = match self.pinned {
            None if !self.ended => self.store.barrier_async(Instant::now() + self.timeout),
            _ => Completion::ready(Ok(())),
        };
        barrier.on_done(move |reached| {
            if let Err(e) = reached {
                completer.complete(Err(e));
                return;
            }
            let readers = Arc::clone(&self.store.readers);
            readers.submit(Box::new(move |reader| {
                // The scan reads by itself, since it may outlive the worker's transaction.
                let read = reader.and_then(|_| self.read_page(Instant::now() + self.timeout));
                Box::new(move || completer.complete(read.map(|page| result(self, page))))
            }));
        });
        completion
    }

    fn read_page(&mut self, deadline: Instant) -> Result<Page> {
        let mut page = Page::default();
        // A page of nothing but keys of another kind is no end.
        while page.is_empty() && !self.ended {
            self.request.now_ms = self.store.state.now_ms();
            let asked = self.request.rows;
            self.request.rows = usize::try_from(self.left).map_or(asked, |left| left.min(asked));
            let ended = self.read_rows(&mut page, deadline)?;
            self.request.rows = (asked * 4).min(LARGEST_PAGE);
            if let Some(kind) = self.kind {
                page.retain(|key| kind.is_of(&key));
            }
            self.left -= (page.len() as u64).min(self.left);
            self.ended = ended || self.left == 0;
        }
        if self.ended {
            self.unpin();
        }
        Ok(page)
    }

    fn read_rows(&mut self, page: &mut Page, deadline: Instant) -> Result<bool> {
        if self.consistent && self.pinned.is_none() {
            let lent = self.store.readers.borrow(deadline)?;
            lent.begin()?;
            self.pinned = lent.keep();
        }
        let lent;
        let reader = match &self.pinned {
            Some(reader) => reader,
            None => {
                lent = self.store.readers.borrow(deadline)?;
                &*lent
            }
        };
        if self.request.newest.is_none() {
            // Otherwise a loop that adds a key for each it sees would never end.
            self.request.newest = Some(reader.newest_id(&self.table)?);
        }
        reader.page(&self.table, &mut self.request, page)
    }

    fn check_generation(&self) -> Result<()> {
        if self.is_inherited() {
            let message = "the scan was open when the process forked; begin it again here";
            return Err(Error::new(ErrorKind::Closed, message));
        }
        Ok(())
    }

    /// True in the child of a fork for a scan of its parent's.
    fn is_inherited(&self) -> bool {
        self.store.generation != fork::generation()
    }

    fn unpin(&mut self) {
        if let Some(reader) = self.pinned.take() {
            // Nothing was written, so there is nothing the end could lose.
            let _ = reader.end();
            self.store.readers.put_back(reader);
        }
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        if self.is_inherited() {
            // The connection and the store are the parent's: left alone, not closed.
            std::mem::forget(self.pinned.take());
            std::mem::forget(Arc::clone(&self.store));
        } else {
            self.unpin();
        }
    }
}

impl Iterator for Scan {
    type Item = Result<Item>;

    fn next(&mut self) -> Option<Result<Item>> {
        if self.given == self.page.len() {
            self.request.details = true;
            match self.check_generation().and_then(|()| self.read_behind_barrier()) {
                Ok(page) => (self.page, self.given) = (page, 0),
                Err(e) => {
                    self.ended = true;
                    return Some(Err(e));
                }
            }
        }
        let item = self.page.row(self.given).map(item)?;
        self.given += 1;
        Some(Ok(item))
    }
}

pub(crate) fn items(page: &Page, from: usize) -> Vec<Item> {
    (from..page.len()).filter_map(|n| page.row(n)).map(item).collect()
}

fn item(row: RowRef<'_>) -> Item {
    Item {
        key: row.owned_key(),
        value: row.owned_value(),
        version: row.version(),
        expires_at: row.expires_at(),
    }
}

pub(crate) fn bounds(table: u32, options: &ScanOptions) -> Result<Bounds> {
    let pack_bound = |key: &Option<Key>| -> Result<Option<KeyBuf>> {
        key.as_ref().map(|key| pack(table, key.as_key())).transpose()
    };
    let mut bounds = Bounds { start: pack_bound(&options.start)?, end: pack_bound(&options.end)? };
    if let Some(prefix) = &options.prefix {
        let (start, end) = prefix_bounds(table, prefix)?;
        if bounds.start.as_ref().is_none_or(|have| *have < start) {
            bounds.start = Some(start);
        }
        if let Some(end) = end
            && bounds.end.as_ref().is_none_or(|have| *have > end)
        {
            bounds.end = Some(end);
        }
    }
    Ok(bounds)
}
