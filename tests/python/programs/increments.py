"""Adds to one number from several threads: increments.py PATH THREADS TIMES MODE.

Prints "open", then every sum it got after the call had returned.
"""

import os
import sys
import threading

import dictsqlite

path, threads, times, mode = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
db = dictsqlite.open(path, persist_mode=mode)
print("open", flush=True)


def work():
    for _ in range(times):
        os.write(1, b"%d\n" % db.incr("sum"))


workers = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
db.close()
