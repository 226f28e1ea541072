//! The conformance suite: the same vectors through every language, compared exactly.
//!
//! `dictsqlite-conformance [--only LANGUAGE]... [--python PATH] [FILE]...` plays the vector files to
//! the bridges of `tests/bridges`; `--surface` checks `surface.toml` against the sources of every
//! language instead. `--root` takes bridges and sources from another tree. `tests/bridges/README.md` has the protocol.

mod bridge;
mod expect;
mod other;
mod play;
mod run;
mod surface;
mod table;
#[cfg(all(test, unix))]
mod tests;
mod vectors;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use lexopt::prelude::*;

/// What the command line asked for.
#[derive(Default)]
struct Options {
    surface: bool,
    root: Option<PathBuf>,
    only: Vec<String>,
    require: Vec<String>,
    python: Option<PathBuf>,
    files: Vec<String>,
}

fn main() -> ExitCode {
    match options().and_then(|options| start(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(options: &Options) -> Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = options.root.as_deref().or(here.ancestors().nth(2)).unwrap_or(here);
    let surface = surface::Surface::read(&here.join("surface.toml"))?;
    if options.surface {
        return surface::check(&surface, root, &here.join("vectors"));
    }
    // This program runs from inside Cargo's target directory.
    let exe = std::env::current_exe()?;
    let target = exe.ancestors().nth(2).context("where Cargo's target directory is")?;
    let places = bridge::Places {
        root: root.to_path_buf(),
        target: target.to_path_buf(),
        python: options.python.clone(),
    };
    run::all(&surface, &places, options)
}

fn options() -> Result<Options> {
    let mut options = Options::default();
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("surface") => options.surface = true,
            Long("root") => options.root = Some(args.value()?.into()),
            Long("only") => options.only.push(args.value()?.string()?),
            Long("require") => {
                let languages = args.value()?.string()?;
                options.require.extend(languages.split(',').map(str::to_owned));
            }
            Long("python") => options.python = Some(args.value()?.into()),
            Value(file) => options.files.push(file.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}
