//! What can happen, and how often.

use std::time::Duration;

use dictsqlite_core::{Key, Order, PersistMode, StorageMode, Ttl};
use proptest::prelude::*;

use crate::executor::How;

/// How the stores of a run are opened.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) mode: PersistMode,
    pub(crate) second_mode: PersistMode,
    pub(crate) storage: [StorageMode; 2],
    pub(crate) hot_capacity: usize,
    pub(crate) buffer_size: usize,
    pub(crate) memtable_bytes: usize,
    pub(crate) flush_interval: Duration,
}

/// The handle a step goes through: two on one table, and one on another table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    First,
    Second,
    Other,
}

/// A time to live of so many milliseconds; 0 is for ever.
pub(crate) fn ttl_of(ms: u64) -> Ttl {
    if ms == 0 { Ttl::Never } else { Ttl::After(Duration::from_millis(ms)) }
}

/// A version to expect.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Guess {
    Right,
    OneMore,
    Zero,
}

/// One scan.
#[derive(Clone, Debug)]
pub(crate) struct ScanStep {
    pub(crate) order: Option<Order>,
    pub(crate) prefix: Option<Key>,
    pub(crate) start: Option<Key>,
    pub(crate) end: Option<Key>,
    pub(crate) reverse: bool,
    pub(crate) limit: Option<u64>,
    pub(crate) values: bool,
    pub(crate) consistent: bool,
}

/// One operation.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Set(Key, u8, u64),
    TrySet(Key, u8),
    Delete(Key),
    TryDelete(Key),
    SetMany(Vec<(Key, u8)>, u64),
    DeleteMany(Vec<Key>),
    Get(Key),
    Peek(Key),
    GetMany(Vec<Key>),
    Contains(Key),
    Entry(Key),
    Len,
    Scan(ScanStep),
    Remove(Key),
    Pop(Key),
    PopItem(bool),
    SetDefault(Key, u8, u64),
    Incr(Key, i64),
    Expire(Key, u64),
    Clear,
    SetIf(Key, u8, Guess),
    DeleteIf(Key, Guess),
    Flush,
    FlushDurable,
}

/// One step of a run.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Do(Via, How, Op),
    /// Time passes, after a flush or without one.
    Advance(i64, bool),
    /// Another connection writes a key of the first table, or deletes it.
    Foreign(Key, Option<u8>),
    /// All handles go, by closing or by dropping them, and come back.
    Reopen(bool),
    /// One handle goes and comes back while the others stay.
    ReopenOne(Via),
    /// The other table is dropped and made again with this codec.
    DropOther(StorageMode),
}

pub(crate) fn setup(mode: PersistMode) -> impl Strategy<Value = Setup> {
    let storage = || {
        prop_oneof![
            3 => Just(StorageMode::Bytes),
            1 => Just(StorageMode::Json),
            1 => Just(StorageMode::Jsonb)
        ]
    };
    let second = prop_oneof![
        Just(PersistMode::Lazy),
        Just(PersistMode::WriteThrough),
        Just(PersistMode::Durable)
    ];
    (
        second,
        [storage(), storage()],
        prop_oneof![Just(0_usize), Just(1), Just(2), Just(1_000_000)],
        prop_oneof![Just(1_usize), Just(2), Just(5), Just(100)],
        prop_oneof![Just(1_usize << 16), Just(64 << 20)],
        prop_oneof![Just(1_u64), Just(20), Just(3_600_000)],
    )
        .prop_map(move |(second, storage, hot_capacity, buffer_size, memtable_bytes, ms)| {
            Setup {
                mode,
                second_mode: second,
                storage,
                hot_capacity,
                buffer_size,
                memtable_bytes,
                flush_interval: Duration::from_millis(ms),
            }
        })
}

/// The pool of keys: small, so that steps meet, and with every trap of the encoding.
pub(crate) fn pool() -> Vec<Key> {
    let text = |s: &str| Key::Text(s.to_owned());
    vec![
        Key::Int(0),
        Key::Int(1),
        Key::Int(-1),
        Key::Int(i64::MIN),
        Key::Int(i64::MAX),
        text(""),
        text("1"),
        text("a"),
        text("ab"),
        text("a\0b"),
        text("\u{10FFFF}"),
        Key::Bytes(vec![]),
        Key::Bytes(b"a".to_vec()),
        Key::Bytes(vec![0]),
        Key::Bytes(vec![0xFF]),
        Key::Bytes(vec![0xFF, 0xFF]),
        Key::Bytes(vec![0xFF, 0x10]),
        Key::Tuple(vec![]),
        Key::Tuple(vec![Key::Int(1)]),
        Key::Tuple(vec![text("a")]),
        Key::Tuple(vec![text("a"), Key::Int(-1)]),
        Key::Tuple(vec![text("a\0"), Key::Bytes(vec![0, 0xFF])]),
    ]
}

