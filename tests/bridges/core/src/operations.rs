//! The operations, each in both forms: blocking, and as a future run by the smallest executor.

use std::sync::Arc;

use dictsqlite_core::{Completion, Dict, Error, Options, Value};
use serde_json::{Value as Json, json};

use crate::request::Request;
use crate::{Bug, Reply, block, shapes};

pub(crate) type Outcome<T> = Result<T, Error>;

/// Which of the two forms is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Blocking,
    Async,
}

impl Form {
    pub(crate) fn of<T>(
        self,
        blocking: impl FnOnce() -> Outcome<T>,
        future: impl FnOnce() -> Completion<T>,
    ) -> Outcome<T> {
        match self {
            Self::Blocking => blocking(),
            Self::Async => block::on(future()),
        }
    }
}

pub(crate) fn open(path: &str, options: &Options, form: Form) -> Outcome<Dict> {
    form.of(|| Dict::open(path, options), || Dict::open_async(path, options))
}

pub(crate) fn table(dict: &Arc<Dict>, request: &Request, form: Form) -> Result<Outcome<Dict>, Bug> {
    let name = request.text("name")?.to_owned();
    let storage = match request.storage()?.map(str::parse).transpose() {
        Ok(storage) => storage,
        Err(refused) => return Ok(Err(refused)),
    };
    Ok(form.of(
        || dict.table(&name, storage),
        || {
            let name = name.clone();
            dict.spawn_async(move |dict| dict.table(&name, storage))
        },
    ))
}

pub(crate) fn answer(dict: &Arc<Dict>, op: &str, r: &Request, form: Form) -> Result<Reply, Bug> {
    let done = |()| json!(true);
    Ok(match op {
        "get" => {
            let key = r.key()?;
            reply(form.of(|| dict.get(&key), || dict.get_async(&key)), |v| {
                shapes::value_out(v.as_ref())
            })
        }
        "contains" => {
            let key = r.key()?;
            reply(form.of(|| dict.contains(&key), || dict.contains_async(&key)), Json::from)
        }
        "len" => reply(form.of(|| dict.len(), || dict.len_async()), Json::from),
        "entry" => {
            let key = r.key()?;
            reply(form.of(|| dict.entry(&key), || dict.entry_async(&key)), |entry| {
                shapes::entry_out(entry.as_ref())
            })
        }
        "set" => set(dict, r, form)?,
        "delete" => {
            let key = r.key()?;
            let deleted = match r.version()? {
                Some(version) => form.of(
                    || dict.delete_if_version(&key, version),
                    || dict.delete_if_version_async(&key, version),
                ),
                None => form.of(|| dict.delete(&key), || dict.delete_async(&key)),
            };
            reply(deleted, done)
        }
        "remove" => {
            let key = r.key()?;
            reply(form.of(|| dict.remove(&key), || dict.remove_async(&key)), Json::from)
        }
        "pop" => {
            let key = r.key()?;
            reply(form.of(|| dict.pop(&key), || dict.pop_async(&key)), |entry| {
                shapes::value_out(entry.as_ref().map(|entry| &entry.value))
            })
        }
        "popitem" => {
            let last = r.last()?;
            reply(form.of(|| dict.pop_item(last), || dict.pop_item_async(last)), |item| {
                item.map_or(Json::Null, |(key, entry)| {
                    json!([shapes::key_out(&key), shapes::value_out(Some(&entry.value))])
                })
            })
        }
        "setdefault" => {
            let (key, value, ttl) = (r.key()?, r.value()?, r.ttl()?);
            let given = || Arc::clone(&value);
            let found = form.of(
                || dict.set_default(&key, given(), ttl),
                || dict.set_default_async(&key, given(), ttl),
            );
            reply(found, |entry| {
                shapes::value_out(Some(entry.as_ref().map_or(&value, |entry| &entry.value)))
            })
        }
        "incr" => {
            let (key, by) = (r.key()?, r.integer("by")?);
            reply(form.of(|| dict.incr(&key, by), || dict.incr_async(&key, by)), Json::from)
        }
        "expire" => {
            let (key, ttl) = (r.key()?, r.ttl()?);
            reply(form.of(|| dict.expire(&key, ttl), || dict.expire_async(&key, ttl)), Json::from)
        }
        "clear" => reply(form.of(|| dict.clear(), || dict.clear_async()), |_| json!(true)),
        _ => return many(dict, op, r, form),
    })
}

