//! `cargo xtask`: everything this repository does beyond plain `cargo`.
//!
//! This file reads arguments and routes; each subcommand has a module of its own. Nothing here may
//! depend on the engine, so that `cargo xtask` itself builds in seconds.

mod bench;
mod check;
mod demo;
mod dist;
mod generate;
mod kotlin;
mod native;
mod paths;
mod python;
mod run;
mod soak;
mod summary;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use lexopt::prelude::*;

const HELP: &str = "\
cargo xtask test [--rust-only | --python-only | ...] [--python 3.11]... [-k EXPR] [--quick]
    Runs every test: Rust, Python on every CPython >= 3.9 found here, C, C++, Kotlin, what can be said
    of Swift, then the same vectors through every language.
      --PART-only                  one part: rust python c c++ kotlin swift conformance
      --python X.Y                 only this CPython (may be repeated)
      -k EXPR                      only the Python tests that match (leaves Rust out)
      --quick                      on all but the default CPython, leave out tests marked `slow`, and `once`:
                                   of the engine or the command

cargo xtask demo [--path DIR]
    Builds the wheel into a private virtual environment and indexes the Python standard library,
    in DIR (kept) or in a temporary directory.

cargo xtask soak [--minutes N] [--seed N] [--path DIR]
    Processes, threads, kills, forks, locks and other SQLites at one file, all checked, for N minutes (1).
      --seed     the same lives and kills again, as far as the machine allows
      --path     where the file goes; it stays when something is found

cargo xtask check [NAME]...
    Runs the checks (all, or those named): fmt floors sizes tidy silent unsafe generated clippy cross docs
    surface stubs

cargo xtask generate [--check]
    Writes the files that are made from others: the C header, the Kotlin and Swift sources.
      --check    writes nothing, and fails if one is not as it would be written

cargo xtask dist [--require PART,...] [--only PART,...]
    Makes everything a user can install, tries each in a clean place, and leaves it in dist/ with
    MANIFEST.json and SHA256SUMS. Parts: wheels sdist c kotlin swift
      --require  leaving one of these out is a failure
      --only     nothing but these

cargo xtask build kotlin [--jar DIR]
    Builds the package and its tests without running them.
      --jar      the jar, with the native library inside, into DIR instead

cargo xtask bench [--quick | --full] [--only WORKLOAD,...] [--peers NAME,...] [--rounds N]
                  [--json FILE] [--plots DIR]
    Measures dictsqlite and its peers side by side, each in an environment of its own: docs/benchmarks.md
      --quick    few peers, few entries: under a minute
      --full     10^7 entries too
      --json     where the figures go, beside the screen
      --plots    where SVG plots go

cargo xtask bench --count [--bless]
    Counts the instructions of the hot paths under callgrind and compares them with the baseline.
      --bless    makes them the baseline

cargo xtask bench --c
    A hot get from C beside the engine's own: nanoseconds, and instructions where valgrind is.
";

fn main() -> ExitCode {
    match route() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn route() -> Result<()> {
    let mut args = lexopt::Parser::from_env();
    match args.next()? {
        Some(Value(command)) => match command.string()?.as_str() {
            "test" => test::run(&test_options(&mut args)?),
            "demo" => demo::run(&demo_options(&mut args)?),
            "soak" => soak::run(&soak_options(&mut args)?),
            "bench" => bench::run(&bench_options(&mut args)?),
            "dist" => dist::run(&dist_options(&mut args)?),
            "generate" => generate::run(generate_check(&mut args)?),
            "check" => check::run(&check_names(&mut args)?),
            "build" => build(&mut args),
            other => bail!("no command `{other}`\n\n{HELP}"),
        },
        Some(Long("help") | Short('h')) => {
            print!("{HELP}");
            Ok(())
        }
        Some(other) => Err(other.unexpected().into()),
        None => bail!("which command?\n\n{HELP}"),
    }
}

fn test_options(args: &mut lexopt::Parser) -> Result<test::Options> {
    let mut options = test::Options::default();
    while let Some(arg) = args.next()? {
        match arg {
            Long("python") => options.versions.push(args.value()?.string()?),
            Long("quick") => options.quick = true,
            Short('k') => {
                options.expression = Some(args.value()?.string()?);
                options.only = Some("python".to_owned());
            }
            Long(flag) if flag.ends_with("-only") => {
                let language = flag.trim_end_matches("-only").to_owned();
                options.only = Some(test::known_language(&language)?);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

fn demo_options(args: &mut lexopt::Parser) -> Result<demo::Options> {
    let mut options = demo::Options::default();
    while let Some(arg) = args.next()? {
        match arg {
            Long("path") => options.path = Some(args.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

fn bench_options(args: &mut lexopt::Parser) -> Result<bench::Options> {
    let mut options = bench::Options::default();
    while let Some(arg) = args.next()? {
        match arg {
            Long("quick") => options.quick = true,
            Long("full") => options.full = true,
            Long("only") => options.only = Some(args.value()?.string()?),
            Long("peers") => options.peers = Some(args.value()?.string()?),
            Long("rounds") => options.rounds = Some(args.value()?.parse()?),
            Long("json") => options.json = Some(args.value()?.into()),
            Long("plots") => options.plots = Some(args.value()?.into()),
            Long("c") => options.c = true,
            Long("count") => options.count = true,
            Long("bless") => options.bless = true,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

fn soak_options(args: &mut lexopt::Parser) -> Result<soak::Options> {
    let mut options = soak::Options::default();
    while let Some(arg) = args.next()? {
        match arg {
            Long("minutes") => options.minutes = Some(args.value()?.parse()?),
            Long("seed") => options.seed = Some(args.value()?.parse()?),
            Long("path") => options.path = Some(args.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

fn dist_options(args: &mut lexopt::Parser) -> Result<dist::Options> {
    let mut options = dist::Options::default();
    let names = |list: String| list.split(',').map(str::to_owned).collect::<Vec<_>>();
    while let Some(arg) = args.next()? {
        match arg {
            Long("require") => options.require.extend(names(args.value()?.string()?)),
            Long("only") => options.only.extend(names(args.value()?.string()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

fn generate_check(args: &mut lexopt::Parser) -> Result<bool> {
    let mut check = false;
    while let Some(arg) = args.next()? {
        match arg {
            Long("check") => check = true,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(check)
}

fn check_names(args: &mut lexopt::Parser) -> Result<Vec<String>> {
    let mut names = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Value(name) => names.push(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(names)
}

fn build(args: &mut lexopt::Parser) -> Result<()> {
    match args.next()? {
        Some(Value(what)) if what == "kotlin" => {}
        Some(other) => return Err(other.unexpected().into()),
        None => bail!("build what? kotlin"),
    }
    match args.next()? {
        Some(Long("jar")) => {
            println!("{}", kotlin::jar(&PathBuf::from(args.value()?))?.display());
            Ok(())
        }
        Some(other) => Err(other.unexpected().into()),
        None => kotlin::build(),
    }
}
