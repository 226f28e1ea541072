//! `cargo xtask bench --c`: what the C interface adds to a hot get.
//!
//! The same loop in C and in Rust, taking turns, so that a busy machine slows both alike; and the
//! instructions of each, which no other program changes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::count;
use crate::native::{self, Profile};
use crate::paths;
use crate::run::command;

const SOURCE: &str = "crates/dictsqlite-ffi/benches/get.c";
const ROUNDS: usize = 9;
const GETS: u64 = 2_000_000;
/// Gets under callgrind: the difference between the two is what counts.
const COUNTED: [u64; 2] = [2_000, 10_000];
/// So many times the engine's own cost is too much.
const ALLOWED: f64 = 3.0;

pub(super) fn run() -> Result<()> {
    let dir = paths::target()?.join("bench").join("c");
    std::fs::create_dir_all(&dir)?;
    let engine = count::program("dictsqlite-ffi", "get")?;
    let prefix = native::ready(Profile::Release)?;
    let c = build(&dir, &prefix)?;
    // Cargo's own directories are in it, where a library of another profile may be.
    let libraries = prefix.join("lib");
    let file = dir.join("get.db");
    let mut times: [Vec<f64>; 2] = Default::default();
    for _ in 0..ROUNDS {
        for (program, times) in [&engine, &c].into_iter().zip(&mut times) {
            let said = command(program)
                .arg(&file)
                .arg(GETS.to_string())
                .env("LD_LIBRARY_PATH", &libraries)
                .read()?;
            times.push(said.trim().parse().with_context(|| format!("not a time: {said}"))?);
        }
    }
    let [rust, from_c] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    let ratio = from_c / rust;
    println!(
        "a hot get: engine {rust:.1} ns, C {from_c:.1} ns, {ratio:.2} times (median of {ROUNDS})"
    );
    if command("valgrind").arg("--version").read().is_err() {
        println!("SKIPPED: no `valgrind` on this machine, which counts the instructions");
    } else {
        let rust = counted(&engine, "get::measured*", &file, &libraries)?;
        let from_c = counted(&c, "measured_get", &file, &libraries)?;
        let ratio = from_c / rust;
        println!("a hot get: engine {rust:.1} instructions, C {from_c:.1}, {ratio:.2} times");
    }
    if ratio > ALLOWED {
        bail!("a hot get from C costs {ratio:.2} times the engine's, more than {ALLOWED}");
    }
    Ok(())
}

fn build(dir: &Path, prefix: &Path) -> Result<PathBuf> {
    let (program, lib) = (dir.join("get"), prefix.join("lib"));
    command(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(["-std=c11", "-O2", "-Wall", "-Wextra"])
        .arg(format!("-I{}", prefix.join("include").display()))
        .arg(paths::root().join(SOURCE))
        .arg("-o")
        .arg(&program)
        .arg(format!("-L{}", lib.display()))
        .arg("-ldictsqlite")
        .arg(format!("-Wl,-rpath,{}", lib.display()))
        .read()?;
    Ok(program)
}

/// Instructions of one get.
fn counted(program: &Path, function: &str, file: &Path, libraries: &Path) -> Result<f64> {
    let mut totals = [0; 2];
    for (n, total) in COUNTED.into_iter().zip(&mut totals) {
        let out = file.with_file_name(format!("callgrind.{n}"));
        command("valgrind")
            .args(["--tool=callgrind", "--quiet"])
            .arg(format!("--toggle-collect={function}"))
            .arg(format!("--callgrind-out-file={}", out.display()))
            .arg(program)
            .arg(file)
            .arg(n.to_string())
            .env("LD_LIBRARY_PATH", libraries)
            .read()?;
        *total = count::total(&paths::read(&out)?).context("no totals")?;
    }
    let [few, many] = totals;
    Ok(many.checked_sub(few).context("fewer for more gets")? as f64
        / (COUNTED[1] - COUNTED[0]) as f64)
}
