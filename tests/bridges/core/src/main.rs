//! Drives the engine for the conformance suite: one JSON request a line in, one JSON answer a line
//! out. The protocol is described in `tests/bridges/README.md`.

mod block;
mod files;
mod operations;
mod request;
mod shapes;
mod streams;
mod transactions;

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::sync::Arc;

use dictsqlite_core::{Changes, Dict, Error, Transaction, Watch};
use serde_json::{Value as Json, json};

use operations::Form;
use request::Request;

/// What became of a request.
enum Reply {
    /// It was done.
    Ok(Json),
    /// The engine refused it.
    Refused(Error),
    /// There is no such operation, or not in this form.
    Absent,
}

/// A request that makes no sense: a defect of the vectors or of this bridge.
type Bug = String;

/// What the runner opened, by its numbers.
#[derive(Default)]
struct Handles {
    dicts: HashMap<i64, Arc<Dict>>,
    transactions: HashMap<i64, Transaction>,
    /// The engine's numbers, by transaction and savepoint.
    savepoints: HashMap<(i64, i64), u64>,
    streams: HashMap<i64, Changes>,
    watches: HashMap<i64, Watch>,
}

fn main() -> std::io::Result<()> {
    let (stdin, mut stdout) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut handles = Handles::default();
    for line in stdin.lines() {
        let answer = match answer(&line?, &mut handles) {
            Ok(Reply::Ok(value)) => json!({ "ok": value }),
            Ok(Reply::Refused(error)) => shapes::error(&error),
            Ok(Reply::Absent) => json!({ "absent": true }),
            Err(bug) => json!({ "bug": bug }),
        };
        writeln!(stdout, "{answer}")?;
        stdout.flush()?;
    }
    Ok(())
}

fn answer(line: &str, handles: &mut Handles) -> Result<Reply, Bug> {
    let request = Request::parse(line)?;
    let form = if request.flag("async")?.unwrap_or(false) { Form::Async } else { Form::Blocking };
    match request.op()? {
        "hello" => Ok(Reply::Ok(json!({
            "protocol": 1,
            "language": "core",
            "version": dictsqlite_core::VERSION,
            "forms": ["sync", "async"],
            "lacks": [],
        }))),
        "open" => {
            let opened = match request.options()? {
                Ok(options) => operations::open(request.text("path")?, &options, form),
                Err(refused) => Err(refused),
            };
            keep(handles, request.integer("h")?, opened)
        }
        "restore" => files::restore(&request, form),
        op if request.has("tx") && op != "begin" => {
            transactions::answer(handles, op, &request, form)
        }
        op => {
            let number = request.integer("h")?;
            let dict = handles.dicts.get(&number).ok_or_else(|| format!("no handle {number}"))?;
            let dict = Arc::clone(dict);
            if op == "table" {
                let opened = operations::table(&dict, &request, form)?;
                return keep(handles, request.integer("as")?, opened);
            }
            match op {
                "begin" => transactions::begin(handles, &dict, &request, form),
                "atomic" => transactions::atomic(&dict, &request, form),
                "backup" | "export" | "import_export" | "warm" | "vacuum" | "checkpoint"
                | "integrity_check" => files::answer(&dict, op, &request, form),
                _ => match streams::answer(handles, &dict, op, &request, form)? {
                    Reply::Absent => operations::answer(&dict, op, &request, form),
                    reply => Ok(reply),
                },
            }
        }
    }
}

fn keep(handles: &mut Handles, number: i64, opened: Result<Dict, Error>) -> Result<Reply, Bug> {
    Ok(match opened {
        Ok(dict) => {
            handles.dicts.insert(number, Arc::new(dict));
            Reply::Ok(json!(true))
        }
        Err(refused) => Reply::Refused(refused),
    })
}
