//! Scans in a transaction: pages of the snapshot, with its own writes worked in.

use std::ops::Bound;
use std::sync::{Arc, MutexGuard};

use super::read::reader;
use super::{Inner, Shared, Transaction};
use crate::completion::{Completion, pair};
use crate::error::{Error, ErrorKind, Result};
use crate::scan::{Item, ScanOptions, bounds, items};
use crate::sqlite::{After, PageRequest, print_of};
use crate::types::{KeyBuf, Kind, NEVER, Order, PackedKey, Page, Range, RowRef, Rows};

const FIRST_PAGE: usize = 256;
const LARGEST_PAGE: usize = 4096;
const PAGE_BYTES: usize = 4 << 20;

/// A scan under way in a transaction. It is an iterator of items, and gives whole pages as well. What
/// the transaction writes meanwhile shows behind the place that was reached.
pub struct TransactionScan {
    tx: Transaction,
    request: PageRequest,
    kind: Option<Kind>,
    left: u64,
    /// The snapshot has no more.
    ended: bool,
    /// The transaction's own new keys are still to come, in insertion order.
    own: bool,
    /// Up to here the own writes are worked in, in key order.
    reached: Option<PackedKey>,
    /// Which of the transaction's ranges this is.
    range: Option<usize>,
    buffer: std::vec::IntoIter<Item>,
}

impl Transaction {
    /// Scans entries lazily, as [`Dict::scan`](crate::Dict::scan) does, in the snapshot and with the
    /// transaction's own writes; those have version 0, and so has everything in a scan without values.
    ///
    /// # Errors
    /// `KeyType` for a prefix or bound that is no key; else as [`Transaction::get`].
    pub fn scan(&self, options: &ScanOptions) -> Result<TransactionScan> {
        drop(self.shared.open()?);
        if options.after.is_some() {
            let message =
                "a scan in a transaction cannot go on from a cursor; give `start` instead";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        self.scan_all(options)
    }

    fn scan_all(&self, options: &ScanOptions) -> Result<TransactionScan> {
        let ranged = options.prefix.is_some() || options.start.is_some() || options.end.is_some();
        let by_default = if ranged { Order::Key } else { Order::Insertion };
        let order = options.order.unwrap_or(by_default);
        let request = PageRequest {
            order,
            reverse: options.reverse,
            bounds: bounds(self.table.id, options)?,
            after: After::Start,
            newest: None,
            rows: FIRST_PAGE,
            bytes: PAGE_BYTES,
            values: options.values,
            details: options.values,
            now_ms: self.shared.now_ms,
        };
        Ok(TransactionScan {
            tx: self.again(),
            request,
            kind: options.prefix.as_ref().and_then(Kind::of),
            left: options.limit.unwrap_or(u64::MAX),
            ended: false,
            own: order == Order::Insertion,
            reached: None,
            range: None,
            buffer: Vec::new().into_iter(),
        })
    }

    /// Deletes what a scan of all keys finds.
    pub(super) fn clear_by(
        &self,
        enter: impl Fn(&Shared) -> Result<MutexGuard<'_, Inner>>,
    ) -> Result<u64> {
        let mut scan = self.scan_all(&ScanOptions { values: false, ..ScanOptions::default() })?;
        let mut count = 0;
        while !scan.ended {
            let mut inner = enter(&self.shared)?;
            let page = scan.read(&mut inner)?;
            for row in (0..page.len()).filter_map(|n| page.row(n)) {
                let key = KeyBuf::from_slice(row.packed());
                count += self.delete_found(&mut inner, key)?;
            }
        }
        let mut inner = enter(&self.shared)?;
        for key in scan.own_between(&inner, None) {
            if inner.buffer.get(&key).is_some_and(|written| written.value.is_some()) {
                count += self.delete_found(&mut inner, KeyBuf::from_slice(&key))?;
            }
        }
        Ok(count)
    }

    fn delete_found(&self, inner: &mut Inner, key: KeyBuf) -> Result<u64> {
        let clock = &*self.shared.store.state.clock;
        let there = inner.buffer.get(&key).is_none_or(|written| written.is_there(clock));
        self.write(inner, key, None, NEVER)?;
        Ok(u64::from(there))
    }
}

impl TransactionScan {
    /// The next entries, at most a few thousand; empty at the end.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub fn next_page(&mut self) -> Result<Vec<Item>> {
        let shared = Arc::clone(&self.tx.shared);
        let mut inner = shared.open()?;
        let rest: Vec<Item> = std::mem::take(&mut self.buffer).collect();
        if !rest.is_empty() {
            return Ok(rest);
        }
        self.page(&mut inner).map(|page| items(&page, 0))
    }

