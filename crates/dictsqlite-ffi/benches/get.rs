//! A hot get of the engine, N times: prints nanoseconds a get. What `get.c` does from C.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use dictsqlite_core::{Dict, Options, Result};

const ENTRIES: usize = 1_000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (Some(path), Some(Ok(n))) = (args.first(), args.get(1).map(|n| n.parse())) else {
        // `cargo bench` runs it without them.
        println!("get: for `cargo xtask bench --c`");
        return ExitCode::SUCCESS;
    };
    match run(path, n) {
        Ok(ns) => {
            println!("{ns:.2}");
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("get: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run(path: &str, n: usize) -> Result<f64> {
    let dict = Dict::open(path, &Options::default())?;
    let names: Vec<String> =
        (0..ENTRIES).map(|i| format!("user:{:05}:{:02}", i / 100, i % 100)).collect();
    for name in &names {
        dict.set(name, &[1; 100])?;
    }
    dict.flush()?;
    measured_get(&dict, &names, ENTRIES)?;
    let from = Instant::now();
    measured_get(&dict, &names, n)?;
    let took = from.elapsed();
    dict.close()?;
    Ok(took.as_nanos() as f64 / n as f64)
}

/// Never inlined, so that callgrind can be told to count what is inside.
#[inline(never)]
fn measured_get(dict: &Dict, names: &[String], n: usize) -> Result<()> {
    for i in 0..n {
        black_box(dict.get(names[i * 7 % ENTRIES].as_str())?);
    }
    Ok(())
}
