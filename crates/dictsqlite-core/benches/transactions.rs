//! Transactions side by side with the plain way: `cargo bench -p dictsqlite-core --bench transactions`.
//!
//! (a) 16 threads, each transaction reads 4 of 100,000 keys and adds one to 2 of them, synced: against
//! one SQLite connection behind a mutex with `BEGIN IMMEDIATE`. (b) 16 tasks of one thread that await
//! 2 ms in the middle of each transaction: concurrent against immediate ones. Rounds alternate; the
//! medians of their ratios are told. That no update was lost is checked in the end.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dictsqlite_core::{
    Dict, ErrorKind, Options, PersistMode, Result, ScanOptions, TransactionMode,
    TransactionOptions, Value,
};
use rusqlite::Connection;

const KEYS: u64 = 100_000;
const CLIENTS: u64 = 16;

fn rounds() -> (usize, Duration) {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    (number("ROUNDS", 5) as usize, Duration::from_millis(number("MILLISECONDS", 2000)))
}

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn key(&mut self) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((self.0 >> 33) % KEYS) as i64
    }

    /// Four different ones.
    fn keys(&mut self) -> [i64; 4] {
        loop {
            let keys = [(); 4].map(|()| self.key());
            let apart = |n: usize| keys[n + 1..].iter().all(|key| *key != keys[n]);
            if (0..4).all(apart) {
                return keys;
            }
        }
    }
}

