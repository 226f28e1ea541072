//! Reads that memory cannot answer: what the tasks of a loop ask for together is read together.
//!
//! A read that finds none under way goes to the engine at once. Others wait until the loop turns, and then
//! go as one batch: a task that reads one key after the other has no turn to wait for, and a thousand
//! tasks cost one job, one read transaction in the order of the keys, and one wake-up.

use std::sync::{Arc, Weak};

use dictsqlite_core::{AsKey, Dict, Error, Key, Value};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use super::hub::{self, Finish, Hub, done};
use super::inbox::Answer;
use super::outside;
use crate::errors;
use crate::keys::PyKey;
use crate::values::Values;

/// Keys read by one job. Of more, the first answers are handed out while others are read; fewer would wake
/// more threads for the same keys, and on a busy machine every one of them waits for its turn.
const CHUNK: usize = 1024;

type Found = Result<Option<Value>, Error>;

/// A loop's reads.
#[derive(Default)]
pub(super) struct Reads {
    /// What was asked for in this turn of the loop, by handle.
    queued: Vec<Batch>,
    /// Jobs of the engine whose answers the loop has not seen.
    under_way: usize,
}

/// Keys of one handle, and whose they are.
pub(super) struct Batch {
    dict: Arc<Dict>,
    keys: Vec<Key>,
    tokens: Vec<u64>,
}

/// What came of a batch.
pub(super) struct Many {
    dict: Weak<Dict>,
    keys: Vec<Key>,
    tokens: Vec<u64>,
    found: Result<Vec<Option<Value>>, Error>,
}

/// What is asked of a key.
pub(super) enum Wanted {
    Value { values: Arc<Values>, key: Py<PyAny>, default: Option<Py<PyAny>> },
    Presence,
}

impl Wanted {
    pub(super) fn value(
        values: &Arc<Values>,
        key: &Bound<'_, PyAny>,
        default: Option<Bound<'_, PyAny>>,
    ) -> Self {
        let (values, key) = (Arc::clone(values), key.clone().unbind());
        Self::Value { values, key, default: default.map(Bound::unbind) }
    }

    /// Its Python value, of what was read.
    pub(super) fn of<'py>(self, py: Python<'py>, found: Found) -> PyResult<Bound<'py, PyAny>> {
        let found = found.map_err(|e| errors::raise(py, &e))?;
        Ok(match self {
            Self::Presence => PyBool::new(py, found.is_some()).to_owned().into_any(),
            Self::Value { values, key, default } => match found {
                Some(value) => values.decode(py, &value, Some(key.bind(py)))?,
                None => default.unwrap_or_else(|| py.None()).into_bound(py),
            },
        })
    }
}

impl Reads {
    /// The loop has the answer of a job.
    pub(super) fn one_less(&mut self) {
        self.under_way -= 1;
    }

    /// What is to go to the engine, now that the loop has turned.
    pub(super) fn take(&mut self) -> Vec<Batch> {
        std::mem::take(&mut self.queued)
    }

    /// Puts a key with those of its handle; true if it is the first of this turn.
    fn queue(&mut self, dict: &Arc<Dict>, key: Key, token: u64) -> bool {
        let first = self.queued.is_empty();
        let known = self.queued.iter_mut().find(|batch| Arc::ptr_eq(&batch.dict, dict));
        if let Some(batch) = known {
            batch.keys.push(key);
            batch.tokens.push(token);
        } else {
            let (keys, tokens) = (vec![key], vec![token]);
            self.queued.push(Batch { dict: Arc::clone(dict), keys, tokens });
        }
        first
    }
}

/// An awaitable for the value of a key that memory does not know.
pub(super) fn read<'py>(
    py: Python<'py>,
    dict: &Arc<Dict>,
    key: &PyKey<'_>,
    wanted: Wanted,
) -> PyResult<Bound<'py, PyAny>> {
    let Ok(event_loop) = hub::running_loop(py) else {
        let completion = dict.get_async(key);
        return outside::coroutine(py, move |py| {
            hub::awaitable(py, completion, |py, found| Ok(wanted.of(py, Ok(found))?.unbind()))
        });
    };
    let hub = hub::of_loop(&event_loop)?;
    let alone = {
        let mut reads = hub.get().reads.lock();
        let alone = reads.under_way == 0 && reads.queued.is_empty();
        reads.under_way += usize::from(alone);
        alone
    };
    if !alone {
        let (token, future) = hub::expected(&hub, Finish::Read(wanted), None)?;
        let first = hub.get().reads.lock().queue(dict, Key::from(key.as_key()), token);
        if first {
            let send = hub.getattr(intern!(py, "_send"))?;
            event_loop.call_method1(intern!(py, "call_soon"), (send,))?;
        }
        return Ok(future);
    }
    match dict.get_async(key).now() {
        // Somebody else read it meanwhile.
        Ok(found) => {
            hub.get().reads.lock().one_less();
            done(py, wanted.of(py, found))
        }
        Err(completion) => {
            let inbox = Arc::clone(&hub.get().inbox);
            let (token, future) =
                hub::expected(&hub, Finish::Read(wanted), None).inspect_err(|_| {
                    hub.get().reads.lock().one_less();
                })?;
            let looks = inbox.begin_to_look();
            completion.on_done(move |found| inbox.put(token, Answer::Read(found)));
            if looks {
                Hub::look_soon(&hub)?;
            }
            Ok(future)
        }
    }
}

impl Hub {
    /// Has the engine read what is queued.
    pub(super) fn send(&self) {
        let batches = self.reads.lock().take();
        for Batch { dict, mut keys, mut tokens } in batches {
            while !keys.is_empty() {
                let rest = keys.split_off(CHUNK.min(keys.len()));
                let keys = std::mem::replace(&mut keys, rest);
                let rest = tokens.split_off(keys.len());
                let tokens = std::mem::replace(&mut tokens, rest);
                self.reads.lock().under_way += 1;
                let (inbox, dict, read) =
                    (Arc::clone(&self.inbox), Arc::downgrade(&dict), dict.get_many_async(&keys));
                read.on_done(move |found| {
                    inbox.put(0, Answer::Many(Many { dict, keys, tokens, found }));
                });
            }
        }
    }

    /// The answers of a batch, one by one. One key that cannot be read does not speak for the
    /// others: then each is read by itself.
    pub(super) fn apart(&self, many: Many) -> Vec<(u64, Answer)> {
        let Many { dict, keys, tokens, found } = many;
        let error = match found {
            Ok(values) => {
                let answers = values.into_iter().map(|value| Answer::Read(Ok(value)));
                return tokens.into_iter().zip(answers).collect();
            }
            Err(error) => error,
        };
        let Some(dict) = dict.upgrade().filter(|_| keys.len() > 1) else {
            let same = |token| (token, Answer::Read(Err(error.clone())));
            return tokens.into_iter().map(same).collect();
        };
        self.reads.lock().under_way += tokens.len();
        for (token, key) in tokens.into_iter().zip(&keys) {
            let inbox = Arc::clone(&self.inbox);
            dict.get_async(key).on_done(move |found| inbox.put(token, Answer::Read(found)));
        }
        Vec::new()
    }
}
