//! The writes of a transaction before its commit: a log, and where in it each key was written last.

use std::collections::BTreeMap;
use std::ops::Bound;

use indexmap::IndexMap;

use crate::clock::{Clock, expired};
use crate::types::{KeyBuf, PackedKey, ProposedWrite, Value};

/// See the module.
#[derive(Default)]
pub(super) struct Buffer {
    log: Vec<Written>,
    last: BTreeMap<PackedKey, usize>,
}

/// One write.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) key: PackedKey,
    /// The value; none deletes.
    pub(super) value: Option<Value>,
    pub(super) expires_at: i64,
    /// Only the expiry is written: the value is still the one of the snapshot.
    pub(super) kept: bool,
    /// It was deleted or had expired in the transaction, so it takes a new place.
    anew: bool,
    /// Where the key was written before.
    before: Option<usize>,
}

impl Written {
    /// False for what is deleted or has expired.
    pub(super) fn is_there(&self, clock: &dyn Clock) -> bool {
        self.value.is_some() && !expired(self.expires_at, clock)
    }
}

impl Buffer {
    pub(super) fn is_empty(&self) -> bool {
        self.log.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.log.len()
    }

    /// The last write of a key.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Written> {
        self.last.get(key).map(|place| &self.log[*place])
    }

    pub(super) fn push(
        &mut self,
        key: PackedKey,
        value: Option<Value>,
        expires_at: i64,
        clock: &dyn Clock,
    ) {
        let before = self.last.insert(PackedKey::clone(&key), self.log.len());
        let earlier = before.map(|place| &self.log[place]);
        let absent = earlier.is_some_and(|w| !w.is_there(clock));
        let anew = absent && value.is_some();
        self.log.push(Written { key, value, expires_at, kept: false, anew, before });
    }

    /// The key, which is there and was not put here, is to expire then.
    pub(super) fn push_expiry(&mut self, key: PackedKey, expires_at: i64) {
        let before = self.last.insert(PackedKey::clone(&key), self.log.len());
        let value = Some(Value::from([]));
        self.log.push(Written { key, value, expires_at, kept: true, anew: false, before });
    }

    /// Takes back everything from a length on.
    pub(super) fn truncate(&mut self, len: usize) {
        while self.log.len() > len {
            let Some(written) = self.log.pop() else { return };
            match written.before {
                Some(before) => self.last.insert(written.key, before),
                None => self.last.remove(&written.key),
            };
        }
    }

    /// The last writes of the keys from `start` on and before `end`, in the order of the keys.
    pub(super) fn range(
        &self,
        start: Bound<&[u8]>,
        end: Bound<&[u8]>,
    ) -> impl DoubleEndedIterator<Item = &Written> {
        // A map refuses a range that ends before it begins.
        let empty = match (start, end) {
            (Bound::Included(a), Bound::Included(b)) => a > b,
            (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => {
                a >= b
            }
            _ => false,
        };
        let range = (!empty).then(|| self.last.range::<[u8], _>((start, end)));
        range.into_iter().flatten().map(|(_, place)| &self.log[*place])
    }

    /// What is to be applied: the last write of each key, and how many operations there were.
    pub(super) fn proposals(&self) -> (Vec<ProposedWrite>, u32) {
        let mut last: IndexMap<&PackedKey, ProposedWrite, ahash::RandomState> = IndexMap::default();
        for (op, w) in (0..).zip(&self.log) {
            let written = ProposedWrite {
                key: PackedKey::clone(&w.key),
                value: w.value.clone(),
                expires_at: w.expires_at,
                kept: w.kept,
                op,
                place: op,
                replaced: false,
                removed: op,
            };
            match last.get_mut(&w.key) {
                None => {
                    last.insert(&w.key, written);
                }
                Some(earlier) => {
                    let (place, replaced, removed) = if w.anew {
                        (op, true, earlier.op)
                    } else {
                        (earlier.place, earlier.replaced, earlier.removed)
                    };
                    *earlier = ProposedWrite { place, replaced, removed, ..written };
                }
            }
        }
        let ops = u32::try_from(self.log.len()).unwrap_or(u32::MAX);
        (last.into_values().collect(), ops)
    }

    /// Every key that was written, once, in the order of the keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &PackedKey> {
        self.last.keys()
    }

    /// Where the key took its place in insertion order.
    pub(super) fn place(&self, key: &[u8]) -> usize {
        let mut place = self.last.get(key).copied().unwrap_or(0);
        while let Some(before) = self.log[place].before.filter(|_| !self.log[place].anew) {
            place = before;
        }
        place
    }

    /// True when the key was deleted at some time, so that it has lost the place that it had.
    pub(super) fn was_deleted(&self, key: &[u8]) -> bool {
        let mut place = self.last.get(key).copied();
        while let Some(written) = place.map(|place| &self.log[place]) {
            if written.anew || written.value.is_none() {
                return true;
            }
            place = written.before;
        }
        false
    }
}

/// A packed key as one that can be kept.
pub(super) fn owned(key: &KeyBuf) -> PackedKey {
    PackedKey::from(&key[..])
}
