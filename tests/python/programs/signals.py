"""Waits for a lock that another process holds, on the main thread: signals.py PATH MODE CALL.

Says "waiting" just before the call, then "interrupted" or what the call gave; "handled" when SIGUSR1 was. A line
of stdin later it flushes, and prints all there is.
"""

import os
import signal
import sys

import dictsqlite

path, mode, call = sys.argv[1:4]


def say(line):
    os.write(1, f"{line}\n".encode())


# Whoever runs the tests in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGUSR1"):
    signal.signal(signal.SIGUSR1, lambda *_: say("handled"))
db = dictsqlite.open(path, persist_mode=mode, flush_interval=3000, timeout=40)
if mode == "lazy":
    db["pending"] = 1
say("waiting")
try:
    # Not evaluated as a whole: an interrupt that leaves `eval` counts as unhandled.
    say(repr(eval(f"lambda: {call}")()))
except KeyboardInterrupt:
    say("interrupted")
sys.stdin.readline()
db.flush()
say(repr(dict(db.items())))
db.close()
