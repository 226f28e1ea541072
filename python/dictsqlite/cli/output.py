"""What the command says, and to whom: data to stdout, everything else to stderr.

On a terminal there are colours and aligned columns, if ``rich`` is installed for the colours; anywhere
else there is nothing but the data, in UTF-8.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from types import TracebackType
from typing import Any, BinaryIO, Iterable, Optional, Sequence, TextIO, Type

from . import values
from .exits import code_of, kind_of

__all__ = ["Output", "console_for", "escaped", "size"]

#: Control characters, which a terminal would obey: also those of 8 bits, and those that turn the
#: direction of writing.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def escaped(text: str) -> str:
    """The text with what a terminal would obey spelled out."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def size(count: float) -> str:
    """A number of bytes for people."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _is_terminal(stream: Optional[TextIO]) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def console_for(stream: Optional[TextIO], color: str) -> Any:
    """A console of ``rich`` for the stream; ``None`` for plain text."""
    if stream is None or color == "never":
        return None
    if color == "auto":
        dull = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        if dull or not _is_terminal(stream):
            return None
    try:
        consoles = importlib.import_module("rich.console")
    except ImportError:
        return None
    # Asked for by name, colours are for a pager or a log: there is no terminal to ask what it can.
    system = "auto" if color == "auto" else "standard"
    return consoles.Console(
        file=stream, force_terminal=True, color_system=system, soft_wrap=True, highlight=False
    )


class Output:
    """Where one run of the command says what it has to say."""

    def __init__(self, *, json: bool = False, color: str = "auto", quiet: bool = False) -> None:
        self.json = json
        self.color = color
        self.quiet = quiet
        self.terminal = _is_terminal(sys.stdout)
        self.console = console_for(sys.stdout, color)
        self._stream: Optional[BinaryIO] = sys.stdout.buffer if sys.stdout is not None else None

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        # What is buffered still can fail to be written, and must be told of by the exit code.
        if self._stream is not None and not isinstance(error, BrokenPipeError):
            self._stream.flush()

    def data(self, data: bytes) -> None:
        """Bytes, as they are."""
        if self._stream is None:
            raise OSError("stdout is closed, and there is something to print")
        self._stream.write(data)

    def line(self, text: str, style: str = "", end: bytes = b"\n") -> None:
        """A line; on a terminal in a style of ``rich``, and without what the terminal would obey."""
        shown = escaped(text) if self.terminal else text
        if self.console is not None and style:
            shown = self._styled(shown, style)
        self.data(shown.encode("utf-8", "backslashreplace") + end)

    def _styled(self, text: str, style: str) -> str:
        texts = importlib.import_module("rich.text")
        made = texts.Text(text, style="" if style == "json" else style, no_wrap=True)
        if style == "json":
            made = importlib.import_module("rich.highlighter").JSONHighlighter()(made)
        with self.console.capture() as captured:
            self.console.print(made, end="")
        return str(captured.get())

    def object(self, fields: Any) -> None:
        """A JSON value in a line."""
        self.line(values.compact(fields), "json")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Rows: aligned under their names on a terminal, else with tabs between the cells."""
        cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
        if not self.terminal:
            for row in cells:
                self.line("\t".join(row))
            return
        cells = [[escaped(cell) for cell in row] for row in cells]
        widths = [max(map(len, column)) for column in zip(columns, *cells)]
        for number, row in enumerate([list(columns), *cells]):
            padded = "  ".join(cell.ljust(width) for cell, width in zip(row, widths))
            self.line(padded.rstrip(), "" if number else "bold")

    def note(self, text: str) -> None:
        """What must be known of how it ended."""
        if not self.quiet:
            self._aside(text)

    def remark(self, text: str) -> None:
        """What was done, for people who look on."""
        if not self.quiet and _is_terminal(sys.stderr):
            self._aside(text)

    def error(self, error: BaseException) -> None:
        """What went wrong; with ``--json`` as JSON."""
        # A KeyError would show its message as the key it usually has.
        message = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
        message = message or type(error).__name__
        if self.json:
            told = {"kind": kind_of(error), "code": code_of(error), "message": message}
            self._aside(values.compact({"error": told}))
            return
        console = console_for(sys.stderr, self.color)
        if console is None:
            self._aside(f"dictsqlite: error: {message}")
            return
        text = importlib.import_module("rich.text").Text("dictsqlite: ")
        text.append("error:", style="bold red")
        text.append(f" {escaped(message)}")
        console.print(text)

    def _aside(self, text: str) -> None:
        if sys.stderr is None:
            return
        try:
            shown = escaped(text) if _is_terminal(sys.stderr) else text
            print(shown, file=sys.stderr, flush=True)
        except (OSError, ValueError):
            # There is nobody left to tell.
            return
