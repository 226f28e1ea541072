//! Tests that would never run: those in a library whose manifest turns its test harness off.
//!
//! The Python module is such a library (its manifest says why). A module of it that knows no Python is
//! a `[[test]]` target by itself; a test anywhere else would only look like one.

use anyhow::Result;

use super::report;
use crate::paths;

pub(super) fn check() -> Result<()> {
    let mut problems = Vec::new();
    let files = paths::repository_files()?;
    for manifest in files.iter().filter(|file| file.ends_with("Cargo.toml")) {
        let text = paths::read(manifest)?;
        let Some(dir) = manifest.parent().filter(|_| is_silent(&text)) else {
            continue;
        };
        let source = dir.join("src");
        for file in files.iter().filter(|file| file.starts_with(&source)) {
            if file.extension().is_some_and(|extension| extension == "rs")
                && has_tests(&paths::read(file)?)
                && !is_target(&text, &file.strip_prefix(dir)?.to_string_lossy())
            {
                problems.push(format!(
                    "{}: its tests never run: make it a `[[test]]` of {}, or test it from Python",
                    paths::shown(file),
                    paths::shown(manifest)
                ));
            }
        }
    }
    report(&problems, "files with tests that never run")
}

/// Whether the manifest's `[lib]` says `test = false`.
fn is_silent(manifest: &str) -> bool {
    let lib = manifest.split_once("\n[lib]\n").map(|(_, rest)| rest);
    let lines = lib.into_iter().flat_map(str::lines);
    lines
        .take_while(|line| !line.starts_with('['))
        .any(|line| line.replace(' ', "") == "test=false")
}

fn has_tests(text: &str) -> bool {
    text.lines().any(|line| line.trim() == "#[cfg(test)]")
}

fn is_target(manifest: &str, file: &str) -> bool {
    let path = format!("path=\"{file}\"");
    manifest.lines().any(|line| line.replace(' ', "") == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_library_and_its_targets_are_known() {
        let manifest = "[package]\nname = \"x\"\n[lib]\ntest = false\n\n[[test]]\nname = \"a\"\npath = \"src/a.rs\"\n";
        assert!(is_silent(manifest));
        assert!(!is_silent("[lib]\nname = \"x\"\n[[bin]]\ntest = false\n"));
        assert!(is_target(manifest, "src/a.rs"));
        assert!(!is_target(manifest, "src/b.rs"));
        assert!(has_tests("fn f() {}\n    #[cfg(test)]\nmod tests;"));
    }
}
