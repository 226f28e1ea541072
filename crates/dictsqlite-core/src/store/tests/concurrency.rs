//! Many threads on one store.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::*;

fn number(value: Option<Value>) -> u64 {
    value.map_or(0, |v| std::str::from_utf8(&v).unwrap().parse().unwrap())
}

/// Options under which memtable, cache and file hand over to each other all the time.
fn restless(hot_capacity: usize) -> Options {
    Options {
        persist_mode: PersistMode::Lazy,
        flush_interval: Duration::from_millis(1),
        hot_capacity,
        ..Options::default()
    }
}

#[test]
fn readers_see_every_acknowledged_write_while_the_writer_commits() {
    // Each key has one writer, which publishes what it wrote once it is acknowledged: no reader may
    // find less than that, by any way of reading, nor go back.
    const KEYS: usize = 8;
    for hot_capacity in [0, 1, 4, 1_000_000] {
        let file = File::new();
        let dict = Arc::new(Dict::open(&file.path, &restless(hot_capacity)).unwrap());
        let acknowledged: [AtomicU64; KEYS] = Default::default();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for reader in 0..2 {
                let (dict, acknowledged, stop) = (&dict, &acknowledged, &stop);
                scope.spawn(move || {
                    let mut seen = [0; KEYS];
                    let mut n = reader;
                    while !stop.load(Ordering::Relaxed) {
                        n += 1;
                        let k = n % KEYS;
                        let key = k as i64;
                        let floor = acknowledged[k].load(Ordering::SeqCst).max(seen[k]);
                        let found = match n % 5 {
                            0 => in_time(dict.get_async(key)).unwrap(),
                            1 => dict.get_many(&[key, -1]).unwrap().remove(0),
                            2 if n % 3 == 0 => dict.entry(key).unwrap().map(|e| e.value),
                            _ => dict.get(key).unwrap(),
                        };
                        let found = number(found);
                        assert!(found >= floor, "key {key}: {found} after {floor}");
                        seen[k] = found;
                    }
                });
            }
            let start = Instant::now();
            let mut n = 0;
            while start.elapsed() < Duration::from_millis(700) {
                n += 1;
                let k = (n % KEYS as u64) as usize;
                let text = n.to_string();
                if n % 50 == 0 {
                    let delta = n as i64 - number(dict.get(k as i64).unwrap()) as i64;
                    assert_eq!(dict.incr(k as i64, delta).unwrap(), n as i64);
                } else {
                    dict.set(k as i64, text.as_bytes()).unwrap();
                }
                acknowledged[k].store(n, Ordering::SeqCst);
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn conditional_writes_of_many_threads_lose_nothing() {
    // Four threads count the same key, half by incr and half by compare and set.
    let file = File::new();
    let dict = Arc::new(Dict::open(&file.path, &restless(1)).unwrap());
    dict.set("n", b"0").unwrap();
    thread::scope(|scope| {
        for t in 0..4 {
            let dict = &dict;
            scope.spawn(move || {
                for _ in 0..100 {
                    if t % 2 == 0 {
                        dict.incr("n", 1).unwrap();
                        continue;
                    }
                    loop {
                        let entry = dict.entry("n").unwrap().unwrap();
                        let next = number(Some(entry.value)) + 1;
                        let value = Value::from(next.to_string().as_bytes());
                        match dict.set_if_version("n", value, entry.version, Ttl::Default) {
                            Ok(_) => break,
                            Err(e) => assert_eq!(e.kind(), ErrorKind::Conflict),
                        }
                    }
                }
            });
        }
    });
    assert_eq!(number(dict.get("n").unwrap()), 400);
}

#[test]
fn a_scan_sees_batches_whole() {
    // A batch is one unit: a scan in between has all of it or nothing.
    let file = File::new();
    let dict = Arc::new(Dict::open(&file.path, &restless(1_000_000)).unwrap());
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0.. {
                let text = format!("{n}");
                let items = [("a", &text), ("b", &text), ("c", &text)];
                dict.set_many(&items.map(|(k, v)| (k, v.as_bytes()))).unwrap();
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        for round in 0..200 {
            let options = ScanOptions { consistent: round % 2 == 0, ..Default::default() };
            let items: Vec<_> = dict.scan(&options).unwrap().map(|i| i.unwrap().value).collect();
            assert!(items.is_empty() || items.len() == 3);
            assert!(items.windows(2).all(|pair| pair[0] == pair[1]), "{items:?}");
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn the_write_ahead_log_stays_bounded_under_load() {
    // Even while a scan idles half way and readers read: checkpoints must get through.
    const ROWS: i64 = 80_000;
    let file = File::new();
    let dict = Arc::new(file.open(PersistMode::WriteThrough));
    let value = vec![b'x'; 4000];
    for n in 0..500 {
        dict.set(n, &value).unwrap();
    }
    let mut idle = dict.scan(&ScanOptions::default()).unwrap();
    idle.next().unwrap().unwrap();
    let mut most = 0;
    for n in 0..ROWS {
        dict.set(n % 4000, &value).unwrap();
        if n % 64 == 0 {
            dict.get(n % 17).unwrap();
            most = most.max(dict.stats().unwrap().wal_frames);
        }
    }
    dict.flush().unwrap();
    let stats = dict.stats().unwrap();
    assert!(stats.checkpoints > 0);
    // The cap is 16 K frames; on a busy machine a checkpoint under way takes some time to end.
    assert!(most < 40_000, "{most} frames");
    let wal = std::fs::metadata(file.dir.path().join("a.db-wal")).unwrap().len();
    assert!(wal < 40_000 * 4200, "{wal} bytes");
    drop(idle);
}

#[test]
fn opening_and_closing_in_many_threads_never_loses_a_write() {
    // The last handle of one thread goes while the first of another comes.
    let file = File::new();
    let total = AtomicU64::new(0);
    thread::scope(|scope| {
        for t in 0..3_i64 {
            let (file, total) = (&file, &total);
            scope.spawn(move || {
                for n in 0..40 {
                    let dict = file.open(PersistMode::Lazy);
                    dict.set(t * 1000 + n, b"v").unwrap();
                    total.fetch_add(1, Ordering::Relaxed);
                    if n % 2 == 0 {
                        dict.close().unwrap();
                    }
                }
            });
        }
    });
    let dict = file.open(PersistMode::Lazy);
    assert_eq!(dict.len().unwrap(), total.load(Ordering::Relaxed));
}

#[test]
fn the_count_stays_right_while_many_write() {
    // It is carried along with the commits and not counted anew each time.
    let file = File::new();
    let dict = Arc::new(Dict::open(&file.path, &restless(1_000_000)).unwrap());
    thread::scope(|scope| {
        for t in 0..3_i64 {
            let dict = &dict;
            scope.spawn(move || {
                for n in 0..300 {
                    let key = t * 1000 + n;
                    dict.set(key, b"v").unwrap();
                    if n % 3 == 0 {
                        dict.delete(key).unwrap();
                    }
                    if n % 7 == 0 {
                        dict.len().unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(dict.len().unwrap(), 600);
    let items = dict.scan(&ScanOptions { values: false, ..Default::default() }).unwrap();
    assert_eq!(items.count(), 600);
}

#[test]
fn many_keys_are_read_as_of_one_moment() {
    // Each unit sets the first and the last key alike. Whatever the others are - pending, cached, or in
    // the file, and read by several threads - a batch must not have one without the other.
    for (keys, hot_capacity, others) in [(2, 1_000_000, false), (2, 0, true), (1_500, 64, true)] {
        let file = File::new();
        let dict = Dict::open(&file.path, &restless(hot_capacity)).unwrap();
        let all: Vec<i64> = (0..keys).collect();
        let filled: Vec<(i64, Value)> = all.iter().map(|k| (*k, Value::from(&b"0"[..]))).collect();
        dict.set_many_encoded(&filled, Ttl::Default).unwrap();
        dict.flush().unwrap();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    n += 1;
                    let value = Value::from(n.to_string().as_bytes());
                    let unit = [(0, Arc::clone(&value)), (keys - 1, value)];
                    dict.set_many_encoded(&unit, Ttl::Default).unwrap();
                    if others && n % 3 == 0 {
                        dict.flush().unwrap();
                    }
                }
            });
            let start = Instant::now();
            let mut last = 0;
            for n in 0.. {
                let found = match n % 4 {
                    0 => in_time(dict.get_many_async(&all)).unwrap(),
                    _ => dict.get_many(&all).unwrap(),
                };
                let (first, end) = (number(found[0].clone()), number(found[all.len() - 1].clone()));
                if first != end || first < last {
                    stop.store(true, Ordering::Relaxed);
                    panic!("of {keys} keys: {first} and {end} after {last}");
                }
                last = first;
                if start.elapsed() > Duration::from_millis(500) {
                    break;
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert!(dict.get_many(&all).unwrap().iter().all(Option::is_some));
    }
}
