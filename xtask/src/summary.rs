//! What ran, on what, how long it took, and what was left out: the last thing a subcommand prints.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

struct Row {
    what: String,
    on: String,
    outcome: Outcome,
    took: Option<Duration>,
}

/// The rows of the table.
#[derive(Default)]
pub(crate) struct Summary {
    rows: Vec<Row>,
}

impl Summary {
    /// Runs one part. A failure is shown at once and kept for the end, so that the other parts run too.
    pub(crate) fn part(&mut self, what: &str, on: &str, body: impl FnOnce() -> Result<()>) -> bool {
        println!("\n== {what}{}{on}", if on.is_empty() { "" } else { ": " });
        let start = Instant::now();
        let result = body();
        let took = Some(start.elapsed());
        let passed = result.is_ok();
        let outcome = match result {
            Ok(()) => Outcome::Passed,
            Err(error) => {
                eprintln!("{error:#}");
                let message = error.to_string();
                Outcome::Failed(message.lines().next().unwrap_or_default().to_owned())
            }
        };
        self.rows.push(Row { what: what.to_owned(), on: on.to_owned(), outcome, took });
        passed
    }

    /// Forgets the last part: it turned out that there was nothing to run.
    pub(crate) fn retract(&mut self) {
        self.rows.pop();
    }

    /// Notes that a part was left out, and why.
    pub(crate) fn skipped(&mut self, what: &str, on: &str, why: impl Into<String>) {
        let outcome = Outcome::Skipped(why.into());
        self.rows.push(Row { what: what.to_owned(), on: on.to_owned(), outcome, took: None });
    }

    /// Prints the table; an error if any part failed, or if none ran.
    pub(crate) fn finish(self, name: &str) -> Result<()> {
        println!("\n{}", self.table());
        let failed = self.rows.iter().filter(|r| matches!(r.outcome, Outcome::Failed(_))).count();
        if failed > 0 {
            bail!("{name}: {failed} of {} parts failed", self.rows.len());
        }
        if !self.rows.iter().any(|r| matches!(r.outcome, Outcome::Passed)) {
            bail!("{name}: nothing ran");
        }
        println!("{name}: all that ran passed");
        Ok(())
    }

    fn table(&self) -> String {
        let width = |column: fn(&Row) -> &str, least: usize| {
            self.rows.iter().map(|row| column(row).chars().count()).fold(least, usize::max)
        };
        let (what, on) = (width(|r| &r.what, 4), width(|r| &r.on, 2));
        let mut table = format!("{:what$}  {:on$}  {:>7}  result", "what", "on", "seconds");
        for row in &self.rows {
            let took =
                row.took.map_or_else(|| "-".to_owned(), |d| format!("{:.1}", d.as_secs_f64()));
            let result = match &row.outcome {
                Outcome::Passed => "passed".to_owned(),
                Outcome::Failed(message) => format!("FAILED: {message}"),
                Outcome::Skipped(why) => format!("SKIPPED: {why}"),
            };
            table += &format!("\n{:what$}  {:on$}  {took:>7}  {result}", row.what, row.on);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_part_fails_the_whole_but_lets_the_others_run() {
        let mut summary = Summary::default();
        assert!(!summary.part("a", "x", || bail!("broken\nat length")));
        assert!(summary.part("b", "y", || Ok(())));
        summary.skipped("c", "z", "no z here");
        let table = summary.table();
        assert!(table.contains("FAILED: broken\n"), "{table}");
        assert!(table.contains("SKIPPED: no z here"), "{table}");
        assert!(summary.finish("all").is_err());
    }

    #[test]
    fn running_nothing_is_a_failure() {
        let mut summary = Summary::default();
        summary.skipped("a", "", "why");
        assert!(summary.finish("all").is_err());
    }
}
