"""The timed loops: nothing but the operation is between the two looks at the clock."""

import asyncio
import gc
from time import perf_counter


def timed(loop, *args):
    """Seconds that the loop says it took, run while the garbage collector rests."""
    gc.collect()
    gc.disable()
    try:
        return loop(*args)
    finally:
        gc.enable()


def empty(keys):
    start = perf_counter()
    for k in keys:
        pass
    return perf_counter() - start


def get(d, keys):
    start = perf_counter()
    for k in keys:
        d[k]
    return perf_counter() - start


def set_one(d, keys, v):
    start = perf_counter()
    for k in keys:
        d[k] = v
    return perf_counter() - start


def set_all(d, pairs, flush):
    start = perf_counter()
    for k, v in pairs:
        d[k] = v
    flush()
    return perf_counter() - start


def calls(function, keys):
    start = perf_counter()
    for k in keys:
        function(k)
    return perf_counter() - start


def calls_with(function, keys, v):
    start = perf_counter()
    for k in keys:
        function(k, v)
    return perf_counter() - start


def contains(d, keys):
    start = perf_counter()
    for k in keys:
        k in d
    return perf_counter() - start


def delete(delete, keys, flush):
    start = perf_counter()
    for k in keys:
        delete(k)
    flush()
    return perf_counter() - start


def length(d, times):
    start = perf_counter()
    for _ in times:
        len(d)
    return perf_counter() - start


def mixed(d, operations, v, flush):
    start = perf_counter()
    for k, writes in operations:
        if writes:
            d[k] = v
        else:
            d[k]
    flush()
    return perf_counter() - start


def batches(batch_set, batches, flush):
    start = perf_counter()
    for batch in batches:
        batch_set(batch)
    flush()
    return perf_counter() - start


def call(function, *args):
    start = perf_counter()
    result = function(*args)
    return perf_counter() - start, result


def iterate(items):
    count = 0
    start = perf_counter()
    for k, v in items():
        count += 1
    return perf_counter() - start, count


def prefixes(prefix, texts):
    count = 0
    start = perf_counter()
    for text in texts:
        for k, v in prefix(text):
            count += 1
    return perf_counter() - start, count


async def awaits(aset, keys, v):
    start = perf_counter()
    for k in keys:
        await aset(k, v)
    return perf_counter() - start


async def asked(aget, keys):
    start = perf_counter()
    for k in keys:
        value = await aget(k)
    return perf_counter() - start, value


async def gathered(aget, batches):
    gather = asyncio.gather
    start = perf_counter()
    for batch in batches:
        values = await gather(*[aget(k) for k in batch])
    return perf_counter() - start, values[-1]


async def gathered_sets(aset, batches, v):
    gather = asyncio.gather
    start = perf_counter()
    for batch in batches:
        await gather(*[aset(k, v) for k in batch])
    return perf_counter() - start


async def lag(operation):
    """How late a task that wants to run every millisecond was at worst, beside ``operation``."""
    worst = 0.0

    async def tick():
        nonlocal worst
        while True:
            start = perf_counter()
            await asyncio.sleep(0.001)
            worst = max(worst, perf_counter() - start - 0.001)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.005)
    worst = 0.0
    await operation
    # What was held up to the end counts too.
    await asyncio.sleep(0.005)
    ticking.cancel()
    return worst
