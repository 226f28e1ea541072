//! The Rust tests.

use anyhow::Result;

use super::Options;
use crate::run::cargo;
use crate::summary::Summary;

pub(super) fn run(_: &Options, summary: &mut Summary) -> Result<()> {
    summary.part("cargo test", "workspace", || {
        cargo().args(["test", "--quiet", "--workspace", "--no-fail-fast"]).run()
    });
    Ok(())
}
