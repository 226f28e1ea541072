//! Finding every CPython of this machine that the package supports.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::run::command;

/// The oldest minor version the package supports.
const OLDEST: u32 = 9;
/// The newest minor version one expects to find; a newer one is used too.
const NEWEST: u32 = 14;

/// What a candidate says about itself: valid in any Python, so that old ones fail politely.
const PROBE: &str = "\
import sys, sysconfig
try:
    import ensurepip, venv
    able = 1
except ImportError:
    able = 0
v = sys.version_info
free = 1 if sysconfig.get_config_var('Py_GIL_DISABLED') else 0
print('|'.join(map(str, [sys.implementation.name, v[0], v[1], v[2], able, free, sys.executable])))
";

/// One CPython.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Python {
    /// The program, past any shim.
    pub(crate) exe: PathBuf,
    /// The `11` of 3.11.7.
    pub(crate) minor: u32,
    micro: u32,
    /// Whether it can make virtual environments.
    able: bool,
    free_threaded: bool,
}

impl fmt::Display for Python {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CPython 3.{}.{}", self.minor, self.micro)
    }
}

/// The CPythons found, one a minor version.
pub(crate) struct Interpreters {
    found: Vec<Python>,
    default: usize,
    /// What is not there or not usable, and why.
    pub(crate) absent: Vec<(String, String)>,
}

impl Interpreters {
    /// Looks through `PATH` and pyenv. None at all is an error: Python is a required language.
    pub(crate) fn find() -> Result<Self> {
        let candidates = candidates();
        let probed: Vec<Python> = candidates.iter().filter_map(|path| probe(path)).collect();
        match Self::choose(&probed) {
            Some(chosen) => Ok(chosen),
            None => bail!(
                "no CPython >= 3.{OLDEST} that can make virtual environments (`ensurepip`, `venv`) in \
                 PATH or pyenv; tried {} programs",
                candidates.len()
            ),
        }
    }

    /// One a minor version, the first that is able; the very first is the default.
    fn choose(probed: &[Python]) -> Option<Self> {
        let usable = |p: &&Python| p.able && !p.free_threaded;
        let first = probed.iter().find(usable)?;
        let minors: BTreeSet<u32> = probed.iter().map(|p| p.minor).chain(OLDEST..=NEWEST).collect();
        let mut found: Vec<Python> = Vec::new();
        let mut absent = Vec::new();
        for minor in minors {
            let mut same = probed.iter().filter(|p| p.minor == minor);
            match (same.clone().find(usable), same.next()) {
                (Some(python), _) => found.push(python.clone()),
                (None, Some(python)) => {
                    let why = if python.free_threaded {
                        "free-threaded, which the limited API does not serve"
                    } else {
                        "cannot make virtual environments (no ensurepip or venv)"
                    };
                    absent.push((format!("CPython 3.{minor}"), why.to_owned()));
                }
                (None, None) => {
                    let why = format!("no CPython 3.{minor} on this machine");
                    absent.push((format!("CPython 3.{minor}"), why));
                }
            }
        }
        let default = found.iter().position(|python| python == first)?;
        Some(Self { found, default, absent })
    }

    /// The one that `python3` gives, else the first found.
    pub(crate) fn default(&self) -> &Python {
        &self.found[self.default]
    }

    /// All of them, oldest first.
    pub(crate) fn all(&self) -> &[Python] {
        &self.found
    }

    /// Keeps only these versions (`3.11`), or all if none is named. One that is not there is an error.
    pub(crate) fn keep(&mut self, versions: &[String]) -> Result<()> {
        if versions.is_empty() {
            return Ok(());
        }
        for version in versions {
            if !self.found.iter().any(|python| python.short() == *version) {
                bail!("no usable CPython {version}; there are {}", self.names());
            }
        }
        let default = self.default().clone();
        self.found.retain(|python| versions.contains(&python.short()));
        let newest = self.found.len().saturating_sub(1);
        self.default = self.found.iter().position(|p| *p == default).unwrap_or(newest);
        Ok(())
    }

    fn names(&self) -> String {
        self.found.iter().map(Python::short).collect::<Vec<_>>().join(", ")
    }
}

