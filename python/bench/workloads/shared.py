"""Workloads with more than one user of a store: threads, processes."""

import gc
import json
import os
import subprocess
import sys
import threading
from time import perf_counter

import data
import loops

from .base import Absent, Size, Workload, Wrong, needs
from .writing import UNSYNCED

RUNNER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "runner.py")
SOME = Size(5_000, 50_000)


def _together(store, count, work):
    """Seconds from the moment all threads are ready until the last is done with ``work(store, i)``."""
    for_thread = needs(store, "for_thread")
    ready = threading.Barrier(count + 1)
    problems = []

    def body(i):
        mine = None
        try:
            mine = for_thread()
            ready.wait()
            work(mine, i)
        except threading.BrokenBarrierError:
            pass
        except Exception as e:
            problems.append(e)
            ready.abort()
        finally:
            if mine is not None and mine is not store:
                mine.close()

    threads = [threading.Thread(target=body, args=(i,)) for i in range(count)]
    gc.collect()
    gc.disable()
    try:
        for thread in threads:
            thread.start()
        try:
            ready.wait()
        except threading.BrokenBarrierError:
            pass
        start = perf_counter()
        for thread in threads:
            thread.join()
        store.flush()
        seconds = perf_counter() - start
    finally:
        gc.enable()
    if problems:
        raise problems[0]
    return seconds


def threads(ctx):
    store = ctx.filled(ctx.n)
    keys = data.shuffled(ctx.n)
    operations = [data.mixed(keys, ctx.n, ctx.round * 2 + i) for i in range(2)]
    v = data.value(ctx.round)
    for key in {key for part in operations for key, _ in part}:
        store.d[key]

    def nothing():
        pass

    def work(mine, i):
        loops.mixed(mine.d, operations[i], v, nothing)

    seconds = _together(store, 2, work)
    store.close()
    return 2 * ctx.n, seconds


def processes(ctx):
    store = ctx.filled(ctx.n)
    alone = store.alone
    store.close()
    if alone:
        raise Absent(alone)
    children = [_child(ctx, i) for i in range(2)]
    try:
        for child in children:
            _expect(child, "ready")
        start = perf_counter()
        for child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        for child in children:
            _expect(child, "done")
        seconds = perf_counter() - start
        for child in children:
            if child.wait(60) != 0:
                raise Wrong("a process failed")
    finally:
        for child in children:
            child.kill()
            child.wait()
            child.stdin.close()
            child.stdout.close()
    return 2 * ctx.n, seconds


def _child(ctx, i):
    told = {
        "contender": ctx.contender.name,
        "workload": ctx.workload.name,
        "n": ctx.n,
        "round": ctx.round * 2 + i,
        "folder": ctx.folder,
        "least": ctx.least,
    }
    return subprocess.Popen(
        [sys.executable, RUNNER, "--child", json.dumps(told)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _expect(child, word):
    line = child.stdout.readline().strip()
    if line != word:
        raise Wrong(f"a process said {line!r} instead of {word!r}")


def child(ctx):
    """What each of the two processes does."""
    store = ctx.filled(ctx.n)
    keys = data.shuffled(ctx.n)
    operations = data.mixed(keys, ctx.n, ctx.round)
    v = data.value(ctx.round)
    for key in {key for key, _ in operations}:
        store.d[key]
    print("ready", flush=True)
    sys.stdin.readline()
    loops.timed(loops.mixed, store.d, operations, v, store.flush)
    print("done", flush=True)
    store.close()


def _durable(ctx, count):
    keys = data.ascending(ctx.n)
    path = ctx.path()
    store = ctx.open(path)
    v = data.value(ctx.round)

    def work(mine, i):
        loops.set_one(mine.d, keys[i::count], v)

    seconds = _together(store, count, work)
    store.close()
    ctx.kept(path, keys[-1], v)
    return ctx.n, seconds


def durable_1(ctx):
    return _durable(ctx, 1)


def durable_64(ctx):
    return _durable(ctx, 64)


WORKLOADS = (
    Workload("threads", "2 threads, each 90/10 Zipf, + flush", threads, SOME, "dict", UNSYNCED),
    Workload(
        "processes",
        "2 processes on one file, each 90/10 Zipf, + flush",
        processes,
        SOME,
        "sqlite3",
        ("flush", "write"),
    ),
    Workload(
        "durable_1", "d[k] = v, synced, 1 thread", durable_1, Size(100, 1_000), "sqlite3 full", ("sync",)
    ),
    Workload(
        "durable_64",
        "d[k] = v, synced, 64 threads",
        durable_64,
        Size(640, 12_800),
        "sqlite3 full",
        ("sync",),
    ),
)
