//! `cargo xtask check`: what must hold of the sources without running them.

mod floors;
mod scan;
mod silent;
mod sizes;
mod stubs;
mod tidy;

use anyhow::{Result, bail};

use crate::generate;
use crate::run::cargo;
use crate::summary::Summary;

type Check = fn() -> Result<()>;

/// In the order in which they run, the quick ones first.
const CHECKS: [(&str, Check); 9] = [
    ("fmt", fmt),
    ("floors", floors::check),
    ("sizes", sizes::check),
    ("tidy", tidy::check),
    ("silent", silent::check),
    ("clippy", clippy),
    ("docs", docs),
    ("stubs", stubs::check),
    ("generate", || generate::run(true)),
];

/// Runs the named checks, or all.
pub(crate) fn run(names: &[String]) -> Result<()> {
    let known: Vec<_> = CHECKS.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("no check `{unknown}`, only {}", known.join(", "));
    }
    let mut summary = Summary::default();
    for (name, check) in CHECKS {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            summary.part(name, "", check);
        }
    }
    summary.finish("check")
}

fn fmt() -> Result<()> {
    cargo().args(["fmt", "--all", "--check"]).run()
}

fn clippy() -> Result<()> {
    cargo()
        .args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"])
        .run()
}

fn docs() -> Result<()> {
    cargo()
        .args(["doc", "--quiet", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
}

/// Prints what is wrong and fails if anything is.
fn report(problems: &[String], what: &str) -> Result<()> {
    for problem in problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => Ok(()),
        count => bail!("{what}: {count}"),
    }
}
