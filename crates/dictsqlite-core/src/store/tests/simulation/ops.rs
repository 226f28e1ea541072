//! What a history is made of. An operation more is a variant here, what it does in `model` and how it
//! is done in `perform`; one that is more than a write has a file of its own.

use fastrand::Rng;

use super::transactions::{self, Tx};

/// Which of the handles on the store does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    Lazy,
    Through,
    Durable,
    /// A lazy one on another table.
    Other,
}

impl Via {
    pub(super) const ALL: [Self; 4] = [Self::Lazy, Self::Through, Self::Durable, Self::Other];

    pub(super) fn table(self) -> usize {
        usize::from(self == Self::Other)
    }
}

/// A key by its number; those from [`COUNTERS`] on have integers as values.
pub(super) type Key = u8;

pub(super) const KEYS: Key = 12;
pub(super) const COUNTERS: Key = 10;

pub(super) fn key_text(key: Key) -> String {
    format!("key{key}")
}

pub(super) type Bytes = Vec<u8>;

/// One step of a history.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// With a time to live in milliseconds, or none.
    Set(Via, Key, Bytes, Option<u64>),
    Delete(Via, Key),
    SetMany(Via, Vec<(Key, Bytes)>),
    DeleteMany(Via, Vec<Key>),
    /// A batch of the durable handle that is not waited for.
    SetLater(Vec<(Key, Bytes)>),
    Incr(Via, Key, i64),
    /// If the entry has the version that it has, or that it has not.
    SetIf(Via, Key, Bytes, bool),
    DeleteIf(Via, Key, bool),
    SetDefault(Via, Key, Bytes),
    Remove(Via, Key),
    Pop(Via, Key),
    /// The newest, or the oldest.
    PopItem(Via, bool),
    Expire(Via, Key, Option<u64>),
    Clear(Via),
    /// Writes that are one unit, if an entry has the version that it has, or that it has not.
    Atomic(Via, Vec<Op>, Option<(Key, bool)>),
    Transaction(Box<Tx>),
    /// A copy of the store, and what is written while it is made.
    Backup(Via, Vec<Op>),
    Flush(Via),
    FlushDurable(Via),
    Read(Via, Key),
    /// The clock goes on by so many milliseconds.
    Advance(i64),
    /// Every handle is closed, and opened again.
    Reopen,
}

impl Op {
    /// The handle, of an operation that may write.
    pub(super) fn writes(&self) -> Option<Via> {
        match self {
            Self::Set(via, ..)
            | Self::Delete(via, _)
            | Self::SetMany(via, _)
            | Self::DeleteMany(via, _)
            | Self::Incr(via, ..)
            | Self::SetIf(via, ..)
            | Self::DeleteIf(via, ..)
            | Self::SetDefault(via, ..)
            | Self::Remove(via, _)
            | Self::Pop(via, _)
            | Self::PopItem(via, _)
            | Self::Expire(via, ..)
            | Self::Clear(via)
            | Self::Atomic(via, ..) => Some(*via),
            Self::SetLater(_) => Some(Via::Durable),
            _ => None,
        }
    }

    /// True when it is let in without a look at what is there.
    pub(super) fn is_blind(&self) -> bool {
        matches!(
            self,
            Self::Set(..)
                | Self::Delete(..)
                | Self::SetMany(..)
                | Self::DeleteMany(..)
                | Self::SetLater(_)
        )
    }

    /// Operations on one key that it counts for in a window.
    pub(super) fn weight(&self) -> u64 {
        match self {
            Self::SetMany(_, items) | Self::SetLater(items) => items.len() as u64,
            Self::DeleteMany(_, keys) => keys.len() as u64,
            Self::Atomic(_, ops, _) => ops.len() as u64,
            _ => 1,
        }
    }
}

/// What a history is drawn with.
#[derive(Clone, Debug)]
pub(super) struct Taste {
    /// Entries may expire; then their order is not compared.
    pub(super) expiry: bool,
    /// Values may need pages of their own.
    pub(super) large: bool,
    /// Mostly blind writes of lazy handles, so that much is pending at the end.
    pub(super) blind: bool,
}

impl Taste {
    pub(super) fn new(random: &mut Rng) -> Self {
        Self { expiry: random.u8(..3) == 0, large: random.u8(..4) == 0, blind: random.u8(..3) == 0 }
    }
}

