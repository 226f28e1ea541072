//! Playing the lines of a vector file to bridges.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use crate::bridge::{Bridge, shortened};
use crate::expect::{Kept, compare, fill};
use crate::other;
use crate::surface::Surface;
use crate::vectors::{Expect, Line, Step};

/// Which form of the operations is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Sync,
    Async,
}

impl Form {
    /// Those a bridge has.
    pub(crate) fn of(bridge: &Bridge) -> Vec<Self> {
        let has = |name: &str| bridge.forms.iter().any(|form| form == name);
        [(Self::Sync, "sync"), (Self::Async, "async")]
            .into_iter()
            .filter_map(|(form, name)| has(name).then_some(form))
            .collect()
    }
}

/// Fields that name files, of requests that open nothing.
const FILES: [&str; 3] = ["dest", "source", "path"];

/// How a file is played.
pub(crate) struct Play<'a> {
    pub(crate) surface: &'a Surface,
    pub(crate) form: Form,
    /// The persist mode of what is opened, where the file names none.
    pub(crate) mode: Option<&'a str>,
    /// Where its stores are.
    pub(crate) dir: &'a Path,
}

impl Play<'_> {
    /// Plays the lines, then closes what is open; says how many answers were compared.
    pub(crate) fn lines(
        &self,
        lines: &[Line],
        bridges: &mut [&mut Bridge],
        kept: &mut Kept,
    ) -> Result<usize> {
        let mut opened = vec![Vec::new(); bridges.len()];
        let played = self.each_line(lines, bridges, kept, &mut opened);
        for (bridge, handles) in bridges.iter_mut().zip(opened) {
            for handle in handles {
                let closed = bridge.ask(&json!({ "op": "close", "h": handle }));
                // The first error is the one to tell.
                if played.is_ok() {
                    closed?;
                }
            }
        }
        played
    }

    fn each_line(
        &self,
        lines: &[Line],
        bridges: &mut [&mut Bridge],
        kept: &mut Kept,
        opened: &mut [Vec<Value>],
    ) -> Result<usize> {
        let mut compared = 0;
        for line in lines {
            let asked: Vec<usize> = match line.by {
                Some(by) => vec![by % bridges.len()],
                None => (0..bridges.len()).collect(),
            };
            for at in asked {
                let bridge = &mut *bridges[at];
                if !line.is_for(&bridge.lacks) {
                    continue;
                }
                let place = || {
                    let mode = self.mode.map(|mode| format!(", {mode}")).unwrap_or_default();
                    format!("line {} ({}, {:?}{mode})", line.number, bridge.language, self.form)
                };
                let place = place();
                compared +=
                    usize::from(self.line(line, bridge, kept, &mut opened[at]).context(place)?);
            }
        }
        Ok(compared)
    }

    fn line(
        &self,
        line: &Line,
        bridge: &mut Bridge,
        kept: &mut Kept,
        opened: &mut Vec<Value>,
    ) -> Result<bool> {
        match &line.step {
            Step::Sleep(seconds) => std::thread::sleep(Duration::from_secs_f64(*seconds)),
            Step::Sql { file, sql, rows } => {
                let found = other::run(&self.dir.join(file), sql)?;
                compare(rows, &found, kept).map_err(anyhow::Error::msg)?;
                return Ok(true);
            }
            Step::Ask { request, expect } => {
                let mut request = Value::Object(self.placed(request));
                fill(&mut request, kept).map_err(anyhow::Error::msg)?;
                let Some(answer) = self.ask(bridge, &mut request)? else { return Ok(false) };
                if answer.get("ok").is_some() {
                    opened.extend(match request["op"].as_str() {
                        Some("open") => Some(request["h"].clone()),
                        // With a transaction it is the transaction on another table.
                        Some("table") if request.get("tx").is_none() => Some(request["as"].clone()),
                        _ => None,
                    });
                }
                let lacks_keys = bridge.lacks.iter().any(|lack| lack == "error_keys");
                check(expect, &answer, kept, lacks_keys).map_err(|wrong| {
                    anyhow::anyhow!("{}\n  {wrong}", shortened(&request.to_string()))
                })?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The request with its path in this play's directory and its persist mode.
    fn placed(&self, request: &Map<String, Value>) -> Map<String, Value> {
        let mut request = request.clone();
        if request.get("op") != Some(&json!("open")) {
            for name in FILES {
                if let Some(Value::String(file)) = request.get_mut(name) {
                    *file = self.dir.join(&*file).to_string_lossy().into_owned();
                }
            }
            return request;
        }
        let path = request.get("path").and_then(Value::as_str).unwrap_or("a.db");
        let path = match path {
            ":memory:" => path.to_owned(),
            name => self.dir.join(name).to_string_lossy().into_owned(),
        };
        request.insert("path".to_owned(), path.into());
        if let Some(mode) = self.mode {
            let options = request.entry("options").or_insert_with(|| json!({}));
            if let Some(options) = options.as_object_mut() {
                options.entry("persist_mode").or_insert_with(|| mode.into());
            }
        }
        request
    }

    /// The answer; `None` when the language has no such operation and the surface says so.
    fn ask(&self, bridge: &mut Bridge, request: &mut Value) -> Result<Option<Value>> {
        if self.form == Form::Async {
            request["async"] = json!(true);
        }
        let op = request["op"].as_str().unwrap_or_default().to_owned();
        let answer = bridge.ask(request)?;
        if answer.get("absent").is_none() {
            return Ok(Some(answer));
        }
        if self.form == Form::Async && self.surface.excuses_async(&op, &bridge.language) {
            request["async"] = json!(false);
            return Ok(Some(bridge.ask(request)?));
        }
        if !self.surface.excuses(&op, &bridge.language) {
            bail!("{request}\n  is absent, and surface.toml does not say so");
        }
        Ok(None)
    }
}

fn check(expect: &Expect, answer: &Value, kept: &mut Kept, lacks_keys: bool) -> Result<(), String> {
    match expect {
        Expect::Ok(wanted) => match answer.get("ok") {
            Some(got) => compare(wanted, got, kept),
            None => Err(format!("wanted {wanted}, got {answer}")),
        },
        Expect::Error { kind, key } => {
            if answer.get("error").and_then(Value::as_str) != Some(kind) {
                return Err(format!("wanted the error {kind}, got {answer}"));
            }
            match key {
                Some(key) if !lacks_keys => match answer.get("key") {
                    Some(got) => {
                        compare(key, got, kept).map_err(|wrong| format!("its key: {wrong}"))
                    }
                    None => Err(format!("wanted an error that names {key}, got {answer}")),
                },
                _ => Ok(()),
            }
        }
    }
}
