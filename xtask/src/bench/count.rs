//! `cargo xtask bench --count`: instructions an operation of the engine's hot paths takes.
//!
//! Unlike a time, a count is the same on a busy machine. Callgrind runs the program
//! `benches/count.rs` twice for each path, with fewer and with more operations; what comes between is
//! what the operations took. More than the checked-in baseline allows is a failure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::paths;
use crate::run::{cargo, command};

const BASELINE: &str = "crates/dictsqlite-core/benches/instructions.json";
/// How much more than the baseline is a failure, in percent.
const ALLOWED: f64 = 5.0;
/// All that runs inside of functions of this name counts, on whatever thread it is.
const MEASURED: &str = "--toggle-collect=count::measured*";

/// A path: its name in the program, how often it runs, and whether only the caller's thread counts.
struct HotPath {
    name: &'static str,
    few: u64,
    many: u64,
    caller: bool,
}

const fn path(name: &'static str, few: u64, many: u64) -> HotPath {
    HotPath { name, few, many, caller: true }
}

static PATHS: [HotPath; 8] = [
    path("peek_hit", 2_000, 10_000),
    path("get_hit", 2_000, 10_000),
    path("get_pending", 2_000, 10_000),
    path("get_miss", 500, 2_000),
    path("get_absent", 500, 2_000),
    // Whole memtable segments, so that what sealing and growing costs is spread evenly.
    path("set", 8_192, 24_576),
    path("scan_row", 1_000, 9_000),
    HotPath { name: "commit_row", few: 2_000, many: 10_000, caller: false },
];

/// Instructions an operation, by path.
type Counts = BTreeMap<String, f64>;

pub(super) fn run(bless: bool) -> Result<()> {
    if command("valgrind").arg("--version").read().is_err() {
        println!("SKIPPED: no `valgrind` on this machine, which counts the instructions");
        return Ok(());
    }
    let program = program("dictsqlite-core", "count")?;
    let here = Here::look()?;
    let mut counts = Counts::new();
    for path in &PATHS {
        let instructions = |n| count(&program, path, n);
        let (few, many) = (instructions(path.few)?, instructions(path.many)?);
        counts.insert(path.name.to_owned(), an_operation(path, few, many)?);
    }

    let file = paths::root().join(BASELINE);
    if bless {
        let text = serde_json::to_string_pretty(&here.baseline(&counts))?;
        std::fs::write(&file, text + "\n").with_context(|| format!("cannot write {BASELINE}"))?;
        print_table(&counts, &Counts::new());
        println!("\n{BASELINE} is now this");
        return Ok(());
    }
    let baseline: Value = serde_json::from_str(&paths::read(&file)?).context(BASELINE)?;
    if baseline["target"] != here.target.as_str() {
        print_table(&counts, &Counts::new());
        println!("\nSKIPPED: the baseline is for {}, this is {}", baseline["target"], here.target);
        return Ok(());
    }
    if baseline["rustc"] != here.rustc.as_str() {
        println!("the baseline is of rustc {}, this is {}", baseline["rustc"], here.rustc);
    }
    let kept: Counts = serde_json::from_value(baseline["instructions"].clone())
        .with_context(|| format!("`instructions` in {BASELINE}"))?;
    print_table(&counts, &kept);
    match grown(&counts, &kept)?.as_slice() {
        [] => Ok(()),
        grown => bail!(
            "more than {ALLOWED} % over the baseline: {}; if that is meant, `--bless` makes it the \
             baseline",
            grown.join(", ")
        ),
    }
}

/// What counts depend on beside the sources.
struct Here {
    target: String,
    rustc: String,
}

impl Here {
    fn look() -> Result<Self> {
        let said = command("rustc").arg("-vV").read()?;
        let field = |name: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(name));
            line.map(|rest| rest.trim().to_owned())
                .with_context(|| format!("`{name}` of rustc -vV"))
        };
        Ok(Self { target: field("host:")?, rustc: field("release:")? })
    }

    fn baseline(&self, counts: &Counts) -> Value {
        json!({ "target": self.target, "rustc": self.rustc, "instructions": counts })
    }
}

