"""What waiting one by one costs, and what operations that are sent together cost: ``python pipelines.py``.

Prints a table of microseconds an operation, medians of rounds that take turns. Needs an installed dictsqlite.
"""

import asyncio
import os
import sys
import tempfile
import time

import arithmetic
import dictsqlite

OPERATIONS = 1000


def one_by_one(act):
    def run(db):
        for n in range(OPERATIONS):
            act(db, n)

    return run


def pipeline(act):
    def run(db):
        with db.pipeline() as p:
            for n in range(OPERATIONS):
                act(p, n)

    return run


def awaited(act):
    async def run(db):
        for n in range(OPERATIONS):
            await act(db, n)

    return run


def gathered(act):
    async def run(db):
        await asyncio.gather(*(act(db, n) for n in range(OPERATIONS)))

    return run


def piped(act):
    async def run(db):
        async with db.pipeline() as p:
            for n in range(OPERATIONS):
                act(p, n)

    return run


def incr(db, n):
    db.incr("n")


def write(db, n):
    db.set(n % 500, time.perf_counter_ns())


BLOCKING = {
    "`incr`": {"one by one": one_by_one(incr), "pipeline": pipeline(incr)},
    "`set`": {"one by one": one_by_one(write), "pipeline": pipeline(write)},
}
WITHOUT_BLOCKING = {
    "`await aincr`": {
        "one by one": awaited(lambda db, n: db.aincr("n")),
        "gather": gathered(lambda db, n: db.aincr("n")),
        "pipeline": piped(incr),
    },
    "`await aset`": {
        "one by one": awaited(lambda db, n: db.aset(n % 500, time.perf_counter_ns())),
        "gather": gathered(lambda db, n: db.aset(n % 500, time.perf_counter_ns())),
        "pipeline": piped(write),
    },
}


def measure(db, ways, rounds, run):
    taken = {way: [] for way in ways}
    for _ in range(rounds):
        for way, work in ways.items():
            db.flush()
            began = time.perf_counter()
            run(work)
            taken[way].append(arithmetic.each(time.perf_counter() - began, OPERATIONS))
    return {way: arithmetic.median(seconds) for way, seconds in taken.items()}


def row(mode, what, medians):
    base = medians["one by one"]
    cells = [arithmetic.time(base)]
    for way in ("gather", "pipeline"):
        seconds = medians.get(way)
        times = arithmetic.ratio(base, seconds)
        cells.append("" if seconds is None else f"{arithmetic.time(seconds)} ({times:.{1 if times < 10 else 0}f}x)")
    print(f"| `{mode}` | {what} | {' | '.join(cells)} |", flush=True)


def main(rounds):
    print("| mode | | one by one | `gather` | pipeline |\n|---|---|---|---|---|")
    loop = asyncio.new_event_loop()
    for mode in ("durable", "writethrough", "lazy"):
        # Each durable write that is waited for is a sync: fewer rounds take as long.
        turns = max(5, rounds // 6) if mode == "durable" else rounds
        with tempfile.TemporaryDirectory() as folder:
            with dictsqlite.open(os.path.join(folder, "a.db"), persist_mode=mode, storage_mode="json") as db:
                for what, ways in BLOCKING.items():
                    row(mode, what, measure(db, ways, turns, lambda work: work(db)))
                for what, ways in WITHOUT_BLOCKING.items():
                    row(mode, what, measure(db, ways, turns, lambda work: loop.run_until_complete(work(db))))
    loop.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 41)
