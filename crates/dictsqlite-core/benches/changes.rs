//! What the change log costs at the writer, how late a change of another process is seen, and what
//! waiting for one costs.
//!
//! Costs are processor time of the writing thread, and ratios of medians over rounds that take turns, so
//! that whatever else the machine does hits all of them alike. (Linux only: /proc tells the time.)

#![allow(clippy::unwrap_used)] // A failure is to end it.

use std::io::{BufRead, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dictsqlite_core::{ChangesOptions, Dict, Options, PersistMode};

const ROUNDS: usize = 25;
const BATCH: u64 = 100;
const BATCHES: u64 = 100;
const VALUE: usize = 100;

fn main() {
    // The other process of the measurement of latency.
    if let Some(path) = std::env::var_os("DICTSQLITE_BENCH_WRITER") {
        return write_when_told(&path);
    }
    costs();
    latency();
    idle();
}

fn options(changes: bool) -> Options {
    Options {
        persist_mode: PersistMode::Lazy,
        flush_interval: Duration::from_secs(3600),
        changes: changes.then_some(true),
        ..Options::default()
    }
}

/// How keys are chosen: in order, or scattered over all of them.
fn key(n: u64, scattered: bool) -> i64 {
    let n = if scattered { n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20 } else { n };
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Processor time of the writing threads of this process so far, in nanoseconds.
fn writer_ns() -> f64 {
    let mut ns = 0.0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        let name = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
        if name.starts_with("dictsqlite-writ") {
            let stat = std::fs::read_to_string(task.join("schedstat")).unwrap_or_default();
            let run = stat.split(' ').next().and_then(|run| run.parse::<f64>().ok());
            ns += run.unwrap_or(0.0);
        }
    }
    ns
}

/// Nanoseconds of the writer a row, in commits of a hundred: new keys, then the same keys again.
fn round(changes: bool, scattered: bool) -> [f64; 2] {
    let dir = tempfile::tempdir().unwrap();
    let dict = Dict::open(dir.path().join("a.db"), &options(changes)).unwrap();
    [0, 1].map(|pass: u8| {
        let before = writer_ns();
        for batch in 0..BATCHES {
            for n in 0..BATCH {
                let n = batch * BATCH + n;
                let mut value = [pass; VALUE];
                value[..8].copy_from_slice(&n.to_le_bytes());
                dict.set(key(n, scattered), &value).unwrap();
            }
            dict.flush().unwrap();
        }
        (writer_ns() - before) / (BATCH * BATCHES) as f64
    })
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

fn costs() {
    for (scattered, order) in [(false, "in order"), (true, "scattered")] {
        let mut times = [[vec![], vec![]], [vec![], vec![]]];
        for _ in 0..ROUNDS {
            for changes in [false, true] {
                let [insert, update] = round(changes, scattered);
                times[usize::from(changes)][0].push(insert);
                times[usize::from(changes)][1].push(update);
            }
        }
        let [off, on] = times.map(|passes| passes.map(median));
        for (n, what) in ["inserting", "updating"].iter().enumerate() {
            println!(
                "{what}, keys {order}: {:.0} ns a set without, {:.0} with changes, ratio {:.2}",
                off[n],
                on[n],
                on[n] / off[n]
            );
        }
    }
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_micros()).unwrap()
}

fn write_when_told(path: &std::ffi::OsStr) {
    let dict = Dict::open(path, &options(false)).unwrap();
    println!("ready");
    for line in std::io::stdin().lines() {
        line.unwrap();
        dict.set("time", b"").unwrap();
        dict.flush().unwrap();
        println!("{}", now_us());
    }
}

/// From when the other process's flush has returned to when the change is here.
fn latency() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let dict = Dict::open(&path, &options(true)).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env("DICTSQLITE_BENCH_WRITER", &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = child.stdin.take().unwrap();
    let mut from = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    from.next().unwrap().unwrap();
    let changes = dict.changes(&ChangesOptions::default()).unwrap();
    let mut late = Vec::new();
    for n in 0..1000 {
        // At any point of the lookout's naps.
        std::thread::sleep(Duration::from_millis(n * 7 % 60));
        writeln!(to, "go").unwrap();
        assert_eq!(changes.next_page(None).unwrap().len(), 1);
        let seen = now_us();
        let committed: u64 = from.next().unwrap().unwrap().parse().unwrap();
        late.push(seen.saturating_sub(committed) as f64 / 1000.0);
    }
    drop(to);
    child.wait().unwrap();
    late.sort_by(f64::total_cmp);
    println!(
        "latency of another process's change: median {:.1} ms, 99 of 100 {:.1} ms, longest {:.1} ms",
        late[500], late[989], late[999]
    );
}

/// Processor seconds of this process so far.
fn used() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

fn idle() {
    let dir = tempfile::tempdir().unwrap();
    let dict = Dict::open(dir.path().join("a.db"), &options(true)).unwrap();
    let streams: Vec<_> =
        (0..10).map(|_| dict.changes(&ChangesOptions::default()).unwrap()).collect();
    let waiting: Vec<_> = streams.iter().map(|changes| changes.ready_async()).collect();
    let (begun, before) = (Instant::now(), used());
    std::thread::sleep(Duration::from_secs(20));
    let share = (used() - before) / begun.elapsed().as_secs_f64() * 100.0;
    println!("ten streams waiting for 20 s: {share:.2} % of a core");
    drop(waiting);
}