/// So many operations.
pub(super) fn draw(random: &mut Rng, taste: &Taste, count: usize) -> Vec<Op> {
    (0..count).map(|_| draw_one(random, taste)).collect()
}

pub(super) fn draw_one(random: &mut Rng, taste: &Taste) -> Op {
    let via = match random.u8(..8) {
        0..=2 => Via::Lazy,
        3..=4 => Via::Through,
        5 => Via::Other,
        _ if taste.blind => Via::Lazy,
        _ => Via::Durable,
    };
    let key = random.u8(..KEYS);
    let kinds = if taste.blind { 52 } else { 114 };
    match random.u8(..kinds) {
        0..=17 => {
            let ttl = (taste.expiry && random.bool()).then(|| random.u64(1..2000));
            Op::Set(via, key, value(random, taste, key), ttl)
        }
        18..=24 => Op::Delete(via, key),
        25..=38 => Op::SetMany(via, items(random, taste)),
        39..=41 => {
            let count = random.usize(1..5);
            Op::DeleteMany(via, keys(random, count))
        }
        42..=45 => Op::SetLater(items(random, taste)),
        46 if taste.blind => Op::Transaction(Box::new(transactions::draw(random, taste))),
        46..=47 => Op::Read(via, key),
        48 => Op::Flush(via),
        49 => Op::FlushDurable(via),
        50..=51 if taste.expiry => Op::Advance(random.i64(1..700)),
        50..=51 => Op::Read(via, key),
        52..=60 => Op::Incr(via, random.u8(COUNTERS..KEYS), random.i64(-5..50)),
        61..=66 => Op::SetIf(via, key, value(random, taste, key), random.u8(..4) > 0),
        67..=69 => Op::DeleteIf(via, key, random.u8(..4) > 0),
        70..=73 => Op::SetDefault(via, key, value(random, taste, key)),
        74..=76 => Op::Remove(via, key),
        77..=79 => Op::Pop(via, key),
        80..=82 if !taste.expiry => Op::PopItem(via, random.bool()),
        83..=85 if taste.expiry => Op::Expire(via, key, random.bool().then(|| random.u64(1..2000))),
        86..=87 => Op::Clear(via),
        88..=90 => Op::Flush(via),
        91..=93 => Op::FlushDurable(via),
        94..=95 => Op::Reopen,
        100..=107 => Op::Transaction(Box::new(transactions::draw(random, taste))),
        108..=110 => atomic(random, taste, via),
        111..=112 => {
            let count = random.usize(..6);
            Op::Backup(via, (0..count).map(|_| draw_write(random, taste)).collect())
        }
        _ => Op::Read(via, key),
    }
}

/// One that writes.
pub(super) fn draw_write(random: &mut Rng, taste: &Taste) -> Op {
    loop {
        let op = draw_one(random, taste);
        if op.writes().is_some() {
            return op;
        }
    }
}

fn atomic(random: &mut Rng, taste: &Taste, via: Via) -> Op {
    let count = random.usize(1..5);
    let ops = (0..count).map(|_| {
        let key = random.u8(..KEYS);
        match random.u8(..4) {
            0 => Op::Delete(via, key),
            1 => Op::Incr(via, random.u8(COUNTERS..KEYS), random.i64(-5..50)),
            _ => Op::Set(via, key, value(random, taste, key), None),
        }
    });
    let ops = ops.collect();
    Op::Atomic(via, ops, random.bool().then(|| (random.u8(..KEYS), random.u8(..4) > 0)))
}

fn keys(random: &mut Rng, count: usize) -> Vec<Key> {
    let mut all: Vec<Key> = (0..KEYS).collect();
    random.shuffle(&mut all);
    all.truncate(count);
    all
}

fn items(random: &mut Rng, taste: &Taste) -> Vec<(Key, Bytes)> {
    let count = random.usize(1..8);
    keys(random, count).into_iter().map(|key| (key, value(random, taste, key))).collect()
}

/// A value that no other write has, most likely; an integer for counters.
pub(super) fn value(random: &mut Rng, taste: &Taste, key: Key) -> Bytes {
    if key >= COUNTERS {
        return random.i32(..).to_string().into_bytes();
    }
    let len = match random.u8(..10) {
        0 => 0,
        1..=5 => random.usize(1..40),
        _ if taste.large => random.usize(500..9000),
        _ => random.usize(40..600),
    };
    let mut bytes = random.u64(..).to_le_bytes().to_vec();
    bytes.resize(8 + len, random.u8(..));
    bytes
}
