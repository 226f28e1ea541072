//! The Kotlin tests: Maven builds the package around the release library and runs JUnit on it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Options;
use crate::paths;
use crate::run::{cargo, command};
use crate::summary::Summary;

const PACKAGE: &str = "bindings/kotlin";
const LIBRARY: &str = "dictsqlite_uniffi";

pub(super) fn run(_: &Options, summary: &mut Summary) -> Result<()> {
    for program in ["java", "mvn"] {
        if command(program).arg("-version").read().is_err() {
            summary.skipped("kotlin", "", format!("no `{program}` on this machine"));
            return Ok(());
        }
    }
    summary.part("kotlin", "Maven, JUnit", || {
        place_library()?;
        let out = paths::target()?.join("kotlin");
        let reports = out.join("surefire-reports");
        // Those of an earlier run say nothing.
        if reports.exists() {
            fs::remove_dir_all(&reports)?;
        }
        maven(&out).arg("verify").quietly("mvn verify")?;
        let ran = tests_in(&reports)?;
        if ran == 0 {
            bail!("no Kotlin test ran");
        }
        println!("  {ran} tests passed");
        // How the bridge of the conformance tests is started.
        maven(&out)
            .arg("dependency:build-classpath")
            .arg(format!("-Dmdep.outputFile={}", out.join("classpath.txt").display()))
            .arg("-Dmdep.includeScope=test")
            .quietly("mvn dependency:build-classpath")
    });
    Ok(())
}

fn maven(out: &Path) -> crate::run::Run {
    command("mvn")
        .args([
            "--quiet",
            "--batch-mode",
            "--no-transfer-progress",
            "-Dstyle.color=never",
            "--file",
        ])
        .arg(Path::new(PACKAGE).join("pom.xml"))
        .arg(format!("-Ddictsqlite.target={}", out.display()))
}

/// Builds the library and puts it where the jar takes it from, under JNA's name for this platform.
fn place_library() -> Result<()> {
    cargo().args(["build", "--quiet", "--release", "--package", "dictsqlite-uniffi"]).run()?;
    let name = format!("{}{LIBRARY}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let target = paths::target()?;
    let dir = target.join("kotlin").join("native").join(platform());
    fs::create_dir_all(&dir)?;
    let (from, to) = (target.join("release").join(&name), dir.join(&name));
    // A new file: the old one may be mapped into a process that still runs.
    if to.exists() {
        fs::remove_file(&to)?;
    }
    fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

/// The directory in which JNA looks for libraries of this platform.
fn platform() -> String {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x86-64",
        other => other,
    };
    format!("{os}-{arch}")
}

/// How many tests the reports tell of.
fn tests_in(reports: &Path) -> Result<u32> {
    let mut ran = 0;
    for file in paths::files_below(reports)? {
        if file.extension().is_some_and(|extension| extension == "txt") {
            ran += counted(&paths::read(&file)?);
        }
    }
    Ok(ran)
}

fn counted(report: &str) -> u32 {
    let counts = report.lines().filter_map(|line| line.strip_prefix("Tests run: "));
    counts.filter_map(|rest| rest.split(',').next()?.parse::<u32>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted() {
        let report = "-----\nTest set: a.B\n-----\nTests run: 12, Failures: 0, Errors: 0\n";
        assert_eq!(counted(report), 12);
        assert_eq!(counted("nothing"), 0);
    }
}
