//! The Python package's public names, from its stubs; `cargo xtask check stubs` keeps those true.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};

use super::Found;

/// The stubs of what a handle is made of, and the classes in them.
const STUBS: [(&str, &[&str]); 4] = [
    ("_dictsqlite.pyi", &["Dict", "Scan", "AsyncScan", "Changes", "Watch"]),
    ("_dict.pyi", &["DictSQLite"]),
    ("_awaitable.pyi", &["Awaitables"]),
    ("_memoize.pyi", &["Memoizing"]),
];

pub(super) fn found(root: &Path) -> Result<Found> {
    let dir = root.join("python/dictsqlite");
    let mut names = BTreeSet::new();
    for (file, classes) in STUBS {
        let text = std::fs::read_to_string(dir.join(file)).with_context(|| file)?;
        names.extend(methods(&text, classes));
    }
    names.extend(exported(&std::fs::read_to_string(dir.join("__init__.py"))?));
    Ok(Found::All(names))
}

/// Public methods and properties of the handle; those of other classes as `Class.name`.
fn methods(text: &str, classes: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut class = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("class ") {
            let name = rest.split(['(', ':']).next().unwrap_or_default();
            class = classes.iter().find(|known| **known == name).copied();
        } else if line.starts_with("def ") {
            class = None;
        }
        let Some(class) = class else { continue };
        let Some(member) = line.strip_prefix("    ") else { continue };
        let Some(rest) = member.strip_prefix("async def ").or_else(|| member.strip_prefix("def "))
        else {
            continue;
        };
        let name = rest.split('(').next().unwrap_or_default();
        let private = name.starts_with('_') && !name.starts_with("__");
        match class {
            _ if private => {}
            "Scan" | "AsyncScan" | "Changes" | "Watch" => {
                names.insert(format!("{class}.{name}"));
            }
            _ => drop(names.insert(name.to_owned())),
        }
    }
    names
}

/// The names of the module's `__all__`, as `dictsqlite.name`.
fn exported(text: &str) -> Vec<String> {
    let list = text.split_once("__all__ = [").and_then(|(_, rest)| rest.split_once(']'));
    let names = list.into_iter().flat_map(|(list, _)| list.split('"').skip(1).step_by(2));
    names.map(|name| format!("dictsqlite.{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_of_the_classes_are_found() {
        let text = "class Dict(Base):\n    def get(self): ...\n    @property\n    def path(self) -> str: ...\n    \
            def _own(self): ...\n    async def aget(\n        self\n    ): ...\nclass Scan:\n    def close(self): ...\n\
            class Other:\n    def x(self): ...\n";
        let names: Vec<_> = methods(text, &["Dict", "Scan"]).into_iter().collect();
        assert_eq!(names, ["Scan.close", "aget", "get", "path"]);
        assert_eq!(
            exported("__all__ = [\n    \"A\",\n    \"b\",\n]\n"),
            ["dictsqlite.A", "dictsqlite.b"]
        );
    }
}
