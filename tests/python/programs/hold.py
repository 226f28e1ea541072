"""Holds the write lock of a file with the standard library's SQLite.

    hold.py PATH SECONDS

Says "held" when it has the lock, and lets go after SECONDS or at the end of stdin, whichever is first.
"""

import select
import sqlite3
import sys

path, seconds = sys.argv[1], float(sys.argv[2])
connection = sqlite3.connect(path, timeout=10, isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
select.select([sys.stdin], [], [], seconds)
connection.execute("ROLLBACK")
connection.close()
