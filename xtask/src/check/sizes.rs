//! Files stay small enough to be read in one sitting.

use std::path::Path;

use anyhow::Result;

use super::report;
use crate::paths;

/// More lines than this are worth a second thought.
const WARN: usize = 400;
/// More lines of code than this are too many.
const FAIL: usize = 600;

#[derive(Debug, PartialEq, Eq)]
enum Size {
    Fine,
    Large,
    TooLarge,
}

pub(super) fn check() -> Result<()> {
    let mut problems = Vec::new();
    for file in paths::repository_files()? {
        let Some(code) = kind(&file) else { continue };
        let lines = paths::read(&file)?.lines().count();
        let shown = paths::shown(&file);
        match size(lines, code) {
            Size::Fine => {}
            Size::Large => println!("warning: {shown}: {lines} lines, more than {WARN}"),
            Size::TooLarge => {
                problems.push(format!("{shown}: {lines} lines, more than {FAIL}: split it"));
            }
        }
    }
    report(&problems, "files too large")
}

/// Whether a hand-written file is code (`Some(true)`) or prose (`Some(false)`).
fn kind(file: &Path) -> Option<bool> {
    // Generated.
    if file.ends_with("include/dictsqlite.h") || file.ends_with("DictSQLiteFFI.h") {
        return None;
    }
    match file.extension()?.to_str()? {
        "rs" | "py" | "c" | "h" | "cpp" | "hpp" => Some(true),
        "md" => Some(false),
        _ => None,
    }
}

fn size(lines: usize, code: bool) -> Size {
    match lines {
        0..=WARN => Size::Fine,
        _ if code && lines > FAIL => Size::TooLarge,
        _ => Size::Large,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_can_be_too_large() {
        assert_eq!(size(400, true), Size::Fine);
        assert_eq!(size(401, true), Size::Large);
        assert_eq!(size(600, true), Size::Large);
        assert_eq!(size(601, true), Size::TooLarge);
        assert_eq!(size(5000, false), Size::Large);
    }

    #[test]
    fn generated_and_foreign_files_do_not_count() {
        assert_eq!(kind(Path::new("a/b.rs")), Some(true));
        assert_eq!(kind(Path::new("b.py")), Some(true));
        assert_eq!(kind(Path::new("b.hpp")), Some(true));
        assert_eq!(kind(Path::new("x/include/dictsqlite.h")), None);
        assert_eq!(kind(Path::new("README.md")), Some(false));
        assert_eq!(kind(Path::new("Cargo.lock")), None);
        assert_eq!(kind(Path::new("LICENSE")), None);
    }
}
