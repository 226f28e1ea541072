//! Every module that needs `unsafe` is in one table, with the reason; nowhere else is it allowed.
//!
//! The compiler denies `unsafe` in every crate of the workspace, so a module that uses it must allow
//! it by name, and that is what is compared with the table, both ways.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};

use super::report;
use crate::paths;

/// The page with the table, below this heading.
const PAGE: &str = "docs/design.md";
const HEADING: &str = "## Where `unsafe` is";

pub(super) fn check() -> Result<()> {
    let mut problems = Vec::new();
    let mut allowed = BTreeSet::new();
    for file in paths::repository_files()? {
        let shown = paths::shown(&file);
        if file.ends_with("Cargo.toml") {
            problems.extend(manifest(&shown, &paths::read(&file)?));
        } else if file.extension().is_some_and(|extension| extension == "rs")
            && allows(&paths::read(&file)?)
        {
            allowed.insert(shown);
        }
    }
    let page = paths::read(&paths::root().join(PAGE))?;
    let listed = table(&page).with_context(|| format!("no {HEADING:?} in {PAGE}"))?;
    problems.extend(differences(&allowed, &listed));
    for file in listed.intersection(&allowed) {
        if !uses(&paths::root().join(file))? {
            problems.push(format!("{file}: it allows `unsafe` and has none"));
        }
    }
    report(&problems, "places of `unsafe`")
}

/// What is wrong with a crate's manifest.
fn manifest(shown: &str, text: &str) -> Option<String> {
    let package = text.lines().any(|line| line == "[package]");
    let denies = text.contains("[lints]\nworkspace = true")
        || text.contains("[lints.rust]\nunsafe_code = \"deny\"");
    (package && !denies)
        .then(|| format!("{shown}: without lints that deny `unsafe`, such as the workspace's"))
}

/// Whether the file allows `unsafe`, for itself or for an item.
fn allows(text: &str) -> bool {
    text.lines().map(str::trim_start).any(|line| {
        let attribute = ["#![allow(", "#[allow(", "#![expect(", "#[expect("];
        attribute.iter().any(|begin| line.starts_with(begin)) && line.contains("unsafe_code")
    })
}

/// Whether the file, or a module below it, has `unsafe` in its code.
fn uses(file: &Path) -> Result<bool> {
    // Attributes that promise something count as well: `#[unsafe(no_mangle)]`.
    let has = |line: &str| ["unsafe ", "unsafe("].iter().any(|word| code_of(line).contains(word));
    let code = |text: &str| text.lines().any(has);
    if code(&paths::read(file)?) {
        return Ok(true);
    }
    let own = file.file_name().is_some_and(|name| name == "mod.rs");
    let below = match file.parent() {
        Some(dir) if own => dir.to_path_buf(),
        _ => file.with_extension(""),
    };
    if !below.is_dir() {
        return Ok(false);
    }
    for file in paths::files_below(&below)? {
        if code(&paths::read(&file)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn code_of(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// The files in the first column of the table.
fn table(page: &str) -> Option<BTreeSet<String>> {
    let (_, rest) = page.split_once(HEADING)?;
    let section = rest.split("\n## ").next()?;
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    Some(cells.map(str::to_owned).collect())
}

fn differences(allowed: &BTreeSet<String>, listed: &BTreeSet<String>) -> Vec<String> {
    let unlisted = allowed.difference(listed).map(|file| {
        format!("{file}: it allows `unsafe` and is not in the table of {PAGE}: say why it must")
    });
    let idle = listed
        .difference(allowed)
        .map(|file| format!("{PAGE}: the table has `{file}`, which does not allow `unsafe`"));
    unlisted.chain(idle).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_sources_are_compared_both_ways() {
        let page = format!(
            "# x\n{HEADING}\n\n| module | why |\n|---|---|\n| `a/b.rs` | c |\n\n## Next\n\n| `z.rs` | |\n"
        );
        let listed = table(&page).unwrap();
        assert_eq!(listed.iter().collect::<Vec<_>>(), ["a/b.rs"]);
        let allowed = ["a/c.rs".to_owned()].into();
        assert_eq!(differences(&allowed, &listed).len(), 2);
        assert!(differences(&listed, &listed).is_empty());
        assert_eq!(table("# no heading"), None);
    }

    #[test]
    fn attributes_are_found_and_words_are_not() {
        assert!(allows("//! x\n#![allow(unsafe_code)] // why\n"));
        assert!(allows("fn f() {\n    #[expect(unsafe_code, reason = \"x\")]\n"));
        assert!(!allows("// #![allow(unsafe_code)]\nlet unsafe_code = 1;\n"));
        assert!(manifest("x", "[package]\nname = \"x\"\n").is_some());
        assert!(manifest("x", "[package]\n[lints]\nworkspace = true\n").is_none());
        assert!(manifest("x", "[workspace]\n").is_none());
    }
}
