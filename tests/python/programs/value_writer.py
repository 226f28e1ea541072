"""Writes a value by chunks and never closes it."""

import sys

import dictsqlite

db = dictsqlite.open(sys.argv[1], storage_mode="bytes")
file = db.open_value("k", "wb")
file.write(b"x" * (1 << 20))
print("writing", flush=True)
while True:
    file.write(b"x" * (1 << 18))
