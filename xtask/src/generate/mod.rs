//! `cargo xtask generate`: files of the repository that are made from others, and the check that they are
//! as they would be made.
//!
//! A new kind is a module here and a line in [`GENERATORS`].

mod header;
mod uniffi;

use std::fs;

use anyhow::{Context, Result, bail};

use crate::paths;

/// A generated file: its path in the repository, and its text as it must be.
type Generated = (&'static str, String);

const GENERATORS: [fn() -> Result<Vec<Generated>>; 2] = [header::files, uniffi::files];

/// Writes every generated file; with `check`, fails if one is not as it would be written.
pub(crate) fn run(check: bool) -> Result<()> {
    let mut stale = Vec::new();
    for make in GENERATORS {
        for (path, text) in make()? {
            let file = paths::root().join(path);
            // A file that is not there differs.
            if fs::read_to_string(&file).is_ok_and(|is| is == text) {
                continue;
            }
            if check {
                stale.push(path);
                continue;
            }
            if let Some(dir) = file.parent() {
                fs::create_dir_all(dir)?;
            }
            fs::write(&file, text).with_context(|| format!("cannot write {path}"))?;
            println!("wrote {path}");
        }
    }
    if !stale.is_empty() {
        bail!("not as generated: {}; run `cargo xtask generate`", stale.join(", "));
    }
    Ok(())
}
