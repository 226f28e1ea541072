//! Scans: a page at a time, in insertion or key order, holding nothing between pages.
//!
//! A scan begins with a flush barrier, so it sees every write acknowledged before it began and the
//! caller's own. Each page is one consistent read; between pages no read transaction is open, so an
//! idle consumer never keeps checkpoints from finishing. With `consistent` the whole scan is of one
//! moment, and holds a read transaction until it is dropped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::completion::{Completion, pair};
use crate::error::{Error, ErrorKind, Result};
use crate::sqlite::{After, Bounds, PageRequest, Reader, Table};
use crate::store::Store;
use crate::types::{AsKey, Key, KeyBuf, Kind, Order, Page, RowRef, Value, pack, prefix_bounds};
use crate::vfs::fork;

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
    buffer: std::vec::IntoIter<Item>,
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
        let request = PageRequest {
            order: options.order.unwrap_or(by_default),
            reverse: options.reverse,
            bounds: bounds(table.id, options)?,
            after: After::Start,
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
            buffer: Vec::new().into_iter(),
        })
    }

    /// The next entries, at most a few thousand; empty at the end.
    ///
    /// # Errors
    /// Those of reading; `Busy` or `Full` when pending writes cannot be committed by the timeout.
    pub fn next_page(&mut self) -> Result<Vec<Item>> {
        self.check_generation()?;
        let rest: Vec<Item> = std::mem::take(&mut self.buffer).collect();
        if !rest.is_empty() {
            return Ok(rest);
        }
        self.request.details = true;
        self.read_behind_barrier().map(|page| items(&page))
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
        let rest: Vec<Item> = std::mem::take(&mut self.buffer).collect();
        if !rest.is_empty() {
            return Completion::ready(self.check_generation().map(|()| (self, rest)));
        }
        self.request.details = true;
        self.read_async(|scan, page| (scan, items(&page)))
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
        if self.buffer.len() == 0 {
            match self.next_page() {
                Ok(page) => self.buffer = page.into_iter(),
                Err(e) => {
                    self.ended = true;
                    return Some(Err(e));
                }
            }
        }
        self.buffer.next().map(Ok)
    }
}

fn items(page: &Page) -> Vec<Item> {
    (0..page.len()).filter_map(|n| page.row(n)).map(item).collect()
}

fn item(row: RowRef<'_>) -> Item {
    Item {
        key: row.owned_key(),
        value: row.owned_value(),
        version: row.version(),
        expires_at: row.expires_at(),
    }
}

fn bounds(table: u32, options: &ScanOptions) -> Result<Bounds> {
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
