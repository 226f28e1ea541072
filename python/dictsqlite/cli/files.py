"""Finding out what is in a file, and opening one of its tables."""

from __future__ import annotations

import argparse
import contextlib
import os
from typing import Any, Iterator, Optional

from .. import _dictsqlite
from .._dict import DictSQLite
from ..errors import CodecError, InvalidError, IoError, UnsupportedError
from .exits import UsageError
from .work import waited_for

__all__ = ["check_path", "codec_of", "facts_of", "left_open_by_ctrl_c", "opened"]


def check_path(path: str) -> None:
    """Refuses what is no path of a store."""
    if path == ":memory:":
        raise UsageError("an in-memory store ends with its process, so there is nothing in it")
    if path in ("", "-"):
        raise UsageError("give the path of a file")


def _checked(path: str) -> None:
    """Refuses what is no path of a store, or where there is none."""
    check_path(path)
    if not os.path.lexists(path):
        raise IoError(f"there is no file {path}; `set --create`, `import` and `restore` make one")


def facts_of(path: str, timeout: float, *, counts: bool = False) -> dict[str, Any]:
    """What is in a store; anything else is refused as when it is opened."""
    _checked(path)
    if os.path.isfile(path) and os.path.getsize(path) == 0:
        raise UnsupportedError(f"{path} is empty, not a store yet; `set --create` makes it one")
    if not os.path.isfile(path):
        # The engine knows what to say of directories, devices and the like.
        DictSQLite(path, read_only=True, timeout=timeout).close()
    facts = waited_for(lambda: _dictsqlite._inspect(path, counts=counts, timeout=timeout))
    if facts["kind"] != "ours":
        DictSQLite(path, read_only=True, timeout=timeout).close()
    return facts


def codec_of(facts: dict[str, Any], path: str, table: str) -> str:
    """The codec of a table."""
    for known in facts["tables"]:
        if known["name"] == table:
            return str(known["codec"])
    names = ", ".join(repr(known["name"]) for known in facts["tables"]) or "none"
    raise InvalidError(f"there is no table {table!r} in {path}; it has: {names}")


@contextlib.contextmanager
def opened(
    args: argparse.Namespace, *, write: bool = False, create: Optional[str] = None
) -> Iterator[DictSQLite]:
    """The table that the arguments name. It must be there, unless ``create`` says which codec it is to
    be made with."""
    options: dict[str, Any] = {"table_name": args.table, "timeout": args.timeout}
    if args.allow:
        options["safe_pickle_allowed_names"] = args.allow
    if create is not None:
        check_path(args.file)
        options["storage_mode"] = create
    else:
        facts = facts_of(args.file, args.timeout)
        options["storage_mode"] = codec_of(facts, args.file, args.table)
    # What is written is on the disk when the command ends.
    options.update({"persist_mode": "durable"} if write else {"read_only": True})
    try:
        db = DictSQLite(args.file, **options)
    except CodecError:
        if create is None:
            raise
        codec = codec_of(facts_of(args.file, args.timeout), args.file, args.table)
        message = f"table {args.table!r} in {args.file} stores its values as {codec}, not {create}"
        raise CodecError(f"{message}; leave `--create` out") from None
    with left_open_by_ctrl_c(db):
        yield db


@contextlib.contextmanager
def left_open_by_ctrl_c(db: DictSQLite) -> Iterator[DictSQLite]:
    """Closes the handle, unless Ctrl-C ended the work: closing would wait for what was just given up, and
    the process ends without it."""
    try:
        yield db
    except KeyboardInterrupt:
        raise
    except BaseException:
        db.close()
        raise
    else:
        db.close()
