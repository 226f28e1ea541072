//! `cargo xtask demo`: the example program in a private virtual environment.

use std::path::PathBuf;

use anyhow::Result;

use crate::paths;
use crate::python::{self, Interpreters, Venv, Wheels};

/// What the command line asked for.
#[derive(Default)]
pub(crate) struct Options {
    /// Where to leave the store; a temporary directory if absent.
    pub(crate) path: Option<PathBuf>,
}

/// For the progress bar. The program runs without it, only plainer.
const NEEDS: [&str; 1] = ["tqdm>=4.66"];

/// Builds what is missing and runs the example.
pub(crate) fn run(options: &Options) -> Result<()> {
    let python = Interpreters::find()?.default().clone();
    let wheel = Wheels::new(&python)?.for_python(&python)?;
    let venv = Venv::ready("demo", &python, &NEEDS.map(str::to_owned), Some(&wheel))?;
    println!("  {python}, {}", paths::shown(&wheel.path));

    let mut demo = venv.python().arg("-u").arg("python/examples/index_stdlib.py");
    if let Some(path) = &options.path {
        // The user's words count from where the user stands, the program runs from the root.
        demo = demo.arg("--path").arg(std::path::absolute(path)?);
    }
    python::isolated(demo).run()
}
