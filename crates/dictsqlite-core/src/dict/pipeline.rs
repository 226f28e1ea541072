//! Many operations sent together: decided one after the other in their order, in as few commits as
//! possible, and waited for once.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::bound::Bound;
use super::{Dict, Ttl};
use crate::codec;
use crate::completion::{Completer, Completion, pair};
use crate::error::{Error, Result};
use crate::store::unexpected;
use crate::sync::Mutex;
use crate::types::{
    AsKey, Command, Entry, Expect, Key, NEVER, Outcome, PackedKey, Value, pack, unpack,
};

/// An operation of a pipeline. Values are encoded by the table's codec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// The entry of a key.
    Get(Key),
    /// Sets a key.
    Set {
        /// The key.
        key: Key,
        /// What it is set to.
        value: Value,
        /// How long it lives.
        ttl: Ttl,
        /// Only if the entry has this version; 0 if there is none.
        if_version: Option<i64>,
    },
    /// Deletes a key.
    Delete {
        /// The key.
        key: Key,
        /// Only if the entry has this version.
        if_version: Option<i64>,
    },
    /// Removes a key and gives its entry.
    Pop(Key),
    /// Gives the entry there is, or sets one.
    SetDefault {
        /// The key.
        key: Key,
        /// What it is set to.
        value: Value,
        /// How long it lives.
        ttl: Ttl,
    },
    /// Adds to an integer, which counts from 0.
    Incr {
        /// The key.
        key: Key,
        /// What is added.
        delta: i64,
    },
    /// Changes when an entry expires.
    Expire {
        /// The key.
        key: Key,
        /// How long it lives from now on.
        ttl: Ttl,
    },
}

/// What an operation of a pipeline gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Of `Get`, `Pop` and `SetDefault`: the entry there was.
    Entry(Option<Entry>),
    /// Of `Set`: the entry's version.
    Version(i64),
    /// Of `Delete` and `Expire`: whether there was an entry.
    Found(bool),
    /// Of `Incr`: the sum.
    Number(i64),
}

impl Dict {
    /// Does many operations in their order, each after all that was accepted before it, and gives their
    /// results in the same order. They share commits as far as possible, but are no unit: others may come
    /// between, and one that fails leaves the others as they are.
    ///
    /// ```
    /// use dictsqlite_core::{Answer, Dict, Op, Options};
    /// # let dict = Dict::open(":memory:", &Options::default())?;
    /// let ops = (0..1000).map(|_| Op::Incr { key: "hits".into(), delta: 1 });
    /// let answers = dict.pipeline(ops.collect())?;
    /// assert!(matches!(answers.last(), Some(Ok(Answer::Number(1000)))));
    /// # Ok::<(), dictsqlite_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of a key or value that cannot be stored: then nothing was begun. Everything else is the
    /// operation's own.
    pub fn pipeline(&self, ops: Vec<Op>) -> Result<Vec<Result<Answer>>> {
        self.pipeline_async(ops).wait()
    }

    /// [`Dict::pipeline`] without blocking.
    pub fn pipeline_async(&self, ops: Vec<Op>) -> Completion<Vec<Result<Answer>>> {
        let commands = self.at().and_then(|at| {
            let commands = ops.into_iter().map(|op| self.command_of(at, op));
            Ok((at, commands.collect::<Result<Vec<_>>>()?))
        });
        let (at, commands) = match commands {
            Ok((_, commands)) if commands.is_empty() => return Completion::ready(Ok(Vec::new())),
            Ok(sent) => sent,
            Err(e) => return Completion::ready(Err(e)),
        };
        let (completer, completion) = pair();
        let results = Arc::new(Results::of(commands.len(), completer));
        let deadline = self.deadline();
        let sent: Vec<_> = if self.options.read_only {
            commands.into_iter().map(|command| self.read_only(at, command)).collect()
        } else {
            at.store.commands(commands, deadline, self.admission.durable)
        };
        for (n, sent) in sent.into_iter().enumerate() {
            let results = Arc::clone(&results);
            sent.on_done(move |outcome| results.put(n, outcome));
        }
        completion
    }

    /// Where there is no writer there is nothing that a read must come after.
    fn read_only(&self, at: &Bound, command: Command) -> Completion<Outcome> {
        match command {
            Command::Get { key } => {
                self.entry_async(unpack(&key)).then(|entry| entry.map(Outcome::Entry))
            }
            command => at.store.command(command, self.deadline(), false),
        }
    }

    fn command_of(&self, at: &Bound, op: Op) -> Result<Command> {
        let packed =
            |key: &Key| Ok::<_, Error>(PackedKey::from(&pack(at.table.id, key.as_key())?[..]));
        let with = |key: &Key, value: &Value| {
            codec::check(self.options.storage_mode, value)?;
            let key = packed(key)?;
            codec::check_size(&key, value)?;
            Ok::<_, Error>(key)
        };
        let expect = |version: Option<i64>| version.map_or(Expect::Any, Expect::Version);
        Ok(match op {
            Op::Get(key) => Command::Get { key: packed(&key)? },
            Op::Set { key, value, ttl, if_version } => Command::Set {
                key: with(&key, &value)?,
                value,
                expires_at: self.expires_at(at, ttl),
                expect: expect(if_version),
            },
            Op::Delete { key, if_version } => {
                Command::Delete { key: packed(&key)?, expect: expect(if_version) }
            }
            Op::Pop(key) => Command::Pop { key: packed(&key)? },
            Op::SetDefault { key, value, ttl } => Command::SetDefault {
                key: with(&key, &value)?,
                value,
                expires_at: self.expires_at(at, ttl),
            },
            Op::Incr { key, delta } => Command::Incr {
                key: packed(&key)?,
                delta,
                expires_at: self.expires_at(at, Ttl::Default),
            },
            Op::Expire { key, ttl } => {
                let expires_at = if ttl == Ttl::Never { NEVER } else { self.expires_at(at, ttl) };
                Command::Expire { key: packed(&key)?, expires_at }
            }
        })
    }
}

type Answers = Vec<Result<Answer>>;

/// Results that come one by one, and are handed over once all are there.
struct Results {
    left: AtomicUsize,
    all: Mutex<Vec<Option<Result<Answer>>>>,
    whole: Mutex<Option<Completer<Answers>>>,
}

impl Results {
    fn of(count: usize, completer: Completer<Answers>) -> Self {
        Self {
            left: AtomicUsize::new(count),
            all: Mutex::new(vec![None; count]),
            whole: Mutex::new(Some(completer)),
        }
    }

    fn put(&self, n: usize, outcome: Result<Outcome>) {
        if let Some(place) = self.all.lock().get_mut(n) {
            *place = Some(outcome.and_then(answer));
        }
        if self.left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let completer = self.whole.lock().take();
        if let Some(completer) = completer {
            let all = std::mem::take(&mut *self.all.lock());
            completer.complete(Ok(all.into_iter().flatten().collect()));
        }
    }
}

fn answer(outcome: Outcome) -> Result<Answer> {
    match outcome {
        Outcome::Entry(entry) => Ok(Answer::Entry(entry)),
        Outcome::Version(version) => Ok(Answer::Version(version)),
        Outcome::Count(n) => Ok(Answer::Found(n > 0)),
        Outcome::Number(sum) => Ok(Answer::Number(sum)),
        _ => Err(unexpected()),
    }
}
