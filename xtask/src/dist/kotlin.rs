//! The jar for Kotlin, with the native library of this target inside.

use anyhow::Result;

use super::{Made, Place};
use crate::run::command;
use crate::{kotlin, paths};

const POM: &str = "bindings/kotlin/pom.xml";
/// A program in Java, so that only the JDK is needed to use the jar as a stranger would.
const PROGRAM: &str = "tests/dist/kotlin/Use.java";

pub(super) fn make(place: &Place) -> Result<Made> {
    for program in kotlin::PROGRAMS {
        if command(program).arg("-version").read().is_err() {
            return Ok(Made::Skipped(format!("no `{program}` on this machine")));
        }
    }
    let file = place.take(&kotlin::jar(&place.dir("jar")?)?)?;
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
