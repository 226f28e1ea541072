//! Transactions, and checks and writes that are one unit.

use std::sync::Arc;

use dictsqlite_core::{
    Dict, Isolation, Item, Transaction, TransactionMode, TransactionOptions, TransactionScan, Value,
};
use serde_json::{Value as Json, json};

use crate::operations::{Form, Outcome, reply};
use crate::request::Request;
use crate::{Bug, Handles, Reply, block, shapes};

pub(crate) fn begin(
    handles: &mut Handles,
    dict: &Dict,
    r: &Request,
    form: Form,
) -> Result<Reply, Bug> {
    let named = |name: &str| r.field(name).map(|_| r.text(name)).transpose();
    let mode = named("mode")?.map(str::parse::<TransactionMode>).transpose();
    let isolation = named("isolation")?.map(str::parse::<Isolation>).transpose();
    let (mode, isolation) = match (mode, isolation) {
        (Ok(mode), Ok(isolation)) => (mode.unwrap_or_default(), isolation.unwrap_or_default()),
        (Err(refused), _) | (_, Err(refused)) => return Ok(Reply::Refused(refused)),
    };
    let options = TransactionOptions {
        mode,
        isolation,
        timeout: r.seconds("timeout")?,
        max_hold: r.seconds("max_hold")?,
        ..TransactionOptions::default()
    };
    let begun = form.of(|| dict.transaction(&options), || dict.transaction_async(&options));
    Ok(keep(handles, r.integer("tx")?, begun))
}

fn keep(handles: &mut Handles, number: i64, begun: Outcome<Transaction>) -> Reply {
    reply(begun, |tx| {
        handles.transactions.insert(number, tx);
        json!(true)
    })
}

pub(crate) fn answer(
    handles: &mut Handles,
    op: &str,
    r: &Request,
    form: Form,
) -> Result<Reply, Bug> {
    let number = r.integer("tx")?;
    let tx = handles.transactions.get(&number).ok_or_else(|| format!("no transaction {number}"))?;
    let done = |()| json!(true);
    let savepoints = &mut handles.savepoints;
    Ok(match op {
        "table" => {
            let name = r.text("name")?;
            let storage = match r.storage()?.map(str::parse).transpose() {
                Ok(storage) => storage,
                Err(refused) => return Ok(Reply::Refused(refused)),
            };
            let table = form.of(|| tx.table(name, storage), || tx.table_async(name, storage));
            keep(handles, r.integer("as")?, table)
        }
        "savepoint" => {
            let at = (number, r.integer("savepoint")?);
            reply(tx.savepoint(), |savepoint| {
                savepoints.insert(at, savepoint);
                json!(true)
            })
        }
        "rollback_to" | "release" => {
            let at = (number, r.integer("savepoint")?);
            let savepoint = *savepoints.get(&at).ok_or("no such savepoint")?;
            let back = op == "rollback_to";
            reply(if back { tx.rollback_to(savepoint) } else { tx.release(savepoint) }, done)
        }
        "commit" => reply(form.of(|| tx.commit(), || tx.commit_async()), Json::from),
        "rollback" => reply(tx.rollback(), done),
        "len" => reply(form.of(|| tx.len(), || tx.len_async()), Json::from),
        "clear" => reply(form.of(|| tx.clear(), || tx.clear_async()), |_| json!(true)),
        "page" => match r.scan()? {
            Ok(options) => {
                let what = r.text("what")?;
                let items = tx.scan(&options).and_then(|scan| match form {
                    Form::Blocking => scan.collect::<Outcome<Vec<_>>>(),
                    Form::Async => block::on(drained(scan)),
                });
                reply(items, |items| items.iter().map(|i| shapes::item_out(i, what)).collect())
            }
            Err(refused) => Reply::Refused(refused),
        },
        _ => return on_key(tx, op, r, form),
    })
}

