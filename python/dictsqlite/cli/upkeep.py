"""``check`` and ``bench``."""

from __future__ import annotations

import argparse
from typing import Any, Dict

from .. import bench as comparisons
from .copies import any_table
from .exits import MISSING, OK
from .output import Output

__all__ = ["bench", "check"]


def check(args: argparse.Namespace, out: Output) -> int:
    """Prints what is wrong inside a store."""
    with any_table(args) as db:
        problems = db.integrity_check()
    if out.json:
        report: Dict[str, Any] = {"path": args.file, "ok": not problems, "problems": problems}
        out.object(report)
    elif problems:
        for problem in problems:
            out.line(problem, "red")
    else:
        out.line("ok", "green")
    return MISSING if problems else OK


def bench(args: argparse.Namespace, out: Output) -> int:
    """Prints what reading and writing files costs here."""
    compared = {
        "read": comparisons.compare_read_performance,
        "write": comparisons.compare_write_performance,
    }
    for operation in [args.operation] if args.operation else list(compared):
        given = {name: getattr(args, name) for name in ("iterations", "size", "concurrency")}
        numbers = {name: number for name, number in given.items() if number is not None}
        found = compared[operation](directory=args.directory, **numbers)
        if out.json:
            out.line(found.to_json(), "json")
            continue
        for number, line in enumerate(found.summary().rstrip("\n").split("\n")):
            out.line(line, "" if number else "bold")
    return OK
