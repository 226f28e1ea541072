"""Interpreter exit: what was accepted is flushed, within a bound, and what was not is said."""

from __future__ import annotations

import atexit
import os
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


# -- children of multiprocessing, which end without running what atexit holds ------------------------


class _Marker:
    """What multiprocessing's registry of after-fork functions is keyed by."""


_marker = _Marker()
_registered = False


def _finalize(_marker: object) -> None:
    """In a child: flushes when multiprocessing ends it."""
    from multiprocessing import util

    util.Finalize(None, _flush_all, exitpriority=-100)


def _before_fork() -> None:
    """Registers with multiprocessing, if the program uses it; a fork is the last moment for that."""
    global _registered
    util = sys.modules.get("multiprocessing.util")
    if util is not None and not _registered:
        _registered = True
        util.register_after_fork(_marker, _finalize)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)

# A child of the fork server may import this package before multiprocessing forgets what it inherited.
_before_fork()
_process = sys.modules.get("multiprocessing.process")
if _process is not None and _process.parent_process() is not None:
    # Imported in a child already, as it is when the child was spawned.
    _finalize(_marker)
