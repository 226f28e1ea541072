//! The jar for Kotlin and Java, with the native library of this target inside.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Made, Place};
use crate::paths;
use crate::run::command;

/// A jar, and the class path of what it needs at run time.
type Jar = (PathBuf, String);

/// Makes the jar in a directory. `None` while this tree has no Kotlin package.
const JAR: Option<fn(&Path) -> Result<Jar>> = None;

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
    let (jar, needs) = jar(&place.dir("jar")?)?;
    let file = place.take(&jar)?;
    // The jar alone, and what it needs: nothing of the build.
    let empty = place.dir("empty")?;
    command("java")
        .arg("-cp")
        .arg(format!("{}:{needs}", file.display()))
        .arg(paths::root().join(PROGRAM))
        .arg(&place.version)
        .dir(&empty)
        .run()?;
    Ok(Made::Files(vec![file]))
}
