"""What we want to reach, and what the earlier releases said of themselves, beside what was measured."""

from typing import Callable, NamedTuple, Optional

import arithmetic

LAZY = "dictsqlite lazy"
WRITETHROUGH = "dictsqlite writethrough"
DURABLE = "dictsqlite durable"
PUBLIC_LAZY = "dictsqlite 2.1.3 lazy"
PUBLIC = "dictsqlite 2.1.3 writethrough"
BLOCKING = "dictsqlite lazy, blocking"
FUTURE = "empty future_into_py"


class Bar(NamedTuple):
    measure: str
    #: `at most` or `at least`.
    kind: str
    limit: float
    #: Of the results; `None` if a part of it was not measured.
    value: Callable
    #: How values are written.
    shown: Callable = arithmetic.times
    aim: Optional[float] = None


def slower(workload, ours, other):
    """How many times the other's time ours takes."""
    return lambda r: arithmetic.ratio(r.seconds(workload, ours), r.seconds(workload, other))


def faster(workload, ours, other):
    """How many times as fast as the other ours is."""
    return slower(workload, other, ours)


def alone(workload, ours):
    """Seconds an operation."""
    return lambda r: r.seconds(workload, ours)


def gain(one, many, ours):
    """How many times as fast one workload is as another."""
    return lambda r: arithmetic.ratio(r.seconds(one, ours), r.seconds(many, ours))


BARS = (
    Bar("hot get of bytes / dict", "at most", 5.5, slower("hot_get", WRITETHROUGH, "dict"), aim=4),
    Bar(
        "the same, 1,000 entries",
        "at most",
        5.5,
        slower("hot_get_small", WRITETHROUGH, "dict"),
        aim=4,
    ),
    Bar("set of bytes, lazy, burst / dict", "at most", 4, slower("set_burst", LAZY, "dict")),
    Bar(
        "nested dict, defaults, set, speed over 2.1.3",
        "at least",
        2,
        faster("nested_set", WRITETHROUGH, PUBLIC),
    ),
    Bar(
        "nested dict, defaults, hot get, speed over 2.1.3",
        "at least",
        2,
        faster("nested_get", WRITETHROUGH, PUBLIC),
    ),
    Bar(
        "lazy set + flush, random, speed over executemany",
        "at least",
        0.8,
        faster("sustained_random", LAZY, "sqlite3 executemany"),
    ),
    Bar(
        "lazy set + flush, ascending, speed over executemany",
        "at least",
        1.3,
        faster("sustained_ascending", LAZY, "sqlite3 executemany"),
    ),
    Bar(
        "writethrough + flush, ascending, speed over commits each",
        "at least",
        6,
        faster("committed_ascending", WRITETHROUGH, "sqlite3"),
    ),
    Bar(
        "writethrough + flush, random, speed over commits each",
        "at least",
        1.5,
        faster("committed_random", WRITETHROUGH, "sqlite3"),
    ),
    Bar(
        "durable, 64 threads, speed over 1 thread",
        "at least",
        15,
        gain("durable_1", "durable_64", DURABLE),
    ),
    Bar(
        "cold batch_get of 20k, a key",
        "at most",
        2e-6,
        alone("cold_batch_get", WRITETHROUGH),
        arithmetic.time,
    ),
    Bar("cold get / prepared select", "at most", 1.2, slower("cold_get", WRITETHROUGH, "sqlite3")),
    Bar(
        "iteration, speed over a cursor in rowid order",
        "at least",
        0.8,
        faster("iterate", WRITETHROUGH, "sqlite3"),
    ),
    Bar(
        "iteration by key, speed over ORDER BY key",
        "at least",
        0.9,
        faster("iterate_by_key", WRITETHROUGH, "sqlite3"),
    ),
    Bar("len, nothing pending", "at most", 10e-6, alone("len", WRITETHROUGH), arithmetic.time),
    Bar("hot await aget / get", "at most", 3, slower("async_hot_get", LAZY, BLOCKING)),
    Bar("lazy await aset / set", "at most", 3, slower("async_set", LAZY, BLOCKING)),
    Bar(
        "gather of hot aget / of coroutines that return at once",
        "at most",
        1.5,
        slower("async_hot_gather", LAZY, "dict"),
    ),
    Bar(
        "gather of cold aget, a key",
        "at most",
        8e-6,
        alone("async_cold_gather", LAZY),
        arithmetic.time,
    ),
    Bar(
        "the same, speed over aiosqlite",
        "at least",
        10,
        faster("async_cold_gather", LAZY, "aiosqlite"),
    ),
    Bar(
        "cold await aget, speed over an empty future_into_py",
        "at least",
        1.2,
        faster("async_cold_get", LAZY, FUTURE),
    ),
    Bar(
        "durable aset, gather of 1,000, speed over one by one",
        "at least",
        20,
        gain("async_durable", "async_durable_gather", DURABLE),
    ),
    Bar(
        "worst delay of the loop beside 1M aset",
        "at most",
        10e-3,
        alone("async_lag_set", LAZY),
        arithmetic.time,
    ),
    Bar(
        "worst delay of the loop beside 1M hot aget",
        "at most",
        10e-3,
        alone("async_lag_get", LAZY),
        arithmetic.time,
    ),
)


def met(bar, value):
    """``True``, ``False``, or ``None`` if it was not measured."""
    if value is None:
        return None
    return value <= bar.limit if bar.kind == "at most" else value >= bar.limit


def judged(results):
    """A row a bar, as plain data."""
    rows = []
    for bar in BARS:
        value = bar.value(results)
        limit = f"{bar.kind} {bar.shown(bar.limit)}"
        if bar.aim is not None:
            limit += f" (aim {bar.shown(bar.aim)})"
        rows.append(
            {
                "measure": bar.measure,
                "bar": limit,
                "measured": bar.shown(value),
                "value": value,
                "met": met(bar, value),
            }
        )
    return rows


class Claim(NamedTuple):
    #: As its authors put it.
    claim: str
    earlier: Callable
    ours: Callable
    shown: Callable


CLAIMS = (
    Claim(
        "1,000 async writes in 0.1 s",
        lambda r: _times(r.seconds("async_set", PUBLIC_LAZY), 1_000),
        lambda r: _times(r.seconds("async_set", LAZY), 1_000),
        arithmetic.time,
    ),
    Claim(
        "synchronous writes, writethrough: 1.30 M/s",
        alone("committed_ascending", PUBLIC),
        alone("committed_ascending", WRITETHROUGH),
        arithmetic.rate,
    ),
    Claim(
        "batch reads 5-10x faster",
        gain("cold_get", "cold_batch_get", PUBLIC),
        gain("cold_get", "cold_batch_get", WRITETHROUGH),
        arithmetic.times,
    ),
)


def _times(value, count):
    return None if value is None else value * count


def claimed(results):
    """A row a claim, as plain data."""
    return [
        {
            "claim": claim.claim,
            "dictsqlite 2.1.3": claim.shown(claim.earlier(results)),
            "dictsqlite": claim.shown(claim.ours(results)),
        }
        for claim in CLAIMS
    ]
