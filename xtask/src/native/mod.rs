//! The native library as C and C++ meet it: built, and laid out as it is installed.

mod layout;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::paths;
use crate::run::cargo;

pub(crate) use layout::stage;

const PACKAGE: &str = "dictsqlite-ffi";

/// How a library is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// For tests.
    Dev,
    /// For users and benchmarks.
    Release,
}

/// What a build gives.
pub(crate) struct Built {
    shared: PathBuf,
    archive: PathBuf,
    /// What a program must link beside the archive.
    private: String,
}

/// Builds the shared and the static library for this machine.
pub(crate) fn build(profile: Profile) -> Result<Built> {
    let mut run = cargo().args(["rustc", "--quiet", "--package", PACKAGE, "--lib"]);
    if profile == Profile::Release {
        run = run.arg("--release");
    }
    run.quietly("building libdictsqlite")?;
    let dir = paths::target()?.join(match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    });
    let (before, after) =
        if cfg!(target_os = "macos") { ("lib", ".dylib") } else { ("lib", ".so") };
    Ok(Built {
        shared: dir.join(format!("{before}dictsqlite{after}")),
        archive: dir.join("libdictsqlite.a"),
        private: private_libs().to_owned(),
    })
}

/// What Rust's standard library needs of the system, as `rustc --print native-static-libs` says.
fn private_libs() -> &'static str {
    if cfg!(target_os = "macos") {
        "-lSystem -lc -lm"
    } else {
        "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"
    }
}

/// Builds the library for users and lays it out below `prefix`.
pub(crate) fn install(prefix: &Path) -> Result<()> {
    stage(&build(Profile::Release)?, prefix)
}

/// The library built and laid out below the target directory, for tests and benchmarks.
pub(crate) fn ready(profile: Profile) -> Result<PathBuf> {
    let name = if profile == Profile::Dev { "debug" } else { "release" };
    let prefix = paths::target()?.join("native").join(name);
    stage(&build(profile)?, &prefix)?;
    Ok(prefix)
}
