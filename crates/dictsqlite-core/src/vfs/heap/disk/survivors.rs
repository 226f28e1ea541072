//! What is left of a disk, as another disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;

use super::super::names;
use super::super::node::{Node, Op};
use super::record::{Choice, Record, pick};
use super::{Disk, Listed, Loss, Name, OnDisk, Shared, State, new_name};

impl Disk {
    /// What is there after a power cut, now, as a disk of its own. It was all synced.
    pub(crate) fn after_cut(&self, seed: u64, loss: Loss) -> Self {
        let state = self.shared.state.lock();
        let mut random = Rng::with_seed(seed);
        let oldest = state.now.saturating_sub(64);
        let until = random.u64(oldest..=state.now);
        let mut choice = Choice { random: &mut random, loss, until };
        let (name, shared) = (new_name(), Shared::new(State::new(seed)));
        let mut files = BTreeMap::new();
        for (listed_name, listed) in &state.directory {
            let stamps: Vec<u64> = listed.since.iter().map(|(stamp, _)| *stamp).collect();
            let node = match pick(&mut choice, &stamps).0.checked_sub(1) {
                Some(n) => listed.since[n].1.as_ref(),
                None => listed.synced.as_ref(),
            };
            let Some(file) = node.and_then(|node| node.place()) else { continue };
            let bytes = file.record.lock().after_cut(&mut choice);
            let renamed = self.renamed(listed_name, &name);
            let place = OnDisk::new(&shared, &renamed, Record::of(&bytes));
            files.insert(renamed, Node::holding(place, &bytes));
        }
        for (name, node) in &files {
            let listed = Listed { synced: Some(Arc::clone(node)), since: Vec::new() };
            shared.state.lock().directory.insert(name.clone(), listed);
        }
        Self::with(shared, files, name)
    }

    /// What is there after the process was killed, now, as a disk of its own: everything that was
    /// written, and what was not synced still is not.
    pub(crate) fn after_kill(&self, seed: u64) -> Self {
        let live = names::files_of(self.name.as_bytes());
        let state = self.shared.state.lock();
        let mut copied = State::new(seed);
        copied.now = state.now;
        copied.deaf = state.deaf;
        let (name, shared) = (new_name(), Shared::new(copied));
        let mut copies: Vec<(Arc<Node>, Arc<Node>)> = Vec::new();
        let mut copy = |node: &Arc<Node>| -> Arc<Node> {
            if let Some((_, there)) = copies.iter().find(|(of, _)| Arc::ptr_eq(of, node)) {
                return Arc::clone(there);
            }
            let (record, old) = node
                .place()
                .map(|place| (place.record.lock().clone(), place.name.clone()))
                .unwrap_or_default();
            let place = OnDisk::new(&shared, &self.renamed(&old, &name), record);
            let made = Node::holding(place, &node.copy(0, node.apply(Op::Len).unwrap_or(0)));
            copies.push((Arc::clone(node), Arc::clone(&made)));
            made
        };
        let mut directory = BTreeMap::new();
        for (listed_name, listed) in &state.directory {
            let synced = listed.synced.as_ref().map(&mut copy);
            let since = listed.since.iter();
            let since = since.map(|(at, node)| (*at, node.as_ref().map(&mut copy))).collect();
            directory.insert(self.renamed(listed_name, &name), Listed { synced, since });
        }
        let files = live.iter().map(|(n, node)| (self.renamed(n, &name), copy(node))).collect();
        shared.state.lock().directory = directory;
        Self::with(shared, files, name)
    }

    fn renamed(&self, file: &[u8], to: &str) -> Name {
        let side = file.get(self.name.len()..).unwrap_or_default();
        [to.as_bytes(), side].concat().into()
    }
}
