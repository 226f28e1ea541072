//! `MANIFEST.json` and `SHA256SUMS`: what there is, what there is not and why.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Place, pack};
use crate::run::command;

/// What became of the parts.
#[derive(Default)]
pub(super) struct Manifest {
    made: Vec<(String, PathBuf)>,
    skipped: Vec<(String, String)>,
}

impl Manifest {
    /// Notes the files of a part.
    pub(super) fn made(&mut self, part: &str, files: Vec<PathBuf>) {
        self.made.extend(files.into_iter().map(|file| (part.to_owned(), file)));
    }

    /// Notes that a part was left out.
    pub(super) fn skipped(&mut self, part: &str, why: &str) {
        self.skipped.push((part.to_owned(), why.to_owned()));
    }

    /// A line for each file and for each part that was left out.
    pub(super) fn listed(&self) -> String {
        let files = self.made.iter().map(|(part, file)| format!("{part:8}{}", name(file)));
        let skipped = self.skipped.iter().map(|(part, why)| format!("{part:8}SKIPPED: {why}"));
        files.chain(skipped).collect::<Vec<_>>().join("\n")
    }

    /// Writes both files.
    pub(super) fn write(&self, place: &Place) -> Result<()> {
        let sums = pack::sums(&self.made.iter().map(|(_, file)| file.clone()).collect::<Vec<_>>())?;
        let mut lines = String::new();
        let mut artefacts = Vec::new();
        for ((part, file), sum) in self.made.iter().zip(&sums) {
            let (name, bytes) = (name(file), fs::metadata(file)?.len());
            lines += &format!("{sum}  {name}\n");
            artefacts.push(json!({ "part": part, "file": name, "bytes": bytes, "sha256": sum }));
        }
        let skipped: Vec<Value> =
            self.skipped.iter().map(|(part, why)| json!({ "part": part, "why": why })).collect();
        let manifest = json!({
            "name": "dictsqlite",
            "version": place.version,
            "target": place.target,
            "commit": commit(),
            "rustc": command("rustc").arg("--version").read()?.trim(),
            "artefacts": artefacts,
            "skipped": skipped,
        });
        fs::write(place.out.join("SHA256SUMS"), lines)?;
        let text = format!("{manifest:#}\n");
        fs::write(place.out.join("MANIFEST.json"), text).context("cannot write MANIFEST.json")
    }
}

/// The commit that is built, where there is one; with a mark if the tree has changes beside it.
fn commit() -> Option<String> {
    let commit = command("git").args(["rev-parse", "HEAD"]).read().ok()?;
    let changes = command("git").args(["status", "--porcelain"]).read().ok()?;
    let mark = if changes.trim().is_empty() { "" } else { "+" };
    Some(format!("{}{mark}", commit.trim()))
}

fn name(file: &std::path::Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
