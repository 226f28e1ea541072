//! Building the wheels with maturin.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::stamp::{self, Stamp};
use super::venv::isolated;
use super::{Python, Venv};
use crate::paths;
use crate::run::{Run, command};

const MATURIN: &str = "maturin>=1.9,<2";

/// A built wheel.
#[derive(Clone)]
pub(crate) struct Wheel {
    /// The `.whl`.
    pub(crate) path: PathBuf,
    /// Changes whenever the wheel may have.
    pub(super) stamp: String,
}

/// Builds wheels, each at most once.
pub(crate) struct Wheels {
    tools: Venv,
    sources: String,
}

impl Wheels {
    /// Makes the tools ready, with `python` to run them.
    pub(crate) fn new(python: &Python) -> Result<Self> {
        let tools = Venv::ready("tools", python, &[MATURIN.to_owned()], None)?;
        Ok(Self { tools, sources: sources()? })
    }

    /// The wheel for `python`: two of the limited API serve all versions, since before 3.10 that API
    /// is slower and would slow the newer ones.
    pub(crate) fn for_python(&self, python: &Python) -> Result<Wheel> {
        let feature = if python.minor >= 10 { "abi3-py310" } else { "abi3-py39" };
        self.build(feature, python)
    }

    /// The wheel of another extension module in this repository, with a workspace of its own.
    pub(crate) fn of_extension(&self, dir: &str, python: &Python) -> Result<Wheel> {
        let root = paths::root().join(dir);
        let name = dir.rsplit('/').next().unwrap_or(dir);
        let stamp = Stamp::default().tree(&root)?.text(&python.to_string()).text(MATURIN).done();
        let target = paths::target()?.join(name);
        self.kept(name, stamp, |out| {
            self.maturin(python, out).env("CARGO_TARGET_DIR", &target).dir(&root)
        })
    }

    /// The sources as an archive, in `out`.
    pub(crate) fn sdist(&self, out: &Path) -> Result<()> {
        isolated(self.tools.python().args(["-m", "maturin", "sdist", "--out"]))
            .arg(out)
            .dir(&paths::root().join("python"))
            .quietly("packing the sources")
    }

    /// The wheel that pip makes of unpacked sources, in `out`. They must be outside of the repository,
    /// or Cargo would find its settings.
    pub(crate) fn wheel_of(&self, sources: &Path, out: &Path) -> Result<()> {
        isolated(self.tools.python().args(["-m", "pip", "wheel", "--quiet", "--no-deps"]))
            .args(["--no-index", "--no-build-isolation", "--wheel-dir"])
            .arg(out)
            .arg(sources)
            // Not Cargo's own for this repository: it would take these crates for those, which have the
            // same names and places, and what the archive lacks would not be missed.
            .env("CARGO_TARGET_DIR", paths::target()?.join("sdist"))
            // The build asks for `maturin` by its name.
            .env("PATH", self.tools.path()?)
            .dir(sources)
            .quietly("building the wheel from the sources")
    }

    fn build(&self, feature: &str, python: &Python) -> Result<Wheel> {
        let stamp = Stamp::default().text(&self.sources).text(feature).text(MATURIN).done();
        let target = paths::target()?;
        self.kept(feature, stamp, |out| {
            self.maturin(python, out)
                .args(["--features", feature])
                .env("CARGO_TARGET_DIR", &target)
                .dir(&paths::root().join("python"))
        })
    }

    fn maturin(&self, python: &Python, out: &Path) -> Run {
        let build = self.tools.python().args(["-m", "maturin", "build", "--release"]);
        isolated(build).arg("--interpreter").arg(&python.exe).arg("--out").arg(out)
    }

    /// The wheel `name`, built by `build` into the folder it is given if the stamp is another.
    fn kept(&self, name: &str, stamp: String, build: impl FnOnce(&Path) -> Run) -> Result<Wheel> {
        let dir = paths::target()?.join("wheels").join(name);
        let kept = dir.join("inputs");
        if stamp::matches(&kept, &stamp)
            && let Ok(path) = only_wheel(&dir)
        {
            return Ok(Wheel { path, stamp });
        }
        // The old wheel must not be taken for the new one.
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| format!("cannot empty {}", dir.display()))?;
        }
        build(&dir).quietly(&format!("building the wheel {name}"))?;
        let path = only_wheel(&dir)?;
        stamp::keep(&kept, &stamp)?;
        Ok(Wheel { path, stamp })
    }
}

/// A fingerprint of all that goes into a wheel.
fn sources() -> Result<String> {
    let root = paths::root();
    let mut stamp = Stamp::default().text(&command("rustc").arg("-vV").read()?);
    for name in
        ["Cargo.toml", "Cargo.lock", "README.md", ".cargo/config.toml", "python/pyproject.toml"]
    {
        stamp = stamp.file(&root.join(name));
    }
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        stamp = stamp.text(&std::env::var(name).unwrap_or_default());
    }
    for name in ["crates", "python/dictsqlite", "python/dictsqlite_v4"] {
        stamp = stamp.tree(&root.join(name))?;
    }
    Ok(stamp.done())
}

fn only_wheel(dir: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(dir).with_context(|| format!("no wheel in {}", dir.display()))?;
    let mut wheels = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "whl"));
    match (wheels.next(), wheels.next()) {
        (Some(wheel), None) => Ok(wheel),
        _ => bail!("expected one wheel in {}", dir.display()),
    }
}