fn key() -> impl Strategy<Value = Key> {
    // Half of the time one of a few, so that histories of one key get long.
    prop_oneof![
        prop::sample::select(vec![Key::Int(1), Key::Text("a".into()), Key::Bytes(vec![0xFF])]),
        prop::sample::select(pool())
    ]
}

fn ttl() -> impl Strategy<Value = u64> {
    prop_oneof![3 => Just(0_u64), 1 => 1_u64..60]
}

fn guess() -> impl Strategy<Value = Guess> {
    prop_oneof![3 => Just(Guess::Right), 1 => Just(Guess::OneMore), 1 => Just(Guess::Zero)]
}

fn scan() -> impl Strategy<Value = ScanStep> {
    let order = prop_oneof![
        2 => Just(None),
        1 => Just(Some(Order::Insertion)),
        1 => Just(Some(Order::Key))
    ];
    (
        order,
        prop::option::weighted(0.3, key()),
        prop::option::weighted(0.2, key()),
        prop::option::weighted(0.2, key()),
        any::<bool>(),
        prop::option::weighted(0.3, 0_u64..6),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(order, prefix, start, end, reverse, limit, values, consistent)| ScanStep {
            order,
            prefix,
            start,
            end,
            reverse,
            limit,
            values,
            consistent,
        })
}

fn op() -> impl Strategy<Value = Op> {
    let v = any::<u8>;
    prop_oneof![
        12 => (key(), v(), ttl()).prop_map(|(k, v, t)| Op::Set(k, v, t)),
        4 => (key(), v()).prop_map(|(k, v)| Op::TrySet(k, v)),
        6 => key().prop_map(Op::Delete),
        2 => key().prop_map(Op::TryDelete),
        3 => (prop::collection::vec((key(), v()), 0..8), ttl()).prop_map(|(i, t)| Op::SetMany(i, t)),
        2 => prop::collection::vec(key(), 0..6).prop_map(Op::DeleteMany),
        10 => key().prop_map(Op::Get),
        4 => key().prop_map(Op::Peek),
        4 => prop::collection::vec(key(), 0..8).prop_map(Op::GetMany),
        3 => key().prop_map(Op::Contains),
        4 => key().prop_map(Op::Entry),
        3 => Just(Op::Len),
        4 => scan().prop_map(Op::Scan),
        2 => key().prop_map(Op::Remove),
        2 => key().prop_map(Op::Pop),
        2 => any::<bool>().prop_map(Op::PopItem),
        2 => (key(), v(), ttl()).prop_map(|(k, v, t)| Op::SetDefault(k, v, t)),
        3 => (key(), -3_i64..4).prop_map(|(k, d)| Op::Incr(k, d)),
        2 => (key(), ttl()).prop_map(|(k, t)| Op::Expire(k, t)),
        1 => Just(Op::Clear),
        2 => (key(), v(), guess()).prop_map(|(k, v, g)| Op::SetIf(k, v, g)),
        1 => (key(), guess()).prop_map(|(k, g)| Op::DeleteIf(k, g)),
        2 => Just(Op::Flush),
        1 => Just(Op::FlushDurable)
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let via = || prop_oneof![3 => Just(Via::First), 2 => Just(Via::Second), 2 => Just(Via::Other)];
    let how = prop_oneof![
        4 => Just(How::Blocking),
        1 => Just(How::Await),
        1 => Just(How::Wait),
        1 => Just(How::Callback),
        1 => Just(How::Worker)
    ];
    let storage = prop::sample::select(vec![StorageMode::Bytes, StorageMode::Jsonb]);
    prop_oneof![
        60 => (via(), how, op()).prop_map(|(via, how, op)| Step::Do(via, how, op)),
        3 => (1_i64..40, any::<bool>()).prop_map(|(ms, flush)| Step::Advance(ms, flush)),
        3 => (key(), prop::option::of(any::<u8>())).prop_map(|(k, v)| Step::Foreign(k, v)),
        1 => any::<bool>().prop_map(Step::Reopen),
        1 => via().prop_map(Step::ReopenOne),
        1 => storage.prop_map(Step::DropOther)
    ]
}
