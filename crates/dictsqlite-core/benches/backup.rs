//! A backup beside `cp`: `cargo bench -p dictsqlite-core --bench backup`.
//!
//! A store of 1 GB (`MEGABYTES`) to which another process writes 10,000 entries a second, in commits of
//! 100, is copied by turns with `cp`, followed by `sync` of the copy, and with `Dict::backup`, which
//! syncs as well. The medians of the rounds (`ROUNDS`) are told, and of the writer's commits how long
//! 99 of 100 took meanwhile. Everything lies below Cargo's target directory.

#![allow(clippy::unwrap_used)] // A failure is to end it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use dictsqlite_core::{BackupOptions, Dict, Options, PersistMode};

const ENTRY: usize = 4096;
const BATCH: u64 = 100;
const PAUSE: Duration = Duration::from_millis(10);

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn options() -> Options {
    Options { persist_mode: PersistMode::Lazy, ..Options::default() }
}

/// The other process: commits a batch every 10 ms, and for each line it is sent says how many it has
/// committed since the last one, and the 99th of 100 of their times in ms.
fn write(path: &Path) {
    let (asked, asks) = mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            if asked.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    let dict = Dict::open(path, &options()).unwrap();
    let (mut random, mut times) = (fastrand::Rng::with_seed(2), Vec::new());
    let mut next = Instant::now();
    loop {
        match asks.try_recv() {
            Err(mpsc::TryRecvError::Empty) => (),
            Err(mpsc::TryRecvError::Disconnected) => break,
            Ok(_) => {
                println!("{} {:.3}", times.len(), percentile(&mut times, 0.99));
                times.clear();
            }
        }
        let value: Vec<u8> = (0..100).map(|_| random.u8(..)).collect();
        let batch: Vec<_> =
            (0..BATCH).map(|_| (format!("hot:{}", random.u32(..10_000)), &value)).collect();
        let begun = Instant::now();
        dict.set_many(&batch).unwrap();
        dict.flush().unwrap();
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        // One that came late does not make the next ones come sooner.
        next = (next + PAUSE).max(Instant::now());
        std::thread::sleep(next - Instant::now());
    }
    dict.close().unwrap();
}

fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

struct Writer(Child, ChildStdin, BufReader<ChildStdout>);

impl Writer {
    fn start(path: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("--write")
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self(child, stdin, BufReader::new(stdout))
    }

    /// Its commits since the last time it was asked, and the 99th of 100 of their times in ms.
    fn so_far(&mut self) -> (u64, f64) {
        writeln!(self.1).unwrap();
        let mut line = String::new();
        self.2.read_line(&mut line).unwrap();
        let (commits, slow) = line.trim().split_once(' ').unwrap();
        (commits.parse().unwrap(), slow.parse().unwrap())
    }

    fn stop(mut self) {
        drop(self.1);
        assert!(self.0.wait().unwrap().success());
    }
}

fn fill(dict: &Dict, entries: usize) {
    let mut random = fastrand::Rng::with_seed(1);
    for first in (0..entries).step_by(1000) {
        let batch: Vec<_> = (first..entries.min(first + 1000))
            .map(|n| (format!("user:{n}"), (0..ENTRY).map(|_| random.u8(..)).collect::<Vec<_>>()))
            .collect();
        dict.set_many(&batch).unwrap();
    }
    dict.flush().unwrap();
}

fn cp(from: &Path, to: &Path) -> f64 {
    let begun = Instant::now();
    assert!(Command::new("cp").args([from, to]).status().unwrap().success());
    File::open(to).unwrap().sync_all().unwrap();
    begun.elapsed().as_secs_f64()
}

fn backup(dict: &Dict, to: &Path) -> f64 {
    let begun = Instant::now();
    dict.backup(to, &BackupOptions::default()).unwrap();
    begun.elapsed().as_secs_f64()
}

fn main() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("--write") {
        return write(Path::new(&args.next().unwrap()));
    }
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (path, copy) = (dir.path().join("a.db"), dir.path().join("copy.db"));
    let dict = Dict::open(&path, &options()).unwrap();
    fill(&dict, number("MEGABYTES", 1024) * (1 << 20) / ENTRY);
    dict.checkpoint().unwrap();
    println!("a store of {} MiB", fs::metadata(&path).unwrap().len() >> 20);
    let mut writer = Writer::start(&path);
    std::thread::sleep(Duration::from_secs(3));
    println!("99 of 100 commits, with nothing else going on: {:.1} ms", writer.so_far().1);
    let (mut ratios, mut copies, mut backups, mut slow) = (vec![], vec![], vec![], vec![]);
    for round in 0..number("ROUNDS", 5) {
        let mut took = [0.0; 2];
        for turn in 0..2 {
            let which = (round + turn) % 2;
            let _ = writer.so_far();
            took[which] = if which == 0 { cp(&path, &copy) } else { backup(&dict, &copy) };
            let (commits, late) = writer.so_far();
            println!(
                "{}: {:.2} s, {:.0} writes/s, 99 of 100 commits {late:.1} ms",
                ["cp    ", "backup"][which],
                took[which],
                (commits * BATCH) as f64 / took[which]
            );
            if which == 1 {
                slow.push(late);
            }
            fs::remove_file(&copy).unwrap();
            std::thread::sleep(Duration::from_secs(2));
        }
        copies.push(took[0]);
        backups.push(took[1]);
        ratios.push(took[0] / took[1]);
    }
    writer.stop();
    println!(
        "medians: cp {:.2} s, backup {:.2} s, {:.2}x the speed of cp; 99 of 100 commits {:.1} ms",
        percentile(&mut copies, 0.5),
        percentile(&mut backups, 0.5),
        percentile(&mut ratios, 0.5),
        percentile(&mut slow, 0.5)
    );
    dict.close().unwrap();
}
