"""Workloads that only read, of stores that were filled, flushed and reopened."""

import data
import loops

from .base import Absent, Size, Workload, Wrong, needs, repeated

#: Entries of a store whose whole content is in use.
HOT_ENTRIES = Size(10_000, 100_000)
#: Entries of a store of which little is.
COLD_ENTRIES = Size(20_000, 1_000_000)
#: Keys read of it.
COLD_KEYS = 20_000


def _warm(ctx):
    """A store whose every entry was read once, and its keys in another order than that of insertion."""
    inserted = data.shuffled(ctx.n)
    store = ctx.filled(ctx.n, inserted)
    # The very objects that a dict holds, so that it need not compare texts.
    keys = data.reordered(inserted, seed=1)
    loops.get(store.d, keys)
    return store, keys


def empty_loop(ctx):
    return repeated(ctx, loops.empty, data.shuffled(ctx.n, seed=1), operations=ctx.n)


def hot_get(ctx):
    store, keys = _warm(ctx)
    done = repeated(ctx, loops.get, store.d, keys, operations=ctx.n)
    store.close()
    return done


def contains(ctx):
    store, keys = _warm(ctx)
    some = keys[: ctx.n // 2]
    # As many that are not there, in between.
    asked = [k for pair in zip(some, [f"{k}!" for k in some]) for k in pair]
    if (some[0] in store.d, f"{some[0]}!" in store.d) != (True, False):
        raise Wrong("`in` does not tell what is there")
    done = repeated(ctx, loops.contains, store.d, asked, operations=len(asked))
    store.close()
    return done


def length(ctx):
    store = ctx.filled(ctx.n)
    if not hasattr(store.d, "__len__"):
        store.close()
        raise Absent("len")
    if len(store.d) != ctx.n:
        raise Wrong(f"len is {len(store.d)}, not {ctx.n}")
    done = repeated(ctx, loops.length, store.d, range(10), operations=10)
    store.close()
    return done


def nested_get(ctx):
    path = ctx.path()
    store = ctx.open(path)
    keys = data.shuffled(ctx.n)
    for i, k in enumerate(keys):
        store.d[k] = data.nested(ctx.round, i)
    store.flush()
    if store.d[keys[7]] != data.nested(ctx.round, 7):
        raise Wrong("a nested value came back changed")
    loops.get(store.d, keys)
    done = repeated(ctx, loops.get, store.d, keys, operations=ctx.n)
    store.close()
    return done


def cold_get(ctx):
    store = ctx.filled(ctx.n)
    keys = data.sample(data.ascending(ctx.n), COLD_KEYS, ctx.round)
    seconds = loops.timed(loops.get, store.d, keys)
    store.close()
    return len(keys), seconds


def cold_batch_get(ctx):
    store = ctx.filled(ctx.n)
    batch_get = needs(store, "batch_get")
    keys = data.sample(data.ascending(ctx.n), COLD_KEYS, ctx.round)
    seconds, found = loops.timed(loops.call, batch_get, keys)
    if len(found) != len(keys) or any(v is None for v in found):
        raise Wrong("batch_get left keys out")
    store.close()
    return len(keys), seconds


def _iterate(ctx, method):
    store = ctx.filled(ctx.n)
    seconds, count = loops.timed(loops.iterate, needs(store, method))
    if count != ctx.n:
        raise Wrong(f"{method} gave {count} entries of {ctx.n}")
    store.close()
    return count, seconds


def iterate(ctx):
    return _iterate(ctx, "items")


def iterate_by_key(ctx):
    return _iterate(ctx, "items_by_key")


def prefix_scan(ctx):
    store = ctx.filled(ctx.n)
    prefix = needs(store, "prefix")
    texts = data.prefixes(ctx.n, 200, ctx.round)
    seconds, count = loops.timed(loops.prefixes, prefix, texts)
    if count != 100 * len(texts):
        raise Wrong(f"{len(texts)} prefixes gave {count} entries")
    store.close()
    return count, seconds


HOT = (
    Workload(
        "empty_loop",
        "the loop itself: for k in keys: pass",
        empty_loop,
        HOT_ENTRIES,
        "dict",
        commits=(),
    ),
    Workload("hot_get", "d[k], hot", hot_get, HOT_ENTRIES, "dict"),
    Workload(
        "hot_get_small",
        "d[k], hot, few entries",
        hot_get,
        Size(1_000, 1_000),
        "dict",
        group="hot_get",
    ),
    Workload("contains", "k in d, hot, half of them there", contains, HOT_ENTRIES, "dict"),
    Workload("len", "len(d), nothing pending", length, HOT_ENTRIES, "sqlite3"),
    Workload(
        "nested_get",
        "d[k], hot, small nested dict, default codec",
        nested_get,
        Size(1_000, 10_000),
        "dictsqlite 2.1.3 writethrough",
        values="objects",
    ),
)


def _growth(power, full=False):
    return Workload(
        f"growth_get_1e{power}",
        f"d[k], cold, of 10^{power}",
        cold_get,
        Size(10**power, 10**power),
        "sqlite3",
        quick=power == 4,
        full=full,
        group="growth_get",
    )


COLD = (
    Workload("cold_get", "d[k], cold, random", cold_get, COLD_ENTRIES, "sqlite3"),
    Workload("cold_batch_get", "batch_get of 20k, cold", cold_batch_get, COLD_ENTRIES, "sqlite3"),
    Workload("iterate", "items(), insertion order", iterate, COLD_ENTRIES, "sqlite3"),
    Workload("iterate_by_key", "items(), key order", iterate_by_key, COLD_ENTRIES, "sqlite3"),
    Workload("prefix_scan", "200 prefixes of 100 entries", prefix_scan, COLD_ENTRIES, "sqlite3"),
    *(_growth(power) for power in (4, 5, 6)),
    _growth(7, full=True),
)
