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
        let result = self.apply_lent(proposal, before);
        if result.is_err() {
            Counters::add(&self.state.counters.failed_commits, 1);
            self.give_up();
            // It is not tried again, so after a failed sync whoever recovers the log must not find it.
            // What cannot be mended now is left to the next transaction.
            let _ = self.connection.mend_alone();
        }
        result
    }

    fn apply_lent(&mut self, proposal: &Arc<Proposal>, before: Stamp) -> Result<Outcome> {
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
        )?;
        let answers = vec![answer];
        let transaction = Transaction { applied, segments: Vec::new(), answers };
        let (answers, _) = self.finish(before, transaction).map_err(|e| {
            let what = "nothing of the transaction was written; begin it again";
            Error::new(e.kind(), format!("{}; {what}", e.message()))
        })?;
        answers.into_iter().next().unwrap_or(Ok(Outcome::Done))
    }

    fn give_up(&mut self) {
        self.connection.rollback();
        self.settled = None;
    }
}
