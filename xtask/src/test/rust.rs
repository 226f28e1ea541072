//! The Rust tests.

use anyhow::{Context, Result};

use super::Options;
use crate::run::{cargo, command};
use crate::summary::Summary;

/// What valgrind looks at: buffers that the kernel writes to, and futures that are dropped meanwhile. In
/// the child of a fork, what was inherited is left alone on purpose.
const LOOKED_AT: [&str; 4] = ["io::tests", "--skip", "io::tests::forks", "--test-threads=2"];

pub(super) fn run(_: &Options, summary: &mut Summary) -> Result<()> {
    summary.part("cargo test", "workspace", || {
        cargo().args(["test", "--quiet", "--workspace", "--no-fail-fast"]).run()
    });
    if command("valgrind").arg("--version").read().is_ok() {
        summary.part("cargo test", "files, under valgrind", under_valgrind);
    } else {
        summary.skipped("cargo test", "files, under valgrind", "no valgrind");
    }
    Ok(())
}

fn under_valgrind() -> Result<()> {
    let version = command("rustc").arg("-vV").read()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say what it builds for")?;
    let runner = format!("CARGO_TARGET_{}_RUNNER", host.to_uppercase().replace('-', "_"));
    cargo()
        .args(["test", "--quiet", "--package", "dictsqlite-core", "--lib", "--"])
        .args(LOOKED_AT)
        .env(
            &runner,
            "valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite \
             --errors-for-leak-kinds=definite",
        )
        .run()
}
