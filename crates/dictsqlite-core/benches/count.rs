//! A hot path N times, for `cargo xtask bench --count` to count its instructions under callgrind.
//!
//! `count PATH N`. Only what runs inside of the functions named `measured...` counts, so these are never
//! inlined and do nothing else.

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use dictsqlite_core::{Dict, Options, PersistMode, Result, ScanOptions, Ttl, Value};

/// Entries of a store that is read.
const ENTRIES: usize = 1_000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, n] = args.as_slice() else {
        // `cargo bench` runs it without them.
        println!("count: for `cargo xtask bench --count`");
        return ExitCode::SUCCESS;
    };
    match n.parse().map_err(|e| format!("{n}: {e}")).and_then(|n| run(path, n)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("count: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(path: &str, n: usize) -> std::result::Result<(), String> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let file = dir.path().join("count.db");
    // Nothing is committed before it is told to be.
    let lazy = Options {
        persist_mode: PersistMode::Lazy,
        flush_interval: Duration::from_secs(3600),
        memtable_bytes: 1 << 30,
        ..Options::default()
    };
    let uncached = Options { hot_capacity: 0, ..lazy.clone() };
    let known = keys(ENTRIES);
    let asked: Vec<&str> = (0..n).map(|i| known[i * 7 % ENTRIES].as_str()).collect();
    let done = match path {
        "peek_hit" => reopened(&file, &lazy, &known, ENTRIES)
            .and_then(|dict| warm(dict, &known))
            .and_then(|dict| measured_peek(&dict, &asked)),
        "get_hit" => reopened(&file, &lazy, &known, ENTRIES)
            .and_then(|dict| warm(dict, &known))
            .and_then(|dict| measured_get(&dict, &asked)),
        "get_pending" => Dict::open(&file, &lazy)
            .and_then(|dict| filled(dict, &known))
            .and_then(|dict| measured_get(&dict, &asked)),
        "get_miss" => reopened(&file, &uncached, &known, ENTRIES)
            .and_then(|dict| warm(dict, &known))
            .and_then(|dict| measured_get(&dict, &asked)),
        "get_absent" => {
            let absent: Vec<String> = asked.iter().map(|key| format!("{key}!")).collect();
            let absent: Vec<&str> = absent.iter().map(String::as_str).collect();
            reopened(&file, &uncached, &known, ENTRIES)
                .and_then(|dict| warm(dict, &known))
                .and_then(|dict| measured_get(&dict, &absent))
        }
        "set" => Dict::open(&file, &lazy).and_then(|dict| measured_set(&dict, &keys(n), &value(0))),
        "scan_row" => reopened(&file, &lazy, &keys(n), n).and_then(|dict| measured_scan(&dict)),
        "commit_row" => Dict::open(&file, &lazy)
            .and_then(|dict| filled(dict, &keys(n)))
            .and_then(|dict| dict.close()),
        other => return Err(format!("no path `{other}`")),
    };
    done.map_err(|e| e.to_string())
}

#[inline(never)]
fn measured_peek(dict: &Dict, keys: &[&str]) -> Result<()> {
    for key in keys {
        black_box(dict.peek(*key)?);
    }
    Ok(())
}

#[inline(never)]
fn measured_get(dict: &Dict, keys: &[&str]) -> Result<()> {
    for key in keys {
        black_box(dict.get(*key)?);
    }
    Ok(())
}

#[inline(never)]
fn measured_set(dict: &Dict, keys: &[String], value: &Value) -> Result<()> {
    for key in keys {
        if !dict.try_set_encoded(key.as_str(), value, Ttl::Default)? {
            dict.set_encoded(key.as_str(), Arc::clone(value), Ttl::Default)?;
        }
    }
    Ok(())
}

#[inline(never)]
fn measured_scan(dict: &Dict) -> Result<()> {
    for item in dict.scan(&ScanOptions::default())? {
        black_box(item?);
    }
    Ok(())
}

fn keys(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("user:{:05}:{:02}", i / 100, i % 100)).collect()
}

fn value(i: usize) -> Value {
    let mut bytes = [0x61; 100];
    bytes[..8].copy_from_slice(&i.to_le_bytes());
    Value::from(&bytes[..])
}

fn filled(dict: Dict, keys: &[String]) -> Result<Dict> {
    for (i, key) in keys.iter().enumerate() {
        dict.set_encoded(key.as_str(), value(i), Ttl::Default)?;
    }
    Ok(dict)
}

/// A store with these entries, all committed, that nobody has read yet.
fn reopened(file: &std::path::Path, options: &Options, keys: &[String], n: usize) -> Result<Dict> {
    filled(Dict::open(file, options)?, &keys[..n])?.close()?;
    Dict::open(file, options)
}

fn warm(dict: Dict, keys: &[String]) -> Result<Dict> {
    for key in keys {
        dict.get(key.as_str())?;
    }
    Ok(dict)
}
