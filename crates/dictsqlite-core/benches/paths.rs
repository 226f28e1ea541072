//! The engine's own paths, without Python: `cargo bench -p dictsqlite-core --bench paths`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dictsqlite_core::{Dict, Options, PersistMode, ScanOptions, Ttl, Value};
use tempfile::TempDir;

const ENTRIES: usize = 10_000;

struct Store {
    dict: Dict,
    keys: Vec<String>,
    /// Removed when dropped, after the dict.
    _dir: TempDir,
}

fn options() -> Options {
    Options {
        persist_mode: PersistMode::Lazy,
        flush_interval: Duration::from_secs(3600),
        memtable_bytes: 1 << 30,
        ..Options::default()
    }
}

fn empty(options: &Options) -> Store {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dict = Dict::open(dir.path().join("bench.db"), options).expect("opens");
    let keys = (0..ENTRIES).map(|i| format!("user:{:05}:{:02}", i / 100, i % 100)).collect();
    Store { dict, keys, _dir: dir }
}

fn value(round: u64) -> Value {
    let mut bytes = [0x61; 100];
    bytes[..8].copy_from_slice(&round.to_le_bytes());
    Value::from(&bytes[..])
}

/// Every key set and committed.
fn filled(options: &Options) -> Store {
    let store = empty(options);
    for (round, key) in (0..).zip(&store.keys) {
        store.dict.set_encoded(key.as_str(), value(round), Ttl::Default).expect("is accepted");
    }
    store.dict.flush().expect("commits");
    store
}

/// The keys over and over, in an order that is not that of insertion.
fn around<'a>(keys: &'a [String]) -> impl FnMut() -> &'a str {
    let mut at = 0;
    move || {
        at = (at + 7_919) % keys.len();
        &keys[at]
    }
}

fn read(c: &mut Criterion) {
    let mut group = c.benchmark_group("read");
    let hot = filled(&options());
    for key in &hot.keys {
        hot.dict.get(key.as_str()).expect("reads");
    }
    let mut next = around(&hot.keys);
    group.bench_function("peek hit", |b| b.iter(|| black_box(hot.dict.peek(next()))));
    let mut next = around(&hot.keys);
    group.bench_function("get hit", |b| b.iter(|| black_box(hot.dict.get(next()))));

    let pending = empty(&options());
    for key in &pending.keys[..4_000] {
        pending.dict.set_encoded(key.as_str(), value(0), Ttl::Default).expect("is accepted");
    }
    let mut next = around(&pending.keys[..4_000]);
    group.bench_function("get pending", |b| b.iter(|| black_box(pending.dict.get(next()))));

    let cold = filled(&Options { hot_capacity: 0, ..options() });
    let mut next = around(&cold.keys);
    group.bench_function("get miss", |b| b.iter(|| black_box(cold.dict.get(next()))));
    group.bench_function("get absent", |b| b.iter(|| black_box(cold.dict.get("nobody"))));
    for size in [100, 10_000] {
        let keys: Vec<&str> = cold.keys[..size].iter().map(String::as_str).collect();
        group.throughput(Throughput::Elements(size as u64));
        group.bench_with_input(BenchmarkId::new("get_many miss", size), &keys, |b, keys| {
            b.iter(|| black_box(cold.dict.get_many(keys)));
        });
    }
    group.finish();
}

fn write(c: &mut Criterion) {
    let mut group = c.benchmark_group("write");
    group.throughput(Throughput::Elements(4_000));
    let accepted = value(1);
    group.bench_function("set, accepted", |b| {
        b.iter_batched_ref(
            || empty(&options()),
            |store| {
                for key in &store.keys[..4_000] {
                    let taken = store.dict.try_set_encoded(key.as_str(), &accepted, Ttl::Default);
                    black_box(taken).expect("is accepted");
                }
            },
            BatchSize::PerIteration,
        );
    });
    for size in [1, 10, 100, 1_000, 10_000] {
        let store = filled(&options());
        let mut round = 0;
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("commit", size), |b| {
            b.iter(|| {
                // An equal value would cost nothing.
                round += 1;
                let value = value(round);
                let keys = store.keys[..size].iter();
                let items: Vec<_> = keys.map(|key| (key.as_str(), Arc::clone(&value))).collect();
                store.dict.set_many_encoded(&items, Ttl::Default).expect("is accepted");
                store.dict.flush().expect("commits");
            });
        });
    }
    group.finish();
}

fn scan(c: &mut Criterion) {
    let store = filled(&options());
    let mut group = c.benchmark_group("scan");
    group.throughput(Throughput::Elements(ENTRIES as u64));
    group.bench_function("insertion order", |b| {
        b.iter(|| {
            for item in store.dict.scan(&ScanOptions::default()).expect("begins") {
                black_box(item.expect("reads"));
            }
        });
    });
    group.finish();
}

criterion_group! {
    name = paths;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2));
    targets = read, write, scan
}
criterion_main!(paths);