/// A value of 100 bytes that begins with a number.
fn value(number: u64) -> Vec<u8> {
    let mut bytes = vec![0x61; 100];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

fn number(value: &[u8]) -> u64 {
    value.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Has so many threads work for so long; how many transactions a second they committed.
fn per_second(time: Duration, work: impl Fn(&mut Dice) -> bool + Sync) -> f64 {
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (stop, done, work) = (&stop, &done, &work);
            scope.spawn(move || {
                let mut dice = Dice(client * 7 + begun.elapsed().as_nanos() as u64);
                while !stop.load(Ordering::Relaxed) {
                    if work(&mut dice) {
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
    });
    done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
}

fn plain(path: &Path) -> Connection {
    let mut connection = Connection::open(path).expect("opens");
    connection.pragma_update(None, "journal_mode", "wal").expect("is in WAL mode");
    connection.pragma_update(None, "synchronous", "full").expect("syncs");
    connection.pragma_update(None, "cache_size", -64 * 1024).expect("has a cache");
    connection
        .execute_batch("CREATE TABLE main(key INTEGER PRIMARY KEY, value BLOB)")
        .expect("makes a table");
    let fill = connection.transaction().expect("begins");
    for key in 0..KEYS as i64 {
        fill.execute("INSERT INTO main VALUES(?1, ?2)", (key, value(0))).expect("inserts");
    }
    fill.commit().expect("commits");
    connection
}

/// One transaction on the plain connection.
fn plain_one(connection: &Connection, keys: [i64; 4]) -> rusqlite::Result<bool> {
    let run = |sql: &str| connection.prepare_cached(sql)?.execute([]).map(drop);
    run("BEGIN IMMEDIATE")?;
    let mut numbers = [0; 4];
    let mut select = connection.prepare_cached("SELECT value FROM main WHERE key = ?1")?;
    for (key, number_of) in keys.iter().zip(&mut numbers) {
        *number_of = select.query_row([key], |row| Ok(number(row.get_ref(0)?.as_blob()?)))?;
    }
    let mut update = connection.prepare_cached("UPDATE main SET value = ?2 WHERE key = ?1")?;
    for n in 0..2 {
        update.execute((keys[n], value(numbers[n] + 1)))?;
    }
    run("COMMIT")?;
    Ok(true)
}

/// One transaction of ours; false after a conflict.
fn concurrent_one(dict: &Dict, keys: [i64; 4]) -> Result<bool> {
    let tx = dict.transaction(&TransactionOptions::default())?;
    let mut numbers = [0; 4];
    for (key, number_of) in keys.iter().zip(&mut numbers) {
        *number_of = tx.get(*key)?.map_or(0, |value| number(&value));
    }
    for n in 0..2 {
        tx.set(keys[n], &value(numbers[n] + 1))?;
    }
    match tx.commit() {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == ErrorKind::Conflict => Ok(false),
        Err(e) => Err(e),
    }
}

async fn await_one(dict: &Dict, mode: TransactionMode, keys: [i64; 4]) -> Result<bool> {
    let options = TransactionOptions { mode, ..TransactionOptions::default() };
    let tx = dict.transaction_async(&options).await?;
    let mut numbers = [0; 4];
    for (key, number_of) in keys.iter().zip(&mut numbers) {
        *number_of = tx.get_async(*key).await?.map_or(0, |value| number(&value));
    }
    smol::Timer::after(Duration::from_millis(2)).await;
    for n in 0..2 {
        tx.set(keys[n], &value(numbers[n] + 1))?;
    }
    match tx.commit_async().await {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == ErrorKind::Conflict => Ok(false),
        Err(e) => Err(e),
    }
}

/// The same for tasks of one thread.
fn awaited_per_second(dict: &Dict, mode: TransactionMode, time: Duration) -> f64 {
    let done = AtomicU64::new(0);
    let begun = Instant::now();
    let executor = smol::LocalExecutor::new();
    let tasks = (0..CLIENTS).map(|client| {
        let done = &done;
        executor.spawn(async move {
            let mut dice = Dice(client * 13 + begun.elapsed().as_nanos() as u64);
            while begun.elapsed() < time {
                if await_one(dict, mode, dice.keys()).await.expect("goes on") {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    smol::block_on(executor.run(async {
        for task in tasks {
            task.await;
        }
    }));
    done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn tell(name: &str, ours: Vec<f64>, theirs: Vec<f64>) {
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a / b).collect();
    let each: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.1}")).collect();
    println!(
        "{name}: {:.0} and {:.0} transactions/s, ratio {:.2} (rounds: {})",
        median(ours),
        median(theirs),
        median(ratios),
        each.join(" ")
    );
}

fn main() {
    let (rounds, time) = rounds();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let options = Options { persist_mode: PersistMode::Durable, ..Options::default() };
    let dict = Dict::open(dir.path().join("ours.db"), &options).expect("opens");
    let zero = Value::from(value(0));
    let items: Vec<_> = (0..KEYS as i64).map(|key| (key, Value::clone(&zero))).collect();
    dict.set_many_encoded(&items, dictsqlite_core::Ttl::Never).expect("is filled");
    let connection = Mutex::new(plain(&dir.path().join("plain.db")));
    let committed = AtomicU64::new(0);
    let conflicts = AtomicU64::new(0);
    let count = |done: bool| {
        let counter = if done { &committed } else { &conflicts };
        counter.fetch_add(1, Ordering::Relaxed);
        done
    };

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let before = dict.stats().expect("is open");
    for _ in 0..rounds {
        ours.push(per_second(time, |dice| {
            count(concurrent_one(&dict, dice.keys()).expect("goes on"))
        }));
        theirs.push(per_second(time, |dice| {
            let connection = connection.lock().expect("is not poisoned");
            plain_one(&connection, dice.keys()).expect("goes on")
        }));
    }
    tell("16 threads, concurrent : one mutex with BEGIN IMMEDIATE", ours, theirs);
    let after = dict.stats().expect("is open");
    let transactions = committed.load(Ordering::Relaxed);
    println!(
        "  {transactions} transactions in {} commits, {} conflicts, {} reads of the file",
        after.commits - before.commits,
        conflicts.load(Ordering::Relaxed),
        after.misses - before.misses,
    );
    let sum: u64 = dict
        .scan(&ScanOptions::default())
        .expect("scans")
        .map(|item| item.expect("reads").value.map_or(0, |value| number(&value)))
        .sum();
    assert_eq!(sum, 2 * transactions, "updates were lost");

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(awaited_per_second(&dict, TransactionMode::Concurrent, time));
        theirs.push(awaited_per_second(&dict, TransactionMode::Immediate, time));
    }
    tell("16 tasks that await 2 ms, concurrent : immediate", ours, theirs);
}
