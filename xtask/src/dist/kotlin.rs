//! The jar for Kotlin, with the native library of this target inside.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Made, Place};
use crate::paths;
use crate::run::command;

/// Makes the jar in a directory. `None` while this tree has no Kotlin package.
const JAR: Option<fn(&Path) -> Result<PathBuf>> = None;

const POM: &str = "bindings/kotlin/pom.xml";
/// A program in Java, so that only the JDK is needed to use the jar as a stranger would.
const PROGRAM: &str = "tests/dist/kotlin/Use.java";

pub(super) fn make(place: &Place) -> Result<Made> {
    let Some(jar) = JAR else {
        return Ok(Made::Skipped("this tree has no Kotlin package".to_owned()));
    };
    for program in ["java", "mvn"] {
        if command(program).arg("-version").read().is_err() {
            return Ok(Made::Skipped(format!("no `{program}` on this machine")));
        }
    }
    let file = place.take(&jar(&place.dir("jar")?)?)?;
    // The jar and what it needs at run time: nothing of the build.
    let mut path = vec![file.clone()];
    path.extend(std::env::split_paths(&needs(place)?));
    let empty = place.dir("empty")?;
    command("java")
        .arg("-cp")
        .arg(std::env::join_paths(path)?)
        .arg(paths::root().join(PROGRAM))
        .dir(&empty)
        .run()?;
    Ok(Made::Files(vec![file]))
}

/// The class path of what the package says that it needs.
fn needs(place: &Place) -> Result<String> {
    let list = place.scratch.join("needs.txt");
    command("mvn")
        .args(["--quiet", "--batch-mode", "--file", POM, "dependency:build-classpath"])
        .arg("-Dmdep.includeScope=runtime")
        .arg(format!("-Dmdep.outputFile={}", list.display()))
        .quietly("asking Maven for what it needs")?;
    Ok(paths::read(&list)?.trim().to_owned())
}
