//! Watching keys: their state, and the latest after it changed.

use std::sync::Arc;

use dictsqlite_core as core;
use dictsqlite_core::{Watch, Watched};

use crate::dict::NativeDict;
use crate::error::Result;
use crate::options::seconds;
use crate::pending::result_of;
use crate::types::{Key, NativeEntry, keys};

/// A key as it was found.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct NativeWatched {
    /// The key.
    pub key: Key,
    /// The entry; none when there is none.
    pub entry: Option<NativeEntry>,
}

impl From<Watched> for NativeWatched {
    fn from(watched: Watched) -> Self {
        Self { key: watched.key.into(), entry: watched.entry.map(NativeEntry::from) }
    }
}

/// Keys being watched. It holds a page at most, and nothing else while nobody waits.
#[derive(uniffi::Object)]
pub struct NativeWatch {
    watch: Watch,
}

#[uniffi::export]
impl NativeWatch {
    /// What is there, the first time; then what has changed since. Waits for it; empty when `timeout`
    /// seconds (infinity: no limit) pass.
    pub fn next_page(&self, timeout: f64) -> Result<Vec<NativeWatched>> {
        let page = self.watch.next_page(seconds("timeout", timeout)?)?;
        Ok(page.into_iter().map(NativeWatched::from).collect())
    }

    /// Done when there is a page to take. Cancelled, it loses nothing.
    pub async fn ready_async(&self, ticket: u64) -> Result<()> {
        result_of(ticket, || Ok(self.watch.ready_async())).await
    }

    /// The page that is there; empty when none is, since somebody else took it.
    pub fn take_page(&self) -> Vec<NativeWatched> {
        self.watch.take_page().into_iter().map(NativeWatched::from).collect()
    }

    /// Ends it: who waits for it is told `Closed`.
    pub fn shut(&self) {
        self.watch.close();
    }
}

#[uniffi::export]
impl NativeDict {
    /// Watches `keys`; without any, all keys of this table with `prefix`, which needs its change log.
    pub fn watch(&self, keys: Vec<Key>, prefix: Option<Key>) -> Result<Arc<NativeWatch>> {
        let prefix = prefix.map(core::Key::from);
        let watch = self.dict.watch(&self::keys(keys), prefix.as_ref())?;
        Ok(Arc::new(NativeWatch { watch }))
    }

    /// The same as a future.
    pub async fn watch_async(
        &self,
        keys: Vec<Key>,
        prefix: Option<Key>,
        ticket: u64,
    ) -> Result<Arc<NativeWatch>> {
        let (keys, prefix) = (self::keys(keys), prefix.map(core::Key::from));
        let begin = || Ok(self.dict.spawn_async(move |dict| dict.watch(&keys, prefix.as_ref())));
        Ok(Arc::new(NativeWatch { watch: result_of(ticket, begin).await? }))
    }
}
