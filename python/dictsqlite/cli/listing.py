"""``ls``, ``scan`` and ``count``: what is in a table."""

from __future__ import annotations

import argparse
from typing import Any

from .._dict import DictSQLite
from . import keys, values
from .exits import OK
from .files import opened
from .output import Output, escaped

__all__ = ["count", "ls", "scan"]


def _selected(args: argparse.Namespace) -> dict[str, Any]:
    """The options of a view."""
    given = {name: getattr(args, name) for name in ("prefix", "start", "end")}
    bounds = {
        name: keys.parsed(text, args.key_type) for name, text in given.items() if text is not None
    }
    options: dict[str, Any] = {**bounds, "reverse": args.reverse, "limit": args.limit}
    if args.order is not None:
        options["order"] = args.order
    return options


def ls(args: argparse.Namespace, out: Output) -> int:
    """Prints keys, or keys and values."""
    return _print(args, out, with_keys=True, with_values=args.values)


def scan(args: argparse.Namespace, out: Output) -> int:
    """Prints entries, or only their values."""
    return _print(args, out, with_keys=not args.values, with_values=True)


def _print(args: argparse.Namespace, out: Output, *, with_keys: bool, with_values: bool) -> int:
    options = _selected(args)
    end = b"\0" if args.null else b"\n"
    with opened(args) as db:
        if not with_values:
            for key in db.keys(**options):
                if out.json:
                    out.object({"key": keys.as_json(key)})
                else:
                    _write(out, keys.written(key, args.key_type), "", end)
            return OK
        codec = db.storage_mode
        for key, value in db.items(**options):
            if out.json:
                key_field = {"key": keys.as_json(key)} if with_keys else {}
                out.object({**key_field, **values.fields(value, codec)})
                continue
            text = values.line(value, codec)
            if not with_keys:
                out.line(text, "" if codec == "bytes" else "json", end)
            else:
                _write(out, keys.written(key, args.key_type), text, end)
    return OK


def _write(out: Output, key: bytes, text: str, end: bytes) -> None:
    """A key, and a value if there is one, with a tab between them."""
    if out.terminal:
        shown = key.decode("utf-8", "backslashreplace")
        line = f"{escaped(shown)}  {text}" if text else shown
        out.line(line, "json" if text else "", end)
        return
    tail = b"\t" + text.encode("utf-8", "backslashreplace") if text else b""
    out.data(key + tail + end)


def count(args: argparse.Namespace, out: Output) -> int:
    """Prints how many entries there are."""
    options = _selected(args)
    with opened(args) as db:
        counted = _count(db, options)
    if out.json:
        out.object({"count": counted})
    else:
        out.line(str(counted))
    return OK


def _count(db: DictSQLite, options: dict[str, Any]) -> int:
    return len(db.keys(**options))
