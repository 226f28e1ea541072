//! Committing: one command to the writer, or what is handed over to it.

use std::sync::Arc;

use super::lifetime::Over;
use super::{Inner, Shared, Transaction};
use crate::completion::Completion;
use crate::error::{Error, ErrorKind, Result};
use crate::store::unexpected;
use crate::types::{
    Command, Entry, Isolation, Outcome, PackedKey, Proposal, Seen, TransactionMode, packed_table,
};

impl Transaction {
    /// Commits, in the handle's mode: all of it is committed (and synced, in `durable`) when this
    /// returns. Gives the number of its last operation, which is the version of what was written last;
    /// 0 when nothing was written.
    ///
    /// # Errors
    /// `Conflict`, naming the key where it is one, when somebody else has changed what the transaction
    /// has read, or writes as well: begin again. `Timeout`, `Busy`, `Full`, `Io` when the writer could
    /// not commit it in time. `Codec` and others for a row that can never be written. In all of these
    /// nothing of it was written, and the transaction is over; the one exception, an immediate
    /// transaction whose sync failed and that may be found after a crash, says so. Else as
    /// [`Transaction::rollback`].
    pub fn commit(&self) -> Result<i64> {
        self.shared.commit(false).wait()
    }

    /// [`Transaction::commit`] without blocking. Its canceller withdraws it until the writer begins.
    pub fn commit_async(&self) -> Completion<i64> {
        if !self.shared.checks_written() {
            return self.shared.commit(false);
        }
        // What it has not read of what it writes is looked up first.
        let (completer, completion) = crate::completion::pair();
        let tx = self.again();
        self.on_worker(|tx, inner| tx.shared.read_written(inner)).on_done(move |read| match read {
            Ok(()) => tx.shared.commit(true).on_done(|result| completer.complete(result)),
            Err(e) => completer.complete(Err(e)),
        });
        completion
    }
}

impl Shared {
    /// Whether every key that was written must be as it was in the snapshot.
    fn checks_written(&self) -> bool {
        self.mode == TransactionMode::Concurrent && self.isolation == Isolation::Snapshot
    }

    fn commit(self: &Arc<Self>, on_any_thread: bool) -> Completion<i64> {
        if self.hold.is_none()
            && let Err(waits_for_itself) = self.store.check_not_lent()
        {
            return Completion::ready(Err(waits_for_itself));
        }
        let begun = if on_any_thread { self.enter() } else { self.open() };
        let proposal = begun.and_then(|mut inner| {
            if inner.buffer.is_empty() {
                self.end(&mut inner, Over::Ended);
                return Ok(None);
            }
            let proposal = Arc::new(self.propose(&mut inner)?);
            let handed = match &self.hold {
                Some(hold) => {
                    // From here on its thread may use the dict again, as far as it can.
                    let handed = hold.hand_over(Arc::clone(&proposal));
                    self.store.state.lent.end(hold);
                    handed
                }
                None => None,
            };
            let late = self.hold.as_ref().filter(|_| handed.is_none());
            let closed = late.is_some_and(|hold| hold.is_taken_away());
            let timed_out = late.is_some() && !closed;
            self.end(&mut inner, if timed_out { Over::TimedOut } else { Over::Ended });
            if closed {
                let message =
                    "the transaction was rolled back when its dict was closed; commit first";
                return Err(Error::new(ErrorKind::Closed, message));
            }
            if timed_out {
                return Err(self.timed_out());
            }
            Ok(Some((proposal, handed)))
        });
        let outcome = match proposal {
            Err(e) => return Completion::ready(Err(e)),
            Ok(None) => return Completion::ready(Ok(0)),
            Ok(Some((_, Some(handed)))) => handed,
            Ok(Some((proposal, None))) => {
                self.store.command(Command::Transaction(proposal), self.deadline(), self.durable)
            }
        };
        outcome.then(|outcome| match outcome? {
            Outcome::Version(version) => Ok(version),
            _ => Err(unexpected()),
        })
    }

    /// What the writer is to look at and to write.
    fn propose(&self, inner: &mut Inner) -> Result<Proposal> {
        let (writes, ops) = inner.buffer.proposals();
        let mut proposal = Proposal { writes, ops, ..Proposal::default() };
        if self.mode != TransactionMode::Concurrent {
            return Ok(proposal);
        }
        proposal.stamp = self.snapshot.stamp;
        if self.isolation == Isolation::Snapshot {
            self.read_written(inner)?;
            proposal.reads =
                proposal.writes.iter().filter_map(|w| seen_of(inner, &w.key)).collect();
            return Ok(proposal);
        }
        proposal.since = self.snapshot.since;
        let is_blind =
            |key: &&PackedKey| !inner.reads.contains_key(*key) && !inner.found.contains_key(*key);
        let blind = proposal.writes.iter().map(|w| &w.key).filter(is_blind);
        proposal.blind = blind.cloned().collect();
        proposal.ranges = std::mem::take(&mut inner.ranges);
        proposal.counts = inner.counts.iter().map(|(table, rows)| (*table, *rows)).collect();
        // What was read whole is not looked at twice.
        inner.found.retain(|key, _| !inner.reads.contains_key(key));
        let found = std::mem::take(&mut inner.found).into_iter().map(seen_there);
        let reads = std::mem::take(&mut inner.reads).into_iter().map(seen);
        proposal.reads = reads.chain(found).collect();
        Ok(proposal)
    }

    /// Looks up what was written and not read.
    fn read_written(&self, inner: &mut Inner) -> Result<()> {
        let keys: Vec<_> = inner.buffer.keys().cloned().collect();
        for key in keys {
            if inner.reads.contains_key(&key) || inner.found.contains_key(&key) {
                continue;
            }
            let Some(table) = self.store.state.tables.get(packed_table(&key)) else { continue };
            let found = self.look(inner, &table, (&key, false))?;
            inner.note(key, found.as_ref());
        }
        Ok(())
    }
}

fn seen((key, entry): (PackedKey, Option<Entry>)) -> Seen {
    let version = entry.as_ref().map_or(0, |entry| entry.version);
    Seen { key, version, value: entry.map(|entry| entry.value) }
}

/// A value in chunks is compared by its version only.
fn seen_there((key, version): (PackedKey, i64)) -> Seen {
    Seen { key, version, value: None }
}

fn seen_of(inner: &Inner, key: &PackedKey) -> Option<Seen> {
    let read = inner.reads.get(key).map(|entry| seen((Arc::clone(key), entry.clone())));
    read.or_else(|| inner.found.get(key).map(|version| seen_there((Arc::clone(key), *version))))
}
