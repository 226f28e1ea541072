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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_same_files_give_the_same_bytes_and_come_out_as_they_went_in() {
        let dir = crate::paths::target().unwrap().join("tmp").join("pack");
        let _ = fs::remove_dir_all(&dir);
        let from = dir.join("from");
        fs::create_dir_all(from.join("below")).unwrap();
        fs::write(from.join("a"), "1").unwrap();
        fs::write(from.join("below").join("b"), "2").unwrap();
        for kind in ["tar.gz", "zip"] {
            let [first, second] = ["x", "y"].map(|name| dir.join(format!("{name}.{kind}")));
            archive(&first, &from, "top").unwrap();
            // Written again, later.
            fs::write(from.join("a"), "1").unwrap();
            archive(&second, &from, "top").unwrap();
            let sums = sums(&[first.clone(), second]).unwrap();
            assert_eq!(sums[0], sums[1], "{kind}");
            assert_eq!(sums[0].len(), 64);
            let out = dir.join(kind);
            unpack(&first, &out).unwrap();
            assert_eq!(fs::read_to_string(out.join("top/below/b")).unwrap(), "2");
        }
    }
}
