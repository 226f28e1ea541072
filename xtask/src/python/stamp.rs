//! A fingerprint of inputs, kept in a file beside what was made from them.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use anyhow::{Context, Result};

use crate::paths;

/// Collects inputs. Only this machine reads the result, so a plain hash will do.
#[derive(Default)]
pub(crate) struct Stamp(DefaultHasher);

impl Stamp {
    /// Adds a text.
    pub(crate) fn text(mut self, text: &str) -> Self {
        text.hash(&mut self.0);
        self
    }

    /// Adds a file: its name and its bytes. A missing one counts as empty.
    pub(crate) fn file(mut self, path: &Path) -> Self {
        path.hash(&mut self.0);
        fs::read(path).unwrap_or_default().hash(&mut self.0);
        self
    }

    /// Adds every file below a directory.
    pub(crate) fn tree(mut self, dir: &Path) -> Result<Self> {
        for file in paths::files_below(dir)? {
            self = self.file(&file);
        }
        Ok(self)
    }

    /// The fingerprint.
    pub(crate) fn done(self) -> String {
        format!("{:016x}", self.0.finish())
    }
}

/// Whether the file holds this fingerprint.
pub(crate) fn matches(file: &Path, stamp: &str) -> bool {
    fs::read_to_string(file).is_ok_and(|kept| kept == stamp)
}

/// Keeps the fingerprint, once what it stands for is complete.
pub(crate) fn keep(file: &Path, stamp: &str) -> Result<()> {
    fs::write(file, stamp).with_context(|| format!("cannot write {}", file.display()))
}
