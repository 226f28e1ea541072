//! Building a test program and running it, in each of the ways.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Native, scratch};
use crate::paths;
use crate::run::{Run, command};

/// How a program is built and run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    Plain,
    Valgrind,
    Sanitized,
    /// Against the archive instead of the shared library.
    Static,
}

impl Flavour {
    pub(super) const ALL: [Self; 4] = [Self::Plain, Self::Valgrind, Self::Sanitized, Self::Static];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Valgrind => "valgrind",
            Self::Sanitized => "ASan and UBSan",
            Self::Static => "static library",
        }
    }

    /// Why it cannot be done here.
    pub(super) fn missing(self, toolchain: &Toolchain<'_>) -> Option<String> {
        match self {
            Self::Plain | Self::Static => None,
            Self::Valgrind => {
                let there = command("valgrind").arg("--version").read().is_ok();
                (!there).then(|| "no valgrind".to_owned())
            }
            Self::Sanitized => {
                let why = |_| format!("{} has no sanitizers", toolchain.compiler);
                toolchain.try_sanitizers().map_err(why).err()
            }
        }
    }
}

const SANITIZERS: [&str; 2] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"];

/// Programs that fork leave the child what only the parent's threads could have freed.
const FORKS: &str = "processes";

/// What programs of a language are built with.
pub(super) struct Toolchain<'a> {
    pub(super) language: &'a Native,
    pub(super) compiler: String,
    /// Where the library is installed.
    pub(super) prefix: &'a Path,
    /// Where programs go.
    pub(super) programs: PathBuf,
}

impl Toolchain<'_> {
    /// The compiler with what every program is compiled with.
    pub(super) fn compile(&self) -> Run {
        let include = self.prefix.join("include");
        command(&self.compiler)
            .arg(self.language.standard)
            .args(WARNINGS)
            .arg(format!("-I{}", include.display()))
            .arg("-pthread")
    }

    fn try_sanitizers(&self) -> Result<()> {
        std::fs::create_dir_all(&self.programs)?;
        let source = self.programs.join("sanitizers.c");
        std::fs::write(&source, "int main(void) { return 0; }")?;
        let program = source.with_extension("");
        let compiler = command(&self.compiler).args(SANITIZERS).args(["-x", "c"]);
        compiler.arg(&source).arg("-o").arg(program).read().map(drop)
    }

    /// Builds a program from `source`.
    pub(super) fn build(&self, source: &Path, flavour: Flavour) -> Result<PathBuf> {
        let stem = source.file_stem().context("a source file")?;
        let program = self.programs.join(flavour.name().replace(' ', "-")).join(stem);
        std::fs::create_dir_all(program.parent().unwrap_or(&program))?;
        let lib = self.prefix.join("lib");
        let mut run = self.compile();
        if flavour == Flavour::Sanitized {
            run = run.args(SANITIZERS);
        }
        run = run.arg(source).arg("-o").arg(&program);
        run = match flavour {
            Flavour::Static => {
                let listed = paths::read(&lib.join("pkgconfig").join("dictsqlite.pc"))?;
                let private = listed.lines().find_map(|line| line.strip_prefix("Libs.private: "));
                run.arg(lib.join("libdictsqlite.a"))
                    .args(private.context("no Libs.private")?.split(' '))
            }
            _ => run
                .arg(format!("-L{}", lib.display()))
                .arg("-ldictsqlite")
                .arg(format!("-Wl,-rpath,{}", lib.display())),
        };
        run.read()?;
        Ok(program)
    }

    /// The library that is loaded is the installed one: cargo's own directories come first otherwise.
    pub(super) fn finding_library(&self, run: Run) -> Run {
        run.env("LD_LIBRARY_PATH", self.prefix.join("lib"))
    }

    /// Builds and runs one test program, with a directory of its own.
    pub(super) fn test(&self, source: &Path, flavour: Flavour) -> Result<()> {
        let program = self.build(source, flavour)?;
        let files = program.with_extension("files");
        scratch(&files)?;
        let stem = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let forks = stem == FORKS;
        let run = match flavour {
            Flavour::Valgrind => {
                let leaks = if forks { "no" } else { "full" };
                command("valgrind")
                    .args(["--quiet", "--error-exitcode=9"])
                    .arg(format!("--leak-check={leaks}"))
                    // What only points into the middle of a block is said to be possibly lost: the
                    // hash tables of the standard library do.
                    .args(["--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"])
                    .arg(&program)
            }
            Flavour::Sanitized => command(&program)
                .env("ASAN_OPTIONS", if forks { "detect_leaks=0" } else { "detect_leaks=1" }),
            _ => command(&program),
        };
        self.finding_library(run.arg(&files)).quietly(&stem)?;
        std::fs::remove_dir_all(&files)?;
        Ok(())
    }
}
