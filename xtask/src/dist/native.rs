//! The library for C and C++: libraries, headers, pkg-config and CMake files, below one directory.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::{Made, Place, pack};
use crate::run::command;
use crate::{native, paths};

/// Programs that are built against what was unpacked: one in C by pkg-config, one in C++ by CMake.
const PROGRAMS: &str = "tests/dist/native";

pub(super) fn make(place: &Place) -> Result<Made> {
    let prefix = place.scratch.join("prefix");
    native::install(&prefix)?;
    fs::copy(paths::root().join("LICENSE"), prefix.join("LICENSE"))?;
    let top = format!("dictsqlite-{}-{}", place.version, place.target);
    let archive = place.out.join(format!("{top}.tar.gz"));
    pack::archive(&archive, &prefix, &top)?;
    let unpacked = place.dir("unpacked")?;
    pack::unpack(&archive, &unpacked)?;
    tried(place, &unpacked.join(top))?;
    Ok(Made::Files(vec![archive]))
}

/// Uses what was unpacked by pkg-config and by CMake, with nothing of the repository in sight.
fn tried(place: &Place, prefix: &Path) -> Result<()> {
    let (root, empty) = (paths::root(), place.dir("empty")?);
    let library = prefix.join("lib");
    let flags = command("pkg-config")
        .args(["--cflags", "--libs", "dictsqlite"])
        .env("PKG_CONFIG_PATH", library.join("pkgconfig"))
        .read()?;
    command("cc")
        .arg("-o")
        .arg(empty.join("use_c"))
        .arg(root.join(PROGRAMS).join("use.c"))
        .args(flags.split_whitespace())
        .run()?;
    let program = |name: &Path| command(name).arg(&place.version).dir(&empty);
    program(&empty.join("use_c")).env("LD_LIBRARY_PATH", &library).run()?;
    if command("cmake").arg("--version").read().is_err() {
        println!("SKIPPED CMake: no `cmake` on this machine");
        return Ok(());
    }
    let build = place.dir("cmake")?;
    command("cmake")
        .arg("-S")
        .arg(root.join(PROGRAMS))
        .arg("-B")
        .arg(&build)
        .arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()))
        .quietly("cmake")?;
    command("cmake").arg("--build").arg(&build).quietly("cmake --build")?;
    program(&build.join("use_cpp")).run()
}
