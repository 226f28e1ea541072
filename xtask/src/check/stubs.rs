//! The `.pyi` files say what the built package has: no name more, no name less.

use anyhow::Result;

use crate::python::{Interpreters, Wheels, isolated, typing_venv};

/// Compares inside the environment; no type checker's own ideas of a stub come into it.
const COMPARE: &str = "xtask/src/check/stubs.py";

pub(super) fn check() -> Result<()> {
    let pythons = Interpreters::find()?;
    let python = pythons.default();
    let venv = typing_venv(python, &Wheels::new(python)?)?;
    isolated(venv.python()).args([COMPARE, "dictsqlite"]).run()
}
