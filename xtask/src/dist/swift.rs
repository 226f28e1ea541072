//! The Swift package as an archive, with the native library of this target beside its sources. Its
//! checksum in `SHA256SUMS` is what `swift package compute-checksum` gives.

use std::fs;

use anyhow::{Context, Result};

use super::{Made, Place, pack};
use crate::paths;
use crate::run::{Run, cargo, command};

const PACKAGE: &str = "bindings/swift";
const LIBRARY: &str = "dictsqlite_uniffi";

pub(super) fn make(place: &Place) -> Result<Made> {
    let source = paths::root().join(PACKAGE);
    if !source.join("Package.swift").is_file() {
        return Ok(Made::Skipped("this tree has no Swift package".to_owned()));
    }
    if command("swift").arg("--version").read().is_err() {
        return Ok(Made::Skipped("no `swift` on this machine: it could not be tried".to_owned()));
    }
    let package = place.dir("package")?;
    for file in paths::files_below(&source)? {
        let to = package.join(file.strip_prefix(&source)?);
        fs::create_dir_all(to.parent().unwrap_or(&package))?;
        fs::copy(&file, &to).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    cargo().args(["build", "--quiet", "--release", "--package", "dictsqlite-uniffi"]).run()?;
    let name = format!("{}{LIBRARY}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    fs::create_dir_all(package.join("lib"))?;
    fs::copy(paths::target()?.join("release").join(&name), package.join("lib").join(&name))?;

    let top = format!("dictsqlite-swift-{}", place.version);
    let archive = place.out.join(format!("{top}-{}.zip", place.target));
    pack::archive(&archive, &package, &top)?;
    let unpacked = place.dir("unpacked")?;
    pack::unpack(&archive, &unpacked)?;
    tests(&unpacked.join(top)).run()?;
    Ok(Made::Files(vec![archive]))
}

/// The package's own tests, with the library that came with it.
fn tests(package: &std::path::Path) -> Run {
    let library = package.join("lib");
    command("swift")
        .args(["test", "--package-path"])
        .arg(package)
        .args(["-Xlinker", "-L", "-Xlinker"])
        .arg(&library)
        .args(["-Xlinker", "-rpath", "-Xlinker"])
        .arg(&library)
}
