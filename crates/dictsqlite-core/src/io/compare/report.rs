//! What was measured, as data, text and JSON.

use std::fmt::Write;

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};

/// The figures of one way to do the work.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Way {
    /// `blocking`: one thread, one call after another. `pool`: a hand-off to the pool of threads for
    /// each operation. `pool_batch`: one for each group. `ring` and `ring_batch`: io_uring, in the same
    /// two forms.
    pub name: String,
    /// False: through the page cache. True: past it (`O_DIRECT`).
    pub direct: bool,
    /// Microseconds an operation, in the median round.
    pub micros: f64,
    /// The same in the fastest round.
    pub fastest: f64,
    /// The same in the slowest round.
    pub slowest: f64,
    /// Operations a second, in the median round.
    pub ops_per_second: f64,
    /// How many times as fast as `blocking`, both in their median rounds.
    pub speedup: f64,
}

/// What [`compare_read_performance`](super::compare_read_performance) and
/// [`compare_write_performance`](super::compare_write_performance) found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// `read` or `write`.
    pub operation: String,
    /// Operations of a round, for each way.
    pub iterations: usize,
    /// Bytes of an operation.
    pub size: usize,
    /// Operations under way at a time; with `write`, also those that share a sync.
    pub concurrency: usize,
    /// Rounds; the figures are of the median one.
    pub rounds: usize,
    /// Bytes of the file that was measured on.
    pub file_bytes: u64,
    /// The directory it was in.
    pub directory: String,
    /// The ways that were measured.
    pub ways: Vec<Way>,
    /// The ways that were not, and why.
    pub skipped: Vec<String>,
}

impl Comparison {
    /// The figures of one way, if it was measured.
    pub fn way(&self, name: &str, direct: bool) -> Option<&Way> {
        self.ways.iter().find(|way| way.name == name && way.direct == direct)
    }

    /// A table for people.
    pub fn summary(&self) -> String {
        let mut text = format!(
            "{} {}s of {} bytes, {} at a time, in a file of {} bytes in {}: median of {} rounds\n",
            self.iterations,
            self.operation,
            self.size,
            self.concurrency,
            self.file_bytes,
            self.directory,
            self.rounds
        );
        if self.operation == "write" {
            let _ = writeln!(text, "each {} are followed by one fdatasync", self.concurrency);
        }
        let _ = writeln!(
            text,
            "{:<12} {:<10} {:>10} {:>12} {:>19} {:>9}",
            "way", "cache", "us/op", "ops/s", "us/op of all rounds", "blocking"
        );
        for way in &self.ways {
            let cache = if way.direct { "direct" } else { "page cache" };
            let range = format!("{:.2} - {:.2}", way.fastest, way.slowest);
            let _ = writeln!(
                text,
                "{:<12} {:<10} {:>10.2} {:>12.0} {:>19} {:>8.2}x",
                way.name, cache, way.micros, way.ops_per_second, range, way.speedup
            );
        }
        for skipped in &self.skipped {
            let _ = writeln!(text, "not measured: {skipped}");
        }
        text
    }

    /// The same figures as a JSON object, its members named as the fields are.
    ///
    /// # Errors
    /// `Internal`, and only if it is not representable, which it is.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self)
            .map_err(|e| Error::new(ErrorKind::Internal, format!("cannot write JSON: {e}")))
    }
}
