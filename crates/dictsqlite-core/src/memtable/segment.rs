//! A run of consecutive operations, by key, in the order of acceptance.

use indexmap::IndexMap;
use indexmap::map::raw_entry_v1::{RawEntryApiV1, RawEntryMut};

use super::Write;
use crate::clock::{Clock, expired};
use crate::types::{PackedKey, Value};

/// What an entry costs beyond its key and value, in bytes, about.
const OVERHEAD: usize = 112;

/// The last operation on one key within a segment.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    /// The value; none deletes.
    pub(crate) value: Option<Value>,
    pub(crate) expires_at: i64,
    /// Which operation of the segment this is.
    pub(crate) op: u32,
    /// Which operation gave the key its place in insertion order.
    pub(crate) place: u32,
    /// The key was deleted before it was put, so it gets a new place.
    pub(crate) replaced: bool,
    /// Then, which operation of the segment deleted it (or wrote what has expired).
    pub(crate) removed: u32,
}

/// A segment: the last operation on each key, and how many there were in all.
#[derive(Debug)]
pub(crate) struct Segment {
    map: IndexMap<PackedKey, Pending, ahash::RandomState>,
    start: u64,
    ops: u32,
    bytes: usize,
    durable: bool,
}

impl Segment {
    pub(super) fn starting_at(start: u64) -> Self {
        Self { map: IndexMap::default(), start, ops: 0, bytes: 0, durable: false }
    }

    /// The one that comes after this one. After a full one another full one is likely, which then need
    /// not grow step by step.
    pub(super) fn next(&self, start: u64, full: usize) -> Self {
        let room = if self.map.len() >= full { full } else { 0 };
        let map = IndexMap::with_capacity_and_hasher(room, ahash::RandomState::default());
        Self { map, ..Self::starting_at(start) }
    }

    /// The bytes a write adds at most.
    pub(super) fn size_of(key: &[u8], value: Option<&Value>) -> usize {
        OVERHEAD + key.len() + value.map_or(0, |v| v.len())
    }

    #[inline]
    pub(super) fn put(&mut self, (key, value, expires_at): Write<'_>, clock: &dyn Clock) {
        let op = self.ops;
        self.ops += 1;
        let size = value.as_ref().map_or(0, |v| v.len());
        let hash = self.map.hasher().hash_one(key);
        match self.map.raw_entry_mut_v1().from_key_hashed_nocheck(hash, key) {
            RawEntryMut::Occupied(mut entry) => {
                let pending = entry.get_mut();
                let absent = pending.value.is_none() || expired(pending.expires_at, clock);
                if value.is_some() && absent {
                    pending.place = op;
                    pending.replaced = true;
                    pending.removed = pending.op;
                }
                self.bytes -= pending.value.as_ref().map_or(0, |v| v.len());
                self.bytes += size;
                pending.value = value;
                pending.expires_at = expires_at;
                pending.op = op;
            }
            RawEntryMut::Vacant(entry) => {
                self.bytes += OVERHEAD + key.len() + size;
                let pending =
                    Pending { value, expires_at, op, place: op, replaced: false, removed: op };
                entry.insert_hashed_nocheck(hash, PackedKey::from(key), pending);
            }
        }
    }

    /// True when there is an operation on `key`.
    pub(crate) fn holds(&self, key: &[u8]) -> bool {
        self.map.contains_key(key)
    }

    #[inline]
    pub(super) fn get(&self, key: &[u8]) -> Option<&Pending> {
        self.map.get(key)
    }

    pub(super) fn make_durable(&mut self) {
        self.durable = true;
    }

    /// True when a writer waits for this segment to be synced.
    pub(crate) fn is_durable(&self) -> bool {
        self.durable
    }

    /// The number of different keys.
    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// The number of operations.
    pub(crate) fn ops(&self) -> u32 {
        self.ops
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Operations accepted up to the end of this segment.
    pub(super) fn end(&self) -> u64 {
        self.start + u64::from(self.ops)
    }

    /// Keys and their last operations, in the order in which the keys first came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&PackedKey, &Pending)> + Clone {
        self.map.iter()
    }
}
