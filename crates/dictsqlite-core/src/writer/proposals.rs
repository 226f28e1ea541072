//! Transactions and the cache: what it knows of what they depend on, and what they wrote.

use std::sync::Arc;

use super::{Transaction, Writer};
use crate::cache::Cached;
use crate::memtable::Segment;
use crate::state::State;
use crate::types::{Entry, NEVER, Stamp};

impl Writer<'_> {
    /// What transactions wrote. Segments came before them or after them, so of what is in one of these
    /// nothing is said here.
    pub(super) fn proposals_through(&self, transaction: &Transaction, epoch: u64) {
        let cache = &self.state.cache;
        for (proposal, base) in &transaction.applied.proposals {
            for w in &proposal.writes {
                let blind = transaction.segments.iter().any(|(segment, _)| segment.holds(&w.key));
                match &w.value {
                    Some(value) if !blind && !w.kept => {
                        let cached = Cached {
                            value: Arc::clone(value),
                            expires_at: w.expires_at,
                            version: base + 1 + i64::from(w.op),
                            epoch,
                        };
                        cache.insert(Arc::clone(&w.key), cached);
                    }
                    _ => cache.remove(&w.key),
                }
            }
        }
    }
}

/// What the cache knows of committed entries at the stamp that a transaction of ours began at, of
/// keys that no blind write before has changed.
pub(super) fn known<'a>(
    state: &'a State,
    before: Stamp,
    segments: &'a [(Arc<Segment>, i64)],
) -> impl Fn(&[u8]) -> Option<Entry> + 'a {
    let view = state.stamps.available().then(|| state.coherence.view(before)).flatten();
    move |key| {
        let cached = state.cache.get(key, view?.epoch)?;
        let changed = segments.iter().any(|(segment, _)| segment.holds(key));
        let expires_at = (cached.expires_at != NEVER).then_some(cached.expires_at);
        (!changed).then_some(Entry { value: cached.value, version: cached.version, expires_at })
    }
}
