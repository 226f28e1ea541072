//! Keys, values, entries and errors as JSON.

use std::fmt::Write;
use std::time::Duration;

use dictsqlite_core::{Change, Entry, Error, Item, Key, Value};
use serde_json::{Value as Json, json};

use crate::Bug;

pub(crate) fn key(json: &Json) -> Result<Key, Bug> {
    let bad = || format!("not a key: {json}");
    let object = json.as_object().filter(|object| object.len() == 1).ok_or_else(bad)?;
    let (kind, value) = object.iter().next().ok_or_else(bad)?;
    match (kind.as_str(), value) {
        ("s", Json::String(text)) => Ok(Key::Text(text.clone())),
        ("i", Json::Number(number)) => number.as_i64().map(Key::Int).ok_or_else(bad),
        ("b", Json::String(hex)) => bytes(hex).map(Key::Bytes),
        ("t", Json::Array(items)) => {
            items.iter().map(key).collect::<Result<_, _>>().map(Key::Tuple)
        }
        _ => Err(bad()),
    }
}

pub(crate) fn key_out(key: &Key) -> Json {
    match key {
        Key::Text(text) => json!({ "s": text }),
        Key::Int(number) => json!({ "i": number }),
        Key::Bytes(bytes) => json!({ "b": hex(bytes) }),
        Key::Tuple(items) => json!({ "t": items.iter().map(key_out).collect::<Vec<_>>() }),
    }
}

pub(crate) fn value(json: &Json) -> Result<Value, Bug> {
    let hex = json.as_str().ok_or_else(|| format!("not a value: {json}"))?;
    bytes(hex).map(Value::from)
}

/// A value, or null.
pub(crate) fn value_out(value: Option<&Value>) -> Json {
    value.map_or(Json::Null, |value| json!(hex(value)))
}

pub(crate) fn entry_out(entry: Option<&Entry>) -> Json {
    entry.map_or(Json::Null, |entry| {
        json!({
            "value": hex(&entry.value),
            "version": entry.version,
            "expires_at": entry.expires_at,
        })
    })
}

pub(crate) fn change_out(change: &Change) -> Json {
    json!({
        "seq": change.seq,
        "kind": change.kind.name(),
        "table": &*change.table,
        "key": key_out(&change.key),
        "old": value_out(change.old.as_ref()),
        "new": value_out(change.new.as_ref()),
        "expires_at": change.expires_at,
    })
}

/// An entry of a scan, as `what` asks for it.
pub(crate) fn item_out(item: &Item, what: &str) -> Json {
    match what {
        "keys" => key_out(&item.key),
        "values" => value_out(item.value.as_ref()),
        _ => json!([key_out(&item.key), value_out(item.value.as_ref())]),
    }
}

pub(crate) fn error(error: &Error) -> Json {
    let mut answer = json!({ "error": format!("{:?}", error.kind()), "message": error.message() });
    if let Some(key) = error.key() {
        answer["key"] = key_out(key);
    }
    answer
}

pub(crate) fn seconds(json: &Json) -> Result<Duration, Bug> {
    let seconds = json.as_f64().ok_or_else(|| format!("not seconds: {json}"))?;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

fn bytes(hex: &str) -> Result<Vec<u8>, Bug> {
    let digit = |c: u8| char::from(c).to_digit(16).map(|digit| digit as u8);
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    let read = hex.as_bytes().chunks(2).map(pair).collect::<Option<_>>();
    read.ok_or_else(|| format!("not hex: {hex:?}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
