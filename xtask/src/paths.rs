//! Where things are, and walking over them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::run::command;

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The release, which all packages share.
pub(crate) fn version() -> Result<String> {
    let manifest = read(&root().join("Cargo.toml"))?;
    let package = manifest.split_once("[workspace.package]").map(|(_, rest)| rest);
    let line = package.into_iter().flat_map(str::lines).find(|line| line.starts_with("version = "));
    let version = line.and_then(|line| line.split('"').nth(1));
    version.map(str::to_owned).context("no version in Cargo.toml")
}

/// Cargo's target directory, wherever the user put it: this program runs from inside it.
pub(crate) fn target() -> Result<PathBuf> {
    let exe = std::env::current_exe().context("where this program is")?;
    let profile = exe.parent().and_then(Path::parent);
    Ok(profile.map_or_else(|| root().join("target"), Path::to_path_buf))
}

/// `path` as it is written in messages: relative to the root where it is below it.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The files of the repository: what git tracks or would track; without git, all that is not built.
pub(crate) fn repository_files() -> Result<Vec<PathBuf>> {
    let listed = command("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .read();
    let mut files: Vec<PathBuf> = match listed {
        Ok(names) => names.split('\0').filter(|n| !n.is_empty()).map(|n| root().join(n)).collect(),
        Err(_) => files_below(root())?,
    };
    // Deleted but still in the index.
    files.retain(|file| file.is_file());
    files.sort();
    Ok(files)
}

/// All files below `dir`, sorted, without what tools leave behind.
pub(crate) fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        let entries = fs::read_dir(&dir).with_context(|| format!("cannot list {}", shown(&dir)))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                let name = name.to_string_lossy();
                let built = ["target", "dist", "__pycache__", "node_modules", ".git"];
                let tool = name.starts_with('.') && name != ".cargo" && name != ".ci";
                if !built.contains(&name.as_ref()) && !tool {
                    dirs.push(path);
                }
            } else if !name.to_string_lossy().ends_with(".pyc") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The text of a file; an error that names it otherwise.
pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", shown(path)))
}
