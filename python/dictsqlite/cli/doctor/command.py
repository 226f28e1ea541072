"""Asking everything in turn, and printing what was found."""

from __future__ import annotations

import argparse
from typing import Any, Dict, List, Tuple

from ... import _dictsqlite
from ..exits import MISSING, OK
from ..output import Output, size
from . import inside, locks, place
from .finding import Finding

__all__ = ["doctor", "examined"]

#: After these the engine is not asked any more: it could only say the same in other words.
_ENOUGH = {"not-sqlite", "newer-sqlite", "truncated"}
_STYLES = {"problem": "bold red", "note": "yellow"}


def examined(path: str, thorough: bool = True) -> Tuple[List[Finding], Dict[str, Any]]:
    """What is wrong with the file at a path, and what is known of it."""
    reason = place.no_file(path)
    if reason is not None:
        return [reason], {}
    found = list(place.surroundings(path))
    users = _dictsqlite._users(path)
    facts: Dict[str, Any] = {
        "file_bytes": place.file_size(path) or 0,
        "wal_bytes": place.file_size(path + "-wal") or 0,
        "open_in": users["connected"],
    }
    found += inside.headers(path)
    names = {finding.name for finding in found}
    foreign_log = "leftover-log" in names
    if not names & _ENOUGH and facts["file_bytes"] and not foreign_log:
        for told in inside.contents(path, thorough=thorough, users=users):
            if isinstance(told, Finding):
                found.append(told)
            else:
                facts["kind"] = told["kind"]
                facts["format"] = told["format"]
                facts["tables"] = len(told["tables"])
                facts["entries"] = sum(table["entries"] for table in told["tables"])
    if "locked" not in {finding.name for finding in found}:
        stuck = locks.held(path)
        found += [] if stuck is None else [stuck]
    found += locks.large_log(path, users)
    return found, facts


def doctor(args: argparse.Namespace, out: Output) -> int:
    """Prints the findings."""
    found, facts = examined(args.file, not args.fast)
    problems = [finding for finding in found if finding.severity == "problem"]
    if out.json:
        report = {"path": args.file, "healthy": not problems, **facts}
        out.object({**report, "findings": [finding._asdict() for finding in found]})
        return MISSING if problems else OK
    if problems:
        many = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        out.line(f"{args.file}: {many}", "bold")
    else:
        known = ""
        if "entries" in facts:
            bytes_ = size(facts["file_bytes"] + facts["wal_bytes"])
            known = f" ({facts['entries']} entries, {facts['tables']} tables, {bytes_})"
        out.line(f"{args.file}: healthy{known}", "bold green")
    for finding in found:
        out.line(f"{finding.severity}: {finding.name}", _STYLES[finding.severity])
        out.line(f"  {finding.what}")
        out.line(f"  do: {finding.advice}")
    return MISSING if problems else OK
