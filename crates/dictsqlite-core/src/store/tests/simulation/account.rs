//! What happened in a life: the contents after each accepted operation, and what was promised of them.

use super::model::Contents;

/// What happened: the contents after each accepted operation, and which of them must be left.
#[derive(Clone)]
pub(super) struct Account {
    pub(super) states: Vec<Contents>,
    /// Operations on one key up to each of them.
    weights: Vec<u64>,
    /// The last one that is known to be committed, and to be synced.
    pub(super) committed: usize,
    pub(super) durable: usize,
    /// The highest version that was acknowledged as committed, and as synced.
    pub(super) committed_version: i64,
    pub(super) durable_version: i64,
}

impl Account {
    /// Begins with what is known of the disk: these states, the last of which is in the file, and the
    /// first of which is synced.
    pub(super) fn of(states: Vec<Contents>) -> Self {
        Self {
            weights: vec![0; states.len()],
            committed: states.len() - 1,
            durable: 0,
            committed_version: 0,
            durable_version: 0,
            states,
        }
    }

    pub(super) fn accept(&mut self, state: Contents, weight: u64) -> usize {
        self.states.push(state);
        self.weights.push(self.weights.last().copied().unwrap_or(0) + weight);
        self.states.len() - 1
    }

    pub(super) fn last(&self) -> usize {
        self.states.len() - 1
    }

    pub(super) fn last_state(&self) -> &Contents {
        &self.states[self.last()]
    }

    /// What was taken to be accepted from there on was not.
    pub(super) fn forget(&mut self, index: usize) {
        self.states.truncate(index);
        self.weights.truncate(index);
    }

    pub(super) fn is_committed(&mut self, index: usize) {
        self.committed = self.committed.max(index);
    }

    pub(super) fn is_durable(&mut self, index: usize) {
        self.is_committed(index);
        self.durable = self.durable.max(index);
        if self.durable == self.last() {
            self.durable_version = self.durable_version.max(self.committed_version);
        }
    }

    /// A write was acknowledged with no more than so many uncommitted.
    pub(super) fn is_within(&mut self, index: usize, uncommitted: u64) {
        let least = self.weights[index].saturating_sub(uncommitted);
        self.is_committed(self.weights.partition_point(|weight| *weight < least));
    }
}
