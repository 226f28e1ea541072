//! What of one file would survive a power cut.

use std::collections::BTreeMap;
use std::ops::Range;

use fastrand::Rng;

use super::super::node::{Node, Op};
use super::Loss;

/// What a disk writes as one.
pub(super) const SECTOR: usize = 512;

/// A file: as it was synced, and what was done to it since.
#[derive(Clone, Default)]
pub(super) struct Record {
    synced: Vec<u8>,
    /// By number of the sector: what it held after each write that touched it.
    sectors: BTreeMap<usize, Vec<Version>>,
    /// How long the file was after each change.
    lengths: Vec<(u64, usize)>,
}

#[derive(Clone)]
struct Version {
    /// The number of the change.
    at: u64,
    bytes: Vec<u8>,
    /// What of the sector was written.
    written: Range<usize>,
}

/// How the survivors are chosen.
pub(super) struct Choice<'a> {
    pub(super) random: &'a mut Rng,
    pub(super) loss: Loss,
    /// For [`Loss::Newest`]: the last change that is there.
    pub(super) until: u64,
}

/// How many of the changes, given by their numbers, are there; and whether the next one is in part.
pub(super) fn pick(choice: &mut Choice<'_>, changes: &[u64]) -> (usize, bool) {
    let all = changes.len();
    match choice.loss {
        Loss::Nothing => (all, false),
        Loss::Everything => (0, false),
        Loss::Newest => {
            let there = changes.partition_point(|at| *at <= choice.until);
            (there, changes.get(there) == Some(&(choice.until + 1)))
        }
        Loss::Scattered => {
            let there = match choice.random.u8(..4) {
                0 => 0,
                1 => all,
                _ => choice.random.usize(..=all),
            };
            (there, there < all && choice.random.u8(..4) == 0)
        }
    }
}

impl Record {
    /// A file that is as it was synced.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { synced: bytes.to_vec(), ..Self::default() }
    }

    /// These bytes were written, as change `at`.
    pub(super) fn wrote(&mut self, node: &Node, written: Range<usize>, at: u64) {
        if !written.is_empty() {
            self.touch(node, written, at);
        }
        self.measure(node, at);
    }

    /// The file was given another length, as change `at`.
    pub(super) fn cut(&mut self, node: &Node, before: usize, len: usize, at: u64) {
        if len < before {
            self.touch(node, len..before, at);
        }
        self.measure(node, at);
    }

    fn touch(&mut self, node: &Node, written: Range<usize>, at: u64) {
        let sectors = written.start / SECTOR..written.end.div_ceil(SECTOR);
        let bytes = node.copy(sectors.start * SECTOR, sectors.len() * SECTOR);
        for (number, bytes) in sectors.zip(bytes.chunks(SECTOR)) {
            let start = number * SECTOR;
            let written = written.start.max(start) - start..written.end.min(start + SECTOR) - start;
            let version = Version { at, bytes: bytes.to_vec(), written };
            self.sectors.entry(number).or_default().push(version);
        }
    }

    fn measure(&mut self, node: &Node, at: u64) {
        let len = node.apply(Op::Len).unwrap_or(0);
        let before = self.lengths.last().map_or(self.synced.len(), |(_, len)| *len);
        if len != before {
            self.lengths.push((at, len));
        }
    }

    /// Everything is on the disk.
    pub(super) fn synced(&mut self) {
        if let Some((_, len)) = self.lengths.pop() {
            self.synced.resize(len, 0);
        }
        self.lengths.clear();
        for (number, mut versions) in std::mem::take(&mut self.sectors) {
            if let Some(last) = versions.pop() {
                put(&mut self.synced, number, &last.bytes);
            }
        }
    }

    /// A sync failed: some of it is on the disk, and no later sync brings the rest.
    pub(super) fn not_synced(&mut self, random: &mut Rng) {
        if random.bool()
            && let Some((_, len)) = self.lengths.pop()
        {
            self.synced.resize(len, 0);
            self.lengths.clear();
        }
        for (number, mut versions) in std::mem::take(&mut self.sectors) {
            if let Some(last) = versions.pop().filter(|_| random.bool()) {
                // Beyond the end there is nothing yet, and no later sync brings it either.
                put(&mut self.synced, number, &last.bytes);
            }
        }
    }

    /// What is found after a power cut.
    pub(super) fn after_cut(&self, choice: &mut Choice<'_>) -> Vec<u8> {
        let mut found = self.synced.clone();
        let stamps: Vec<u64> = self.lengths.iter().map(|(at, _)| *at).collect();
        if let Some(n) = pick(choice, &stamps).0.checked_sub(1) {
            found.resize(self.lengths[n].1, 0);
        }
        for (number, versions) in &self.sectors {
            let stamps: Vec<u64> = versions.iter().map(|version| version.at).collect();
            let (there, torn) = pick(choice, &stamps);
            if let Some(n) = there.checked_sub(1) {
                put(&mut found, *number, &versions[n].bytes);
            }
            if torn {
                tear(&mut found, *number, &versions[there], choice.random);
            }
        }
        found
    }
}

/// Of a file that is as long as it is; what lies beyond its end is not there.
fn put(file: &mut [u8], number: usize, bytes: &[u8]) {
    let start = number * SECTOR;
    let end = file.len().min(start + bytes.len());
    if let Some(there) = file.get_mut(start..end) {
        there.copy_from_slice(&bytes[..end - start]);
    }
}

/// A part of what was written to a sector: its beginning or its end, or rarely rubbish in its place.
fn tear(file: &mut [u8], number: usize, next: &Version, random: &mut Rng) {
    let Range { start, end } = next.written;
    let split = random.usize(start..=end);
    let part = if random.bool() { start..split } else { split..end };
    let rubbish = random.u8(..8) == 0;
    for n in part {
        if let Some(byte) = file.get_mut(number * SECTOR + n) {
            *byte = if rubbish { random.u8(..) } else { next.bytes[n] };
        }
    }
}
