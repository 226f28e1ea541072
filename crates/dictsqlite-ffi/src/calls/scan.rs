//! Scans.

use std::mem::MaybeUninit;
use std::sync::Arc;

use dictsqlite_core::sync::Mutex;
use dictsqlite_core::{
    Completion, Error, ErrorKind, Item, Result, Scan, ScanOptions, TransactionScan,
};

use super::DICTS;
use crate::guard::{give, guard};
use crate::handles::Table;
use crate::operation::Asked;
use crate::raw::{
    dictsqlite_call, dictsqlite_code, dictsqlite_dict, dictsqlite_error, dictsqlite_op,
    dictsqlite_page, dictsqlite_scan, dictsqlite_scan_options,
};

static SCANS: Table<Running> = Table::new("scan");

/// A scan, and how many forks there were when it began.
struct Running {
    forks: u32,
    scan: Mutex<Turn>,
}

/// A scan of a dict, or one in a transaction.
#[allow(clippy::large_enum_variant)] // It is kept in a box.
pub(super) enum Pages {
    Dict(Scan),
    Tx(TransactionScan),
}

impl Pages {
    fn next_page(&mut self) -> Result<Vec<Item>> {
        match self {
            Self::Dict(scan) => scan.next_page(),
            Self::Tx(scan) => scan.next_page(),
        }
    }

    fn next_page_async(self) -> Completion<(Self, Vec<Item>)> {
        match self {
            Self::Dict(scan) => scan
                .next_page_async()
                .then(|done| done.map(|(scan, page)| (Self::Dict(scan), page))),
            Self::Tx(scan) => {
                scan.next_page_async().then(|done| done.map(|(scan, page)| (Self::Tx(scan), page)))
            }
        }
    }
}

/// A handle for a scan that begins.
pub(super) fn begun(pages: Pages) -> Result<dictsqlite_scan> {
    let scan = Mutex::new(Turn::Idle(Box::new(pages)));
    let running = Running { forks: dictsqlite_core::forks(), scan };
    Ok(dictsqlite_scan { id: SCANS.insert(Arc::new(running))? })
}

enum Turn {
    Idle(Box<Pages>),
    /// A page is being read by the engine.
    Away,
    Ended,
    Failed(Error),
}

impl Running {
    /// The lock, unless its owner is in the process that forked.
    fn lock(&self) -> Result<std::sync::MutexGuard<'_, Turn>> {
        if self.forks == dictsqlite_core::forks() {
            return Ok(self.scan.lock());
        }
        let message = "the scan was open when the process forked; begin it again here";
        Err(Error::new(ErrorKind::Closed, message))
    }

    fn next_page(&self) -> Result<Vec<Item>> {
        let mut turn = self.lock()?;
        match &mut *turn {
            Turn::Idle(scan) => {
                let page = scan.next_page()?;
                if page.is_empty() {
                    *turn = Turn::Ended;
                }
                Ok(page)
            }
            Turn::Ended => Ok(Vec::new()),
            Turn::Failed(e) => Err(e.clone()),
            Turn::Away => Err(busy()),
        }
    }

    /// The scan, for the engine; it comes back by `put_back`.
    fn take(&self) -> Result<Option<Pages>> {
        let mut turn = self.lock()?;
        match std::mem::replace(&mut *turn, Turn::Away) {
            Turn::Idle(scan) => Ok(Some(*scan)),
            Turn::Away => Err(busy()),
            Turn::Ended => {
                *turn = Turn::Ended;
                Ok(None)
            }
            Turn::Failed(e) => {
                *turn = Turn::Failed(e.clone());
                Err(e)
            }
        }
    }

    /// The engine is done; what failed in its hands is lost there, which the next call is told.
    fn put_back(&self, done: Result<(Pages, Vec<Item>)>) -> Result<Vec<Item>> {
        let mut turn = self.lock()?;
        match done {
            Ok((scan, page)) => {
                *turn = if page.is_empty() { Turn::Ended } else { Turn::Idle(Box::new(scan)) };
                Ok(page)
            }
            Err(e) => {
                *turn = Turn::Failed(e.clone());
                Err(e)
            }
        }
    }
}

fn busy() -> Error {
    Error::new(ErrorKind::Invalid, "a page of this scan is being read already; wait for it")
}

/// Begins a scan of the entries; `options` may be NULL. A scan sees every write acknowledged before it began. Changing
/// the dict meanwhile is allowed. Nothing is read yet, and between pages nothing is held (unless CONSISTENT).
///
/// `scan` is a handle, to be closed with `dictsqlite_scan_close`. Pages of one scan are read by one thread at a time.
/// Errors: KEY_TYPE for a prefix or bound that is no key, INVALID, CLOSED, FULL (65536 scans are open).
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_scan_begin(
    dict: dictsqlite_dict,
    options: Option<&dictsqlite_scan_options>,
    scan: Option<&mut MaybeUninit<dictsqlite_scan>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(scan, error, || {
        let options = options.map(dictsqlite_scan_options::read).transpose()?;
        let options: ScanOptions = options.unwrap_or_default();
        begun(Pages::Dict(DICTS.with(dict.id, |dict| dict.scan(&options))?))
    })
}

/// Gives the next entries, at most a few thousand; a page of none is the end. Free it with `dictsqlite_page_free`. It
/// stays valid when the scan is closed.
/// Errors: as `dictsqlite_get` and `dictsqlite_flush`; INVALID while another thread reads a page of it.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_scan_next(
    scan: dictsqlite_scan,
    page: Option<&mut MaybeUninit<dictsqlite_page>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(page, error, || SCANS.get(scan.id)?.next_page())
}

/// `dictsqlite_scan_next` without blocking; the result's `page`. It cannot be cancelled, since the page would be
/// missing from the scan.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_scan_next_async(
    scan: dictsqlite_scan,
    call: dictsqlite_call,
    op: Option<&mut MaybeUninit<dictsqlite_op>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    Asked { call, op, error }.start(
        || {
            let running = SCANS.get(scan.id)?;
            let Some(scan) = running.take()? else { return Ok(Completion::ready(Ok(Vec::new()))) };
            Ok(scan.next_page_async().then(move |done| running.put_back(done)))
        },
        |page, result| {
            result.page = page.into();
            Ok(())
        },
    )
}

/// Ends a scan and gives up what it holds.
/// Errors: CLOSED if it is closed already, which does no harm.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_scan_close(
    scan: dictsqlite_scan,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || SCANS.remove(scan.id))
}
