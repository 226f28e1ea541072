//! The change stream: what was committed, by whichever process or tool, in its order and with the
//! values before and after.
//!
//! The triggers of a table write its changes to a log in the file, in the same commit; a stream reads
//! the log on from a number. Numbers are given inside SQLite's write transaction, each larger than all
//! that were committed before: so whoever has seen a number has missed none below it.

mod feed;
mod watch;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::completion::Completion;
use crate::error::{Error, Result};
use crate::sqlite::{LogFilter, LogState, Reader};
use crate::store::Store;
use crate::types::{Change, Key};
use feed::{Feed, Progress, Source};

pub use watch::Watch;

/// A page has at most so many changes, and about so many bytes of values.
const PAGE: (usize, usize) = (1024, 1 << 20);

/// Which changes a stream gives.
#[derive(Clone, Debug, Default)]
pub struct ChangesOptions {
    /// The changes after this number; 0 from the beginning of what is kept, `None` those that are
    /// committed from now on.
    pub since: Option<i64>,
    /// Only those of these tables; `None` of every table whose changes are logged.
    pub tables: Option<Vec<String>>,
    /// Only those of keys of the prefix's own type that begin with it.
    pub prefix: Option<Key>,
}

/// A stream of changes, from [`Dict::changes`](crate::Dict::changes). It ends with `Closed` when the
/// handle that made it is closed or dropped.
///
/// It is an iterator that waits for the next change; whole pages, with a timeout or without blocking,
/// are cheaper.
///
/// ```
/// use dictsqlite_core::{ChangeKind, ChangesOptions, Dict, Options};
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("a.db");
/// let dict = Dict::open(&path, &Options { changes: Some(true), ..Options::default() })?;
/// let changes = dict.changes(&ChangesOptions::default())?;
/// dict.set("k", b"v")?;
/// let page = changes.next_page(None)?;
/// assert_eq!((page[0].kind, page[0].new.as_deref()), (ChangeKind::Insert, Some(&b"v"[..])));
/// # Ok::<(), dictsqlite_core::Error>(())
/// ```
pub struct Changes {
    feed: Arc<Feed<Log>>,
    buffer: std::vec::IntoIter<Change>,
}

impl Changes {
    pub(crate) fn new(
        store: &Arc<Store>,
        ended: &Arc<AtomicBool>,
        options: &ChangesOptions,
        timeout: Duration,
    ) -> Result<Self> {
        let filter = LogFilter::new(options.tables.clone(), options.prefix.clone())?;
        let log = {
            let reader = store.readers.borrow(Instant::now() + timeout)?;
            reader.snapshot(Reader::log_state)?
        };
        check_logged(&log, options.tables.as_deref())?;
        let fresh = options.since == Some(0);
        let after = match options.since {
            None => log.last,
            Some(0) => log.removed,
            Some(since) if since < 0 => {
                return Err(Error::invalid(format!(
                    "since is {since}; it is the number of a change, or 0 for all that are kept"
                )));
            }
            Some(since) if since < log.removed => return Err(truncated(since, log.removed)),
            Some(since) if since > log.last => {
                return Err(Error::invalid(format!(
                    "since is {since} and the store's last operation is number {}: it is of another \
                     file, or of one from which this was restored; read the state as it is now",
                    log.last
                )));
            }
            Some(since) => since,
        };
        let source = Log { filter, after, fresh };
        let feed = Feed::new(Arc::clone(store), Arc::clone(ended), timeout, source, after);
        Ok(Self { feed, buffer: Vec::new().into_iter() })
    }

    /// The next changes, at most about a thousand, in the order of their numbers. Waits for one;
    /// empty when the timeout passes (`None`: there is none).
    ///
    /// # Errors
    /// `Closed`; `Invalid` when changes were removed from the log before they were read
    /// ([`Error::is_history_truncated`]); `Cancelled`; those of reading.
    pub fn next_page(&self, timeout: Option<Duration>) -> Result<Vec<Change>> {
        self.feed.next(timeout)
    }

    /// [`Changes::next_page`] without blocking. A page that came and is not looked at is lost; who may
    /// be cancelled waits with [`Changes::ready_async`]. Empty when somebody else took the page.
    pub fn next_page_async(&self) -> Completion<Vec<Change>> {
        self.feed.next_async()
    }

    /// Completes when there is a page for [`Changes::take_page`], which does not wait. Cancelled, it
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
    pub fn take_page(&self) -> Vec<Change> {
        self.feed.take()
    }

    /// Everything up to this number was given out, or passed over by the options: a stream with it as
    /// `since` goes on from here. It may be above the last change's number.
    pub fn position(&self) -> i64 {
        self.feed.position()
    }

    /// Ends the stream: who waits for it is told `Closed`.
    pub fn close(&self) {
        if !self.feed.is_inherited() {
            self.feed.close();
        }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        leave(&self.feed);
    }
}

impl Iterator for Changes {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Result<Change>> {
        if self.buffer.len() == 0 {
            match self.next_page(None) {
                Ok(page) => self.buffer = page.into_iter(),
                Err(e) if e.kind() == crate::error::ErrorKind::Closed => return None,
                Err(e) => return Some(Err(e)),
            }
        }
        self.buffer.next().map(Ok)
    }
}

/// Closes a feed that nobody holds any more. One that was inherited by a fork is left alone.
fn leave<S: Source>(feed: &Arc<Feed<S>>) {
    if feed.is_inherited() {
        std::mem::forget(Arc::clone(feed));
    } else {
        feed.close();
    }
}

/// Refuses a stream of what is not logged.
fn check_logged(log: &LogState, tables: Option<&[String]>) -> Result<()> {
    let advice = "open it with changes=True, or call enable_changes() once";
    if log.tables.is_empty() {
        return Err(Error::invalid(format!("no table of this store logs its changes; {advice}")));
    }
    match tables.unwrap_or_default().iter().find(|name| !log.tables.contains(name)) {
        Some(name) => Err(Error::invalid(format!(
            "table {name:?} does not log its changes (or is not there); {advice}"
        ))),
        None => Ok(()),
    }
}

fn truncated(since: i64, removed: i64) -> Error {
    Error::history_truncated(format!(
        "changes after number {since} were removed from the log already, up to number {removed}; read \
         the state as it is now and go on from there, or keep more with enable_changes()"
    ))
}

/// The log as the source of a feed.
struct Log {
    filter: LogFilter,
    after: i64,
    /// It begins wherever the log begins.
    fresh: bool,
}

impl Source for Log {
    type Item = Change;
    const BARRIER: bool = false;

    fn read(&mut self, reader: &Reader, _now_ms: i64) -> Result<Progress<Change>> {
        let page = reader.changes(&self.filter, self.after, PAGE)?;
        let fresh = std::mem::take(&mut self.fresh);
        if page.removed > self.after && !fresh {
            return Err(truncated(self.after, page.removed));
        }
        self.after = page.seen;
        Ok(Progress { items: page.found, seen: page.seen, more: page.more })
    }
}
