//! The engine compiles for Windows and macOS too, as far as that can be said without their machines.
//!
//! Checking needs no linker, but the build script of the bundled SQLite asks for a C compiler of the
//! target. Nothing reads what that would give, so a program that does nothing stands in for it: what
//! is checked is our Rust, not SQLite's C.

use anyhow::{Result, bail};

use crate::paths;
use crate::run::{cargo, command};

const TARGETS: [&str; 2] = ["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];
const PACKAGES: [&str; 1] = ["dictsqlite-core"];
/// A program that succeeds whatever it is asked.
const IDLE: &str = "true";

pub(super) fn check() -> Result<()> {
    if command(IDLE).read().is_err() {
        println!("SKIPPED: no `{IDLE}` on this machine to stand in for the C compilers");
        return Ok(());
    }
    let mut failed = Vec::new();
    for target in TARGETS {
        if !has_std(target)? {
            println!("SKIPPED {target}: its standard library is not installed and cannot be had");
            continue;
        }
        let words = target.replace('-', "_");
        let mut run = cargo().args(["check", "--quiet", "--target", target]);
        for package in PACKAGES {
            run = run.args(["--package", package]);
        }
        let checked = run
            .env(&format!("CC_{words}"), IDLE)
            .env(&format!("AR_{words}"), IDLE)
            .env("RUSTFLAGS", "-D warnings")
            // Apart from the real builds, whose SQLite is not empty.
            .env("CARGO_TARGET_DIR", paths::target()?.join("cross"))
            .quietly(&format!("checking for {target}"));
        if let Err(error) = checked {
            println!("{error:#}");
            failed.push(target);
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("does not compile for {}", failed.join(", ")) }
}

/// Whether the target's standard library is here; rustup is asked for it once.
fn has_std(target: &str) -> Result<bool> {
    let here = || -> Result<bool> {
        let dir = command("rustc").args(["--print", "target-libdir", "--target", target]).read()?;
        Ok(std::path::Path::new(dir.trim()).is_dir())
    };
    if here()? {
        return Ok(true);
    }
    Ok(command("rustup").args(["target", "add", target]).read().is_ok() && here()?)
}
