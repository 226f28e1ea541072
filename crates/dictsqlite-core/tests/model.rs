//! The engine against an ordered list that cannot be wrong: random sequences of every operation, on
//! every persist mode, with tiny caches and memtables, a clock that jumps, another connection that
//! writes beside us, and stores that are closed, dropped and opened again at any moment.

#![allow(clippy::unwrap_used)]

#[path = "model/driver.rs"]
mod driver;
#[path = "model/executor.rs"]
mod executor;
#[path = "model/reads.rs"]
mod reads;
#[path = "model/reference.rs"]
mod reference;
#[path = "model/steps.rs"]
mod steps;
#[path = "model/writes.rs"]
mod writes;

use dictsqlite_core::PersistMode;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Runs so many cases as the environment asks for, or `usual`.
fn run(usual: u32, mode: PersistMode) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 3000, ..Config::default() };
    let input = (steps::setup(mode), prop::collection::vec(steps::step(), 1..120));
    let outcome = TestRunner::new(config).run(&input, |(setup, steps)| {
        driver::World::open(&setup).live_through(&steps);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn a_memory_store_is_an_ordered_dict() {
    // Nothing on any path: the same engine over a private heap database.
    run(120, PersistMode::Memory);
}

#[test]
fn a_lazy_store_is_an_ordered_dict() {
    // Acknowledged before it is committed, so memtable, cache and file must agree at every step.
    run(120, PersistMode::Lazy);
}

#[test]
fn a_writethrough_store_is_an_ordered_dict() {
    // The window makes writers wait for the writer at every few writes.
    run(120, PersistMode::WriteThrough);
}

#[test]
fn a_durable_store_is_an_ordered_dict() {
    // Every write waits for its own commit.
    run(80, PersistMode::Durable);
}
