"""Looks into files with the standard library's SQLite, one a line of stdin; only for processes of its own.

Prints what `PRAGMA integrity_check` says, or why the file could not be read.
"""

import sqlite3
import sys

for line in sys.stdin:
    try:
        connection = sqlite3.connect(line.rstrip("\n"), timeout=10)
        rows = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        connection.close()
        print("; ".join(rows), flush=True)
    except sqlite3.Error as e:
        print(repr(e), flush=True)
