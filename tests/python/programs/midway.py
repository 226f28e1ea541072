"""Writes with the standard library's SQLite and is killed in the middle: midway.py PATH WHERE.

WHERE: `begun` inside a transaction that has spilled into the log, `committed` right after a commit.
"""

import os
import signal
import sqlite3
import sys

path, where = sys.argv[1:3]
connection = sqlite3.connect(path, timeout=10, isolation_level=None)
connection.execute("PRAGMA cache_size = 5")
print("open", flush=True)
for line in sys.stdin:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE main SET value = ?", (line.strip(),))
    if where == "begun":
        # More than the cache holds, so that pages of a transaction that never ends are in the log.
        connection.execute("CREATE TABLE spilled(x)")
        connection.executemany("INSERT INTO spilled VALUES(?)", [("x" * 4000,)] * 50)
    else:
        connection.execute("COMMIT")
    os.kill(os.getpid(), signal.SIGKILL)
