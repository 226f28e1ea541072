"""Evaluates Python with `connection`, the standard library's SQLite on a file, in a process of its own.

    sql.py PATH EXPRESSION...

Prints what the last expression gives. With no expression it takes them line by line from stdin, keeping the
connection open between.
"""

import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1], timeout=0.2, isolation_level=None)
if len(sys.argv) > 2:
    for expression in sys.argv[2:]:
        answer = eval(expression)
    print(repr(answer))
else:
    print("open", flush=True)
    for line in sys.stdin:
        print(repr(eval(line)), flush=True)
connection.close()
