//! Private virtual environments, made once and kept while their inputs stay the same.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::stamp::{self, Stamp};
use super::{Python, Wheel};
use crate::paths;
use crate::run::{Run, command};

/// A virtual environment that is ready to use.
pub(crate) struct Venv {
    dir: PathBuf,
}

impl Venv {
    /// The environment `name` with these requirements, and with the wheel installed anew if it changed.
    pub(crate) fn ready(
        name: &str,
        python: &Python,
        needs: &[String],
        wheel: Option<&Wheel>,
    ) -> Result<Self> {
        let dir = paths::target()?.join("venv").join(name);
        let venv = Self { dir };
        venv.make(name, python, needs)?;
        if let Some(wheel) = wheel {
            venv.install(name, wheel)?;
        }
        Ok(venv)
    }

    /// A new environment in `dir`, with nothing in it.
    pub(crate) fn fresh(dir: &Path, python: &Python) -> Result<Self> {
        isolated(command(&python.exe).args(["-m", "venv", "--clear"]).arg(dir))
            .quietly(&format!("making a clean environment with {python}"))?;
        Ok(Self { dir: dir.to_path_buf() })
    }

    /// Installs a wheel by itself.
    pub(crate) fn add(&self, wheel: &Path) -> Result<()> {
        self.pip().args(["--no-index", "--no-deps"]).arg(wheel).quietly("installing it")
    }

    fn make(&self, name: &str, python: &Python, needs: &[String]) -> Result<()> {
        let kept = self.dir.join("xtask-needs");
        let mut inputs = Stamp::default();
        for text in [
            &self.dir.display().to_string(),
            &python.exe.display().to_string(),
            &python.to_string(),
        ] {
            inputs = inputs.text(text);
        }
        for need in needs {
            inputs = inputs.text(need);
        }
        let inputs = inputs.done();
        if stamp::matches(&kept, &inputs) && self.exe().exists() {
            return Ok(());
        }
        // What an older or a broken-off run left is of no use.
        if self.dir.exists() {
            fs::remove_dir_all(&self.dir)
                .with_context(|| format!("cannot remove {}", self.dir.display()))?;
        }
        isolated(command(&python.exe).args(["-m", "venv"]).arg(&self.dir))
            .quietly(&format!("making the environment {name} with {python}"))?;
        if !needs.is_empty() {
            self.pip()
                .args(needs)
                .quietly(&format!("installing {} into {name}", needs.join(" ")))?;
        }
        stamp::keep(&kept, &inputs)
    }

    fn install(&self, name: &str, wheel: &Wheel) -> Result<()> {
        let kept = self.dir.join("xtask-wheel");
        if stamp::matches(&kept, &wheel.stamp) {
            return Ok(());
        }
        // The version number does not change with every build, so pip must be told.
        self.pip()
            .args(["--force-reinstall", "--no-deps", "--no-index"])
            .arg(&wheel.path)
            .quietly(&format!("installing the wheel into {name}"))?;
        stamp::keep(&kept, &wheel.stamp)
    }

    fn pip(&self) -> Run {
        isolated(self.python().args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]))
    }

    /// Its interpreter, as a program.
    pub(crate) fn exe(&self) -> PathBuf {
        self.dir.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
    }

    /// `PATH` with its programs first.
    pub(crate) fn path(&self) -> Result<OsString> {
        let own = self.exe().parent().map(Path::to_path_buf);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let dirs = own.into_iter().chain(std::env::split_paths(&path));
        std::env::join_paths(dirs).context("a PATH that cannot be extended")
    }

    /// Its interpreter, as the beginning of a command.
    pub(crate) fn python(&self) -> Run {
        command(self.exe())
    }
}

/// Without the user's variables that would let other packages in than those of the environment.
pub(crate) fn isolated(run: Run) -> Run {
    run.env_remove("PYTHONPATH").env_remove("PYTHONHOME").env_remove("VIRTUAL_ENV")
}