impl Python {
    /// `3.11`.
    pub(crate) fn short(&self) -> String {
        format!("3.{}", self.minor)
    }
}

/// Programs that may be a CPython, the user's own choice first.
fn candidates() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versioned = (OLDEST..=NEWEST + 1).rev().map(|minor| format!("python3.{minor}"));
    let names = ["python3".to_owned(), "python".to_owned()].into_iter().chain(versioned);
    let mut all: Vec<PathBuf> = names
        .flat_map(|name| dirs.iter().map(move |dir| dir.join(&name)).collect::<Vec<_>>())
        .collect();

    // pyenv's shims only run the versions that are switched on; the others are installed none the less.
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv"));
    if let Some(pyenv) = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(home) {
        let versions = std::fs::read_dir(pyenv.join("versions")).into_iter().flatten().flatten();
        let mut versions: Vec<PathBuf> = versions.map(|v| v.path().join("bin/python")).collect();
        versions.sort();
        all.extend(versions.into_iter().rev());
    }
    let mut seen = BTreeSet::new();
    all.retain(|path| path.is_file() && seen.insert(path.clone()));
    all
}

/// Asks a candidate. A shim without a version behind it, another implementation, or a version too old
/// is none.
fn probe(path: &Path) -> Option<Python> {
    let said = command(path).args(["-I", "-c", PROBE]).read().ok()?;
    parse(&said)
}

fn parse(said: &str) -> Option<Python> {
    let fields: Vec<&str> = said.trim().splitn(7, '|').collect();
    let [name, major, minor, micro, able, free, exe] = fields[..] else {
        return None;
    };
    let (minor, micro) = (minor.parse().ok()?, micro.parse().ok()?);
    let wanted = name == "cpython" && major == "3" && minor >= OLDEST && !exe.is_empty();
    wanted.then(|| Python {
        exe: exe.into(),
        minor,
        micro,
        able: able == "1",
        free_threaded: free == "1",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(minor: u32, able: u32, free: u32, exe: &str) -> Python {
        parse(&format!("cpython|3|{minor}|1|{able}|{free}|{exe}\n")).expect("a CPython")
    }

    #[test]
    fn others_than_supported_cpythons_are_none() {
        assert_eq!(parse("pypy|3|10|1|1|0|/x"), None);
        assert_eq!(parse("cpython|3|8|18|1|0|/x"), None);
        assert_eq!(parse("cpython|2|7|18|1|0|/x"), None);
        assert_eq!(parse("command not found"), None);
    }

    #[test]
    fn one_a_minor_version_and_the_first_is_the_default() {
        let probed = [
            said(11, 1, 0, "/first"),
            said(13, 1, 0, "/newest"),
            said(11, 1, 0, "/second"),
            said(9, 0, 0, "/bare"),
            said(12, 0, 0, "/bare"),
            said(12, 1, 0, "/able"),
        ];
        let mut found = Interpreters::choose(&probed).expect("some");
        let exes: Vec<_> = found.all().iter().map(|p| p.exe.display().to_string()).collect();
        assert_eq!(exes, ["/first", "/able", "/newest"]);
        assert_eq!(found.default().exe, Path::new("/first"));
        let absent: Vec<_> = found.absent.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(absent, ["CPython 3.9", "CPython 3.10", "CPython 3.14"]);

        found.keep(&[]).expect("nothing to ask for");
        assert_eq!(found.all().len(), 3);
        assert!(found.keep(&["3.10".to_owned()]).is_err());
        found.keep(&["3.12".to_owned(), "3.13".to_owned()]).expect("both are there");
        assert_eq!(found.default().exe, Path::new("/newest"));
    }

    #[test]
    fn a_free_threaded_one_alone_is_absent_aloud() {
        let found =
            Interpreters::choose(&[said(11, 1, 0, "/a"), said(13, 1, 1, "/t")]).expect("some");
        assert_eq!(found.all().len(), 1);
        assert!(found.absent.iter().any(|(_, why)| why.starts_with("free-threaded")));
        assert!(Interpreters::choose(&[said(13, 1, 1, "/t")]).is_none());
    }
}
