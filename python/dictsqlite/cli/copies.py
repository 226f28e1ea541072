"""``backup``, ``restore``, ``export`` and ``import``: whole files, with a progress bar."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .._dict import DictSQLite
from .._files import restore as put_back
from ..errors import InvalidError
from . import keys
from .exits import OK, UsageError
from .files import check_path, facts_of, left_open_by_ctrl_c
from .output import Output, size
from .progress import Progress

__all__ = ["backup", "export", "import_", "restore"]

#: What a binary export begins with; its header is the first line of the other form, after 16 bytes.
_BINARY, _HEAD = b"DICTSQLX", 16
#: No header of an export is longer.
_LONGEST = 64 << 20


@contextlib.contextmanager
def any_table(args: argparse.Namespace) -> Iterator[DictSQLite]:
    """The store, by whichever table it has first, for reading."""
    tables = facts_of(args.file, args.timeout)["tables"]
    if not tables:
        raise InvalidError(f"{args.file} has no tables, so there is nothing in it")
    first: Dict[str, Any] = {
        "table_name": tables[0]["name"],
        "storage_mode": tables[0]["codec"],
    }
    db = DictSQLite(args.file, read_only=True, timeout=args.timeout, **first)
    try:
        yield db
    finally:
        db.close()


def backup(args: argparse.Namespace, out: Output) -> int:
    """Copies a store while it is in use."""
    with any_table(args) as db, Progress(out, "backup") as progress:
        copied = db.backup(args.dest, overwrite=args.overwrite, progress=progress.update)
    return _told(out, {"path": args.dest, "bytes": copied}, f"{args.dest}: {size(copied)}")


def restore(args: argparse.Namespace, out: Output) -> int:
    """Puts a backup in its place."""
    check_path(args.file)
    with Progress(out, "restore") as progress:
        copied = put_back(
            args.source,
            args.file,
            overwrite=args.overwrite,
            timeout=args.timeout,
            progress=progress.update,
        )
    return _told(out, {"path": args.file, "bytes": copied}, f"{args.file}: {size(copied)}")


def export(args: argparse.Namespace, out: Output) -> int:
    """Writes entries to a file that is no database, or to stdout."""
    options: Dict[str, Any] = {"format": args.format, "all_tables": not args.table}
    if args.table:
        options["tables"] = args.table
    if args.prefix is not None:
        options["prefix"] = keys.parsed(args.prefix, args.key_type)
    if args.dest != "-":
        with any_table(args) as db, Progress(out, "export") as progress:
            count = db.export(
                args.dest, overwrite=args.overwrite, progress=progress.update, **options
            )
        return _told(out, {"path": args.dest, "entries": count}, f"{args.dest}: {count} entries")
    # The engine writes files that are there whole or not at all.
    with tempfile.TemporaryDirectory(prefix="dictsqlite-export-") as directory:
        whole = os.path.join(directory, "export")
        with any_table(args) as db, Progress(out, "export") as progress:
            db.export(whole, progress=progress.update, **options)
        with open(whole, "rb") as file:
            for piece in iter(lambda: file.read(1 << 20), b""):
                out.data(piece)
    return OK


def import_(args: argparse.Namespace, out: Output) -> int:
    """Reads an export into a store, which is made when missing."""
    check_path(args.file)
    if args.source != "-":
        return _imported(args, out, args.source)
    if sys.stdin is None:
        raise UsageError("the export is to be read from standard input, which is closed")
    # It is read twice: to its end before anything is written.
    with tempfile.TemporaryDirectory(prefix="dictsqlite-import-") as directory:
        whole = os.path.join(directory, "export")
        with open(whole, "wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        return _imported(args, out, whole)


def _imported(args: argparse.Namespace, out: Output, source: str) -> int:
    options: Dict[str, Any] = {"on_conflict": args.on_conflict}
    if args.table:
        options["tables"] = args.table
    first = _first_table(args, source)
    if first is None:
        # Nothing that could be imported, which the engine says better; no file is made for it.
        with DictSQLite(":memory:") as nothing:
            nothing.import_(source, **options)
        first = ("main", "json")
    opening: Dict[str, Any] = {"table_name": first[0], "storage_mode": first[1]}
    # One sync at the end, instead of one for each of the many commits.
    db = DictSQLite(args.file, timeout=args.timeout, **opening)
    with left_open_by_ctrl_c(db), Progress(out, "import", in_bytes=True) as progress:
        done = db.import_(source, progress=progress.update, **options)
        db.flush(durable=True)
    more = ", ".join(f"{done[name]} {name}" for name in ("skipped", "expired") if done.get(name))
    return _told(
        out,
        {"path": args.file, **done},
        f"{args.file}: {done['written']} entries written" + (f", {more}" if more else ""),
    )


def _first_table(args: argparse.Namespace, source: str) -> Optional[Tuple[str, str]]:
    """A table to open the store by: one it has, else one that the export will make in it."""
    if os.path.lexists(args.file) and (not os.path.isfile(args.file) or os.path.getsize(args.file)):
        tables = facts_of(args.file, args.timeout)["tables"]
        if tables:
            return tables[0]["name"], tables[0]["codec"]
    wanted: List[Tuple[str, str]] = [
        table for table in _tables_of(source) if not args.table or table[0] in args.table
    ]
    return wanted[0] if wanted else None


def _tables_of(source: str) -> List[Tuple[str, str]]:
    """The tables that an export has, as far as its header can be read."""
    with open(source, "rb") as file:
        if file.read(len(_BINARY)) == _BINARY:
            file.seek(_HEAD)
        else:
            file.seek(0)
        line = file.readline(_LONGEST)
    try:
        tables = json.loads(line)["tables"]
        return [(str(name), str(codec)) for name, codec in tables.items()]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []


def _told(out: Output, fields: Dict[str, Any], text: str) -> int:
    """Data with ``--json``, a remark on a terminal, nothing else."""
    if out.json:
        out.object(fields)
    else:
        out.remark(text)
    return OK
