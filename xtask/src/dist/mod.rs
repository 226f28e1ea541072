//! `cargo xtask dist`: everything a user can install, each tried in a clean place, in `dist/`.
//!
//! A kind of artefact is a module here with a `make`, and a line in [`PARTS`].

mod kotlin;
mod manifest;
mod native;
mod pack;
mod swift;
mod wheels;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::paths;
use crate::run::command;
use crate::summary::Summary;

/// What the command line asked for.
#[derive(Default)]
pub(crate) struct Options {
    /// Parts that must be made: leaving one out is a failure.
    pub(crate) require: Vec<String>,
    /// Only these parts.
    pub(crate) only: Vec<String>,
}

/// What becomes of a part.
enum Made {
    /// These files, in [`Place::out`].
    Files(Vec<PathBuf>),
    /// These, and why others of the part cannot be made here.
    Partly(Vec<PathBuf>, String),
    /// It cannot be made here, and why.
    Skipped(String),
}

/// Where and for what is made.
struct Place {
    /// Where the files go.
    out: PathBuf,
    /// Emptied before each part.
    scratch: PathBuf,
    version: String,
    /// The target's triple.
    target: String,
}

/// Makes the files of a part and tries each of them in a clean place.
type Make = fn(&Place) -> Result<Made>;

const PARTS: [(&str, Make); 5] = [
    ("wheels", wheels::make),
    ("sdist", wheels::make_sdist),
    ("c", native::make),
    ("kotlin", kotlin::make),
    ("swift", swift::make),
];

/// Makes what can be made here; a part that fails fails the whole, once the others were made.
pub(crate) fn run(options: &Options) -> Result<()> {
    for name in options.require.iter().chain(&options.only) {
        if !PARTS.iter().any(|(part, _)| part == name) {
            let known: Vec<_> = PARTS.iter().map(|(part, _)| *part).collect();
            bail!("no part `{name}`, only {}", known.join(", "));
        }
    }
    let place = Place::new()?;
    let mut summary = Summary::default();
    let mut manifest = manifest::Manifest::default();
    for (name, make) in PARTS {
        if !options.only.is_empty() && !options.only.iter().any(|only| only == name) {
            manifest.skipped(name, "not asked for");
            summary.skipped(name, &place.target, "not asked for");
            continue;
        }
        let (mut skipped, mut some) = (None, false);
        let right = summary.part(name, &place.target, || {
            place.clean()?;
            let (files, missing) = match make(&place)? {
                Made::Files(files) => (files, None),
                Made::Partly(files, why) => (files, Some(why)),
                Made::Skipped(why) => (Vec::new(), Some(why)),
            };
            if let Some(why) = &missing
                && options.require.iter().any(|required| required == name)
            {
                bail!("it is required, and cannot be made here: {why}");
            }
            some = !files.is_empty();
            manifest.made(name, files);
            skipped = missing;
            Ok(())
        });
        if !right {
            manifest.skipped(name, "it failed");
        }
        if let Some(why) = skipped {
            println!("SKIPPED {name}: {why}");
            if !some {
                summary.retract();
            }
            manifest.skipped(name, &why);
            summary.skipped(name, &place.target, why);
        }
    }
    manifest.write(&place)?;
    println!("\n{}", manifest.listed());
    summary.finish("dist")
}

impl Place {
    fn new() -> Result<Self> {
        let out = paths::root().join("dist");
        if out.exists() {
            fs::remove_dir_all(&out).with_context(|| format!("cannot empty {}", out.display()))?;
        }
        fs::create_dir_all(&out)?;
        let scratch = paths::target()?.join("dist");
        Ok(Self { out, scratch, version: paths::version()?, target: target()? })
    }

    fn clean(&self) -> Result<()> {
        if self.scratch.exists() {
            fs::remove_dir_all(&self.scratch)?;
        }
        Ok(fs::create_dir_all(&self.scratch)?)
    }

    /// An empty directory for this part's own use.
    fn dir(&self, name: &str) -> Result<PathBuf> {
        let dir = self.scratch.join(name);
        fs::create_dir_all(&dir)?;
        Ok(dir)
    }

    /// Copies a file into the distribution.
    fn take(&self, file: &Path) -> Result<PathBuf> {
        let to = self.out.join(file.file_name().context("a file without a name")?);
        fs::copy(file, &to).with_context(|| format!("cannot copy {}", file.display()))?;
        Ok(to)
    }
}

/// The triple of what is built here.
fn target() -> Result<String> {
    let told = command("rustc").arg("-vV").read()?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not name its host")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_and_the_target_are_known() {
        let version = paths::version().unwrap();
        assert_eq!(version.split('.').count(), 3, "{version}");
        assert!(target().unwrap().contains('-'));
    }

    #[test]
    fn an_unknown_part_is_refused_before_anything_is_made() {
        let options = Options { require: vec!["cobol".to_owned()], only: Vec::new() };
        let refused = run(&options).expect_err("must be refused").to_string();
        assert!(refused.contains("no part `cobol`"), "{refused}");
    }
}
