"""Writes and ends without closing: leave.py PATH MODE COUNT HOW [LIMIT].

HOW says how the handle is held and how the interpreter ends, as `held-end`. LIMIT shortens what exit may take.
"""

import atexit
import gc
import sys

if "late" in sys.argv[4]:
    # Registered before the package is imported, so it runs after the package's own flush.
    atexit.register(lambda: late())

import dictsqlite

path, mode, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
held, _, end = sys.argv[4].partition("-")
if len(sys.argv) > 5:
    dictsqlite._exit.EXIT_LIMIT = float(sys.argv[5])

# Nothing but a flush or the exit commits a lazy write.
options = {"persist_mode": mode, "flush_interval": 3000, "buffer_size": 100}


def fill(db):
    for n in range(count):
        db[n] = n


def late():
    db["late"] = "written by an exit handler"


class Holder:
    def __init__(self):
        self.db = dictsqlite.open(path, **options)
        self.me = self


class Writer:
    """Writes when it is collected, which at exit is after everything else."""

    def __del__(self):
        db["del"] = "written in __del__"


if held == "global":
    db = dictsqlite.open(path, **options)
    fill(db)
elif held == "del":
    db = dictsqlite.open(path, **options)
    fill(db)
    writer = Writer()
    writer.me = writer
elif held == "cycle":
    gc.disable()
    fill(Holder().db)
elif held == "local":
    def local():
        fill(dictsqlite.open(path, **options))

    local()
elif held == "again":
    def local():
        fill(dictsqlite.open(path, **options))

    for round in range(10):
        local()
        db = dictsqlite.open(path, **options)
        assert len(db) == count, (round, len(db))
        assert db[count - 1] == count - 1
        db.clear()
        assert len(db) == 0
        del db
    local()
elif held == "scan":
    db = dictsqlite.open(path, **options)
    fill(db)
    scan = iter(db.items(consistent=True))
    next(scan)
    db["more"] = 1
    del db["more"]
elif held == "threads":
    import threading

    db = dictsqlite.open(path, **options)
    fill(db)

    def spin():
        while True:
            db.get(1)
            list(db.keys(limit=3))

    for _ in range(3):
        threading.Thread(target=spin, daemon=True).start()
elif held == "hold":
    # Two files: one is locked by somebody, the other one must not suffer for it.
    other = dictsqlite.open(path + ".other", **options)
    db = dictsqlite.open(path, **options)
    fill(db)
    fill(other)
    print("filled", flush=True)
    sys.stdin.readline()

if end == "exit":
    sys.exit(3)
elif end == "raise":
    raise RuntimeError("on purpose")
elif end == "function":
    def main():
        mine = dictsqlite.open(path, **options)
        mine["mine"] = 1
        del mine["mine"]
        sys.exit()

    main()
