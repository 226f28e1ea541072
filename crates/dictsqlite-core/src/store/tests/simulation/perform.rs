//! How each operation is done, and what its answer is.

use std::time::Duration;

use super::life::{Broken, Life, Step};
use super::model::Answer;
use super::ops::{Key, Op, Via, key_text};
use crate::error::Error;
use crate::{Completion, Dict, Entry, Ttl, Value};

impl Life<'_> {
    pub(super) fn perform(&self, op: &Op, expect: i64) -> Step<crate::Result<Done>> {
        let ttl =
            |ttl: &Option<u64>| ttl.map_or(Ttl::Never, |ms| Ttl::After(Duration::from_millis(ms)));
        let value = |bytes: &[u8]| Value::from(bytes);
        let dict = self.dict(op.writes().unwrap_or(Via::Lazy));
        let key = match op {
            Op::Set(_, key, ..)
            | Op::Delete(_, key)
            | Op::Incr(_, key, _)
            | Op::SetIf(_, key, ..)
            | Op::DeleteIf(_, key, _)
            | Op::SetDefault(_, key, _)
            | Op::Remove(_, key)
            | Op::Pop(_, key)
            | Op::Expire(_, key, _) => key_text(*key),
            _ => String::new(),
        };
        let key = key.as_str();
        let done = |result: crate::Result<()>| result.map(|()| Answer::Done);
        let answer = match op {
            Op::Set(_, _, bytes, after) => {
                done(self.wait(dict.set_encoded_async(key, value(bytes), ttl(after)))?)
            }
            Op::Delete(..) => done(self.wait(dict.delete_async(key))?),
            Op::SetMany(_, items) => {
                done(self.wait(dict.set_many_async(&named(items), Ttl::Never))?)
            }
            Op::DeleteMany(_, keys) => {
                let keys: Vec<String> = keys.iter().map(|key| key_text(*key)).collect();
                done(self.wait(dict.delete_many_async(&keys))?)
            }
            Op::Incr(_, _, delta) => self.wait(dict.incr_async(key, *delta))?.map(Answer::Number),
            Op::SetIf(_, _, bytes, _) => {
                let set = dict.set_if_version_async(key, value(bytes), expect, Ttl::Never);
                return Ok(self.wait(set)?.map(|version| (Answer::Done, Some(version))));
            }
            Op::DeleteIf(..) => done(self.wait(dict.delete_if_version_async(key, expect))?),
            Op::SetDefault(_, _, bytes) => {
                self.wait(dict.set_default_async(key, value(bytes), Ttl::Never))?.map(valued)
            }
            Op::Remove(..) => self.wait(dict.remove_async(key))?.map(Answer::Was),
            Op::Pop(..) => self.wait(dict.pop_async(key))?.map(valued),
            Op::PopItem(_, newest) => self.wait(dict.pop_item_async(*newest))?.map(|item| {
                Answer::Item(item.map(|(key, entry)| (number(&key), entry.value.to_vec())))
            }),
            Op::Expire(_, _, after) => {
                self.wait(dict.expire_async(key, ttl(after)))?.map(Answer::Was)
            }
            Op::Clear(_) => self.wait(dict.clear_async())?.map(|_| Answer::Done),
            Op::Atomic(_, ops, check) => {
                let gathered = gather(dict, ops, check.map(|(key, _)| (key, expect)));
                let version = match gathered {
                    Ok(completion) => self.wait(completion)?,
                    Err(e) => Err(e),
                };
                return Ok(version.map(|version| (Answer::Done, Some(version))));
            }
            other => return Err(Broken::Wrong(format!("{other:?} is no write"))),
        };
        Ok(answer.map(|answer| (answer, None)))
    }
}

/// Gathers what is one unit, and hands it over.
fn gather(dict: &Dict, ops: &[Op], check: Option<(Key, i64)>) -> crate::Result<Completion<i64>> {
    let mut unit = dict.atomic();
    if let Some((key, version)) = check {
        unit.check(&*key_text(key), version)?;
    }
    for op in ops {
        match op {
            Op::Set(_, key, bytes, _) => unit.set(&*key_text(*key), bytes)?,
            Op::Delete(_, key) => unit.delete(&*key_text(*key))?,
            Op::Incr(_, key, delta) => unit.incr(&*key_text(*key), *delta)?,
            other => return Err(Error::invalid(format!("{other:?} is no part of a unit"))),
        };
    }
    Ok(unit.commit_async())
}

/// What came of an operation: its answer, and the version if that is known.
pub(super) type Done = (Answer, Option<i64>);

pub(super) fn named(items: &[(Key, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    items.iter().map(|(key, value)| (key_text(*key), value.clone())).collect()
}

fn valued(entry: Option<Entry>) -> Answer {
    Answer::Value(entry.map(|entry| entry.value.to_vec()))
}

/// The number of a key that was given back.
fn number(key: &crate::Key) -> Key {
    let crate::Key::Text(text) = key else { return Key::MAX };
    text.trim_start_matches("key").parse().unwrap_or(Key::MAX)
}
