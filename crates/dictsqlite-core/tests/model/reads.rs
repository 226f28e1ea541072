//! What every way of reading must give.

use std::collections::BTreeSet;

use dictsqlite_core::{Entry, ErrorKind, Item, Key, Peek, Scan, ScanOptions};

use crate::driver::{World, table_of};
use crate::executor::{How, finish};
use crate::reference::Slot;
use crate::steps::{ScanStep, Via};

impl World {
    fn expected(&self, via: Via, key: &Key) -> Option<Vec<u8>> {
        self.tables[table_of(via)].get(key).map(|slot| slot.value.clone())
    }

    pub(crate) fn check_get(&mut self, via: Via, how: How, key: &Key) {
        let dict = self.dict(via);
        let found = match how {
            How::Blocking => dict.get(key),
            How::Worker => {
                let key = key.clone();
                finish(how, dict.run_async(move |dict| dict.get(&key)))
            }
            How::Await | How::Wait | How::Callback => finish(how, dict.get_async(key)),
        };
        assert_eq!(found.unwrap().map(|v| v.to_vec()), self.expected(via, key), "get {key}");
    }

    pub(crate) fn check_peek(&mut self, via: Via, key: &Key) {
        let expected = self.expected(via, key);
        match self.dict(via).peek(key).unwrap() {
            Peek::Found(value) => assert_eq!(Some(value.to_vec()), expected, "peek {key}"),
            Peek::Absent => assert_eq!(None, expected, "peek {key}"),
            Peek::Unknown => {}
        }
    }

    pub(crate) fn check_get_many(&mut self, via: Via, how: How, keys: &[Key]) {
        let dict = self.dict(via);
        let found = match how {
            How::Blocking | How::Worker => dict.get_many(keys),
            How::Await | How::Wait | How::Callback => finish(how, dict.get_many_async(keys)),
        };
        let found: Vec<_> = found.unwrap().into_iter().map(|v| v.map(|v| v.to_vec())).collect();
        let expected: Vec<_> = keys.iter().map(|key| self.expected(via, key)).collect();
        assert_eq!(found, expected, "get_many {keys:?}");
    }

    pub(crate) fn check_contains(&mut self, via: Via, how: How, key: &Key) {
        let dict = self.dict(via);
        let found = match how {
            How::Blocking | How::Worker => dict.contains(key),
            How::Await | How::Wait | How::Callback => finish(how, dict.contains_async(key)),
        };
        assert_eq!(found.unwrap(), self.expected(via, key).is_some(), "contains {key}");
    }

    pub(crate) fn check_entry(&mut self, via: Via, key: &Key) {
        let entry = self.dict(via).entry(key).unwrap();
        self.compare_entry(via, key, entry);
    }

    /// An entry as it should be, its version included.
    pub(crate) fn compare_entry(&mut self, via: Via, key: &Key, entry: Option<Entry>) {
        let slot = self.tables[table_of(via)].get(key).cloned();
        let (Some(entry), Some(slot)) = (&entry, &slot) else {
            assert_eq!(entry.is_some(), slot.is_some(), "entry {key}");
            return;
        };
        assert_eq!(entry.value.to_vec(), slot.value, "entry {key}");
        assert_eq!(entry.expires_at, slot.expires_at, "entry {key}");
        self.versions.saw(entry.version, slot.write);
    }

    pub(crate) fn check_len(&mut self, via: Via) {
        let expected = self.tables[table_of(via)].slots.len() as u64;
        let dict = self.dict(via);
        assert_eq!(dict.len().unwrap(), expected);
        // The second time the count is known, if it may be.
        assert_eq!(dict.len().unwrap(), expected);
    }

    pub(crate) fn check_scan(&mut self, via: Via, how: How, step: &ScanStep) {
        let dict = self.dict(via);
        let scan = dict.scan(&ScanOptions {
            prefix: step.prefix.clone(),
            start: step.start.clone(),
            end: step.end.clone(),
            reverse: step.reverse,
            limit: step.limit,
            order: step.order,
            consistent: step.consistent,
            values: step.values,
            after: None,
        });
        if matches!(step.prefix, Some(Key::Int(_))) {
            assert_eq!(scan.err().map(|e| e.kind()), Some(ErrorKind::KeyType));
            return;
        }
        let items = drain(how, scan.unwrap());
        let (expected, certain) = self.tables[table_of(via)].scan(step);
        for item in &items {
            let slot = expected.iter().find(|slot| slot.key == item.key);
            let slot = slot.unwrap_or_else(|| panic!("{:?} should not be there", item.key));
            assert_eq!(item.expires_at, slot.expires_at, "{:?}", item.key);
            let value = step.values.then(|| slot.value.clone());
            assert_eq!(item.value.as_ref().map(|v| v.to_vec()), value, "{:?}", item.key);
            self.versions.saw(item.version, slot.write);
        }
        let found: Vec<&Key> = items.iter().map(|item| &item.key).collect();
        if certain {
            assert_eq!(found, expected.iter().map(|slot| &slot.key).collect::<Vec<_>>());
            return;
        }
        let limit = step.limit.unwrap_or(u64::MAX).min(expected.len() as u64);
        assert_eq!(found.len() as u64, limit);
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len(), "no key twice");
        if step.limit.is_none() {
            let floating = &self.tables[table_of(via)].floating;
            let settled = |slot: &&Slot| !floating.contains(&slot.key);
            let found: Vec<_> = found.into_iter().filter(|key| !floating.contains(*key)).collect();
            let expected: Vec<_> = expected.iter().filter(settled).map(|slot| &slot.key).collect();
            assert_eq!(found, expected);
        }
    }
}

fn drain(how: How, mut scan: Scan) -> Vec<Item> {
    let mut items = Vec::new();
    match how {
        How::Blocking => scan.map(|item| item.unwrap()).collect(),
        How::Worker => loop {
            let page = scan.next_page().unwrap();
            if page.is_empty() {
                return items;
            }
            items.extend(page);
        },
        How::Await | How::Wait | How::Callback => loop {
            let (next, page) = finish(how, scan.next_page_async()).unwrap();
            if page.is_empty() {
                return items;
            }
            items.extend(page);
            scan = next;
        },
    }
}
