"""Interpreter exit: what was accepted is flushed, within a bound, and what was not is said."""

from __future__ import annotations

import atexit
import sys

from . import _dictsqlite

__all__ = ["EXIT_LIMIT"]

#: Seconds that flushing all stores may take when the interpreter exits.
EXIT_LIMIT = 10.0


def _flush_all() -> None:
    for line in _dictsqlite.shutdown(EXIT_LIMIT):
        # stderr may be closed by now; there is nowhere else to say it.
        try:
            print(line, file=sys.stderr, flush=True)
        except Exception:
            return


atexit.register(_flush_all)
