"""What other processes do to a file by the standard library's SQLite: meddle.py PATH SECONDS WHAT.

WHAT is one of: truncate, vacuum, write. Ends well unless the file is damaged.
"""

import random
import sqlite3
import sys
import time

path, seconds, what = sys.argv[1], float(sys.argv[2]), sys.argv[3]
ends = time.monotonic() + seconds
done = 0
while time.monotonic() < ends:
    connection = sqlite3.connect(path, timeout=0.5, isolation_level=None)
    try:
        if what == "truncate":
            for mode in ("TRUNCATE", "RESTART", "PASSIVE", "FULL"):
                connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        elif what == "vacuum":
            connection.execute("VACUUM")
            time.sleep(0.02)
        else:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE main SET value = ? WHERE typeof(key) = 'integer'", (random.randrange(10**6),))
            connection.execute("COMMIT")
        done += 1
    except sqlite3.OperationalError as e:
        if "locked" not in str(e):
            raise
    finally:
        connection.close()
    time.sleep(random.uniform(0, 0.003))
print(done)
