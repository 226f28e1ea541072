//! The surface: what each operation is called in each language, or why it is not there.
//!
//! `surface.toml` says so; the sources say what is true. A public name no row has, and a name in a
//! row that does not exist, are both errors. Sources that are not there (a language without its
//! binding in this tree) are said aloud and left out.

mod headers;
mod native;
mod rust;
mod stubs;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::vectors;

/// The names of an operation in one language, or the reason why there is none.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Names {
    Names(Vec<String>),
    Absent(String),
}

/// One operation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operation {
    /// Whether the protocol of the bridges has no such request, and why.
    #[serde(default)]
    unasked: Option<String>,
    /// Languages whose asynchronous form is missing, and why.
    #[serde(default)]
    no_async: BTreeMap<String, String>,
    core: Names,
    python: Names,
    c: Option<Names>,
    cpp: Option<Names>,
    kotlin: Option<Names>,
    swift: Option<Names>,
}

/// The whole table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Surface {
    op: BTreeMap<String, Operation>,
    /// Public names that are no operations, a language each: name or names to what they are for.
    other: BTreeMap<String, BTreeMap<String, Names>>,
    /// What a language cannot express, and why.
    lacks: BTreeMap<String, BTreeMap<String, String>>,
}

const LANGUAGES: [&str; 6] = ["core", "python", "c", "cpp", "kotlin", "swift"];

impl Operation {
    fn names(&self, language: &str) -> Option<&Names> {
        Some(match language {
            "core" => &self.core,
            "python" => &self.python,
            "c" => self.c.as_ref()?,
            "cpp" => self.cpp.as_ref()?,
            "kotlin" => self.kotlin.as_ref()?,
            "swift" => self.swift.as_ref()?,
            _ => return None,
        })
    }
}

impl Surface {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Whether the table says that the language has no such operation.
    pub(crate) fn excuses(&self, op: &str, language: &str) -> bool {
        let names = self.op.get(op).and_then(|operation| operation.names(language));
        matches!(names, Some(Names::Absent(_)))
    }

    /// Whether the table says that the operation has no asynchronous form there.
    pub(crate) fn excuses_async(&self, op: &str, language: &str) -> bool {
        self.op.get(op).is_some_and(|operation| operation.no_async.contains_key(language))
    }

    /// Whether the table says that the language cannot express it.
    pub(crate) fn excuses_lack(&self, lack: &str, language: &str) -> bool {
        self.lacks.get(language).is_some_and(|lacks| lacks.contains_key(lack))
    }

    /// Operations of which the table says nothing in a language, or gives no reason.
    fn silent(&self, language: &str) -> Vec<String> {
        let said = |operation: &Operation| match operation.names(language) {
            Some(Names::Names(names)) => !names.is_empty(),
            Some(Names::Absent(reason)) => !reason.trim().is_empty(),
            None => false,
        };
        let silent = self.op.iter().filter(|(_, operation)| !said(operation));
        silent.map(|(name, _)| format!("{language}: the row `{name}` says nothing of it")).collect()
    }

    /// Every name the table has for a language.
    fn listed(&self, language: &str) -> BTreeSet<&str> {
        let other = self.other.get(language).into_iter().flat_map(BTreeMap::values);
        let names = self.op.values().filter_map(|operation| operation.names(language)).chain(other);
        names
            .flat_map(|names| match names {
                Names::Names(names) => names.as_slice(),
                Names::Absent(_) => &[],
            })
            .map(String::as_str)
            .collect()
    }
}

/// What a language's sources have.
enum Found {
    /// These public names, all of which the table must have.
    All(BTreeSet<String>),
    /// The sources are not in this tree.
    Nothing(&'static str),
}

/// Checks the table against the sources and the vectors.
pub(crate) fn check(surface: &Surface, root: &Path, vectors: &Path) -> Result<()> {
    let mut problems = Vec::new();
    for language in LANGUAGES {
        let found = match language {
            "core" => rust::found(root)?,
            "python" => stubs::found(root)?,
            "c" => headers::c(root)?,
            "cpp" => headers::cpp(root)?,
            "kotlin" => native::kotlin(root)?,
            _ => native::swift(root)?,
        };
        let listed = surface.listed(language);
        match found {
            Found::All(names) => {
                println!("{language}: {} public names, {} in the table", names.len(), listed.len());
                problems.extend(differences(language, &names, &listed));
                problems.extend(surface.silent(language));
            }
            Found::Nothing(what) => println!("SKIPPED {language}: there is no {what}"),
        }
    }
    problems.extend(unasked(surface, vectors)?);
    for problem in &problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => Ok(()),
        count => bail!("{count} differences between surface.toml and the sources"),
    }
}

fn differences(language: &str, found: &BTreeSet<String>, listed: &BTreeSet<&str>) -> Vec<String> {
    let unlisted = found
        .iter()
        .filter(|name| !listed.contains(name.as_str()))
        .map(|name| format!("{language}: `{name}` is public and in no row of surface.toml"));
    let unfound = listed
        .iter()
        .filter(|name| !found.contains(**name))
        .map(|name| format!("{language}: `{name}` is in surface.toml and not in the sources"));
    unlisted.chain(unfound).collect()
}

/// Operations that no vector asks for, and requests that are no operations.
fn unasked(surface: &Surface, vectors: &Path) -> Result<Vec<String>> {
    let asked: BTreeSet<String> = vectors::read_all(vectors, &[])?
        .iter()
        .flat_map(|file| file.ops().map(str::to_owned))
        .collect();
    let wanted = |op: &Operation| op.unasked.is_none();
    let never = surface.op.iter().filter(|(name, op)| wanted(op) && !asked.contains(*name));
    let never = never.map(|(name, _)| format!("no vector asks for `{name}`"));
    let unknown = asked.iter().filter(|name| !surface.op.contains_key(*name));
    Ok(never.chain(unknown.map(|name| format!("`{name}` is asked for and in no row"))).collect())
}

/// The text of a file, if it is there.
fn text_of(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).with_context(|| path.display().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"
        [op.get]
        core = ["Dict::get"]
        python = ["get", "aget"]
        c = "no reason"
        cpp = []
        no_async = { python = "none" }
        [other.core]
        "for the binding" = ["Dict::peek"]
        [lacks.python]
        raw_json = "rich values"
    "#;

    #[test]
    fn a_new_name_and_a_gone_one_are_both_told() {
        let surface: Surface = toml::from_str(TABLE).unwrap();
        let found = ["Dict::get", "Dict::gone"].map(str::to_owned).into();
        let problems = differences("core", &found, &surface.listed("core"));
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("`Dict::gone` is public"));
        assert!(problems[1].contains("`Dict::peek` is in surface.toml"));
    }

    #[test]
    fn a_row_says_something_of_each_language() {
        let surface: Surface = toml::from_str(TABLE).unwrap();
        assert!(surface.silent("core").is_empty() && surface.silent("c").is_empty());
        assert_eq!(surface.silent("cpp").len(), 1, "an empty list is no answer");
        assert_eq!(surface.silent("swift").len(), 1);
    }

    #[test]
    fn what_is_absent_is_excused_only_where_the_table_says_so() {
        let surface: Surface = toml::from_str(TABLE).unwrap();
        assert!(surface.excuses("get", "c") && !surface.excuses("get", "core"));
        assert!(surface.excuses_async("get", "python") && !surface.excuses_async("get", "core"));
        assert!(
            surface.excuses_lack("raw_json", "python") && !surface.excuses_lack("raw_json", "c")
        );
    }
}
