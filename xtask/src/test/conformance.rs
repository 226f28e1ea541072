//! The conformance suite: the same vectors through every language that this machine can build.

use anyhow::Result;

use super::{Options, python};
use crate::python::{Interpreters, Wheels};
use crate::run::cargo;
use crate::summary::Summary;

pub(super) fn run(options: &Options, summary: &mut Summary) -> Result<()> {
    let mut pythons = Interpreters::find()?;
    let wheels = Wheels::new(pythons.default())?;
    pythons.keep(&options.versions)?;
    let python = pythons.default().clone();
    summary.part("conformance", "every language there is", || {
        let venv = python::environment(&python, &wheels)?;
        cargo()
            .args(["run", "--quiet", "-p", "dictsqlite-conformance", "--", "--python"])
            .arg(venv.exe())
            .run()
    });
    Ok(())
}
