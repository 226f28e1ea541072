//! What the cache may be believed about, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;
use crate::types::Stamp;

const ALL: usize = 1_000_000;

fn value(text: &str, epoch: u64) -> Cached {
    Cached { value: Value::from(text.as_bytes()), expires_at: 0, version: 1, epoch }
}

fn key(name: &str) -> PackedKey {
    PackedKey::from(name.as_bytes())
}

fn read(cache: &Cache, name: &str, epoch: u64) -> Option<Vec<u8>> {
    cache.get(name.as_bytes(), epoch).map(|cached| cached.value.to_vec())
}

fn miss<'a>(cache: &'a Cache, name: &str, epoch: u64) -> Fill<'a> {
    match cache.look(name.as_bytes(), epoch) {
        Look::Miss(fill) => fill,
        Look::Hit(cached) => panic!("there is {cached:?}"),
        Look::Pass => panic!("somebody else has the fill"),
    }
}

#[test]
fn a_fill_that_was_overtaken_by_an_insert_is_dropped() {
    // A reader misses, is descheduled, and the writer commits a newer value: the old one must not
    // be put in on top of it.
    let cache = Cache::new(1 << 20, ALL);
    let fill = miss(&cache, "k", 1);
    cache.insert(key("k"), value("new", 1));
    fill.with(value("old", 1));
    assert_eq!(read(&cache, "k", 1).as_deref(), Some(&b"new"[..]));
}

#[test]
fn a_fill_that_was_overtaken_by_a_remove_is_dropped() {
    // The same with a delete: the key must stay absent from the cache.
    let cache = Cache::new(1 << 20, ALL);
    let fill = miss(&cache, "k", 1);
    cache.remove(b"k");
    fill.with(value("old", 1));
    assert_eq!(read(&cache, "k", 1), None);
}

#[test]
fn a_fill_that_was_overtaken_by_a_value_too_large_to_cache_is_dropped() {
    // The map refuses such a value and would leave the placeholder standing.
    for bytes in [4096_u64, 1 << 20, 64 << 20] {
        let cache = Cache::new(bytes, ALL);
        let fill = miss(&cache, "k", 1);
        cache.insert(key("k"), value(&"x".repeat(bytes as usize * 2), 1));
        fill.with(value("old", 1));
        assert_eq!(read(&cache, "k", 1), None);
    }
}

#[test]
fn a_value_too_large_to_cache_replaces_the_one_there_was() {
    // Otherwise the old value would be read for ever.
    let cache = Cache::new(1 << 16, ALL);
    for size in [20_000_usize, 40_000, 62_000, 65_000, 66_000, 70_000, 1 << 20] {
        cache.insert(key("k"), value("old", 1));
        cache.insert(key("k"), value(&"x".repeat(size), 1));
        assert_ne!(read(&cache, "k", 1).as_deref(), Some(&b"old"[..]), "{size}");
    }
}

#[test]
fn a_fill_too_large_to_cache_leaves_the_key_free() {
    // A refused fill must not keep others from ever filling the key.
    let cache = Cache::new(4096, ALL);
    miss(&cache, "k", 1).with(value(&"x".repeat(10_000), 1));
    assert_eq!(read(&cache, "k", 1), None);
    miss(&cache, "k", 1).with(value("small", 1));
    assert_eq!(read(&cache, "k", 1).as_deref(), Some(&b"small"[..]));
}

#[test]
fn only_one_reader_fills_a_key_and_the_others_pass_at_once() {
    // Nobody waits for somebody else's read; and a fill that is given up frees the key.
    let cache = Cache::new(1 << 20, ALL);
    let fill = miss(&cache, "k", 1);
    assert!(matches!(cache.look(b"k", 1), Look::Pass));
    drop(fill);
    drop(miss(&cache, "k", 1));
}

#[test]
fn a_new_epoch_kills_every_entry_without_a_sweep() {
    // Somebody else committed: nothing from before may be read, and it may be filled anew.
    let cache = Cache::new(1 << 20, ALL);
    cache.insert(key("k"), value("old", 1));
    assert_eq!(read(&cache, "k", 2), None);
    miss(&cache, "k", 2).with(value("new", 2));
    assert_eq!(read(&cache, "k", 2).as_deref(), Some(&b"new"[..]));
    assert_eq!(read(&cache, "k", 1), None, "a reader of the past is not served the present either");
}

#[test]
fn a_reader_of_a_past_epoch_cannot_bring_its_value_into_the_present() {
    // It looked under epoch 1, and epoch 2 was written meanwhile.
    let cache = Cache::new(1 << 20, ALL);
    let late = miss(&cache, "k", 1);
    cache.insert(key("k"), value("new", 2));
    late.with(value("old", 1));
    assert_eq!(read(&cache, "k", 2).as_deref(), Some(&b"new"[..]));
}

#[test]
fn a_cache_of_one_entry_holds_the_last_one() {
    // hot_capacity=1 is an edge, not an error.
    let cache = Cache::new(256 << 20, 1);
    for n in 0..100 {
        let name = n.to_string();
        cache.insert(key(&name), value(&name, 1));
        assert_eq!(read(&cache, &name, 1), Some(name.clone().into_bytes()));
        assert!(cache.size().0 <= 1);
    }
}

#[test]
fn a_cache_of_nothing_lets_everything_pass() {
    // hot_capacity=0 or cache_bytes=0 turn it off.
    for cache in [Cache::new(0, ALL), Cache::new(1 << 20, 0)] {
        cache.insert(key("k"), value("v", 1));
        cache.remove(b"k");
        cache.clear();
        assert!(matches!(cache.look(b"k", 1), Look::Pass));
        assert_eq!(read(&cache, "k", 1), None);
        assert_eq!(cache.size(), (0, 0));
    }
}

