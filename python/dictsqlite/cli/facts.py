"""``tables`` and ``stats``: what a file is made of."""

from __future__ import annotations

import argparse
import os
from typing import Any

from .exits import OK
from .files import facts_of
from .output import Output, size

__all__ = ["stats", "tables"]

_TABLE = ("name", "codec", "entries", "expiring", "expired")


def tables(args: argparse.Namespace, out: Output) -> int:
    """Prints the tables."""
    found = facts_of(args.file, args.timeout, counts=True)["tables"]
    rows = [{name: table[name] for name in _TABLE} for table in found]
    if out.json:
        for row in rows:
            out.object(row)
    else:
        out.table(_TABLE, [list(row.values()) for row in rows])
    return OK


def stats(args: argparse.Namespace, out: Output) -> int:
    """Prints figures of a file."""
    found = facts_of(args.file, args.timeout, counts=True)
    figures: dict[str, Any] = {
        "path": args.file,
        "format": found["format"],
        "file_bytes": _size(args.file),
        "wal_bytes": _size(args.file + "-wal"),
        "page_bytes": found["page_bytes"],
        "pages": found["pages"],
        "free_pages": found["free_pages"],
        "operations": found["counter"],
        "tables": len(found["tables"]),
    }
    for name in _TABLE[2:]:
        figures[name] = sum(table[name] for table in found["tables"])
    if out.json:
        figures["tables"] = [{name: table[name] for name in _TABLE} for table in found["tables"]]
        out.object(figures)
        return OK
    if not out.terminal:
        for name, figure in figures.items():
            out.line(f"{name}\t{figure}")
        return OK
    width = max(map(len, figures))
    for name, figure in figures.items():
        shown = f"{figure} ({size(figure)})" if name.endswith("_bytes") and figure >= 1024 else figure
        out.line(f"{name.ljust(width)}  {shown}")
    return OK


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
