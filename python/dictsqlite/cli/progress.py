"""Progress bars, on stderr and only on a terminal: of ``rich`` where it is installed, else one line that
counts."""

from __future__ import annotations

import importlib
import sys
import time
from types import TracebackType
from typing import Any, Optional, Type

from .output import Output, console_for, size

__all__ = ["Progress"]

#: Seconds between two drawings of the plain line.
_EVERY = 0.1


class Progress:
    """What a long command shows of itself; ``update`` is the callback of the engine."""

    def __init__(self, out: Output, what: str, *, in_bytes: bool = False) -> None:
        self._what = what
        self._in_bytes = in_bytes
        stream = sys.stderr
        shown = not out.quiet and stream is not None and stream.isatty()
        self._stream = stream if shown else None
        console = console_for(stream, out.color) if shown else None
        self._bars: Any = _bars(console, in_bytes) if console is not None else None
        self._task: Any = None
        self._drawn = 0.0
        self._width = 0

    def __enter__(self) -> Progress:
        if self._bars is not None:
            self._bars.start()
            self._task = self._bars.add_task(self._what, total=None)
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
        elif self._width and self._stream is not None:
            # The line is not needed any more.
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()

    def update(self, done: int, total: int) -> None:
        """``done`` of ``total`` is done; 0 stands for a total that nobody knows."""
        if self._bars is not None:
            self._bars.update(self._task, completed=done, total=total or None)
        elif self._stream is not None:
            self._draw(done, total)

    def _draw(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._drawn < _EVERY and done != total:
            return
        self._drawn = now
        number = size if self._in_bytes else str
        line = f"{self._what} {number(done)}"
        if total:
            line += f" of {number(total)} ({100 * done // total} %)"
        if self._stream is not None:
            self._stream.write("\r" + line.ljust(self._width))
            self._stream.flush()
        self._width = max(self._width, len(line))


def _bars(console: Any, in_bytes: bool) -> Any:
    parts = importlib.import_module("rich.progress")
    figures = parts.DownloadColumn(binary_units=True) if in_bytes else parts.MofNCompleteColumn()
    return parts.Progress(
        parts.TextColumn("{task.description}"),
        parts.BarColumn(),
        figures,
        parts.TimeRemainingColumn(),
        console=console,
        transient=True,
    )