#[test]
fn a_cache_never_holds_more_than_its_capacity() {
    // In entries and in bytes, give or take a sixteenth.
    let cache = Cache::new(1 << 20, 100);
    for n in 0..10_000 {
        cache.insert(key(&n.to_string()), value(&"x".repeat(n % 3000), 1));
        let (entries, bytes) = cache.size();
        assert!(entries <= 107 && bytes <= (1 << 20) + (1 << 16), "{entries} {bytes}");
    }
    assert!(cache.size().0 > 50);
}

/// A stamp with this change counter, and other words that follow from `salt`.
fn stamp(change: u64, salt: u64) -> Stamp {
    Stamp([change | salt << 32, salt, salt * 7])
}

#[test]
fn an_own_commit_keeps_the_epoch() {
    // Written through, so what was cached stays right.
    let coherence = Coherence::new(stamp(5, 1));
    let before = coherence.view(stamp(5, 1)).unwrap();
    let own = coherence.begin_own(stamp(5, 1));
    assert_eq!(own.epoch(), before.epoch);
    coherence.end_own(&own, stamp(6, 2), true, false);
    assert_eq!(coherence.view(stamp(6, 2)).unwrap().epoch, before.epoch);
    assert_eq!(coherence.view(stamp(5, 1)), None);
}

#[test]
fn a_foreign_commit_begins_an_epoch() {
    // Seen by a reader, or by the writer when it begins.
    let coherence = Coherence::new(stamp(5, 1));
    let first = coherence.view(stamp(5, 1)).unwrap();
    assert_eq!(coherence.view(stamp(6, 2)), None);
    let second = coherence.renew(|| stamp(6, 2)).unwrap();
    assert!(second.epoch > first.epoch);
    assert_eq!(coherence.view(stamp(6, 2)), Some(second));
    let own = coherence.begin_own(stamp(7, 3));
    assert!(own.epoch() > second.epoch);
}

#[test]
fn a_foreign_commit_right_after_our_own_begins_an_epoch() {
    // It came between our commit and our look at the stamp, so the counter moved by two.
    let coherence = Coherence::new(stamp(5, 1));
    let own = coherence.begin_own(stamp(5, 1));
    coherence.end_own(&own, stamp(7, 3), true, false);
    assert!(coherence.view(stamp(7, 3)).unwrap().epoch > own.epoch());
}

#[test]
fn a_counter_that_began_again_is_not_believed() {
    // Recovery sets the change counter back; it may come to the same number with other content.
    let coherence = Coherence::new(stamp(5, 1));
    for other in [stamp(5, 2), Stamp([stamp(5, 1).0[0], 9, 7]), Stamp([stamp(5, 1).0[0], 1, 8])] {
        assert_eq!(coherence.view(other), None);
    }
    let first = coherence.view(stamp(5, 1)).unwrap();
    assert!(coherence.renew(|| stamp(5, 2)).unwrap().epoch > first.epoch);
}

#[test]
fn the_cache_is_passed_by_while_an_own_commit_is_written_through() {
    // Committed, but some keys are still old in the cache.
    let coherence = Coherence::new(stamp(5, 1));
    let own = coherence.begin_own(stamp(5, 1));
    assert!(coherence.view(stamp(5, 1)).is_some(), "until the commit nothing has changed");
    assert_eq!(coherence.view(stamp(6, 2)), None);
    assert_eq!(coherence.renew(|| stamp(6, 2)), None);
    coherence.end_own(&own, stamp(6, 2), true, false);
    assert!(coherence.renew(|| stamp(6, 2)).is_some());
}

#[test]
fn a_failed_commit_changes_nothing_unless_somebody_else_committed() {
    // With the same stamp afterwards the cache is as right as before.
    let coherence = Coherence::new(stamp(5, 1));
    let first = coherence.view(stamp(5, 1)).unwrap();
    let own = coherence.begin_own(stamp(5, 1));
    coherence.end_own(&own, stamp(5, 1), false, false);
    assert_eq!(coherence.view(stamp(5, 1)), Some(first));
    let own = coherence.begin_own(stamp(5, 1));
    coherence.end_own(&own, stamp(6, 2), false, false);
    assert!(coherence.view(stamp(6, 2)).unwrap().epoch > first.epoch);
}

#[test]
fn emptying_a_table_begins_an_epoch_even_when_we_did_it() {
    // Clear does not name its keys.
    let coherence = Coherence::new(stamp(5, 1));
    let own = coherence.begin_own(stamp(5, 1));
    coherence.end_own(&own, stamp(6, 2), true, true);
    assert!(coherence.view(stamp(6, 2)).unwrap().epoch > own.epoch());
}

#[test]
fn a_view_is_never_torn() {
    // Words and epoch change together; a reader in between must get neither or both.
    let coherence = Arc::new(Coherence::new(stamp(1, 1)));
    let live = Arc::new(AtomicU64::new(1));
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (coherence, live, stop) =
                (Arc::clone(&coherence), Arc::clone(&live), Arc::clone(&stop));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let n = live.load(Ordering::Acquire);
                    if let Some(view) = coherence.view(stamp(n, n)) {
                        // Every foreign commit below is one epoch.
                        assert_eq!(view.epoch, n);
                    }
                }
            })
        })
        .collect();
    for n in 2..20_000 {
        live.store(n, Ordering::Release);
        coherence.renew(|| stamp(n, n)).unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    readers.into_iter().for_each(|reader| reader.join().unwrap());
}
