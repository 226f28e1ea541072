//! The C and C++ tests: every file of `tests/c` and `tests/cpp` is a program, built against the library as
//! it is installed, and run plainly, under valgrind, and with the sanitizers on its own side; the
//! programs of the language's page; and what finds the library: pkg-config and CMake.

mod build;
mod consumers;
mod symbols;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::Options;
use crate::native::{self, Profile};
use crate::paths;
use crate::run::command;
use crate::summary::Summary;

use build::{Flavour, Toolchain};

/// A language that reaches the library by its C interface.
pub(super) struct Native {
    pub(super) name: &'static str,
    tests: &'static str,
    extension: &'static str,
    page: &'static str,
    compilers: [&'static str; 3],
    variable: &'static str,
    standard: &'static str,
}

pub(super) const C: Native = Native {
    name: "c",
    tests: "tests/c",
    extension: "c",
    page: "docs/c.md",
    compilers: ["cc", "gcc", "clang"],
    variable: "CC",
    standard: "-std=c11",
};

pub(super) const CPP: Native = Native {
    name: "c++",
    tests: "tests/cpp",
    extension: "cpp",
    page: "docs/cpp.md",
    compilers: ["c++", "g++", "clang++"],
    variable: "CXX",
    standard: "-std=c++17",
};

pub(super) fn c(_: &Options, summary: &mut Summary) -> Result<()> {
    run(&C, summary)
}

pub(super) fn cpp(_: &Options, summary: &mut Summary) -> Result<()> {
    run(&CPP, summary)
}

fn run(language: &Native, summary: &mut Summary) -> Result<()> {
    let name = language.name;
    let Some(compiler) = language.compiler() else {
        let tried = language.compilers.join(", ");
        summary.skipped(
            name,
            "",
            format!("no compiler: {tried}, or what {} says", language.variable),
        );
        return Ok(());
    };
    let prefix = native::ready(Profile::Dev)?;
    let programs = paths::target()?.join("native").join(language.tests.replace('/', "-"));
    let toolchain = Toolchain { language, compiler, prefix: &prefix, programs };
    let sources = language.sources()?;
    for flavour in Flavour::ALL {
        let on = format!("{} programs", sources.len());
        let what = format!("{name}, {}", flavour.name());
        if let Some(missing) = flavour.missing(&toolchain) {
            summary.skipped(&what, &on, missing);
            continue;
        }
        summary.part(&what, &on, || {
            sources.iter().try_for_each(|source| toolchain.test(source, flavour))
        });
    }
    summary.part(&format!("{name}, programs of the page"), language.page, || {
        consumers::page(&toolchain)
    });
    consumers::installed(&toolchain, summary);
    if name == C.name {
        summary.part("exported symbols", "nm", || symbols::check(&prefix));
    }
    Ok(())
}

impl Native {
    /// The compiler the user asks for, or the first one there is.
    fn compiler(&self) -> Option<String> {
        let runs = |name: &str| command(name).arg("--version").read().is_ok();
        if let Ok(asked) = std::env::var(self.variable) {
            return runs(&asked).then_some(asked);
        }
        self.compilers.into_iter().find(|name| runs(name)).map(str::to_owned)
    }

    fn sources(&self) -> Result<Vec<PathBuf>> {
        let dir = paths::root().join(self.tests);
        let mut files = paths::files_below(&dir)?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == self.extension));
        if files.is_empty() {
            bail!("no tests in {}", self.tests);
        }
        Ok(files)
    }
}

/// A new, empty directory for a program to leave its files in.
fn scratch(path: &Path) -> Result<()> {
    if path.exists() {
        std::fs::remove_dir_all(path)?;
    }
    Ok(std::fs::create_dir_all(path)?)
}
