//! Simulated histories: everything that can be done to a store, on a disk that stops, fails and
//! forgets; and after each of them the question what the promises say must be left.
//!
//! | module         | what it holds                                                         |
//! |----------------|-----------------------------------------------------------------------|
//! | `ops`          | what a history is made of, drawn from a seed: add operations here     |
//! | `model`        | what each operation does to the contents, as a plain list             |
//! | `life`         | a store lives through a history                                       |
//! | `account`      | what was accepted and acknowledged in it                              |
//! | `perform`      | how each operation is done                                            |
//! | `transactions` | transactions, with somebody else's write in between                   |
//! | `plan`         | what a transaction does, and what stands in its way                   |
//! | `backups`      | copies that are made while others write                               |
//! | `verdict`      | what is on the disk after that, and whether it is what was promised   |
//! | `history`      | several lives on one disk, with an end to each                        |
//! | `broken`       | builds that are broken on purpose, which must be found                |
//!
//! `docs/durability.md` says how to run more of them and how to play one again.

mod account;
mod backups;
mod broken;
mod history;
mod life;
mod model;
mod ops;
mod perform;
mod plan;
mod transactions;
mod verdict;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::sync::Mutex;
use crate::vfs::is_traced;
use history::{Flaw, History, Kind};

/// How many times so many histories as usual are run.
const MORE: &str = "DICTSQLITE_SIMULATIONS";
/// The one history to run.
const SEED: &str = "DICTSQLITE_SIMULATION_SEED";
/// How often a history that is played again is run: the threads do not meet the same way each time.
const AGAIN: u64 = 30;
/// Histories at once, most of which wait for their threads.
const AT_ONCE: usize = 8;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs the seeds `0..count`, or the one asked for, and fails with those that broke a promise.
fn run(test: &str, kind: Kind, count: u64) {
    let began = Instant::now();
    let one = number(SEED);
    let again = if is_traced() { 1 } else { AGAIN };
    let count = if one.is_some() { again } else { count * number(MORE).unwrap_or(1) };
    let (failures, lives) = play(kind, Flaw::None, count, |n| one.unwrap_or(n));
    println!("{count} histories, {lives} lives in {:.1} s", began.elapsed().as_secs_f64());
    let told: Vec<String> = failures
        .iter()
        .map(|(seed, why)| {
            format!(
                "seed {seed}: {why}\n  again: {SEED}={seed} cargo test -p dictsqlite-core --lib \
                 simulation::{test} -- --nocapture"
            )
        })
        .collect();
    assert!(told.is_empty(), "{} of {count} failed:\n{}", told.len(), told.join("\n"));
}

/// The seeds that failed, with the reasons (no more than a few are looked for), and how many lives
/// were lived.
fn play(
    kind: Kind,
    flaw: Flaw,
    count: u64,
    seed_of: impl Fn(u64) -> u64 + Sync,
) -> (Vec<(u64, String)>, u64) {
    let (next, lives) = (AtomicU64::new(0), AtomicU64::new(0));
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count || failures.lock().len() >= 5 {
                        return;
                    }
                    let seed = seed_of(n);
                    let history = History::new(kind, flaw, seed);
                    let result = catch_unwind(AssertUnwindSafe(|| history.run(&lives)));
                    let result = result.unwrap_or_else(|_| Err("it panicked, see above".into()));
                    if let Err(why) = result {
                        failures.lock().push((seed, why));
                    }
                }
            });
        }
    });
    let failures = std::mem::take(&mut *failures.lock());
    (failures, lives.into_inner())
}

#[test]
fn power_cuts_keep_the_ladder() {
    // The promise that a mode makes is worth what is left when the power goes at any moment.
    run("power_cuts", Kind::PowerCut, 1600);
}

#[test]
fn kills_keep_the_ladder() {
    // As kill -9: what was written is there, synced or not; and then the power goes as well.
    run("kills", Kind::Kill, 400);
}

#[test]
fn disks_that_fail_for_a_while_keep_the_ladder() {
    // EIO and ENOSPC at any call. What was accepted is there once the ground is good again, and what
    // was acknowledged as durable after that survives a power cut.
    run("disks_that_fail", Kind::Failing, 250);
}
