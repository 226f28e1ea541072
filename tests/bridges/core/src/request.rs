//! Requests: their fields, and what they mean to the engine.

use std::time::Duration;

use dictsqlite_core::{Error, Key, Options, ScanOptions, Ttl, Value};
use serde_json::{Map, Value as Json};

use super::Bug;
use crate::shapes;

/// One line of the runner's.
pub(crate) struct Request(Map<String, Json>);

impl Request {
    pub(crate) fn parse(line: &str) -> Result<Self, Bug> {
        serde_json::from_str(line).map(Self).map_err(|e| format!("not a request: {e}"))
    }

    /// An object within a request, whose fields are read alike.
    pub(crate) fn of(object: &Json) -> Result<Self, Bug> {
        object.as_object().cloned().map(Self).ok_or_else(|| format!("not an object: {object}"))
    }

    pub(crate) fn op(&self) -> Result<&str, Bug> {
        self.text("op")
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.field(name).is_some()
    }

    /// A field, if it is there.
    pub(crate) fn field(&self, name: &str) -> Option<&Json> {
        self.0.get(name)
    }

    fn needed(&self, name: &str) -> Result<&Json, Bug> {
        self.field(name).ok_or_else(|| format!("no field {name:?}"))
    }

    pub(crate) fn text(&self, name: &str) -> Result<&str, Bug> {
        self.needed(name)?.as_str().ok_or_else(|| format!("{name:?} is no text"))
    }

    pub(crate) fn integer(&self, name: &str) -> Result<i64, Bug> {
        self.needed(name)?.as_i64().ok_or_else(|| format!("{name:?} is no integer"))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Bug> {
        self.field(name)
            .map(|flag| flag.as_bool().ok_or_else(|| format!("{name:?} is no flag")))
            .transpose()
    }

    pub(crate) fn key(&self) -> Result<Key, Bug> {
        shapes::key(self.needed("key")?)
    }

    pub(crate) fn value(&self) -> Result<Value, Bug> {
        shapes::value(self.needed("value")?)
    }

    pub(crate) fn version(&self) -> Result<Option<i64>, Bug> {
        self.field("if_version").map(|_| self.integer("if_version")).transpose()
    }

    pub(crate) fn keys(&self) -> Result<Vec<Key>, Bug> {
        self.list("keys")?.iter().map(shapes::key).collect()
    }

    pub(crate) fn items(&self) -> Result<Vec<(Key, Value)>, Bug> {
        let pair = |item: &Json| match item.as_array().map(Vec::as_slice) {
            Some([key, value]) => Ok((shapes::key(key)?, shapes::value(value)?)),
            _ => Err(format!("not a pair: {item}")),
        };
        self.list("items")?.iter().map(pair).collect()
    }

    pub(crate) fn list(&self, name: &str) -> Result<&Vec<Json>, Bug> {
        self.needed(name)?.as_array().ok_or_else(|| format!("{name:?} is no list"))
    }

    /// The field `ttl`: missing is the handle's own, null is never.
    pub(crate) fn ttl(&self) -> Result<Ttl, Bug> {
        match self.field("ttl") {
            None => Ok(Ttl::Default),
            Some(Json::Null) => Ok(Ttl::Never),
            Some(seconds) => Ok(Ttl::After(shapes::seconds(seconds)?)),
        }
    }

    /// The field `options` of `table`.
    pub(crate) fn storage(&self) -> Result<Option<&str>, Bug> {
        match self.field("options").and_then(|options| options.get("storage_mode")) {
            Some(name) => name.as_str().map(Some).ok_or_else(|| "storage_mode is no text".into()),
            None => Ok(None),
        }
    }

    /// The field `options` of `open`; a name of a mode that does not exist is the engine's to refuse.
    pub(crate) fn options(&self) -> Result<Result<Options, Error>, Bug> {
        let mut options = Options::default();
        let given = match self.field("options") {
            Some(Json::Object(given)) => given,
            Some(other) => return Err(format!("options are {other}")),
            None => return Ok(Ok(options)),
        };
        for (name, value) in given {
            let text = || value.as_str().ok_or_else(|| format!("{name} is no text"));
            let number = || value.as_u64().ok_or_else(|| format!("{name} is no number"));
            let flag = || value.as_bool().ok_or_else(|| format!("{name} is no flag"));
            match name.as_str() {
                "table" => options.table = text()?.to_owned(),
                "storage_mode" => match text()?.parse() {
                    Ok(mode) => options.storage_mode = mode,
                    Err(refused) => return Ok(Err(refused)),
                },
                "persist_mode" => match text()?.parse() {
                    Ok(mode) => options.persist_mode = mode,
                    Err(refused) => return Ok(Err(refused)),
                },
                "buffer_size" => {
                    options.buffer_size = usize::try_from(number()?).map_err(|e| e.to_string())?;
                }
                "hot_capacity" => {
                    options.hot_capacity = usize::try_from(number()?).map_err(|e| e.to_string())?;
                }
                "cache_bytes" => options.cache_bytes = number()?,
                "flush_interval" => options.flush_interval = shapes::seconds(value)?,
                "timeout" => options.timeout = shapes::seconds(value)?,
                "ttl" => options.ttl = Some(shapes::seconds(value)?),
                "read_only" => options.read_only = flag()?,
                "adopt" => options.adopt = flag()?,
                "changes" => options.changes = Some(flag()?),
                other => return Err(format!("no option {other:?}")),
            }
        }
        Ok(Ok(options))
    }

    /// What `page` is to scan.
    pub(crate) fn scan(&self) -> Result<Result<ScanOptions, Error>, Bug> {
        let bound = |name: &str| self.field(name).map(shapes::key).transpose();
        let order = match self.field("order").map(|_| self.text("order")).transpose()? {
            Some(name) => match name.parse() {
                Ok(order) => Some(order),
                Err(refused) => return Ok(Err(refused)),
            },
            None => None,
        };
        let limit = self.field("limit").map(|limit| limit.as_u64().ok_or("limit is no number"));
        Ok(Ok(ScanOptions {
            prefix: bound("prefix")?,
            start: bound("start")?,
            end: bound("end")?,
            reverse: self.flag("reverse")?.unwrap_or(false),
            limit: limit.transpose()?,
            order,
            consistent: self.flag("consistent")?.unwrap_or(false),
            values: self.text("what")? != "keys",
        }))
    }

    /// A time in seconds, if it is there.
    pub(crate) fn seconds(&self, name: &str) -> Result<Option<Duration>, Bug> {
        self.field(name).map(shapes::seconds).transpose()
    }

    /// A key, if it is there.
    pub(crate) fn optional_key(&self, name: &str) -> Result<Option<Key>, Bug> {
        self.field(name).map(shapes::key).transpose()
    }

    /// Which end `popitem` takes from.
    pub(crate) fn last(&self) -> Result<bool, Bug> {
        Ok(self.flag("last")?.unwrap_or(true))
    }
}
