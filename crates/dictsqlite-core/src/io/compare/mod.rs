//! What the back ends do on this machine, measured side by side.
//!
//! Every way is run once a round, the ways of a round one after another, so that what else the machine
//! does hits all of them alike; what is given is the median of the rounds. Reads and writes are of the
//! same random places for every way. The blocking way is one thread that makes one call after another;
//! the others have `concurrency` operations under way at a time.

mod measure;
mod place;
mod report;

use std::path::Path;

use self::measure::{Direction, Work};
pub use self::report::{Comparison, Way};
use crate::completion::{self, Completion};
use crate::error::{Error, ErrorKind, Result};

/// Measures reading: `iterations` reads a round of `size` bytes, `concurrency` at a time, from a new
/// file in the directory for temporary files, which is in the page cache; and with direct I/O where the
/// file system has it and `size` is a multiple of 4096.
///
/// # Errors
/// `Invalid` for a number that is 0 or too large, and those of the files.
///
/// ```
/// let compared = dictsqlite_core::io::compare_read_performance(64, 4096, 16).unwrap();
/// println!("{}", compared.summary());
/// assert!(compared.way("pool", false).is_some());
/// ```
pub fn compare_read_performance(
    iterations: usize,
    size: usize,
    concurrency: usize,
) -> Result<Comparison> {
    compare_read_performance_in(&std::env::temp_dir(), iterations, size, concurrency)
}

/// The same in the directory `dir`, whose file system is the one measured.
///
/// # Errors
/// The same.
pub fn compare_read_performance_in(
    dir: &Path,
    iterations: usize,
    size: usize,
    concurrency: usize,
) -> Result<Comparison> {
    compare(dir, Direction::Read, iterations, size, concurrency)
}

/// Measures writing: as reading is measured, in groups of `concurrency` scattered writes, each group
/// brought to the disk (`fdatasync`) before the next.
///
/// # Errors
/// `Invalid` for a number that is 0 or too large, and those of the files.
pub fn compare_write_performance(
    iterations: usize,
    size: usize,
    concurrency: usize,
) -> Result<Comparison> {
    compare_write_performance_in(&std::env::temp_dir(), iterations, size, concurrency)
}

/// The same in the directory `dir`, whose file system is the one measured.
///
/// # Errors
/// The same.
pub fn compare_write_performance_in(
    dir: &Path,
    iterations: usize,
    size: usize,
    concurrency: usize,
) -> Result<Comparison> {
    compare(dir, Direction::Write, iterations, size, concurrency)
}

/// [`compare_read_performance`] on a thread of its own.
pub fn compare_read_performance_async(
    iterations: usize,
    size: usize,
    concurrency: usize,
) -> Completion<Comparison> {
    apart(move || compare_read_performance(iterations, size, concurrency))
}

/// [`compare_write_performance`] on a thread of its own.
pub fn compare_write_performance_async(
    iterations: usize,
    size: usize,
    concurrency: usize,
) -> Completion<Comparison> {
    apart(move || compare_write_performance(iterations, size, concurrency))
}

fn apart(f: impl FnOnce() -> Result<Comparison> + Send + 'static) -> Completion<Comparison> {
    let (completer, completion) = completion::pair();
    // If no thread starts, the completer goes with the closure and says so.
    let started = std::thread::Builder::new()
        .name("dictsqlite-bench".into())
        .spawn(move || completer.complete(f()));
    match started {
        Ok(_) => completion,
        Err(e) => Completion::ready(Err(Error::new(
            ErrorKind::Io,
            format!("no thread could be started to measure on: {e}"),
        ))),
    }
}

fn compare(
    dir: &Path,
    direction: Direction,
    iterations: usize,
    size: usize,
    concurrency: usize,
) -> Result<Comparison> {
    let work = Work::new(direction, iterations, size, concurrency)?;
    measure::all(dir, &work)
}
