//! The Swift package as an archive; its checksum is what a binary target or a registry asks for.

use std::path::Path;

use anyhow::Result;

use super::{Made, Place, pack};
use crate::run::command;

/// Lays out the package, native library included, in a directory. `None` while this tree has no Swift
/// package.
const STAGE: Option<fn(&Path) -> Result<()>> = None;

pub(super) fn make(place: &Place) -> Result<Made> {
    let Some(stage) = STAGE else {
        return Ok(Made::Skipped("this tree has no Swift package".to_owned()));
    };
    if command("swift").arg("--version").read().is_err() {
        return Ok(Made::Skipped("no `swift` on this machine: it could not be tried".to_owned()));
    }
    let package = place.dir("package")?;
    stage(&package)?;
    let archive = place.out.join(format!("dictsqlite-swift-{}.zip", place.version));
    pack::archive(&archive, &package, "dictsqlite")?;
    let unpacked = place.dir("unpacked")?;
    pack::unpack(&archive, &unpacked)?;
    let package = unpacked.join("dictsqlite");
    command("swift").args(["test", "--package-path"]).arg(package).run()?;
    Ok(Made::Files(vec![archive]))
}
