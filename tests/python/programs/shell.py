"""Runs lines of Python with `db` open on a file, and prints what the last expression gives: shell.py PATH."""

import sys

import dictsqlite

db = dictsqlite.open(sys.argv[1])
print("open", flush=True)
for line in sys.stdin:
    *before, last = line.strip().split("; ")
    exec("; ".join(before))
    try:
        print(repr(eval(last)).replace("\n", " "), flush=True)
    except SyntaxError:
        exec(last)
        print(None, flush=True)
db.close()
