//! Lending the write lock: SQLite's transaction is begun, its owner thinks, and what the owner hands
//! over is applied and committed.

use std::sync::Arc;

use super::proposals::known;
use super::{Transaction, Writer};
use crate::error::{Error, ErrorKind, Result};
use crate::hold::{Hold, Wish};
use crate::memtable::{Step, Work};
use crate::sqlite::Applied;
use crate::state::{Counters, Request};
use crate::types::{Outcome, Proposal, Stamp};
use crate::vfs::fork;

/// What is left of a transaction that could not be committed.
const UNWRITTEN: &str = "nothing of the transaction was written; begin it again";
/// The same when it could not be taken out of the log.
const IN_DOUBT: &str = "nothing of the transaction is there, but it may be found in the file if this \
                        process ends before its next commit; begin it again";

/// What is to be lent, if that is what the work is.
pub(super) fn of(work: &Work<Request>) -> Option<Arc<Hold>> {
    match &work.steps[..] {
        [Step::Command(request, ..)] => request.hold.clone(),
        _ => None,
    }
}

impl Writer<'_> {
    /// Lends the lock and does what its owner wants then. Once it was lent nothing is tried again:
    /// what the owner has read holds only as long as the lock.
    pub(super) fn serve_hold(&mut self, work: Work<Request>, hold: &Arc<Hold>) {
        let Some(Step::Command(request, ..)) = work.steps.first() else { return };
        let answer = if request.stage.begin() {
            let durable = request.durable;
            let pass = fork::enter();
            let in_place = self.state.opener.check_in_place();
            let begun = in_place.and_then(|()| self.begin(durable));
            drop(pass);
            match begun {
                Ok(before) => self.lend(hold, before),
                Err(error) => return self.fail(work, &error),
            }
        } else {
            let message = "the operation was cancelled before it was begun";
            Err(Error::new(ErrorKind::Cancelled, message))
        };
        let requests = self.state.memtable.committed(work, None);
        self.state.coherence.released();
        for request in requests {
            request.reply.complete(answer.clone());
        }
        self.state.listeners.tell(|| self.state.stamps.live());
        self.checkpoint_if_due();
    }

    fn lend(&mut self, hold: &Arc<Hold>, before: Stamp) -> Result<Outcome> {
        self.state.lent.begin(hold);
        let wish = if self.state.lent.is_closed() {
            hold.finish(Err(Error::closed()));
            Wish::Nothing
        } else if hold.grant() {
            hold.wait()
        } else {
            Wish::Nothing
        };
        self.state.lent.taken_back();
        // Not while the owner thinks: a fork waits for whoever has a pass.
        let _pass = fork::enter();
        let result = match wish {
            Wish::Nothing => Ok(Outcome::Done),
            Wish::Commit(proposal) => return self.commit_lent(&proposal, before),
        };
        self.give_up();
        result
    }

    fn commit_lent(&mut self, proposal: &Arc<Proposal>, before: Stamp) -> Result<Outcome> {
        let applied = self.apply_lent(proposal, before);
        let tried = applied.is_ok();
        let error = match applied.and_then(|transaction| self.finish(before, transaction)) {
            Ok((answers, _)) => return answers.into_iter().next().unwrap_or(Ok(Outcome::Done)),
            Err(error) => error,
        };
        Counters::add(&self.state.counters.failed_commits, 1);
        self.give_up();
        if !tried {
            return Err(error);
        }
        // It is not tried again, so after a failed sync whoever recovers the log must not find it.
        // What cannot be mended now is left to the next transaction.
        Err(match self.connection.mend_alone() {
            Ok(()) => told(&error, UNWRITTEN),
            Err(_) => told(&error, IN_DOUBT),
        })
    }

    fn apply_lent(&mut self, proposal: &Arc<Proposal>, before: Stamp) -> Result<Transaction> {
        let mut applied = Applied::default();
        let state = &**self.state;
        let now_ms = state.now_ms();
        let known = known(state, before, &[]);
        let answer = self.connection.propose(
            &state.tables,
            proposal,
            Some(before),
            now_ms,
            &mut applied,
            &known,
        );
        match answer {
            Ok(answer) => Ok(Transaction { applied, segments: Vec::new(), answers: vec![answer] }),
            // A row that can never be written: that says it already.
            Err(error) if applied.undone.is_some() => Err(error),
            Err(error) => Err(told(&error, UNWRITTEN)),
        }
    }

    fn give_up(&mut self) {
        self.connection.rollback();
        self.settled = None;
    }
}

fn told(error: &Error, what: &str) -> Error {
    let more = Error::new(error.kind(), format!("{}; {what}", error.message()));
    match error.key() {
        Some(key) => more.with_key(key.clone()),
        None => more,
    }
}
