"""Running the command: arguments in, exit code out."""

from __future__ import annotations

import os
import signal
import sys
from typing import Optional, Sequence

from ..errors import DictSQLiteError, InternalError
from .exits import INTERRUPTED, PIPE, UsageError, code_of
from .output import Output
from .parser import parse

__all__ = ["main", "program"]


def program() -> None:
    """The whole life of the process that runs the command."""
    code = main()
    if code == INTERRUPTED:
        # Whoever presses Ctrl-C does not want to wait for a write that waits for somebody's lock.
        os._exit(code)
    sys.exit(code)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Runs the ``dictsqlite`` command with these arguments, else with those of the process, and returns
    its exit code. (What ``argparse`` refuses or answers by itself ends in ``SystemExit``.)"""
    _fill_descriptors()
    args = parse(argv)
    out = Output(json=args.json, color=args.color, quiet=args.quiet)
    try:
        with out:
            code: int = args.run(args, out)
            return code
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        out.note("dictsqlite: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return PIPE
    except (DictSQLiteError, UsageError, OSError) as error:
        out.error(error)
        _forget_unless_written()
        return code_of(error)
    except (MemoryError, RecursionError) as error:
        out.error(InternalError(f"{type(error).__name__}: {error}"))
        return InternalError.code


def _fill_descriptors() -> None:
    """What stdin, stdout and stderr should be is never a file that is opened later: where one is closed,
    what is written to it would go into the store."""
    try:
        descriptor = os.open(os.devnull, os.O_RDWR)
        while descriptor <= 2:
            descriptor = os.dup(descriptor)
        os.close(descriptor)
    except OSError:
        return


def _forget_unless_written() -> None:
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        _forget_stdout()


def _forget_stdout() -> None:
    """Keeps Python from failing again at its exit with what nobody reads."""
    try:
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, sys.stdout.fileno())
        os.close(descriptor)
    except (OSError, ValueError):
        return
