//! The Kotlin and Swift sources that belong to the UniFFI crate.
//!
//! They are made by a program of that crate, of the same locked version, from the built library. What
//! it makes depends on the sources only; nothing formats it afterwards.

use anyhow::Result;

use super::Generated;
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

/// Every generated source.
pub(super) fn files() -> Result<Vec<Generated>> {
    // The first time this compiles the generator; as the tests are compiled, which share the rest.
    cargo()
        .args(["build", "--quiet"])
        .args(["--package", "dictsqlite-uniffi", "--features", "bindgen"])
        .run()?;
    let built = paths::target()?.join("debug");
    let made = paths::target()?.join("generate").join("uniffi");
    let library =
        format!("{}{LIBRARY}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let program = format!("uniffi-bindgen{}", std::env::consts::EXE_SUFFIX);
    command(built.join(program)).arg(built.join(library)).arg(&made).run()?;
    FILES.iter().map(|(from, to)| Ok((*to, paths::read(&made.join(from))?))).collect()
}
