//! The change log, streams of what is in it, and watches.

use std::sync::Arc;

use dictsqlite_core::{ChangeRetention, ChangesOptions, Completion, Dict, Key};
use serde_json::{Value as Json, json};

use crate::operations::{Form, Outcome, reply};
use crate::request::Request;
use crate::{Bug, Handles, Reply, shapes};

pub(crate) fn answer(
    handles: &mut Handles,
    dict: &Arc<Dict>,
    op: &str,
    r: &Request,
    form: Form,
) -> Result<Reply, Bug> {
    let done = |()| json!(true);
    Ok(match op {
        "enable_changes" => {
            let count = r.field("count").map(|_| r.integer("count")).transpose()?;
            let kept =
                ChangeRetention { count: count.map(i64::cast_unsigned), age: r.seconds("age")? };
            let on = form.of(|| dict.enable_changes(kept), || dict.enable_changes_async(kept));
            reply(on, done)
        }
        "has_changes" => {
            let logged = form.of(|| dict.has_changes(), || dict.run_async(Dict::has_changes));
            reply(logged, Json::from)
        }
        "changes" => {
            let (number, options) = (r.integer("stream")?, options(r)?);
            reply(dict.changes(&options), |stream| {
                handles.streams.insert(number, stream);
                json!(true)
            })
        }
        "watch" => {
            let number = r.integer("watch")?;
            let keys: Vec<Key> = if r.has("keys") { r.keys()? } else { Vec::new() };
            let prefix = r.optional_key("prefix")?;
            reply(dict.watch(&keys, prefix.as_ref()), |watch| {
                handles.watches.insert(number, watch);
                json!(true)
            })
        }
        "next_changes" | "position" | "close_changes" => {
            let number = r.integer("stream")?;
            let stream = handles.streams.get(&number).ok_or("no such stream")?;
            match op {
                "position" => Reply::Ok(json!(stream.position())),
                "close_changes" => {
                    stream.close();
                    Reply::Ok(json!(true))
                }
                _ => {
                    let found =
                        gathered(r, form, || stream.next_page(None), || stream.next_page_async());
                    reply(found?, |found| found.iter().map(shapes::change_out).collect())
                }
            }
        }
        "next_watched" | "close_watch" => {
            let number = r.integer("watch")?;
            let watch = handles.watches.get(&number).ok_or("no such watch")?;
            if op == "close_watch" {
                watch.close();
                return Ok(Reply::Ok(json!(true)));
            }
            let found = gathered(r, form, || watch.next_page(None), || watch.next_page_async());
            reply(found?, |found| {
                let pair = |w: &dictsqlite_core::Watched| {
                    json!([shapes::key_out(&w.key), shapes::entry_out(w.entry.as_ref())])
                };
                found.iter().map(pair).collect()
            })
        }
        _ => Reply::Absent,
    })
}

fn options(r: &Request) -> Result<ChangesOptions, Bug> {
    let tables = r.field("tables").map(|_| r.list("tables")).transpose()?;
    let text =
        |name: &Json| name.as_str().map(str::to_owned).ok_or("a table is no text".to_owned());
    Ok(ChangesOptions {
        since: r.field("since").map(|_| r.integer("since")).transpose()?,
        tables: tables.map(|tables| tables.iter().map(text).collect()).transpose()?,
        prefix: r.optional_key("prefix")?,
    })
}

/// Pages until there are as many as are asked for.
fn gathered<T>(
    r: &Request,
    form: Form,
    blocking: impl Fn() -> Outcome<Vec<T>>,
    future: impl Fn() -> Completion<Vec<T>>,
) -> Result<Outcome<Vec<T>>, Bug> {
    let count = usize::try_from(r.integer("count")?).map_err(|e| e.to_string())?;
    let mut all = Vec::new();
    while all.len() < count {
        match form.of(&blocking, &future) {
            Ok(page) => all.extend(page),
            Err(refused) => return Ok(Err(refused)),
        }
    }
    Ok(Ok(all))
}
