"""The main job in small on one CPU: smoke.py PATH MODE. Threads must make way for each other, not spin."""

import os
import sys
import threading
import time

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import dictsqlite

path, mode = sys.argv[1:3]
began = time.monotonic()
with dictsqlite.open(path, persist_mode=mode, buffer_size=10) as db:
    for n in range(300):
        db[n] = {"n": n}
        assert db[n] == {"n": n}
    db.update({str(n): n for n in range(100)})
    assert len(db) == 400 and list(db)[:3] == [0, 1, 2]
    assert db.incr("sum", 5) == 5 and db.pop("sum") == 5
    assert db.setdefault("s", 1) == 1 and db.popitem() == ("s", 1)

    def work(thread):
        for n in range(50):
            db[f"{thread}:{n}"] = n
            assert db[f"{thread}:{n}"] == n
            db.incr("sum")

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db["sum"] == 200 and len(db) == 601
    db.flush()
    db.clear()
    assert dict(db.items()) == {}
    db["last"] = 1
if mode != "memory":
    with dictsqlite.open(path) as db:
        assert dict(db.items()) == {"last": 1}
print(time.monotonic() - began)
