//! What every way of writing must do.

use dictsqlite_core::{Dict, ErrorKind, Key, Result, Ttl, Value};
use std::sync::Arc;

use crate::driver::{World, table_of};
use crate::executor::{How, finish};
use crate::steps::{Guess, Op, Via, ttl_of};

/// Runs the blocking form, here or on a worker.
fn by<T: Send + 'static>(
    how: How,
    dict: &Arc<Dict>,
    operation: impl FnOnce(&Dict) -> Result<T> + Send + 'static,
) -> Result<T> {
    match how {
        How::Blocking => operation(dict),
        _ => finish(how, dict.run_async(operation)),
    }
}

impl World {
    fn expiry(&self, ms: u64) -> Option<i64> {
        (ms > 0).then(|| self.now + ms as i64)
    }

    fn written(&mut self, via: Via, key: &Key, value: Vec<u8>, expires_at: Option<i64>) {
        let slot = self.slot(key, value, expires_at);
        self.tables[table_of(via)].put(slot);
    }

    pub(crate) fn perform(&mut self, via: Via, how: How, op: &Op) {
        let t = table_of(via);
        let dict = self.dict(via);
        match op.clone() {
            Op::Set(key, v, ms) => {
                let (value, ttl, k) = (self.value(t, v), ttl_of(ms), key.clone());
                let bytes = value.clone();
                match how {
                    How::Blocking => dict.set_with_ttl(&key, &value, ttl),
                    How::Worker => by(how, &dict, move |d| d.set_with_ttl(&k, &bytes, ttl)),
                    _ => finish(how, dict.set_async(&key, &value, ttl)),
                }
                .unwrap();
                self.written(via, &key, value, self.expiry(ms));
            }
            Op::TrySet(key, v) => {
                let value = self.value(t, v);
                let shared = Value::from(&value[..]);
                if dict.try_set_encoded(&key, &shared, Ttl::Default).unwrap() {
                    self.written(via, &key, value, None);
                }
            }
            Op::Delete(key) => {
                let k = key.clone();
                match how {
                    How::Blocking => dict.delete(&key),
                    How::Worker => by(how, &dict, move |d| d.delete(&k)),
                    _ => finish(how, dict.delete_async(&key)),
                }
                .unwrap();
                self.tables[t].remove(&key);
            }
            Op::TryDelete(key) => {
                if dict.try_delete(&key).unwrap() {
                    self.tables[t].remove(&key);
                }
            }
            Op::SetMany(items, ms) => {
                let items: Vec<_> = items.into_iter().map(|(k, v)| (k, self.value(t, v))).collect();
                let shared: Vec<_> =
                    items.iter().map(|(k, v)| (k.clone(), Value::from(&v[..]))).collect();
                let written = items.clone();
                if ms == 0 {
                    by(how, &dict, move |d| d.set_many(&written)).unwrap();
                } else {
                    by(how, &dict, move |d| d.set_many_encoded(&shared, ttl_of(ms))).unwrap();
                }
                for (key, value) in items {
                    self.written(via, &key, value, self.expiry(ms));
                }
            }
            Op::DeleteMany(keys) => {
                let removed = keys.clone();
                by(how, &dict, move |d| d.delete_many(&removed)).unwrap();
                for key in keys {
                    self.tables[t].remove(&key);
                }
            }
            Op::Get(key) => self.check_get(via, how, &key),
            Op::Peek(key) => self.check_peek(via, &key),
            Op::GetMany(keys) => self.check_get_many(via, how, &keys),
            Op::Contains(key) => self.check_contains(via, how, &key),
            Op::Entry(key) => self.check_entry(via, &key),
            Op::Len => self.check_len(via),
            Op::Scan(scan) => self.check_scan(via, how, &scan),
            Op::Flush => {
                match how {
                    How::Blocking | How::Worker => by(how, &dict, Dict::flush),
                    _ => finish(how, dict.flush_async(false)),
                }
                .unwrap();
                self.flushed();
                self.check_committed(t);
            }
            Op::FlushDurable => {
                by(how, &dict, Dict::flush_durable).unwrap();
                self.flushed();
                self.check_committed(t);
            }
            conditional => self.decide(via, how, conditional),
        }
    }

