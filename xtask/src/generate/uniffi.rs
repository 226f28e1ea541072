//! The Kotlin and Swift sources that belong to the UniFFI crate.
//!
//! They are made by a program of that crate, of the same locked version, from the built library. What
//! it makes depends on the sources only; nothing formats it afterwards.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::paths;
use crate::run::{cargo, command};

const LIBRARY: &str = "dictsqlite_uniffi";

/// What is generated, and where it is checked in.
const FILES: [(&str, &str); 3] = [
    (
        "kotlin/io/github/dictsqlite/dictsqlite.kt",
        "bindings/kotlin/src/generated/kotlin/io/github/dictsqlite/dictsqlite.kt",
    ),
    ("swift/DictSQLiteNative.swift", "bindings/swift/Sources/DictSQLite/Generated/Native.swift"),
    ("swift/DictSQLiteFFI.h", "bindings/swift/Sources/DictSQLiteFFI/DictSQLiteFFI.h"),
];

/// Generates the sources; with `check` only says whether they differ from those checked in.
pub(crate) fn generate(check: bool) -> Result<()> {
    // The first time this compiles the generator, which takes a minute or two.
    cargo()
        .args(["build", "--quiet", "--release"])
        .args(["--package", "dictsqlite-uniffi", "--features", "bindgen"])
        .run()?;
    let built = paths::target()?.join("release");
    let made = paths::target()?.join("generate").join("uniffi");
    let library =
        format!("{}{LIBRARY}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let program = format!("uniffi-bindgen{}", std::env::consts::EXE_SUFFIX);
    command(built.join(program)).arg(built.join(library)).arg(&made).run()?;

    let mut drifted = Vec::new();
    for (from, to) in FILES {
        let new = paths::read(&made.join(from))?;
        let file = paths::root().join(to);
        // A file that is not there differs.
        if fs::read_to_string(&file).is_ok_and(|old| old == new) {
            continue;
        }
        drifted.push(to);
        if !check {
            if let Some(dir) = file.parent() {
                fs::create_dir_all(dir)?;
            }
            fs::write(&file, new).with_context(|| format!("cannot write {to}"))?;
            println!("written: {to}");
        }
    }
    if check && !drifted.is_empty() {
        bail!("not what `cargo xtask generate` makes: {}", drifted.join(", "));
    }
    Ok(())
}
