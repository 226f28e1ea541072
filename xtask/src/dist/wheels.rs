//! The Python package: two wheels that serve every supported CPython, and the sources.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{Made, Place, pack};
use crate::paths;
use crate::python::{Interpreters, Python, Venv, Wheels, isolated};

/// What a user would do, run by a clean environment in an empty directory.
const USE: &str = "tests/dist/use.py";

/// Both wheels; the one for 3.9 is tried where there is a 3.9.
pub(super) fn make(place: &Place) -> Result<Made> {
    let pythons = Interpreters::find()?;
    let wheels = Wheels::new(pythons.default())?;
    let (mut files, mut missing) = (Vec::new(), Vec::new());
    for (name, oldest) in [("later", 10), ("oldest", 9)] {
        let own = |python: &&Python| (python.minor >= 10) == (oldest >= 10);
        let Some(python) = pythons.all().iter().rfind(own) else {
            missing.push(format!("no CPython 3.{oldest} on this machine to try its wheel with"));
            continue;
        };
        let file = place.take(&wheels.for_python(python)?.path)?;
        tried(place, name, python, &file)?;
        files.push(file);
    }
    Ok(match missing.as_slice() {
        [] => Made::Files(files),
        _ => Made::Partly(files, missing.join(", ")),
    })
}

/// The sources, and the wheel that an installation makes of them.
pub(super) fn make_sdist(place: &Place) -> Result<Made> {
    let pythons = Interpreters::find()?;
    let python = pythons.default();
    let wheels = Wheels::new(python)?;
    let made = place.dir("sdist")?;
    wheels.sdist(&made)?;
    let file = place.take(&only(&made)?)?;
    let outside = outside();
    if outside.exists() {
        fs::remove_dir_all(&outside)?;
    }
    let out = place.dir("built")?;
    pack::unpack(&file, &outside)?;
    wheels.wheel_of(&outside.join(format!("dictsqlite-{}", place.version)), &out)?;
    fs::remove_dir_all(&outside)?;
    tried(place, "sdist-venv", python, &only(&out)?)?;
    Ok(Made::Files(vec![file]))
}

/// A directory outside of the repository; the same each time, so that Cargo knows what it built there.
fn outside() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    paths::root().hash(&mut hasher);
    std::env::temp_dir().join(format!("dictsqlite-sdist-{:016x}", hasher.finish()))
}

fn only(dir: &Path) -> Result<PathBuf> {
    match paths::files_below(dir)?.as_slice() {
        [file] => Ok(file.clone()),
        files => bail!("expected one file in {}, found {}", dir.display(), files.len()),
    }
}

/// Installs a wheel, alone, in a new environment and uses it there.
fn tried(place: &Place, name: &str, python: &Python, wheel: &Path) -> Result<()> {
    let venv = Venv::fresh(&place.scratch.join(name), python)?;
    venv.add(wheel)?;
    let empty = place.dir(&format!("{name}-empty"))?;
    let program = paths::root().join(USE);
    isolated(venv.python())
        .args(["-I", "-W", "error"])
        .arg(program)
        .arg(&place.version)
        .dir(&empty)
        .run()
        .with_context(|| format!("{} does not work in {python}", wheel.display()))
}
