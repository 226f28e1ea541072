"""Adds one to the number under `n` as often as it can: grow.py PATH SECONDS ours|sql. Prints how often."""

import sqlite3
import sys
import time

import dictsqlite

path, seconds, how = sys.argv[1], float(sys.argv[2]), sys.argv[3]
ends, done = time.monotonic() + seconds, 0
if how == "ours":
    with dictsqlite.open(path, storage_mode="json") as db:
        seen = 0
        while time.monotonic() < ends:
            now = db.incr("n")
            assert now > seen, (now, seen)
            done, seen = done + 1, now
            assert db["n"] >= now
else:
    while time.monotonic() < ends:
        connection = sqlite3.connect(path, timeout=5, isolation_level=None)
        try:
            for _ in range(5):
                connection.execute("UPDATE main SET value = value + 1 WHERE key = 'n'")
                done += 1
        except sqlite3.OperationalError as e:
            if "locked" not in str(e):
                raise
        finally:
            connection.close()
        time.sleep(0.002)
print(done)
