//! Vector files: what is asked, and what the answer must be.
//!
//! A file is JSON lines. The first says what it is `about` and in which persist modes it is run. Each
//! other line is a request with its answer, `{"do": {...}, "ok": ...}` or `{"do": {...}, "error":
//! KIND, "key": ...}`; or a statement for another connection, `{"sql": ..., "rows": [[...]]}`; or
//! `{"sleep": seconds}`. `"needs": [FEATURE]` leaves a line out where a language lacks the feature.
//! Some objects stand for something longer: `{"$u": "text"}` for the hexadecimal digits of a text's
//! UTF-8, `{"$bytes": ["00", 1000]}` for as many times those bytes, `{"$keys": [0, 1000]}` for a list
//! of integer keys from the first to before the second (or down to the second), and `{"$items":
//! [0, 1000]}` for the same as pairs whose values are the decimal digits.
//! Where several bridges play one file together, `"by": n` says which one is asked (0), or "each".

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

/// One vector file.
pub(crate) struct Vectors {
    /// Its name, without the extension.
    pub(crate) name: String,
    /// The persist modes it is run in; empty when it names its own.
    pub(crate) modes: Vec<String>,
    pub(crate) lines: Vec<Line>,
}

/// One line of a file.
pub(crate) struct Line {
    pub(crate) number: usize,
    pub(crate) step: Step,
    /// Which of the bridges is asked; `None` for each.
    pub(crate) by: Option<usize>,
    needs: Vec<String>,
}

/// What a line is.
pub(crate) enum Step {
    /// A request, and what is expected of its answer.
    Ask { request: Map<String, Value>, expect: Expect },
    /// A statement run by another connection, and the rows it must give.
    Sql { file: String, sql: String, rows: Value },
    /// Time passes.
    Sleep(f64),
}

/// What an answer must be.
pub(crate) enum Expect {
    /// This result.
    Ok(Value),
    /// An error of this kind, naming this key if one is given.
    Error { kind: String, key: Option<Value> },
}

impl Line {
    /// Whether a language which lacks these features can do it.
    pub(crate) fn is_for(&self, lacks: &[String]) -> bool {
        !self.needs.iter().any(|need| lacks.contains(need))
    }
}

impl Vectors {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path)?;
        let mut vectors = Self { name, modes: Vec::new(), lines: Vec::new() };
        for (index, text) in text.lines().enumerate() {
            let number = index + 1;
            let place = || format!("{}:{number}", path.display());
            let mut line: Value = serde_json::from_str(text).with_context(place)?;
            spell(&mut line);
            let Value::Object(line) = line else { bail!("{}: not an object", place()) };
            if let Some(modes) = line.get("modes") {
                vectors.modes = strings(Some(modes)).with_context(place)?;
            }
            if line.contains_key("about") {
                continue;
            }
            let needs = strings(line.get("needs")).with_context(place)?;
            let by = match line.get("by") {
                Some(Value::String(each)) if each == "each" => None,
                Some(n) => Some(n.as_u64().with_context(place)? as usize),
                None => Some(0),
            };
            vectors.lines.push(Line { number, step: step(line).with_context(place)?, by, needs });
        }
        Ok(vectors)
    }

    /// The operations that are asked for.
    pub(crate) fn ops(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| match &line.step {
            Step::Ask { request, .. } => request.get("op")?.as_str(),
            _ => None,
        })
    }
}

/// All of them, or those named, in the order of their names.
pub(crate) fn read_all(dir: &Path, names: &[String]) -> Result<Vec<Vectors>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    let all = paths.iter().map(|path| Vectors::read(path)).collect::<Result<Vec<_>>>()?;
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|file| file.name != **name)) {
        bail!("no vector file {unknown:?}");
    }
    Ok(all.into_iter().filter(|file| names.is_empty() || names.contains(&file.name)).collect())
}

fn step(mut line: Map<String, Value>) -> Result<Step> {
    if let Some(Value::Object(mut request)) = line.remove("do") {
        request.entry("h").or_insert_with(|| json!(1));
        let expect = match (line.remove("ok"), line.remove("error")) {
            (Some(ok), None) => Expect::Ok(ok),
            (None, Some(Value::String(kind))) => Expect::Error { kind, key: line.remove("key") },
            _ => bail!("neither \"ok\" nor \"error\""),
        };
        return Ok(Step::Ask { request, expect });
    }
    if let Some(Value::String(sql)) = line.remove("sql") {
        let file = line.get("file").and_then(Value::as_str).unwrap_or("a.db").to_owned();
        return Ok(Step::Sql { file, sql, rows: line.remove("rows").unwrap_or(json!([])) });
    }
    match line.get("sleep").and_then(Value::as_f64) {
        Some(seconds) => Ok(Step::Sleep(seconds)),
        None => bail!("not a line of vectors"),
    }
}

/// Replaces the objects that stand for something longer.
fn spell(value: &mut Value) {
    match value {
        Value::Object(fields) => match spelled(fields) {
            Some(spelled) => *value = spelled,
            None => fields.values_mut().for_each(spell),
        },
        Value::Array(items) => items.iter_mut().for_each(spell),
        _ => {}
    }
}

fn spelled(fields: &Map<String, Value>) -> Option<Value> {
    let (name, argument) = fields.iter().next().filter(|_| fields.len() == 1)?;
    let numbers = || -> Option<Vec<i64>> {
        let (from, to) = (argument.get(0)?.as_i64()?, argument.get(1)?.as_i64()?);
        Some(if from <= to { (from..to).collect() } else { (to..from).rev().collect() })
    };
    let list = |item: fn(i64) -> Value| Some(numbers()?.into_iter().map(item).collect());
    match name.as_str() {
        "$u" => Some(json!(hex(argument.as_str()?))),
        "$bytes" => {
            let count = usize::try_from(argument.get(1)?.as_u64()?).ok()?;
            Some(json!(argument.get(0)?.as_str()?.repeat(count)))
        }
        "$keys" => list(|n| json!({ "i": n })),
        "$items" => list(|n| json!([{ "i": n }, hex(&n.to_string())])),
        _ => None,
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn strings(list: Option<&Value>) -> Result<Vec<String>> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let list = list.as_array().context("not a list")?;
    list.iter().map(|item| Ok(item.as_str().context("not text")?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_something_longer_is_spelled_out() {
        let mut value = json!([
            { "$u": "aé" },
            { "value": { "$bytes": ["00ff", 2] } },
            { "$keys": [2, 0] },
            { "$items": [9, 11] },
            { "$save": "kept" },
        ]);
        spell(&mut value);
        assert_eq!(
            value,
            json!([
                "61c3a9",
                { "value": "00ff00ff" },
                [{ "i": 1 }, { "i": 0 }],
                [[{ "i": 9 }, "39"], [{ "i": 10 }, "3130"]],
                { "$save": "kept" },
            ])
        );
    }
}
