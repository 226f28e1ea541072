//! The public names of the Kotlin and Swift packages: what is written by hand around the generated
//! sources, since that is what users see.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Found;

/// The classes whose members are operations; the others are data.
const CLASSES: [&str; 12] = [
    "Dict",
    "BlockingDict",
    "DictSQLite",
    "Store",
    "TransactionHandle",
    "Transaction",
    "BlockingTransaction",
    "AtomicUnit",
    "Atomic",
    "BlockingAtomic",
    "ChangeStream",
    "WatchStream",
];

pub(super) fn kotlin(root: &Path) -> Result<Found> {
    found(&root.join("bindings/kotlin/src/main"), "kt", "hand-written source below bindings/kotlin")
}

pub(super) fn swift(root: &Path) -> Result<Found> {
    found(&root.join("bindings/swift/Sources"), "swift", "hand-written source below bindings/swift")
}

fn found(dir: &Path, extension: &str, what: &'static str) -> Result<Found> {
    let files = files_below(dir, extension)?;
    if files.is_empty() {
        return Ok(Found::Nothing(what));
    }
    let mut names = BTreeSet::new();
    for file in files {
        names.extend(public(&std::fs::read_to_string(file)?));
    }
    Ok(Found::All(names))
}

/// The files with an extension below a directory that may not be there, but no generated ones.
pub(super) fn files_below(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return Ok(files) };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.is_dir() && name != "generated" {
            files.extend(files_below(&path, extension)?);
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Public functions and properties of the classes above and of extensions of them, and public
/// functions outside of any class.
fn public(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut inside = Inside::File;
    for line in text.lines() {
        let words: Vec<&str> =
            line.split(|c: char| !is_part(c)).filter(|w| !w.is_empty()).collect();
        let after = |kinds: &[&str]| {
            let at = words.iter().position(|word| kinds.contains(word))?;
            words.get(at + 1).copied()
        };
        if !line.is_empty() && !line.starts_with([' ', '}', '/', ')', '@']) {
            let class = [
                "class",
                "struct",
                "extension",
                "actor",
                "interface",
                "object",
                "enum",
                "protocol",
            ];
            inside = match after(&class) {
                Some(name) if CLASSES.contains(&name) => Inside::Handle,
                Some(_) => Inside::Other,
                None => Inside::File,
            };
        }
        let depth = line.len() - line.trim_start().len();
        let seen = match inside {
            // As deep as the members of a companion.
            Inside::Handle => depth <= 8,
            Inside::File => depth == 0,
            Inside::Other => false,
        };
        if !seen || words.first() != Some(&"public") {
            continue;
        }
        if let Some(name) = function(line) {
            names.insert(name);
        } else if inside == Inside::Handle && depth > 0 {
            names.extend(after(&["val", "var", "let"]).map(str::to_owned));
        }
    }
    names
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    File,
    Handle,
    Other,
}

/// The name of the function a line declares; an extension function names its receiver first.
fn function(line: &str) -> Option<String> {
    let (head, rest) = ["fun ", "func "].iter().find_map(|word| line.split_once(word))?;
    if head.contains(['=', '(', '{']) {
        return None;
    }
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('<') {
        Some(generic) => generic.split_once("> ")?.1,
        None => rest,
    };
    let name = rest.split('(').next()?.rsplit('.').next()?;
    let name = name.split('<').next()?.trim_matches('`');
    (!name.is_empty() && name.chars().all(is_part)).then(|| name.to_owned())
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_names_of_the_handles_are_found() {
        let kotlin = "\
public class Dict<V> internal constructor() {
    public val path: String? get() = null

    public suspend fun get(key: Key): V? = when (val x = 1) {
    override suspend fun hidden()
    private fun own()
    public suspend fun <T> table(name: String): Dict<T> =
}
public data class Entry<V>(
    public val value: V,
)
public suspend fun <V> Dict<V>.expire(key: String) = 1
public fun keyOf(text: String): Key = 1
";
        let names: Vec<_> = public(kotlin).into_iter().collect();
        assert_eq!(names, ["expire", "get", "keyOf", "path", "table"]);
        let swift = "\
public final class Dict {
    public func incr(_ key: Key) async throws -> Int64 {
    public var isClosed: Bool { true }
    func own() {}
}
extension Dict {
    public func pop(_ key: Key) {
}
";
        let names: Vec<_> = public(swift).into_iter().collect();
        assert_eq!(names, ["incr", "isClosed", "pop"]);
    }
}
