//! `cargo xtask generate`: files of the repository that are made from others, and the check that they are
//! as they would be made.
//!
//! A new one is a module here and a line in [`GENERATED`].

mod header;

use anyhow::{Result, bail};

use crate::paths;

/// A generated file: its path in the repository, and its text as it must be.
type Generated = (&'static str, fn() -> Result<String>);

const GENERATED: [Generated; 1] = [("include/dictsqlite.h", header::text)];

/// Writes every generated file; with `check`, fails if one is not as it would be written.
pub(crate) fn run(check: bool) -> Result<()> {
    let mut stale = Vec::new();
    for (path, make) in GENERATED {
        let file = paths::root().join(path);
        let text = make()?;
        if std::fs::read_to_string(&file).is_ok_and(|is| is == text) {
            continue;
        }
        if check {
            stale.push(path);
        } else {
            std::fs::write(&file, text)?;
            println!("wrote {path}");
        }
    }
    if !stale.is_empty() {
        bail!("not as generated: {}; run `cargo xtask generate`", stale.join(", "));
    }
    Ok(())
}
