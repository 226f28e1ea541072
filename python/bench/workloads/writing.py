"""Workloads that write."""

import data
import loops

from .base import Size, Workload, Wrong, needs

#: Whoever writes without syncing.
UNSYNCED = ("never", "flush", "write")
MANY = Size(20_000, 1_000_000)
SOME = Size(5_000, 100_000)


def set_burst(ctx):
    """A fresh store each time; several, since a dict takes a few milliseconds only."""
    keys = data.ascending(ctx.n)
    operations, total = 0, 0.0
    for salt in range(5):
        path = ctx.path()
        store = ctx.open(path)
        total += loops.timed(loops.set_one, store.d, keys, data.value(ctx.round, salt))
        operations += ctx.n
        store.close()
        if total > ctx.least:
            break
    ctx.kept(path, keys[-1], data.value(ctx.round, salt))
    return operations, total


def _new_keys(ctx, keys):
    pairs = data.pairs(keys, ctx.round)
    path = ctx.path()
    store = ctx.open(path)
    if ctx.contender.bulk:
        seconds = loops.timed(loops.batches, store.batch_set, [pairs], store.flush)
    else:
        seconds = loops.timed(loops.set_all, store.d, pairs, store.flush)
    store.close()
    ctx.kept(path, *pairs[-1])
    return ctx.n, seconds


def ascending(ctx):
    return _new_keys(ctx, data.ascending(ctx.n))


def random(ctx):
    return _new_keys(ctx, data.shuffled(ctx.n))


def overwrite(ctx):
    store = ctx.filled(ctx.n)
    keys = data.shuffled(ctx.n, seed=1)
    pairs = data.pairs(keys, ctx.round)
    seconds = loops.timed(loops.set_all, store.d, pairs, store.flush)
    if store.d[keys[3]] != pairs[3][1]:
        raise Wrong("an overwritten value is the old one")
    store.close()
    return ctx.n, seconds


def batch_set(ctx):
    path = ctx.path()
    store = ctx.open(path)
    write = needs(store, "batch_set")
    pairs = data.pairs(data.shuffled(ctx.n), ctx.round)
    parts = [pairs[at : at + 1_000] for at in range(0, ctx.n, 1_000)]
    seconds = loops.timed(loops.batches, write, parts, store.flush)
    store.close()
    ctx.kept(path, *pairs[-1])
    return ctx.n, seconds


def delete(ctx):
    path = ctx.path()
    store = ctx.open(path)
    keys = data.shuffled(ctx.n)
    store.fill(data.pairs(keys, ctx.round))
    seconds = loops.timed(loops.delete, store.delete, data.shuffled(ctx.n, 1), store.flush)
    if keys[5] in store.d:
        raise Wrong("a deleted key is still there")
    store.close()
    return ctx.n, seconds


def mixed(ctx):
    store = ctx.filled(ctx.n)
    operations = data.mixed(data.shuffled(ctx.n), ctx.n, ctx.round)
    for key in {key for key, _ in operations}:
        store.d[key]
    v = data.value(ctx.round)
    seconds = loops.timed(loops.mixed, store.d, operations, v, store.flush)
    store.close()
    return len(operations), seconds


def nested_set(ctx):
    path = ctx.path()
    store = ctx.open(path)
    keys = data.shuffled(ctx.n)
    pairs = [(k, data.nested(ctx.round, i)) for i, k in enumerate(keys)]
    seconds = loops.timed(loops.set_all, store.d, pairs, store.flush)
    store.close()
    ctx.kept(path, *pairs[-1])
    return ctx.n, seconds


def _growth(power, full=False):
    return Workload(
        f"growth_set_1e{power}",
        f"set + flush, 10^{power} new random keys",
        random,
        Size(10**power, 10**power),
        "sqlite3 executemany",
        commits=("flush",),
        quick=power == 4,
        full=full,
        group="growth_set",
    )


WORKLOADS = (
    Workload("set_burst", "d[k] = v, burst of new keys", set_burst, SOME, "dict", UNSYNCED),
    Workload(
        "sustained_ascending",
        "d[k] = v + flush, ascending new keys, committed by then",
        ascending,
        MANY,
        "sqlite3 executemany",
        ("never", "flush"),
    ),
    Workload(
        "sustained_random",
        "d[k] = v + flush, random new keys, committed by then",
        random,
        MANY,
        "sqlite3 executemany",
        ("never", "flush"),
    ),
    Workload(
        "committed_ascending",
        "d[k] = v + flush, ascending new keys, committed as they come",
        ascending,
        SOME,
        "sqlite3",
        ("write",),
    ),
    Workload(
        "committed_random",
        "d[k] = v + flush, random new keys, committed as they come",
        random,
        SOME,
        "sqlite3",
        ("write",),
    ),
    Workload("overwrite", "d[k] = v + flush, existing keys", overwrite, SOME, "sqlite3", UNSYNCED),
    Workload(
        "batch_set", "batch_set of 1,000 + flush, random", batch_set, SOME, "sqlite3", UNSYNCED
    ),
    Workload("delete", "delete(k) + flush", delete, Size(2_000, 20_000), "sqlite3", UNSYNCED),
    Workload("mixed", "90 % d[k], 10 % d[k] = v, Zipf, + flush", mixed, SOME, "dict", UNSYNCED),
    Workload(
        "nested_set",
        "d[k] = v + flush, small nested dict, default codec",
        nested_set,
        Size(2_000, 20_000),
        "dictsqlite 2.1.3 writethrough",
        ("flush", "write"),
        values="objects",
    ),
    *(_growth(power) for power in (4, 5, 6)),
    _growth(7, full=True),
)
