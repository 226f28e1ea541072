//! Archives and checksums, by Python's standard library: the same bytes for the same files.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::python::{Interpreters, isolated};
use crate::run::{Run, command};

const PACK: &str = "xtask/src/dist/pack.py";

fn pack() -> Result<Run> {
    let python = Interpreters::find()?.default().clone();
    Ok(isolated(command(&python.exe)).arg(PACK))
}

/// Packs everything below `dir` into `archive` (`.tar.gz` or `.zip`), all of it below `top`.
pub(super) fn archive(archive: &Path, dir: &Path, top: &str) -> Result<()> {
    pack()?.arg("pack").arg(archive).arg(dir).arg(top).run()
}

/// Unpacks an archive into a directory.
pub(super) fn unpack(archive: &Path, dir: &Path) -> Result<()> {
    pack()?.arg("unpack").arg(archive).arg(dir).run()
}

/// The SHA-256 of each file.
pub(super) fn sums(files: &[PathBuf]) -> Result<Vec<String>> {
    let told = pack()?.arg("sums").args(files).read()?;
    let sums: Vec<String> = told.lines().map(str::to_owned).collect();
    if sums.len() != files.len() {
        bail!("{} checksums for {} files", sums.len(), files.len());
    }
    Ok(sums)
}