fn on_key(tx: &Transaction, op: &str, r: &Request, form: Form) -> Result<Reply, Bug> {
    let done = |()| json!(true);
    let key = r.key()?;
    Ok(match op {
        "get" => reply(form.of(|| tx.get(&key), || tx.get_async(&key)), |value| {
            shapes::value_out(value.as_ref())
        }),
        "contains" => reply(form.of(|| tx.contains(&key), || tx.contains_async(&key)), Json::from),
        "entry" => reply(form.of(|| tx.entry(&key), || tx.entry_async(&key)), |entry| {
            shapes::entry_out(entry.as_ref())
        }),
        "set" => reply(tx.set_with_ttl(&key, &r.value()?, r.ttl()?), done),
        "delete" => reply(tx.delete(&key), done),
        "remove" => reply(form.of(|| tx.remove(&key), || tx.remove_async(&key)), Json::from),
        "pop" => reply(form.of(|| tx.pop(&key), || tx.pop_async(&key)), |entry| {
            shapes::value_out(entry.as_ref().map(|entry| &entry.value))
        }),
        "setdefault" => {
            let (value, ttl) = (r.value()?, r.ttl()?);
            let given = || Arc::clone(&value);
            let found = form.of(
                || tx.set_default(&key, given(), ttl),
                || tx.set_default_async(&key, given(), ttl),
            );
            reply(found, |entry| {
                shapes::value_out(Some(entry.as_ref().map_or(&value, |entry| &entry.value)))
            })
        }
        "incr" => {
            let by = r.integer("by")?;
            reply(form.of(|| tx.incr(&key, by), || tx.incr_async(&key, by)), Json::from)
        }
        "expire" => {
            let ttl = r.ttl()?;
            reply(form.of(|| tx.expire(&key, ttl), || tx.expire_async(&key, ttl)), Json::from)
        }
        _ => Reply::Absent,
    })
}

async fn drained(mut scan: TransactionScan) -> Outcome<Vec<Item>> {
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

/// One of the writes of `atomic`.
enum Write {
    Set(dictsqlite_core::Key, Value, dictsqlite_core::Ttl),
    Incr(dictsqlite_core::Key, i64),
    Delete(dictsqlite_core::Key),
}

pub(crate) fn atomic(dict: &Dict, r: &Request, form: Form) -> Result<Reply, Bug> {
    let mut checks = Vec::new();
    for check in r.list("checks")? {
        match check.as_array().map(Vec::as_slice) {
            Some([key, version]) => {
                let version = version.as_i64().ok_or("a version is no integer")?;
                checks.push((shapes::key(key)?, version));
            }
            _ => return Err(format!("not a check: {check}")),
        }
    }
    let mut writes = Vec::new();
    for write in r.list("writes")? {
        let one = Request::of(write)?;
        writes.push(if let Some(key) = one.field("set") {
            Write::Set(shapes::key(key)?, one.value()?, one.ttl()?)
        } else if let Some(key) = one.field("incr") {
            Write::Incr(shapes::key(key)?, one.integer("by")?)
        } else if let Some(key) = one.field("delete") {
            Write::Delete(shapes::key(key)?)
        } else {
            return Err(format!("not a write: {write}"));
        });
    }
    let gathered = || -> Outcome<dictsqlite_core::Atomic<'_>> {
        let mut atomic = dict.atomic();
        for (key, version) in &checks {
            atomic.check(key, *version)?;
        }
        for write in &writes {
            match write {
                Write::Set(key, value, ttl) => {
                    dict.check_value(value)?;
                    atomic.set_encoded(key, Arc::clone(value), *ttl)?;
                }
                Write::Incr(key, by) => drop(atomic.incr(key, *by)?),
                Write::Delete(key) => drop(atomic.delete(key)?),
            }
        }
        Ok(atomic)
    };
    let committed = gathered().and_then(|mut atomic| match form {
        Form::Blocking => atomic.commit(),
        Form::Async => block::on(atomic.commit_async()),
    });
    Ok(reply(committed, Json::from))
}
