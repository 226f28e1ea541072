//! The Kotlin package: Maven builds it around the release library.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::paths;
use crate::run::{Run, cargo, command};

const PACKAGE: &str = "bindings/kotlin";
const LIBRARY: &str = "dictsqlite_uniffi";
/// What building and testing needs.
pub(crate) const PROGRAMS: [&str; 2] = ["java", "mvn"];

/// Where everything of it is built.
pub(crate) fn out() -> Result<PathBuf> {
    Ok(paths::target()?.join("kotlin"))
}

/// Maven on the package.
pub(crate) fn maven() -> Result<Run> {
    Ok(command("mvn")
        .args([
            "--quiet",
            "--batch-mode",
            "--no-transfer-progress",
            "-Dstyle.color=never",
            "--file",
        ])
        .arg(Path::new(PACKAGE).join("pom.xml"))
        .arg(format!("-Ddictsqlite.target={}", out()?.display())))
}

/// Compiles the package and its tests, and writes `classpath.args`, with which `java @classpath.args
/// Main` runs any main class of them.
pub(crate) fn build() -> Result<()> {
    place_library()?;
    let args = out()?.join("classpath.args");
    if args.metadata().and_then(|about| about.modified()).is_ok_and(is_newest) {
        return Ok(());
    }
    let listed = out()?.join("classpath.txt");
    maven()?
        .args(["test-compile", "dependency:build-classpath", "-Dmdep.includeScope=test"])
        .arg(format!("-Dmdep.outputFile={}", listed.display()))
        .quietly("mvn test-compile")?;
    let mut parts = vec![out()?.join("classes"), out()?.join("test-classes")];
    parts.extend(std::env::split_paths(paths::read(&listed)?.trim()));
    let joined = std::env::join_paths(parts)?;
    let quoted = joined.to_string_lossy().replace('\\', "\\\\");
    fs::write(&args, format!("-cp\n\"{quoted}\"\n")).context("cannot write classpath.args")
}

/// Builds the jar, with the native library of this platform inside, and copies it into `into`.
///
/// At run time it needs kotlin-stdlib, kotlinx-coroutines-core and jna, of the versions its pom names.
pub(crate) fn jar(into: &Path) -> Result<PathBuf> {
    place_library()?;
    maven()?.args(["package", "-DskipTests"]).quietly("mvn package")?;
    let name = format!("dictsqlite-{}.jar", paths::version()?);
    fs::create_dir_all(into)?;
    let (from, to) = (out()?.join(&name), into.join(&name));
    fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(to)
}

/// Whether nothing of the package changed since.
fn is_newest(at: SystemTime) -> bool {
    let mut dirs = vec![paths::root().join(PACKAGE)];
    dirs.extend(out().map(|out| out.join("native")));
    let newer = |file: &PathBuf| {
        !file.metadata().and_then(|about| about.modified()).is_ok_and(|changed| changed <= at)
    };
    dirs.iter().all(|dir| paths::files_below(dir).is_ok_and(|files| !files.iter().any(newer)))
}

/// Builds the library and puts it where the jar takes it from, under JNA's name for this platform.
pub(crate) fn place_library() -> Result<()> {
    cargo().args(["build", "--quiet", "--release", "--package", "dictsqlite-uniffi"]).run()?;
    let name = format!("{}{LIBRARY}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let dir = out()?.join("native").join(platform());
    fs::create_dir_all(&dir)?;
    let (from, to) = (paths::target()?.join("release").join(&name), dir.join(&name));
    let new = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
    if fs::read(&to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    // A new file: the old one may be mapped into a process that still runs.
    if to.exists() {
        fs::remove_file(&to)?;
    }
    fs::write(&to, new).with_context(|| format!("cannot write {}", to.display()))
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

/// How many tests Maven's reports tell of.
pub(crate) fn tests_in(reports: &Path) -> Result<u32> {
    let mut ran = 0;
    for file in paths::files_below(reports)? {
        if file.extension().is_some_and(|extension| extension == "txt") {
            ran += counted(&paths::read(&file)?);
        }
    }
    match ran {
        0 => bail!("no Kotlin test ran"),
        ran => Ok(ran),
    }
}

fn counted(report: &str) -> u32 {
    let counts = report.lines().filter_map(|line| line.strip_prefix("Tests run: "));
    counts.filter_map(|rest| rest.split(',').next()?.parse::<u32>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pom_and_the_page_have_the_version_of_the_workspace() {
        let version = format!("<version>{}</version>", paths::version().expect("a version"));
        for file in ["bindings/kotlin/pom.xml", "docs/kotlin.md"] {
            let text = paths::read(&paths::root().join(file)).expect("reads");
            let own = text.split_once("<artifactId>dictsqlite</artifactId>").map(|(_, rest)| rest);
            assert!(own.is_some_and(|rest| rest.trim_start().starts_with(&version)), "{file}");
        }
    }

    #[test]
    fn tests_are_counted() {
        let report = "-----\nTest set: a.B\n-----\nTests run: 12, Failures: 0, Errors: 0\n";
        assert_eq!(counted(report), 12);
        assert_eq!(counted("nothing"), 0);
    }
}
