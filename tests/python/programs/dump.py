"""Prints the items of a table as seen by a fresh process, as JSON pairs: dump.py PATH [TABLE]."""

import json
import sys

import dictsqlite

with dictsqlite.open(sys.argv[1], table_name=(sys.argv + ["main"])[2]) as db:
    items = list(db.items())
    assert len(db) == len(items), (len(db), len(items))
    json.dump(items, sys.stdout)
