//! The floors of the engine and of the C interface: a module imports only from floors below its own;
//! and where in them `unsafe` may stand.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::report;
use super::scan::{What, mentions};
use crate::paths;

/// A crate with floors.
struct House {
    source: &'static str,
    /// The top-level modules, from the ground up. `lib` is above them all.
    floors: &'static [&'static [&'static str]],
    /// What the rest of the ground floor is made of.
    ground: &'static [&'static str],
    /// What is wrong with a word in a module.
    misplaced: fn(&str, &[&str]) -> Option<String>,
}

const ENGINE: House = House {
    source: "crates/dictsqlite-core/src",
    floors: &FLOORS,
    ground: &GROUND,
    misplaced: misplaced_in_engine,
};

const BORDER: House = House {
    source: "crates/dictsqlite-ffi/src",
    floors: &[
        &["raw", "handles"],
        &["guard", "open", "queue"],
        &["dispatch", "exit"],
        &["operation"],
        &["calls"],
    ],
    ground: &[],
    misplaced: misplaced_at_border,
};

/// The engine's.
const FLOORS: [&[&str]; 8] = [
    &["error", "types", "options", "completion", "backpressure", "clock", "sync"],
    &["codec", "cache", "memtable", "vfs"],
    &["sqlite", "io"],
    &["state"],
    &["readers", "writer", "maintenance"],
    &["store", "registry"],
    &["transaction", "scan", "changes", "value_stream", "query", "backup"],
    &["dict", "db"],
];

/// What the rest of the ground floor is made of.
const GROUND: [&str; 4] = ["error", "types", "clock", "sync"];

pub(super) fn check() -> Result<()> {
    let mut problems = Vec::new();
    for house in [&ENGINE, &BORDER] {
        problems.extend(problems_of(house)?);
    }
    report(&problems, "violations of the floors")
}

fn problems_of(house: &House) -> Result<Vec<String>> {
    let source = paths::root().join(house.source);
    let mut problems = Vec::new();
    let mut files = 0;
    for file in paths::files_below(&source)? {
        let Some(module) = module_of(file.strip_prefix(&source)?) else {
            continue;
        };
        let text = paths::read(&file)?;
        let found = problems_in(house, &text, &module).with_context(|| paths::shown(&file))?;
        problems
            .extend(found.into_iter().map(|problem| format!("{}:{problem}", paths::shown(&file))));
        files += 1;
    }
    if files == 0 {
        bail!("no sources in {}", house.source);
    }
    Ok(problems)
}

/// The module a file is, from the crate's root on; `None` for tests and for what is not Rust.
fn module_of(file: &Path) -> Option<Vec<String>> {
    let stem = file.file_stem()?.to_str()?;
    if file.extension()? != "rs" || stem == "tests" || stem.ends_with("_tests") {
        return None;
    }
    let dirs = file.parent()?.iter().map(|dir| dir.to_string_lossy().into_owned());
    let mut module: Vec<String> = dirs.collect();
    if module.iter().any(|dir| dir == "tests") {
        return None;
    }
    if stem != "mod" && !(module.is_empty() && stem == "lib") {
        module.push(stem.to_owned());
    }
    Some(module)
}

/// What is wrong in one file, as `line: words`.
fn problems_in(house: &House, text: &str, module: &[String]) -> Result<Vec<String>> {
    let top = module.first().map(String::as_str);
    let mut problems = Vec::new();
    let names: Vec<&str> = module.iter().map(String::as_str).collect();
    if let Some(top) = top.filter(|top| floor(house, top).is_none()) {
        problems.push(format!(
            "1: no floor is known for `{top}`: add it to the table in xtask's floors.rs"
        ));
    }
    for mention in mentions(text, module)? {
        let problem = match &mention.what {
            What::Word(word) => (house.misplaced)(word, &names),
            What::Path(path) => {
                top.zip(path.first()).and_then(|(top, to)| crossing(house, top, to))
            }
        };
        problems.extend(problem.map(|problem| format!("{}: {problem}", mention.line)));
    }
    // A `use` tree names the same module many times.
    problems.dedup();
    Ok(problems)
}

fn floor(house: &House, module: &str) -> Option<usize> {
    house.floors.iter().position(|floor| floor.contains(&module))
}

/// What is wrong with `from` naming something in `to`.
fn crossing(house: &House, from: &str, to: &str) -> Option<String> {
    if from == to {
        return None;
    }
    let Some(up) = floor(house, to) else {
        return Some(if to.starts_with(|c: char| c.is_lowercase()) {
            format!("`{from}` imports `{to}`, which has no floor")
        } else {
            format!("`{from}` imports `{to}` by way of lib, which is above all: name its module")
        });
    };
    // Said once, for the file.
    let own = floor(house, from)?;
    let ground = own == 0 && house.ground.contains(&to);
    let fine = up < own || ground;
    (!fine)
        .then(|| format!("`{from}` (floor {own}) imports `{to}` (floor {up}): only lower floors"))
}