    fn decide(&mut self, via: Via, how: How, op: Op) {
        let t = table_of(via);
        let dict = self.dict(via);
        match op {
            Op::Remove(key) => {
                let k = key.clone();
                let removed = by(how, &dict, move |d| d.remove(&k)).unwrap();
                assert_eq!(removed, self.tables[t].remove(&key).is_some(), "remove {key}");
            }
            Op::Pop(key) => {
                let k = key.clone();
                let entry = by(how, &dict, move |d| d.pop(&k)).unwrap();
                self.compare_entry(via, &key, entry);
                self.tables[t].remove(&key);
            }
            Op::PopItem(last) => self.pop_item(via, how, last),
            Op::SetDefault(key, v, ms) => {
                let value = self.value(t, v);
                let (k, shared) = (key.clone(), Value::from(&value[..]));
                let there = by(how, &dict, move |d| d.set_default(&k, shared, ttl_of(ms))).unwrap();
                self.compare_entry(via, &key, there);
                if self.tables[t].get(&key).is_none() {
                    self.written(via, &key, value, self.expiry(ms));
                }
            }
            Op::Incr(key, delta) => self.incr(via, how, &key, delta),
            Op::Expire(key, ms) => {
                let k = key.clone();
                let changed = by(how, &dict, move |d| d.expire(&k, ttl_of(ms))).unwrap();
                let slot = self.tables[t].get(&key).cloned();
                assert_eq!(changed, slot.is_some(), "expire {key}");
                if let Some(slot) = slot {
                    self.written(via, &key, slot.value, self.expiry(ms));
                }
            }
            Op::Clear => {
                let rows = by(how, &dict, Dict::clear).unwrap();
                // Expired rows that were not swept yet are counted as well.
                assert!(rows >= self.tables[t].slots.len() as u64);
                self.tables[t] = Default::default();
            }
            Op::SetIf(key, v, guess) => {
                let value = self.value(t, v);
                let (version, right) = self.guess(via, &key, guess);
                let shared = Value::from(&value[..]);
                let k = key.clone();
                let set = move |d: &Dict| d.set_if_version(&k, shared, version, Ttl::Default);
                let answer = by(how, &dict, set);
                if right {
                    self.written(via, &key, value, None);
                    let write = self.tables[t].get(&key).and_then(|slot| slot.write);
                    self.versions.saw(answer.unwrap(), write);
                } else {
                    let e = answer.unwrap_err();
                    assert_eq!((e.kind(), e.key()), (ErrorKind::Conflict, Some(&key)));
                }
            }
            Op::DeleteIf(key, guess) => {
                let (version, right) = self.guess(via, &key, guess);
                let k = key.clone();
                let answer = by(how, &dict, move |d| d.delete_if_version(&k, version));
                if right {
                    answer.unwrap();
                    self.tables[t].remove(&key);
                } else {
                    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Conflict);
                }
            }
            other => unreachable!("{other:?} is no decision"),
        }
    }

    /// A version to expect, and whether it is the right one.
    fn guess(&mut self, via: Via, key: &Key, guess: Guess) -> (i64, bool) {
        let entry = self.dict(via).entry(key).unwrap();
        let version = entry.as_ref().map_or(0, |entry| entry.version);
        let guessed = match guess {
            Guess::Right => version,
            Guess::OneMore => version + 1,
            Guess::Zero => 0,
        };
        // A row of another tool's has version 0, which expects that there is none.
        (guessed, guessed == version && (guessed != 0 || entry.is_none()))
    }

    fn pop_item(&mut self, via: Via, how: How, last: bool) {
        let t = table_of(via);
        let item = by(how, &self.dict(via), move |d| d.pop_item(last)).unwrap();
        let table = &self.tables[t];
        let mut settled = table.slots.iter().filter(|slot| !table.floating.contains(&slot.key));
        let expected = if last { settled.next_back() } else { settled.next() };
        let expected = expected.map(|slot| slot.key.clone());
        let Some((key, entry)) = item else {
            assert!(table.slots.is_empty(), "there is still {:?}", table.slots);
            return;
        };
        assert!(Some(&key) == expected.as_ref() || table.floating.contains(&key), "{key} popped");
        self.compare_entry(via, &key, Some(entry));
        self.tables[t].remove(&key);
    }

    fn incr(&mut self, via: Via, how: How, key: &Key, delta: i64) {
        let t = table_of(via);
        let dict = self.dict(via);
        let k = key.clone();
        let answer = match how {
            How::Blocking | How::Worker => by(how, &dict, move |d| d.incr(&k, delta)),
            _ => finish(how, dict.incr_async(key, delta)),
        };
        let slot = self.tables[t].get(key).cloned();
        let old = match &slot {
            None => Some(0),
            Some(slot) => std::str::from_utf8(&slot.value).ok().and_then(|s| s.parse::<i64>().ok()),
        };
        match old.map(|old| old.checked_add(delta)) {
            None => assert_eq!(answer.unwrap_err().kind(), ErrorKind::Codec),
            Some(None) => assert_eq!(answer.unwrap_err().kind(), ErrorKind::Invalid),
            Some(Some(sum)) => {
                assert_eq!(answer.unwrap(), sum);
                let expires_at = slot.and_then(|slot| slot.expires_at);
                self.written(via, key, sum.to_string().into_bytes(), expires_at);
            }
        }
    }
}