/// Builds a bench of a package and says where it is.
pub(super) fn program(package: &str, bench: &str) -> Result<PathBuf> {
    let said = cargo()
        .args(["bench", "--quiet", "--package", package, "--bench", bench, "--no-run"])
        .arg("--message-format=json-render-diagnostics")
        .read()?;
    executable(&said).with_context(|| format!("cargo does not say where it built `{bench}`"))
}

/// The last program that cargo's messages name.
fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back()
}

/// The instructions of a whole run.
fn count(program: &Path, path: &HotPath, n: u64) -> Result<u64> {
    let out = paths::target()?.join("bench").join(format!("callgrind.{}.{n}", path.name));
    std::fs::create_dir_all(out.parent().unwrap_or(&out))?;
    let mut callgrind = command("valgrind").args(["--tool=callgrind", "--quiet"]);
    callgrind = callgrind.arg(format!("--callgrind-out-file={}", out.display()));
    if path.caller {
        callgrind = callgrind.arg(MEASURED);
    }
    callgrind
        .arg(program)
        .arg(path.name)
        .arg(n.to_string())
        .quietly(&format!("{} x {n}", path.name))?;
    total(&paths::read(&out)?).with_context(|| format!("no totals in {}", out.display()))
}

/// What a file of callgrind's says of the whole run.
pub(super) fn total(profile: &str) -> Option<u64> {
    profile.lines().find_map(|line| line.strip_prefix("totals:"))?.trim().parse().ok()
}

fn an_operation(path: &HotPath, few: u64, many: u64) -> Result<f64> {
    let operations = path.many - path.few;
    match many.checked_sub(few) {
        // Nothing at all: the function's name is not what callgrind was told.
        Some(between) if between > 0 => {
            Ok((between as f64 / operations as f64 * 10.0).round() / 10.0)
        }
        _ => bail!("{}: {few} instructions for fewer, {many} for more operations", path.name),
    }
}

/// The paths that take more than they may. One without a baseline is an error.
fn grown(counts: &Counts, kept: &Counts) -> Result<Vec<String>> {
    let mut grown = Vec::new();
    for (name, now) in counts {
        let Some(before) = kept.get(name) else {
            bail!("{BASELINE} has no `{name}`; `--bless` adds it");
        };
        let percent = (now / before - 1.0) * 100.0;
        if percent > ALLOWED {
            grown.push(format!("{name} (+{percent:.1} %)"));
        }
    }
    Ok(grown)
}

fn print_table(counts: &Counts, kept: &Counts) {
    println!("\n{:<12}  {:>12}  {:>12}", "path", "instructions", "baseline");
    for (name, now) in counts {
        let before = kept.get(name).map_or_else(|| "-".to_owned(), |n| format!("{n:.1}"));
        println!("{name:<12}  {now:>12.1}  {before:>12}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, f64)]) -> Counts {
        pairs.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect()
    }

    #[test]
    fn what_comes_between_is_what_the_operations_took() {
        let set = path("set", 100, 300);
        assert_eq!(an_operation(&set, 10_000, 50_000).expect("counted"), 200.0);
        assert_eq!(an_operation(&set, 0, 25).expect("counted"), 0.1);
        assert!(an_operation(&set, 0, 0).is_err());
        assert!(an_operation(&set, 5, 4).is_err());
    }

    #[test]
    fn growth_beyond_the_allowed_is_named() {
        let kept = counts(&[("get", 100.0), ("set", 200.0)]);
        assert!(grown(&counts(&[("get", 104.9), ("set", 20.0)]), &kept).expect("known").is_empty());
        let more = grown(&counts(&[("get", 100.0), ("set", 212.0)]), &kept).expect("known");
        assert_eq!(more, ["set (+6.0 %)"]);
        assert!(grown(&counts(&[("new", 1.0)]), &kept).is_err());
    }

    #[test]
    fn callgrind_and_cargo_are_understood() {
        assert_eq!(total("version: 1\nsummary: 7\n\ntotals: 12345\n"), Some(12345));
        assert_eq!(total("version: 1\n"), None);
        let said = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
                    {\"reason\":\"compiler-artifact\",\"executable\":\"/x/count-1\"}\n\
                    {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(executable(said), Some(PathBuf::from("/x/count-1")));
        assert_eq!(executable("not json\n"), None);
    }
}
