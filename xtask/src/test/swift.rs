//! Swift: its own tests where there is a toolchain; everywhere that the layer by hand names only what
//! the generated source has.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::Options;
use crate::paths;
use crate::run::{cargo, command};
use crate::summary::Summary;

const PACKAGE: &str = "bindings/swift";
const SOURCES: &str = "bindings/swift/Sources/DictSQLite";
const EXAMPLE: &str = "bindings/swift/Examples/main.swift";
const ACCOUNTS: &str = "bindings/swift/Examples/Accounts/main.swift";
const PAGE: &str = "docs/swift.md";
const GENERATED: &str = "bindings/swift/Sources/DictSQLite/Generated/Native.swift";

pub(super) fn run(_: &Options, summary: &mut Summary) -> Result<()> {
    summary.part("swift", "names", names);
    if command("swift").arg("--version").read().is_err() {
        summary.skipped(
            "swift",
            "XCTest",
            "no `swift` on this machine: nothing of it was compiled",
        );
        return Ok(());
    }
    summary.part("swift", "XCTest", || {
        cargo().args(["build", "--quiet", "--release", "--package", "dictsqlite-uniffi"]).run()?;
        let library = paths::target()?.join("release");
        let scratch = paths::target()?.join("swift");
        command("swift")
            .args(["test", "--package-path", PACKAGE, "--scratch-path"])
            .arg(scratch)
            .args(["-Xlinker", "-L", "-Xlinker"])
            .arg(&library)
            .args(["-Xlinker", "-rpath", "-Xlinker"])
            .arg(&library)
            .run()
    });
    Ok(())
}

/// Methods the layer calls on native objects, and the native types and functions it names, must be in
/// the generated source.
fn names() -> Result<()> {
    let generated = words(&paths::read(&paths::root().join(GENERATED))?);
    let mut missing = BTreeSet::new();
    let mut seen = 0;
    for file in paths::files_below(&paths::root().join(SOURCES))? {
        let by_hand = file.extension().is_some_and(|extension| extension == "swift");
        if !by_hand || file.ends_with("Generated/Native.swift") {
            continue;
        }
        for name in native_names(&paths::read(&file)?) {
            seen += 1;
            if !generated.contains(&name) {
                missing.insert(format!("{}: {name}", paths::shown(&file)));
            }
        }
    }
    if seen == 0 {
        bail!("no native name in {SOURCES}: this test looks at nothing");
    }
    if !missing.is_empty() {
        let missing: Vec<_> = missing.into_iter().collect();
        bail!("not in the generated Swift source:\n{}", missing.join("\n"));
    }
    println!("  {seen} names are in the generated source");
    let page = paths::read(&paths::root().join(PAGE))?;
    for example in [EXAMPLE, ACCOUNTS] {
        let program = paths::read(&paths::root().join(example))?;
        if !page.contains(&format!("```swift\n{program}```")) {
            bail!("{PAGE} does not show {example} as it is");
        }
    }
    let program = paths::read(&paths::root().join(EXAMPLE))?;
    quick_start(&paths::read(&paths::root().join("README.md"))?, &program)
}

/// The README's program is made of lines of the example, which the page shows whole.
fn quick_start(readme: &str, program: &str) -> Result<()> {
    let Some((_, shown)) = readme.split_once("```swift\n") else {
        bail!("README.md shows no Swift")
    };
    let lines: BTreeSet<&str> = program.lines().collect();
    for line in shown.lines().take_while(|line| !line.starts_with("```")) {
        if !lines.contains(line) {
            bail!("README.md shows a line that {EXAMPLE} does not have: {line}");
        }
    }
    Ok(())
}

/// Words of `text` that only the generated source can declare: `Native...`, `native...`, and what
/// follows `native.` or `scan.`.
fn native_names(text: &str) -> BTreeSet<String> {
    let text = without_comments(text);
    let mut names: BTreeSet<String> = words(&text)
        .into_iter()
        .filter(|word| word.len() > 6 && (word.starts_with("Native") || word.starts_with("native")))
        .collect();
    for object in ["native.", "scan."] {
        for (at, _) in text.match_indices(object) {
            let member: String = text[at + object.len()..].chars().take_while(is_part).collect();
            names.insert(member);
        }
    }
    names.remove("");
    names
}

fn without_comments(text: &str) -> String {
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    text.lines().map(code).collect::<Vec<_>>().join("\n")
}

fn words(text: &str) -> BTreeSet<String> {
    text.split(|c| !is_part(&c)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn is_part(c: &char) -> bool {
    c.is_alphanumeric() || *c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_names_are_found_and_comments_are_not() {
        let text = "let a = try native.get(key: k) // native.gone\nfunc f(_ x: NativeDict?) { nativeOpen() }";
        let found: Vec<String> = native_names(text).into_iter().collect();
        assert_eq!(found, ["NativeDict", "get", "nativeOpen"]);
    }
}
