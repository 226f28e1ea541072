//! The public functions of the Kotlin and Swift packages: the generated sources and what is written
//! by hand around them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Found;

pub(super) fn kotlin(root: &Path) -> Result<Found> {
    let mut names = BTreeSet::new();
    let mut any = false;
    for file in sources(&root.join("bindings/kotlin"), "kt")? {
        any = true;
        names.extend(functions(
            &std::fs::read_to_string(file)?,
            "fun ",
            &["private", "internal", "override", "protected"],
        ));
    }
    Ok(if any { Found::All(names) } else { Found::Nothing("source below bindings/kotlin") })
}

pub(super) fn swift(root: &Path) -> Result<Found> {
    let mut names = BTreeSet::new();
    let mut any = false;
    for file in sources(&root.join("bindings/swift"), "swift")? {
        any = true;
        names.extend(functions(
            &std::fs::read_to_string(file)?,
            "func ",
            &["private", "fileprivate", "internal"],
        ));
    }
    Ok(if any { Found::All(names) } else { Found::Nothing("source below bindings/swift") })
}

fn sources(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return Ok(files) };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let tests = ["test", "Tests", "target", "build", ".build"].contains(&name.as_str());
        if path.is_dir() && !tests {
            files.extend(sources(&path, extension)?);
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    Ok(files)
}

fn functions(text: &str, word: &str, hidden: &[&str]) -> Vec<String> {
    let mut names = Vec::new();
    for line in text.lines() {
        let Some((head, rest)) = line.split_once(word) else { continue };
        let words: Vec<&str> = head.split_whitespace().collect();
        let public =
            words.iter().any(|word| ["public", "open", "suspend", "operator"].contains(word));
        if !public || words.iter().any(|word| hidden.contains(word)) {
            continue;
        }
        let name = rest.split(['(', '<']).next().unwrap_or_default().trim_matches('`');
        // An extension names its receiver first.
        let name = name.rsplit('.').next().unwrap_or_default().trim_matches('`');
        if !name.is_empty() {
            names.push(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_functions_are_found() {
        let kotlin = "    public suspend fun `get`(key: Key): Value?\n    override suspend fun x()\n    private fun y()\n\
            public operator fun Store.set(key: Key, value: Value) {}\n";
        assert_eq!(functions(kotlin, "fun ", &["private", "override"]), ["get", "set"]);
    }
}
