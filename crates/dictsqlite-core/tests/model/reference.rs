//! A table as a plain list in insertion order.

use std::collections::{BTreeMap, BTreeSet};

use dictsqlite_core::{Key, Order};

use crate::steps::ScanStep;

/// What an entry should be.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) key: Key,
    pub(crate) value: Vec<u8>,
    pub(crate) expires_at: Option<i64>,
    /// Which of all writes wrote it; none for a row of another tool's.
    pub(crate) write: Option<u64>,
}

/// A table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) slots: Vec<Slot>,
    /// Keys written since the last flush.
    pub(crate) dirty: BTreeSet<Key>,
    /// Keys whose place is open, since an entry expired while a write of it was pending.
    pub(crate) floating: BTreeSet<Key>,
}

impl Table {
    pub(crate) fn get(&self, key: &Key) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.key == *key)
    }

    pub(crate) fn get_mut(&mut self, key: &Key) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.key == *key)
    }

    pub(crate) fn put(&mut self, slot: Slot) {
        self.dirty.insert(slot.key.clone());
        match self.get_mut(&slot.key) {
            Some(there) => *there = slot,
            None => self.slots.push(slot),
        }
    }

    pub(crate) fn remove(&mut self, key: &Key) -> Option<Slot> {
        self.dirty.insert(key.clone());
        let at = self.slots.iter().position(|slot| slot.key == *key)?;
        Some(self.slots.remove(at))
    }

    /// Time has passed. What was written and not flushed may be committed before or after.
    pub(crate) fn expire(&mut self, now: i64) {
        self.floating.append(&mut self.dirty);
        self.slots.retain(|slot| slot.expires_at.is_none_or(|at| at > now));
    }

    /// The entries a scan should give, and whether their order is certain.
    pub(crate) fn scan(&self, scan: &ScanStep) -> (Vec<Slot>, bool) {
        let ranged = scan.prefix.is_some() || scan.start.is_some() || scan.end.is_some();
        let order = scan.order.unwrap_or(if ranged { Order::Key } else { Order::Insertion });
        let mut found: Vec<Slot> = self.slots.clone();
        if order == Order::Key {
            found.sort_by_key(|slot| rank(&slot.key));
        }
        found.retain(|slot| {
            let key = rank(&slot.key);
            scan.start.as_ref().is_none_or(|start| key >= rank(start))
                && scan.end.as_ref().is_none_or(|end| key < rank(end))
                && scan.prefix.as_ref().is_none_or(|prefix| begins_with(&slot.key, prefix))
        });
        if scan.reverse {
            found.reverse();
        }
        let certain = order == Order::Key || self.floating.is_empty();
        if certain {
            found.truncate(scan.limit.map_or(usize::MAX, |n| n as usize));
        }
        (found, certain)
    }
}

fn begins_with(key: &Key, prefix: &Key) -> bool {
    match (key, prefix) {
        (Key::Text(key), Key::Text(prefix)) => key.starts_with(prefix),
        (Key::Bytes(key), Key::Bytes(prefix)) => key.starts_with(prefix),
        (Key::Tuple(key), Key::Tuple(prefix)) => key.starts_with(prefix),
        _ => false,
    }
}

/// A key's place in key order: integers, text, then bytes and tuples as they are stored.
pub(crate) fn rank(key: &Key) -> (u8, i64, Vec<u8>) {
    match key {
        Key::Int(i) => (0, *i, Vec::new()),
        Key::Text(s) => (1, 0, s.as_bytes().to_vec()),
        Key::Bytes(b) if b.first() == Some(&0xFF) => (2, 0, [&[0xFF], &b[..]].concat()),
        Key::Bytes(b) => (2, 0, b.clone()),
        Key::Tuple(items) => {
            let mut stored = vec![0xFF];
            for item in items {
                let (tag, bytes) = match item {
                    Key::Int(i) => {
                        stored.push(0x10);
                        stored.extend(((*i as u64) ^ (1 << 63)).to_be_bytes());
                        continue;
                    }
                    Key::Text(s) => (0x20, s.as_bytes()),
                    Key::Bytes(b) => (0x30, &b[..]),
                    Key::Tuple(_) => unreachable!("no tuples in tuples"),
                };
                stored.push(tag);
                for b in bytes {
                    stored.extend_from_slice(if *b == 0 {
                        &[0, 0xFF]
                    } else {
                        std::slice::from_ref(b)
                    });
                }
                stored.push(0);
            }
            (2, 0, stored)
        }
    }
}

/// Versions seen so far and the writes they belong to: one order for both, nothing used twice.
#[derive(Default)]
pub(crate) struct Versions(BTreeMap<i64, u64>);

impl Versions {
    pub(crate) fn saw(&mut self, version: i64, write: Option<u64>) {
        let Some(write) = write else {
            assert!(version < 0, "a row of another tool's has no version of ours");
            return;
        };
        assert!(version > 0, "version {version} of write {write}");
        if let Some((older, before)) = self.0.range(..version).next_back() {
            assert!(*before < write, "write {write} has {version}, write {before} has {older}");
        }
        if let Some((newer, after)) = self.0.range(version + 1..).next() {
            assert!(*after > write, "write {write} has {version}, write {after} has {newer}");
        }
        let known = *self.0.entry(version).or_insert(write);
        assert_eq!(known, write, "version {version} was used twice");
    }
}
