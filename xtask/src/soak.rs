//! The soak: processes, threads, kills, forks, locks and other SQLites at one file, with a checker, for
//! as long as one likes. A short one is among the Python tests.

use anyhow::{Result, ensure};

use crate::python::{Interpreters, Venv, Wheels, isolated};

const PROGRAM: &str = "tests/python/programs/soak.py";

/// What was asked for.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) minutes: Option<f64>,
    pub(crate) seed: Option<u64>,
    /// Where the files go, and stay when something was found.
    pub(crate) path: Option<std::path::PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let minutes = options.minutes.unwrap_or(1.0);
    ensure!((0.05..=10_000.0).contains(&minutes), "--minutes is from 0.05 to 10000");
    let pythons = Interpreters::find()?;
    let python = pythons.default();
    let wheel = Wheels::new(python)?.for_python(python)?;
    let venv = Venv::ready("soak", python, &[], Some(&wheel))?;
    let dir = match &options.path {
        Some(path) => path.clone(),
        None => crate::paths::target()?.join("soak"),
    };
    // What an earlier soak left would be taken for its own.
    if dir.join("soak.db").exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    std::fs::create_dir_all(&dir)?;
    let mut soak = isolated(venv.python())
        .args(["-X", "faulthandler", PROGRAM])
        .arg(&dir)
        .arg(format!("{}", minutes * 60.0));
    if let Some(seed) = options.seed {
        soak = soak.arg(seed.to_string());
    }
    soak.run()?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}
