//! The runner against bridges that answer wrongly: it must notice.

use std::path::Path;

use anyhow::Result;

use crate::bridge::{Places, Plan};
use crate::expect::Kept;
use crate::play::{Form, Play};
use crate::surface::Surface;
use crate::vectors::Vectors;

const SURFACE: &str = r#"
    other = {}
    lacks = {}
    [op.get]
    core = ["Dict::get"]
    python = []
    no_async = { core = "a reason" }
    [op.len]
    core = "a reason"
    python = []
"#;

/// A bridge which says `answer` to everything but the greeting, and what the runner makes of it.
fn played(answer: &str, line: &str, form: Form) -> Result<usize> {
    let hello =
        r#"{"ok":{"protocol":1,"language":"core","version":"0","forms":["sync"],"lacks":[]}}"#;
    let script = format!(
        "while read -r line; do case $line in *hello*) echo '{hello}';; *async*:true*) echo \
         '{{\"absent\":true}}';; *) echo '{answer}';; esac; done"
    );
    let plan = toml::Table::from_iter([
        ("language".to_owned(), "core".into()),
        ("run".to_owned(), vec!["sh".to_owned(), "-c".to_owned(), script].into()),
    ]);
    let plan: Plan = plan.try_into()?;
    let dir = tempfile::tempdir()?;
    let places = Places { root: dir.path().into(), target: dir.path().into(), python: None };
    assert!(plan.ready(&places)?.is_none());
    let mut bridge = plan.start(&places)?;
    let file = dir.path().join("file.jsonl");
    std::fs::write(&file, line)?;
    let surface: Surface = toml::from_str(SURFACE)?;
    let play = Play { surface: &surface, form, mode: None, dir: Path::new("") };
    let played = play.lines(&Vectors::read(&file)?.lines, &mut [&mut bridge], &mut Kept::new());
    drop(bridge);
    played
}

fn wrong(answer: &str, line: &str) -> String {
    format!("{:#}", played(answer, line, Form::Sync).expect_err("must be noticed"))
}

#[test]
fn wrong_answers_are_noticed() {
    let asked = r#"{"do": {"op": "get", "key": {"s": "a"}}, "ok": "01"}"#;
    assert_eq!(played(r#"{"ok":"01"}"#, asked, Form::Sync).unwrap(), 1);
    assert!(wrong(r#"{"ok":"00"}"#, asked).contains("line 1 (core, Sync)"));
    assert!(wrong(r#"{"error":"Io"}"#, asked).contains("wanted \"01\""));
    assert!(wrong(r#"{"bug":"oh"}"#, asked).contains("oh"));
    assert!(wrong("nonsense", asked).contains("not an answer"));
}

#[test]
fn wrong_errors_are_noticed() {
    let asked =
        r#"{"do": {"op": "get", "key": {"s": "a"}}, "error": "Conflict", "key": {"s": "a"}}"#;
    assert_eq!(played(r#"{"error":"Conflict","key":{"s":"a"}}"#, asked, Form::Sync).unwrap(), 1);
    assert!(wrong(r#"{"ok":"01"}"#, asked).contains("wanted the error Conflict"));
    assert!(wrong(r#"{"error":"Busy"}"#, asked).contains("wanted the error Conflict"));
    assert!(wrong(r#"{"error":"Conflict"}"#, asked).contains("names"));
    assert!(wrong(r#"{"error":"Conflict","key":{"s":"b"}}"#, asked).contains("its key"));
}

#[test]
fn what_is_absent_must_be_excused() {
    let get = r#"{"do": {"op": "get", "key": {"s": "a"}}, "ok": "01"}"#;
    assert!(wrong(r#"{"absent":true}"#, get).contains("surface.toml does not say so"));
    let len = r#"{"do": {"op": "len"}, "ok": 1}"#;
    assert_eq!(played(r#"{"absent":true}"#, len, Form::Sync).unwrap(), 0);
    // Only the asynchronous form is missing, and excused: the other one is asked.
    assert_eq!(played(r#"{"ok":"01"}"#, get, Form::Async).unwrap(), 1);
}
