"""Breaks the WAL index as a writer does that is killed while it writes it, has it made anew, and commits until its
change counter shows the number from before: rewind.py PATH VALUE. Prints the counter before and after, and how
many commits that took.
"""

import sqlite3
import struct
import sys

path, value = sys.argv[1:3]


def counter():
    """Word 2 of the header. (Nobody else in this process has the file open.)"""
    with open(f"{path}-shm", "rb") as index:
        return struct.unpack("=12I", index.read(48))[2]


before = counter()
with open(f"{path}-shm", "r+b") as index:
    # The two copies of the header differ: it was being written.
    index.seek(8)
    index.write(struct.pack("=I", before ^ 0xFFFF))
commits = 0
while True:
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    connection.execute("UPDATE main SET value = ?, version = version + 1", (value,))
    connection.close()
    commits += 1
    after = counter()
    if after == before or commits > 1000:
        break
print((before, after, commits))
