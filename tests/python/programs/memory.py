"""How much memory a store takes: memory.py STORY PATH COUNT.

`read`: COUNT entries of 100 bytes are made, then read at random by another process with a cache of 32 MiB.
`set`: COUNT lazy sets. `open`: how long opening takes. Prints MiB above the interpreter (or seconds).
"""

import random
import sys
import threading
import time

import dictsqlite

story, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def resident():
    """(now, at most) in MiB."""
    with open("/proc/self/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines["VmRSS"].split()[0]) / 1024, int(lines["VmHWM"].split()[0]) / 1024


with dictsqlite.open(":memory:") as first:
    first["warm"] = 1
before = resident()[0]
if story == "make":
    with dictsqlite.open(path, storage_mode="bytes", persist_mode="lazy") as db:
        for start in range(0, count, 20_000):
            db.update({n: b"%0100d" % n for n in range(start, min(start + 20_000, count))})
elif story == "read":
    db = dictsqlite.open(path, storage_mode="bytes", cache_bytes=32 << 20)
    threads = 4

    def read(thread):
        rnd = random.Random(thread)
        # All of them once, in an order of its own that takes no memory: a stride that shares no divisor.
        stride = rnd.randrange(count // 3, count) | 1
        while count % 5 == 0 and stride % 5 == 0:
            stride += 2
        at = rnd.randrange(count)
        for _ in range(count // threads):
            at = (at + stride) % count
            assert db[at] == b"%0100d" % at

    workers = [threading.Thread(target=read, args=(n,)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for start in range(0, count, 10_000):
        db.batch_get(list(range(start, start + 10_000)))
    now, most = resident()
    assert db.stats()["cached_bytes"] <= 36 << 20, db.stats()
    print(now - before, most - before)
elif story == "set":
    db = dictsqlite.open(path, storage_mode="bytes", persist_mode="lazy", cache_bytes=32 << 20)
    pending = 0
    for n in range(count):
        db[n] = b"%0100d" % n
        if n % 5000 == 0:
            pending = max(pending, db.stats()["pending_bytes"])
    most = resident()[1]
    print(most - before, pending / 2**20)
elif story == "open":
    best = 9.0
    for _ in range(15):
        began = time.perf_counter()
        db = dictsqlite.open(path, storage_mode="bytes")
        assert db[0] == b"%0100d" % 0
        best = min(best, time.perf_counter() - began)
        db.close()
    print(best)
