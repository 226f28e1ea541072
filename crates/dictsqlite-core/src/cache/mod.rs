//! Committed values kept in memory, believed only while SQLite's stamp says that nothing changed.
//!
//! Every entry carries the epoch in which it was put in; emptying the cache is the next epoch. A
//! reader that misses takes a placeholder for the key before it looks at the stamp, and fills only
//! if the stamp stood still; a writer's insert or remove in between voids the placeholder. So a
//! value that was overtaken can never be put in after the one that overtook it.

mod coherence;

#[cfg(test)]
mod tests;

use std::time::Duration;

use quick_cache::sync::{Cache as Map, DefaultLifecycle, GuardResult, PlaceholderGuard};
use quick_cache::{OptionsBuilder, Weighter};

pub(crate) use coherence::{Coherence, View};

use crate::types::{PackedKey, Value};

/// What an entry costs beyond its key and value, in bytes, about.
const OVERHEAD: u64 = 128;

/// A committed value.
#[derive(Clone, Debug)]
pub(crate) struct Cached {
    pub(crate) value: Value,
    pub(crate) expires_at: i64,
    pub(crate) version: i64,
    pub(crate) epoch: u64,
}

#[derive(Clone)]
struct ByBytes {
    /// No entry weighs less, which bounds the number of entries.
    least: u64,
}

impl Weighter<PackedKey, Cached> for ByBytes {
    fn weight(&self, key: &PackedKey, cached: &Cached) -> u64 {
        self.least.max(OVERHEAD + key.len() as u64 + cached.value.len() as u64)
    }
}

type Lifecycle = DefaultLifecycle<PackedKey, Cached>;
type Guard<'a> = PlaceholderGuard<'a, PackedKey, Cached, ByBytes, ahash::RandomState, Lifecycle>;

/// The cache of one store.
pub(crate) struct Cache {
    map: Option<Map<PackedKey, Cached, ByBytes, ahash::RandomState, Lifecycle>>,
}

/// The right to fill one key, voided by a write to it.
pub(crate) struct Fill<'a>(Guard<'a>);

impl Fill<'_> {
    /// Puts the value in, unless a write came between.
    pub(crate) fn with(self, cached: Cached) {
        // Err means voided: the value is dropped, as it must be.
        let _ = self.0.insert(cached);
    }
}

/// What the cache says of a key.
pub(crate) enum Look<'a> {
    /// The value.
    Hit(Cached),
    /// Not here; may be filled.
    Miss(Fill<'a>),
    /// Not here, and somebody else is filling it.
    Pass,
}

impl Cache {
    /// A cache of at most `bytes` bytes and `entries` entries; either 0 turns it off.
    pub(crate) fn new(bytes: u64, entries: usize) -> Self {
        if bytes == 0 || entries == 0 {
            return Self { map: None };
        }
        let weighter = ByBytes { least: (bytes / entries as u64).max(1) };
        let mut options = OptionsBuilder::new();
        // An estimate only; the table grows as it fills.
        // A little more than asked, since not all of the capacity may be held by frequent entries.
        options.estimated_items_capacity(entries.min(1 << 16)).weight_capacity(bytes + bytes / 16);
        if entries < 1024 || bytes < 1 << 20 {
            // Few large shares would refuse what the whole has room for.
            options.shards(1);
        }
        let map = options.build().ok().map(|options| {
            Map::with_options(
                options,
                weighter,
                ahash::RandomState::default(),
                Lifecycle::default(),
            )
        });
        Self { map }
    }

    /// Looks a key up without asking to fill it.
    #[inline]
    pub(crate) fn get(&self, key: &[u8], epoch: u64) -> Option<Cached> {
        self.map.as_ref()?.get(key).filter(|cached| cached.epoch == epoch)
    }

    /// Looks a key up; on a miss gives the right to fill it, unless somebody has that already.
    pub(crate) fn look(&self, key: &[u8], epoch: u64) -> Look<'_> {
        let Some(map) = &self.map else { return Look::Pass };
        let key = PackedKey::from(key);
        for _ in 0..2 {
            match map.get_value_or_guard(&key, Some(Duration::ZERO)) {
                GuardResult::Value(cached) if cached.epoch == epoch => return Look::Hit(cached),
                GuardResult::Guard(guard) => return Look::Miss(Fill(guard)),
                GuardResult::Timeout => return Look::Pass,
                // Of another epoch: in the way, and to be looked for once more.
                GuardResult::Value(_) => {
                    map.remove_if(&key, |cached| cached.epoch != epoch);
                }
            }
        }
        Look::Pass
    }

    /// Writes a committed value through, voiding fills of its key.
    pub(crate) fn insert(&self, key: PackedKey, cached: Cached) {
        let Some(map) = &self.map else { return };
        let weight = OVERHEAD + key.len() as u64 + cached.value.len() as u64;
        if weight > map.shard_capacity() / 2 {
            // The map would refuse it, and then it leaves a placeholder in place.
            map.remove(&*key);
        } else {
            map.insert(key, cached);
        }
    }

    /// Forgets a key, voiding fills of it.
    pub(crate) fn remove(&self, key: &[u8]) {
        if let Some(map) = &self.map {
            map.remove(key);
        }
    }

    /// Frees everything. (Correctness never needs it: that is what epochs are for.)
    pub(crate) fn clear(&self) {
        if let Some(map) = &self.map {
            map.clear();
        }
    }

    /// True when nothing is ever held.
    pub(crate) fn is_off(&self) -> bool {
        self.map.is_none()
    }

    /// True when so much is held that more would push something else out.
    pub(crate) fn is_full(&self) -> bool {
        // Its shards do not fill evenly.
        self.map.as_ref().is_some_and(|map| map.weight() >= map.capacity() / 10 * 9)
    }

    /// Entries held, and about how many bytes they take.
    pub(crate) fn size(&self) -> (usize, u64) {
        self.map.as_ref().map_or((0, 0), |map| (map.len(), map.weight()))
    }
}