fn misplaced_in_engine(word: &str, module: &[&str]) -> Option<String> {
    match (word, module) {
        (_, ["vfs", ..]) | ("rusqlite", ["sqlite", ..]) | ("unsafe", ["sqlite", "stamp", ..]) => {
            None
        }
        ("unsafe", ["io", "uring" | "ofd", ..]) => None,
        ("rusqlite", _) => Some("`rusqlite` may be named only in sqlite/ and vfs/".to_owned()),
        _ => Some("`unsafe` may stand only in vfs/, sqlite/stamp, io/uring and io/ofd".to_owned()),
    }
}

/// The attribute of an exported function is no mention.
fn misplaced_at_border(word: &str, module: &[&str]) -> Option<String> {
    match (word, module) {
        ("unsafe", ["raw", ..] | ["exit"]) => None,
        ("rusqlite", _) => Some("`rusqlite` is the engine's".to_owned()),
        _ => Some("`unsafe` may stand only in raw/ and exit".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str, module: &str) -> Vec<String> {
        let module: Vec<String> =
            module.split("::").filter(|m| !m.is_empty()).map(str::to_owned).collect();
        problems_in(&ENGINE, text, &module).expect("Rust")
    }

    #[test]
    fn down_is_allowed_and_up_and_sideways_are_not() {
        assert!(
            problems("use crate::{error::Error, cache::Cache, sqlite::Db};", "writer").is_empty()
        );
        assert!(
            problems("use crate::writer::queue; use super::Writer;", "writer::group").is_empty()
        );
        let up = problems("use crate::types::Key;\nuse crate::store::Store;", "cache");
        assert_eq!(up, ["2: `cache` (floor 1) imports `store` (floor 5): only lower floors"]);
        assert_eq!(problems("use crate::readers;", "writer").len(), 1);
        assert_eq!(problems("fn f() { super::super::db::open() }", "scan::page").len(), 1);
    }

    #[test]
    fn the_ground_floor_stands_on_types_and_errors() {
        assert!(problems("use crate::{error::Error, types::Key};", "options").is_empty());
        assert!(problems("use crate::types::Key;", "error").is_empty());
        assert_eq!(problems("use crate::options::Options;", "completion").len(), 1);
    }

    #[test]
    fn lib_may_name_all_but_is_named_by_none() {
        assert!(problems("pub use crate::db::Db; pub use dict::Dict;", "").is_empty());
        let around = problems("use crate::Error;", "db");
        assert!(around[0].contains("by way of lib"), "{around:?}");
        assert_eq!(
            problems("use crate::attic::{a, b};", "db"),
            ["1: `db` imports `attic`, which has no floor"]
        );
        assert_eq!(problems("use super::*;", "db").len(), 1);
        assert!(problems("use super::*;", "db::open").is_empty());
    }

    #[test]
    fn an_unknown_module_must_be_given_a_floor() {
        let unknown = problems("use crate::types::Key;", "attic");
        assert_eq!(unknown.len(), 1);
        assert!(unknown[0].contains("add it to the table"), "{unknown:?}");
    }

    #[test]
    fn rusqlite_and_unsafe_have_their_places() {
        let both = "fn f() { unsafe { rusqlite::ffi::x() } }";
        assert!(problems(both, "vfs::locks").is_empty());
        assert!(problems(both, "sqlite::stamp").is_empty());
        assert_eq!(problems(both, "sqlite::open").len(), 1);
        assert_eq!(problems(both, "cache").len(), 2);
        assert_eq!(problems(both, "").len(), 2);
    }

    #[test]
    fn the_border_follows_pointers_in_one_place() {
        let problems = |text: &str, module: &str| {
            problems_in(&BORDER, text, &[module.to_owned()]).expect("Rust")
        };
        let exported = "#[unsafe(no_mangle)] pub extern \"C\" fn f() {}";
        assert!(problems(exported, "calls").is_empty());
        assert_eq!(problems("fn f() { unsafe { g() } }", "calls").len(), 1);
        assert!(problems("fn f() { unsafe { g() } }", "raw").is_empty());
        assert_eq!(problems("use crate::calls::f;", "queue").len(), 1);
    }

    #[test]
    fn files_are_modules() {
        let module = |path: &str| module_of(Path::new(path)).map(|module| module.join("::"));
        assert_eq!(module("lib.rs").as_deref(), Some(""));
        assert_eq!(module("clock.rs").as_deref(), Some("clock"));
        assert_eq!(module("cache/mod.rs").as_deref(), Some("cache"));
        assert_eq!(module("cache/lib.rs").as_deref(), Some("cache::lib"));
        assert_eq!(module("cache/tests.rs"), None);
        assert_eq!(module("cache/sieve_tests.rs"), None);
        assert_eq!(module("cache/tests/fill.rs"), None);
        assert_eq!(module("sqlite/schema.sql"), None);
    }
}
