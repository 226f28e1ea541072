"""Workloads of asyncio: one await after the other, a thousand together, and what it does to the loop."""

import asyncio

import data
import loops

from .base import Size, Workload, Wrong, needs
from .reading import COLD_ENTRIES

#: Awaited by one `gather`.
TOGETHER = 1_000
#: Keys read of a cold store: one after the other, and together.
COLD_ONE_BY_ONE = 2_000
COLD_TOGETHER = 20_000
MANY = Size(5_000, 50_000)
#: Entries whose every one is in use. A hop to a thread for each is slow, and all must have been read before.
HOT = Size(5_000, 20_000)


def _batches(keys):
    return [keys[at : at + TOGETHER] for at in range(0, len(keys), TOGETHER)]


def _run(store, work):
    """What ``work(handle)`` gives, run by a loop of its own while the garbage collector rests."""
    tasks = needs(store, "tasks")

    async def main():
        async with tasks() as handle:
            return await work(handle)

    return loops.timed(lambda: asyncio.run(main()))


def _value(store, value):
    if not store.empty and (value is None or len(value) != data.VALUE_BYTES):
        raise Wrong(f"{value!r} was read")


def _hot(ctx, work, blocking=None):
    """Reads of entries that all have been read before, by ``work(handle, keys)``."""
    store = ctx.filled(ctx.n)
    keys = data.reordered(data.shuffled(ctx.n), seed=1)

    async def again(handle):
        seconds, operations, value = 0.0, 0, None
        await loops.asked(handle.aget, keys)
        while seconds < ctx.least and operations < 1_000 * ctx.n:
            took, value = await work(handle, keys)
            seconds, operations = seconds + took, operations + len(keys)
        _value(store, value)
        return operations, seconds

    if store.blocking:
        loops.get(store.d, keys)
        done = ctx.n, loops.timed(blocking, store.d.get, keys)
    else:
        done = _run(store, again)
    store.close()
    return done


def hot_get(ctx):
    return _hot(ctx, lambda handle, keys: loops.asked(handle.aget, keys), loops.calls)


def hot_gather(ctx):
    return _hot(ctx, lambda handle, keys: loops.gathered(handle.aget, _batches(keys)))


def _cold(ctx, count, work):
    store = ctx.filled(ctx.n)
    keys = data.sample(data.ascending(ctx.n), count, ctx.round)
    seconds, value = _run(store, lambda handle: work(handle, keys))
    _value(store, value)
    store.close()
    return len(keys), seconds


def cold_get(ctx):
    return _cold(ctx, COLD_ONE_BY_ONE, lambda handle, keys: loops.asked(handle.aget, keys))


def cold_gather(ctx):
    return _cold(
        ctx, COLD_TOGETHER, lambda handle, keys: loops.gathered(handle.aget, _batches(keys))
    )


def _new_keys(ctx, work, blocking=None):
    """New keys in a fresh store; what is timed is what a task waits for."""
    keys, v = data.ascending(ctx.n), data.value(ctx.round)
    path = ctx.path()
    store = ctx.open(path)
    if store.blocking:
        seconds = loops.timed(blocking, store.d.set, keys, v)
    else:

        async def all_of_it(handle):
            seconds = await work(handle, keys, v)
            await handle.aflush()
            return seconds

        seconds = _run(store, all_of_it)
    store.close()
    ctx.kept(path, keys[-1], v)
    return ctx.n, seconds


def set_each(ctx):
    return _new_keys(
        ctx, lambda handle, keys, v: loops.awaits(handle.aset, keys, v), loops.calls_with
    )


def set_gather(ctx):
    return _new_keys(
        ctx, lambda handle, keys, v: loops.gathered_sets(handle.aset, _batches(keys), v)
    )


def lag_set(ctx):
    return 1, _new_keys(
        ctx, lambda handle, keys, v: loops.lag(loops.awaits(handle.aset, keys, v))
    )[1]


def lag_get(ctx):
    store = ctx.filled(HOT.quick)
    keys = data.ascending(HOT.quick)
    keys *= max(1, ctx.n // len(keys))

    async def all_of_it(handle):
        await loops.asked(handle.aget, keys[: HOT.quick])
        return await loops.lag(loops.asked(handle.aget, keys))

    seconds = _run(store, all_of_it)
    store.close()
    return 1, seconds


def _workload(name, title, run, size, baseline, quick=True):
    # Only contenders that say so take part: most know no tasks.
    return Workload(f"async_{name}", title, run, size, baseline, commits=(), quick=quick)


LAG = Size(50_000, 1_000_000)

WORKLOADS = (
    _workload("hot_get", "await aget(k), hot", hot_get, HOT, "dict"),
    _workload("hot_gather", "gather of 1,000 aget(k), hot", hot_gather, HOT, "dict"),
    _workload("cold_get", "await aget(k), cold, random", cold_get, COLD_ENTRIES, "aiosqlite"),
    _workload(
        "cold_gather", "gather of 1,000 aget(k), cold, random", cold_gather, COLD_ENTRIES, "aiosqlite"
    ),
    _workload("set", "await aset(k, v), new keys", set_each, MANY, "aiosqlite"),
    _workload("set_gather", "gather of 1,000 aset(k, v), new keys", set_gather, MANY, "aiosqlite"),
    _workload(
        "durable", "await aset(k, v), synced", set_each, Size(100, 1_000), "aiosqlite full"
    ),
    _workload(
        "durable_gather",
        "gather of 1,000 aset(k, v), synced, ascending keys",
        set_gather,
        Size(1_000, 10_000),
        "aiosqlite full",
    ),
    _workload(
        "lag_set", "a task that wants to run each ms: its worst delay, beside aset in a row", lag_set, LAG, "dict"
    ),
    _workload(
        "lag_get", "the same beside hot aget in a row", lag_get, LAG, "dict"
    ),
)