    /// The same as one buffer: keys and values can be taken from it without a copy in between. Not to
    /// be mixed with taking items one by one.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub fn next_rows(&mut self) -> Result<Page> {
        let shared = Arc::clone(&self.tx.shared);
        let mut inner = shared.open()?;
        self.page(&mut inner)
    }

    /// [`TransactionScan::next_page`] without blocking; the scan comes back with the page.
    pub fn next_page_async(mut self) -> Completion<(Self, Vec<Item>)> {
        let rest: Vec<Item> = std::mem::take(&mut self.buffer).collect();
        if !rest.is_empty() {
            let open = self.tx.shared.open().map(drop);
            return Completion::ready(open.map(|()| (self, rest)));
        }
        self.next_rows_async().then(|page| page.map(|(scan, page)| (scan, items(&page, 0))))
    }

    /// [`TransactionScan::next_rows`] without blocking; the scan comes back with the page.
    pub fn next_rows_async(mut self) -> Completion<(Self, Page)> {
        if let Err(e) = self.tx.shared.open() {
            return Completion::ready(Err(e));
        }
        let (completer, completion) = pair();
        let shared = Arc::clone(&self.tx.shared);
        let readers = Arc::clone(&shared.store.readers);
        readers.submit(Box::new(move |reader| {
            let page = reader.and_then(|_| self.page(&mut *shared.enter()?));
            Box::new(move || completer.complete(page.map(|page| (self, page))))
        }));
        completion
    }

    fn page(&mut self, inner: &mut Inner) -> Result<Page> {
        let mut page = Page::default();
        while page.is_empty() && self.left > 0 && (self.own || !self.ended) {
            let own_first = self.own && self.request.reverse;
            page = if self.own && (own_first || self.ended) {
                self.own = false;
                self.own_new(inner)?
            } else {
                self.snapshot_page(inner)?
            };
            if let Some(kind) = self.kind {
                page.retain(|key| kind.is_of(&key));
            }
            page.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        }
        self.left -= page.len() as u64;
        Ok(page)
    }

    /// The next rows of the snapshot, changed by what was written.
    fn snapshot_page(&mut self, inner: &mut Inner) -> Result<Page> {
        let page = self.read(inner)?;
        if inner.buffer.is_empty() {
            // What is written later shows behind this place only.
            self.reached = page.last_key().map(PackedKey::from).or_else(|| self.reached.take());
            return Ok(page);
        }
        Ok(if self.request.order == Order::Key {
            self.merge(inner, &page)
        } else {
            self.replace(inner, &page)
        })
    }

    /// The next rows of the snapshot, noted where that is asked for.
    fn read(&mut self, inner: &mut Inner) -> Result<Page> {
        let mut page = Page::default();
        if inner.newer.contains(&self.tx.table.id) {
            self.ended = true;
            return Ok(page);
        }
        let asked = self.request.rows;
        self.request.rows = usize::try_from(self.left).map_or(asked, |left| left.min(asked));
        let before = self.request.after.clone();
        let read = reader(inner)?.page(&self.tx.table, &mut self.request, &mut page);
        self.request.rows = (asked * 4).min(LARGEST_PAGE);
        if read.is_err() {
            self.request.after = before;
        }
        self.ended = read?;
        if self.tx.shared.notes_reads() {
            self.note(inner, &page);
        }
        Ok(page)
    }

    /// Notes what was read, so that it can be read again.
    fn note(&mut self, inner: &mut Inner, page: &Page) {
        let place = *self.range.get_or_insert_with(|| {
            inner.ranges.push(Range {
                table: self.tx.table.id,
                order: self.request.order,
                reverse: self.request.reverse,
                start: self.request.bounds.start.clone(),
                end: self.request.bounds.end.clone(),
                values: self.request.values,
                ended: false,
                rows: Rows::default(),
            });
            inner.ranges.len() - 1
        });
        let Some(range) = inner.ranges.get_mut(place) else { return };
        for row in (0..page.len()).filter_map(|n| page.row(n)) {
            range.rows.push(row.packed(), print_of(row, self.request.values));
        }
        range.ended = self.ended;
    }

    /// In insertion order, rows keep their places; new ones come in the end.
    fn replace(&self, inner: &Inner, page: &Page) -> Page {
        let mut out = Page::default();
        for row in (0..page.len()).filter_map(|n| page.row(n)) {
            match inner.buffer.get(row.packed()) {
                None => out.push_row(row),
                Some(_) if inner.buffer.was_deleted(row.packed()) => {}
                Some(_) => self.push_own(inner, row.packed(), Some(row), &mut out),
            }
        }
        out
    }

    /// In key order, up to the last row, or to the end if that is reached.
    fn merge(&mut self, inner: &Inner, page: &Page) -> Page {
        let reverse = self.request.reverse;
        let last = page.last_key().filter(|_| !self.ended).map(PackedKey::from);
        let mut own = self.own_between(inner, last.as_deref()).into_iter().peekable();
        let mut out = Page::default();
        for row in (0..page.len()).filter_map(|n| page.row(n)) {
            let key = row.packed();
            let before = |own: &PackedKey| if reverse { **own > *key } else { **own < *key };
            while let Some(earlier) = own.next_if(before) {
                self.push_own(inner, &earlier, None, &mut out);
            }
            match own.next_if(|own| **own == *key) {
                Some(same) => self.push_own(inner, &same, Some(row), &mut out),
                None => out.push_row(row),
            }
        }
        for later in own {
            self.push_own(inner, &later, None, &mut out);
        }
        self.reached = last.or_else(|| self.reached.take());
        out
    }

    /// The keys that were written, behind what was reached and up to `last`, in the scan's direction.
    fn own_between(&self, inner: &Inner, last: Option<&[u8]>) -> Vec<PackedKey> {
        let head = self.tx.table.id.to_be_bytes();
        let behind = (self.tx.table.id.wrapping_add(1)).to_be_bytes();
        let bounds = &self.request.bounds;
        let start = bounds.start.as_deref().unwrap_or(&head);
        let end = bounds.end.as_deref().unwrap_or(&behind);
        let reached = self.reached.as_deref();
        let (low, high) = if self.request.reverse {
            (
                last.map_or(Bound::Included(start), Bound::Included),
                reached.map_or(Bound::Excluded(end), Bound::Excluded),
            )
        } else {
            (
                reached.map_or(Bound::Included(start), Bound::Excluded),
                last.map_or(Bound::Excluded(end), Bound::Included),
            )
        };
        let keys = inner.buffer.range(low, high).map(|w| PackedKey::clone(&w.key));
        if self.request.reverse { keys.rev().collect() } else { keys.collect() }
    }

    /// New keys, in the order in which they took their places.
    fn own_new(&self, inner: &mut Inner) -> Result<Page> {
        let shared = &self.tx.shared;
        let mut new = Vec::new();
        for key in self.own_between(inner, None) {
            let deleted = inner.buffer.was_deleted(&key);
            if deleted || !shared.is_there(inner, &self.tx.table, &key)? {
                new.push((inner.buffer.place(&key), key));
            }
        }
        new.sort_unstable();
        if self.request.reverse {
            new.reverse();
        }
        let mut out = Page::default();
        for (_, key) in &new {
            self.push_own(inner, key, None, &mut out);
        }
        Ok(out)
    }

    /// Adds what was written of a key, which is in the snapshot as `row`, unless it is deleted or has
    /// expired.
    fn push_own(&self, inner: &Inner, key: &[u8], row: Option<RowRef<'_>>, out: &mut Page) {
        let clock = &*self.tx.shared.store.state.clock;
        let Some(written) = inner.buffer.get(key) else { return };
        if let Some(value) = &written.value
            && written.is_there(clock)
        {
            let value = if written.kept { row.map(|row| row.value()) } else { Some(&**value) };
            out.push(key, value.filter(|_| self.request.values), 0, written.expires_at);
        }
    }
}

impl Iterator for TransactionScan {
    type Item = Result<Item>;

    fn next(&mut self) -> Option<Result<Item>> {
        if self.buffer.len() == 0 {
            match self.next_page() {
                Ok(page) => self.buffer = page.into_iter(),
                Err(e) => {
                    self.left = 0;
                    return Some(Err(e));
                }
            }
        }
        self.buffer.next().map(Ok)
    }
}
