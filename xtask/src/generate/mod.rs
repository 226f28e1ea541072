//! `cargo xtask generate`: sources that are made from the Rust ones and checked in.

mod uniffi;

use anyhow::Result;

/// Writes what is generated; with `check` only compares it with what is checked in.
pub(crate) fn run(check: bool) -> Result<()> {
    uniffi::generate(check)
}
