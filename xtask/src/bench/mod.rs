//! `cargo xtask bench`: every peer side by side in one run, or the instructions of the hot paths.
//!
//! What is measured is in `python/bench`; here are the environments it runs in. `docs/benchmarks.md`
//! says how to read it.

mod c;
mod count;
mod peers;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::paths;
use crate::python::{self, Interpreters, Python, Venv, Wheels};
use crate::run::command;
use peers::{Built, Peer};

const DRIVER: &str = "python/bench/drive.py";
const PLOTS: &str = "python/bench/plots.py";
const PLOTTING: [&str; 1] = ["matplotlib>=3.8,<4"];

/// What the command line asked for.
#[derive(Default)]
pub(crate) struct Options {
    /// Few peers and few entries, for CI.
    pub(crate) quick: bool,
    /// The largest sizes too.
    pub(crate) full: bool,
    /// Only these workloads, with commas between.
    pub(crate) only: Option<String>,
    /// Only these peers, with commas between.
    pub(crate) peers: Option<String>,
    /// Rounds of each.
    pub(crate) rounds: Option<u32>,
    /// Where the figures go.
    pub(crate) json: Option<PathBuf>,
    /// Where the plots go.
    pub(crate) plots: Option<PathBuf>,
    /// Count instructions instead.
    pub(crate) count: bool,
    /// Measure what the C interface costs.
    pub(crate) c: bool,
    /// Make what was counted the baseline.
    pub(crate) bless: bool,
}

/// Runs what was asked for.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.c {
        return c::run();
    }
    if options.count {
        return count::run(options.bless);
    }
    let pythons = Interpreters::find()?;
    let python = pythons.default();
    let target = paths::target()?.join("bench");
    std::fs::create_dir_all(&target).with_context(|| format!("making {}", target.display()))?;
    // The user's words count from where the user stands, the programs run from the root.
    let json = match &options.json {
        Some(path) => std::path::absolute(path)?,
        None => target.join("last.json"),
    };

    let mut driver = command(&python.exe).arg("-u").arg(DRIVER);
    driver = driver.arg("--folder").arg(target.join("data")).arg("--json").arg(&json);
    for peer in peers::chosen(options.peers.as_deref(), options.quick)? {
        driver = match environment(peer, python) {
            Ok(venv) => driver.arg("--peer").arg(format!("{}={}", peer.name, venv.exe().display())),
            // A package that does not install here must not keep the others from running.
            Err(error) if peer.built != Built::Package => {
                driver.arg("--without").arg(format!("{}={}", peer.name, reason(&error)))
            }
            Err(error) => return Err(error),
        };
    }
    for (flag, given) in [("--quick", options.quick), ("--full", options.full)] {
        driver = if given { driver.arg(flag) } else { driver };
    }
    if let Some(only) = &options.only {
        driver = driver.arg("--only").arg(only);
    }
    if let Some(rounds) = options.rounds {
        driver = driver.arg("--rounds").arg(rounds.to_string());
    }
    python::isolated(driver).run()?;
    println!("\n  figures in {}", paths::shown(&json));
    options.plots.as_ref().map_or(Ok(()), |dir| plots(python, &json, dir))
}

fn environment(peer: &Peer, python: &Python) -> Result<Venv> {
    let name = format!("bench-{}", peer.name);
    let packages: Vec<_> = peer.packages.iter().map(|name| (*name).to_owned()).collect();
    let wheel = match peer.built {
        Built::Nothing => None,
        Built::Package => Some(Wheels::new(python)?.for_python(python)?),
        Built::Extension(dir) => Some(Wheels::new(python)?.of_extension(dir, python)?),
    };
    Venv::ready(&name, python, &packages, wheel.as_ref())
}

/// The line of an error that says most: pip's last one.
fn reason(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("unknown").trim().to_owned()
}

fn plots(python: &Python, json: &Path, dir: &Path) -> Result<()> {
    let venv = Venv::ready("bench-plots", python, &PLOTTING.map(str::to_owned), None)?;
    python::isolated(venv.python()).arg(PLOTS).arg(json).arg(std::path::absolute(dir)?).run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_says_why() {
        let error =
            anyhow::anyhow!("`pip` failed: exit 1\nmuch\nERROR: no wheel for this machine\n\n");
        assert_eq!(reason(&error), "ERROR: no wheel for this machine");
    }
}
