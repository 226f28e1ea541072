//! The library exports what the header declares, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::paths;
use crate::run::command;

pub(super) fn check(prefix: &Path) -> Result<()> {
    let header = paths::read(&prefix.join("include").join("dictsqlite.h"))?;
    let declared = declared(&header);
    let lib = prefix.join("lib");
    let library = ["libdictsqlite.so", "libdictsqlite.dylib"].map(|name| lib.join(name));
    let library = library.iter().find(|file| file.exists()).context("no shared library")?;
    let archive = lib.join("libdictsqlite.a");
    let flags = if cfg!(target_os = "macos") { ["-g", "-U"] } else { ["-D", "--defined-only"] };
    let exported = exported(&command("nm").args(flags).arg(library).read()?);
    if cfg!(target_os = "linux") {
        let said =
            command("nm").args(["-g", "--defined-only", "--no-sort"]).arg(&archive).read()?;
        // Beside the symbols, it names the member.
        let symbols: String = said
            .lines()
            .filter(|line| line.contains(' '))
            .map(|line| format!("{line}\n"))
            .collect();
        let shown: Vec<_> = self::exported(&symbols).difference(&declared).cloned().collect();
        if !shown.is_empty() {
            bail!("the archive shows {} symbols more, such as {}", shown.len(), shown[0]);
        }
    }
    let missing: Vec<_> = declared.difference(&exported).collect();
    let surplus: Vec<_> = exported.difference(&declared).collect();
    if declared.is_empty() || !missing.is_empty() || !surplus.is_empty() {
        bail!(
            "{} functions declared; not exported: {missing:?}; not declared: {surplus:?}",
            declared.len()
        );
    }
    let mut tests = String::new();
    for file in paths::files_below(&paths::root().join("tests").join("c"))? {
        tests += &paths::read(&file)?;
    }
    let untested: Vec<_> =
        declared.iter().filter(|name| !tests.contains(&format!("{name}("))).collect();
    if !untested.is_empty() {
        bail!("no test in C calls {untested:?}");
    }
    println!("{} functions, declared, exported and tested", declared.len());
    if cfg!(target_os = "linux") {
        let said = command("readelf").arg("-d").arg(library).read()?;
        if !said.contains("[libdictsqlite.so.5]") {
            bail!("the library has no SONAME libdictsqlite.so.5:\n{said}");
        }
    }
    Ok(())
}

/// The functions that the header declares, without those that it defines itself.
fn declared(header: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in header.lines() {
        // A declaration begins at the margin; its first `(` follows the name.
        let (Some(before), true) = (line.split('(').next(), line.contains('(')) else { continue };
        if line.starts_with([' ', '/', '*', '#', '}'])
            || before.contains("static ")
            || before.contains("typedef ")
        {
            continue;
        }
        names.extend(before.rsplit([' ', '*']).next().map(str::to_owned));
    }
    names
}

/// The names in what `nm` says.
fn exported(said: &str) -> BTreeSet<String> {
    let names = said.lines().filter_map(|line| line.split_whitespace().last());
    let names = names
        .map(|name| if cfg!(target_os = "macos") { name.trim_start_matches('_') } else { name });
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_told_from_definitions_and_comments() {
        let header = "/// f(x)\nenum code f(int x,\n             int (*g)(void));\nconst char *h(void);\n\
                      static inline int i(void) {\n  return j();\n}\ntypedef void (*k)(void);\n";
        let names: Vec<_> = declared(header).into_iter().collect();
        assert_eq!(names, ["f", "h"]);
        let said = "0000 T f\n0001 T h\n";
        assert_eq!(exported(said).len(), 2);
    }
}
