//! `cargo xtask test`: every test of every language, and a table of what ran.
//!
//! A new language is a module here with a `run`, and a line in [`LANGUAGES`].

mod conformance;
mod kotlin;
mod native;
mod python;
mod rust;
mod swift;

use anyhow::{Result, bail};

use crate::summary::Summary;

/// What the command line asked for.
#[derive(Default)]
pub(crate) struct Options {
    /// Only this language.
    pub(crate) only: Option<String>,
    /// Only these CPythons, as `3.11`.
    pub(crate) versions: Vec<String>,
    /// Only the Python tests that match.
    pub(crate) expression: Option<String>,
    /// On all but the default CPython, leave out the slow tests and those not about the interpreter.
    pub(crate) quick: bool,
}

/// Runs a language's tests into the summary. An error means that they could not even begin.
type Language = fn(&Options, &mut Summary) -> Result<()>;

/// In the order in which they run.
const LANGUAGES: [(&str, Language); 7] = [
    ("rust", rust::run),
    ("python", python::run),
    (native::C.name, native::c),
    (native::CPP.name, native::cpp),
    ("kotlin", kotlin::run),
    ("swift", swift::run),
    ("conformance", conformance::run),
];

/// The language, if there are tests in it.
pub(crate) fn known_language(name: &str) -> Result<String> {
    if LANGUAGES.iter().any(|(known, _)| *known == name) {
        return Ok(name.to_owned());
    }
    let known: Vec<_> = LANGUAGES.iter().map(|(known, _)| *known).collect();
    bail!("no tests in `{name}`, only in {}", known.join(", "))
}

/// Runs what was asked for; all of it even if parts fail.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut summary = Summary::default();
    for (name, tests) in LANGUAGES {
        if options.only.as_deref().is_some_and(|only| only != name) {
            summary.skipped(name, "", "not asked for");
            continue;
        }
        if let Err(error) = tests(options, &mut summary) {
            summary.part(name, "setting up", || Err(error));
        }
    }
    summary.finish("test")
}
