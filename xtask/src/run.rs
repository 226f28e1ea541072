//! Running commands so that a failure says which command it was.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::paths;

/// A command to run, from the root of the workspace unless told otherwise.
#[must_use = "a command does nothing until it is run"]
pub(crate) struct Run {
    command: Command,
    shown: String,
}

/// A command named `program`.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Run {
    let program = program.as_ref();
    let mut command = Command::new(program);
    // No child may wait for a terminal.
    command.current_dir(paths::root()).stdin(Stdio::null());
    // What `cargo run` tells this program about itself is not for the builds it starts: it would make
    // them differ from the same builds started by hand, and be done twice.
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    Run { command, shown: quoted(program) }
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Run {
    let mut run = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    run.shown = "cargo".to_owned();
    run
}

impl Run {
    /// One more argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        let arg = arg.as_ref();
        self.shown.push(' ');
        self.shown.push_str(&quoted(arg));
        self.command.arg(arg);
        self
    }

    /// More arguments.
    pub(crate) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        for arg in args {
            self = self.arg(arg);
        }
        self
    }

    /// A variable of the environment, which failures show too.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        let value = value.as_ref();
        self.shown = format!("{name}={} {}", quoted(value), self.shown);
        self.command.env(name, value);
        self
    }

    /// Without this variable of the environment.
    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Run in `dir`.
    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self.shown = format!("cd {} && {}", quoted(dir.as_os_str()), self.shown);
        self
    }

    /// Runs it with its output going to ours.
    pub(crate) fn run(mut self) -> Result<()> {
        flush();
        let status =
            self.command.status().with_context(|| format!("cannot run `{}`", self.shown))?;
        if !status.success() {
            bail!("`{}` failed: {status}", self.shown);
        }
        Ok(())
    }

    /// Runs it, says `doing` and how long it took, and shows its output only if it fails.
    pub(crate) fn quietly(mut self, doing: &str) -> Result<()> {
        print!("  {doing} ... ");
        flush();
        let start = Instant::now();
        let output = self.output()?;
        println!("{:.1} s", start.elapsed().as_secs_f64());
        self.succeeded(&output)
    }

    /// Runs it and gives what it wrote to its standard output.
    pub(crate) fn read(mut self) -> Result<String> {
        let output = self.output()?;
        self.succeeded(&output)?;
        String::from_utf8(output.stdout).with_context(|| format!("output of `{}`", self.shown))
    }

    fn output(&mut self) -> Result<Output> {
        self.command.output().with_context(|| format!("cannot run `{}`", self.shown))
    }

    fn succeeded(&self, output: &Output) -> Result<()> {
        if output.status.success() {
            return Ok(());
        }
        let mut text = String::new();
        for stream in [&output.stdout, &output.stderr] {
            let stream = String::from_utf8_lossy(stream);
            if !stream.trim().is_empty() {
                write!(text, "\n{}", stream.trim_end())?;
            }
        }
        bail!("`{}` failed: {}{text}", self.shown, output.status);
    }
}

/// What we wrote comes before what the child writes.
fn flush() {
    // A closed standard output is noticed by the next `println!`.
    let _ = std::io::stdout().flush();
}

/// `text` as one would type it into a shell.
fn quoted(text: &OsStr) -> String {
    let text = text.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_and_shows_what_it_said() {
        let failed = cargo().args(["no-such-command", "two words"]).read();
        let message = failed.map(drop).map_err(|e| e.to_string()).expect_err("must fail");
        assert!(message.contains("no-such-command 'two words'` failed"), "{message}");
        assert!(message.contains("no such command"), "{message}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let failed = command("dictsqlite-no-such-program").run();
        let message = failed.map_err(|e| format!("{e:#}")).expect_err("must fail");
        assert!(message.contains("cannot run `dictsqlite-no-such-program`"), "{message}");
    }
}
