"""One of many at one file: crowd.py PATH WHAT ME SECONDS. Says "ready", and begins at the next line of stdin.

WHAT: `open` opens a new file and writes one entry; `share` writes as fast as it can, and prints how much it
has committed in the time.
"""

import os
import sys
import time

import dictsqlite

path, what, me, seconds = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
os.write(1, b"ready\n")
sys.stdin.readline()
if what == "open":
    with dictsqlite.open(path, timeout=30) as db:
        db[me] = int(me)
        db.incr("members")
else:
    mode, commits, longest = sys.argv[5], 0, 0.0
    with dictsqlite.open(path, persist_mode=mode, buffer_size=10, timeout=30) as db:
        ends = time.monotonic() + seconds
        while (began := time.monotonic()) < ends:
            for n in range(5):
                db[f"{me}:{n}"] = commits
            db.flush()
            commits += 1
            longest = max(longest, time.monotonic() - began)
    print(commits, longest)
