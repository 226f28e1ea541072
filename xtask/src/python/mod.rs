//! CPythons of this machine, private virtual environments, and the wheels that go into them.

mod interpreters;
mod stamp;
mod venv;
mod wheel;

pub(crate) use interpreters::{Interpreters, Python};
pub(crate) use venv::{Venv, isolated};
pub(crate) use wheel::{Wheel, Wheels};

use anyhow::Result;

/// What checks the types, beside the wheel whose types are checked.
const TYPING: [&str; 2] = ["mypy>=1.11,<3", "pyright>=1.1.400,<2"];

/// The environment of the type checkers and of the stub check.
pub(crate) fn typing_venv(python: &Python, wheels: &Wheels) -> Result<Venv> {
    Venv::ready(
        &format!("typing-{}", python.short()),
        python,
        &TYPING.map(str::to_owned),
        Some(&wheels.for_python(python)?),
    )
}