fn many(dict: &Arc<Dict>, op: &str, r: &Request, form: Form) -> Result<Reply, Bug> {
    let done = |()| json!(true);
    Ok(match op {
        "get_many" => {
            let keys = r.keys()?;
            let found = form.of(|| dict.get_many(&keys), || dict.get_many_async(&keys));
            reply(found, |values| values.iter().map(|v| shapes::value_out(v.as_ref())).collect())
        }
        "set_many" => {
            let (items, ttl) = (r.items()?, r.ttl()?);
            let set = form
                .of(|| dict.set_many_with_ttl(&items, ttl), || dict.set_many_async(&items, ttl));
            reply(set, done)
        }
        "delete_many" => {
            let keys = r.keys()?;
            reply(form.of(|| dict.delete_many(&keys), || dict.delete_many_async(&keys)), done)
        }
        "page" => match r.scan()? {
            Ok(options) => {
                let what = r.text("what")?;
                let scan = dict.scan(&options);
                let items = scan.and_then(|scan| match form {
                    Form::Blocking => scan.collect::<Outcome<Vec<_>>>(),
                    Form::Async => block::on(drained(scan)),
                });
                reply(items, |items| items.iter().map(|i| shapes::item_out(i, what)).collect())
            }
            Err(refused) => Reply::Refused(refused),
        },
        "tables" => {
            let tables = form.of(|| dict.tables(), || dict.run_async(Dict::tables));
            reply(tables, |tables| tables.into_iter().map(|(name, _)| name).collect())
        }
        "drop_table" => {
            let name = r.text("name")?.to_owned();
            let dropped = form.of(
                || dict.drop_table(&name),
                || {
                    let name = name.clone();
                    dict.spawn_async(move |dict| dict.drop_table(&name))
                },
            );
            reply(dropped, Json::from)
        }
        "info" => Reply::Ok(json!({
            "table": dict.name(),
            "storage_mode": dict.storage_mode().name(),
            "persist_mode": dict.persist_mode().name(),
            "path": dict.path().map(|path| path.to_string_lossy()),
            "read_only": dict.is_read_only(),
            "closed": dict.is_closed(),
        })),
        "flush" => {
            let durable = r.flag("durable")?.unwrap_or(false);
            let flushed = form.of(
                || if durable { dict.flush_durable() } else { dict.flush() },
                || dict.flush_async(durable),
            );
            reply(flushed, done)
        }
        "stats" => match dict.stats() {
            Ok(stats) => Reply::Ok(serde_json::to_value(stats).map_err(|e| e.to_string())?),
            Err(refused) => Reply::Refused(refused),
        },
        "close" => reply(form.of(|| dict.close(), || dict.close_async()), done),
        _ => Reply::Absent,
    })
}

fn set(dict: &Dict, r: &Request, form: Form) -> Result<Reply, Bug> {
    let (key, value, ttl) = (r.key()?, r.value()?, r.ttl()?);
    Ok(match r.version()? {
        Some(version) => {
            let given = || Value::clone(&value);
            let set = form.of(
                || dict.set_if_version(&key, given(), version, ttl),
                || dict.set_if_version_async(&key, given(), version, ttl),
            );
            reply(set, Json::from)
        }
        None => {
            let set = form
                .of(|| dict.set_with_ttl(&key, &value, ttl), || dict.set_async(&key, &value, ttl));
            reply(set, |()| json!(true))
        }
    })
}

async fn drained(mut scan: dictsqlite_core::Scan) -> Outcome<Vec<dictsqlite_core::Item>> {
    let mut all = Vec::new();
    loop {
        let page;
        (scan, page) = scan.next_page_async().await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

pub(crate) fn reply<T>(outcome: Outcome<T>, shape: impl FnOnce(T) -> Json) -> Reply {
    outcome.map_or_else(Reply::Refused, |value| Reply::Ok(shape(value)))
}
