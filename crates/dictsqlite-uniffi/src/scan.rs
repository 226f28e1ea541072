//! Scans, a page at a time.

use std::sync::{Mutex, PoisonError};

use dictsqlite_core::{Completion, Item, Scan, TransactionScan};

use crate::error::{ErrorKind, NativeError, Result};
use crate::pending::result_of;
use crate::types::Key;

/// One entry of a page.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct NativeItem {
    /// The key.
    pub key: Key,
    /// The value, unless the scan leaves values out.
    pub value: Option<Vec<u8>>,
    /// The number of the operation that wrote it.
    pub version: i64,
    /// When it expires, in milliseconds since the Unix epoch.
    pub expires_at: Option<i64>,
}

impl From<Item> for NativeItem {
    fn from(item: Item) -> Self {
        Self {
            key: item.key.into(),
            value: item.value.map(|value| value.to_vec()),
            version: item.version,
            expires_at: item.expires_at,
        }
    }
}

/// What pages come from.
pub(crate) enum Source {
    Dict(Box<Scan>),
    Transaction(Box<TransactionScan>),
}

impl Source {
    fn next_page(&mut self) -> dictsqlite_core::Result<Vec<Item>> {
        match self {
            Self::Dict(scan) => scan.next_page(),
            Self::Transaction(scan) => scan.next_page(),
        }
    }

    /// The source comes back with the page.
    fn next_page_async(self) -> Completion<(Self, Vec<Item>)> {
        match self {
            Self::Dict(scan) => scan
                .next_page_async()
                .then(|page| page.map(|(scan, page)| (Self::Dict(Box::new(scan)), page))),
            Self::Transaction(scan) => scan
                .next_page_async()
                .then(|page| page.map(|(scan, page)| (Self::Transaction(Box::new(scan)), page))),
        }
    }
}

enum State {
    Idle(Source),
    /// A page is being read, or its reading was cancelled and took the scan with it.
    Away,
}

/// A scan under way.
#[derive(uniffi::Object)]
pub struct NativeScan {
    state: Mutex<State>,
}

impl NativeScan {
    pub(crate) fn new(source: Source) -> Self {
        Self { state: Mutex::new(State::Idle(source)) }
    }

    fn replace(&self, state: State) -> State {
        let mut slot = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut slot, state)
    }

    fn take(&self) -> Result<Source> {
        match self.replace(State::Away) {
            State::Idle(scan) => Ok(scan),
            State::Away => Err(NativeError::new(
                ErrorKind::Invalid,
                "a page of this scan is being read, or was cancelled; begin another scan",
            )),
        }
    }
}

#[uniffi::export]
impl NativeScan {
    /// The next entries, at most a few thousand; empty at the end.
    pub fn next_page(&self) -> Result<Vec<NativeItem>> {
        let mut scan = self.take()?;
        let page = scan.next_page();
        self.replace(State::Idle(scan));
        Ok(page?.into_iter().map(NativeItem::from).collect())
    }

    /// The same as a future.
    pub async fn next_page_async(&self, ticket: u64) -> Result<Vec<NativeItem>> {
        let begin = || Ok(self.take()?.next_page_async());
        let (scan, page) = result_of(ticket, begin).await?;
        self.replace(State::Idle(scan));
        Ok(page.into_iter().map(NativeItem::from).collect())
    }
}
