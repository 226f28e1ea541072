//! The Kotlin tests: JUnit, started by Maven, on the package with the release library inside.

use std::fs;

use anyhow::Result;

use super::Options;
use crate::kotlin;
use crate::run::command;
use crate::summary::Summary;

pub(super) fn run(_: &Options, summary: &mut Summary) -> Result<()> {
    for program in kotlin::PROGRAMS {
        if command(program).arg("-version").read().is_err() {
            summary.skipped("kotlin", "", format!("no `{program}` on this machine"));
            return Ok(());
        }
    }
    summary.part("kotlin", "Maven, JUnit", || {
        kotlin::place_library()?;
        let reports = kotlin::out()?.join("surefire-reports");
        // Those of an earlier run say nothing.
        if reports.exists() {
            fs::remove_dir_all(&reports)?;
        }
        kotlin::maven()?.arg("verify").quietly("mvn verify")?;
        println!("  {} tests passed", kotlin::tests_in(&reports)?);
        Ok(())
    });
    Ok(())
}
