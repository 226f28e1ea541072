//! The Python tests, on every CPython there is, and the type checkers on one.

use anyhow::Result;

use super::Options;
use crate::paths;
use crate::python::{self, Interpreters, Python, Venv, Wheels, isolated};
use crate::run::command;
use crate::summary::Summary;

/// A test that takes longer than this many seconds hangs, unless it says otherwise by a marker.
const TEST_TIMEOUT: u32 = 120;
/// A test that holds the interpreter's lock is past pytest's own timeout: then the process is ended.
const HARD_TIMEOUT: u32 = 600;

const REQUIREMENTS: &str = "tests/python/requirements.txt";
const SAMPLE: &str = "tests/python/typing_sample.py";

pub(super) fn run(options: &Options, summary: &mut Summary) -> Result<()> {
    let mut pythons = Interpreters::find()?;
    // The tools keep their environment, whichever versions are asked for.
    let wheels = Wheels::new(pythons.default())?;
    pythons.keep(&options.versions)?;

    for python in pythons.all() {
        let reduced = options.quick && python != pythons.default();
        summary.part("pytest", &python.to_string(), || {
            pytest(&environment(python, &wheels)?, python, options, reduced)
        });
        if reduced {
            summary.skipped(
                "pytest",
                &python.to_string(),
                "tests marked `slow` or `once` (--quick)",
            );
        }
    }
    if options.expression.is_none() {
        typing(pythons.default(), &wheels, summary)?;
    } else {
        summary.skipped("typing", "", "-k selects tests");
    }
    for (name, why) in &pythons.absent {
        summary.skipped("pytest", name, why);
    }
    Ok(())
}

/// The environment of the tests of `python`.
pub(super) fn environment(python: &Python, wheels: &Wheels) -> Result<Venv> {
    Venv::ready(&python.short(), python, &requirements()?, Some(&wheels.for_python(python)?))
}

fn requirements() -> Result<Vec<String>> {
    let text = paths::read(&paths::root().join(REQUIREMENTS))?;
    let lines = text.lines().map(str::trim);
    Ok(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
}

fn pytest(venv: &Venv, python: &Python, options: &Options, reduced: bool) -> Result<()> {
    let cache = paths::target()?.join("pytest").join(python.short());
    let mut pytest = isolated(venv.python())
        .args(["-X", "faulthandler", "-m", "pytest", "tests/python", "-q", "-ra"])
        .arg(format!("--timeout={TEST_TIMEOUT}"))
        .args(["-o", &format!("faulthandler_timeout={HARD_TIMEOUT}")])
        .args(["-o", &format!("cache_dir={}", cache.display())]);
    if python.minor >= 10 {
        // pytest 8, the last for 3.9, only prints the stacks.
        pytest = pytest.args(["-o", "faulthandler_exit_on_timeout=true"]);
    }
    if reduced {
        pytest = pytest.args(["-m", "not slow and not once"]);
    }
    if let Some(expression) = &options.expression {
        pytest = pytest.args(["-k", expression]);
    }
    pytest.run()
}

fn typing(python: &Python, wheels: &Wheels, summary: &mut Summary) -> Result<()> {
    let on = python.to_string();
    if python.minor < 10 {
        summary.skipped("mypy, pyright", &on, "they need CPython >= 3.10");
        return Ok(());
    }
    let venv = python::typing_venv(python, wheels)?;
    let cache = paths::target()?.join("mypy");
    summary.part("mypy --strict", &on, || {
        isolated(venv.python())
            .args(["-m", "mypy", "--strict", "--cache-dir"])
            .arg(&cache)
            .arg(SAMPLE)
            .run()
    });
    // Without a Node of the machine, pyright would fetch one.
    if command("node").arg("--version").read().is_err() {
        summary.skipped("pyright", &on, "no `node` on this machine, which pyright runs on");
        return Ok(());
    }
    summary.part("pyright", &on, || {
        isolated(venv.python())
            .args(["-m", "pyright", "--pythonpath"])
            .arg(venv.exe())
            .arg(SAMPLE)
            .env("PYRIGHT_PYTHON_IGNORE_WARNINGS", "1")
            .run()
    });
    Ok(())
}
