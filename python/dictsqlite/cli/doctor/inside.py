"""What is in the file: whose it is, and whether it is sound."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any, Dict, Iterator, List, Optional

from ... import _dictsqlite
from ...errors import BusyError, CorruptError, DictSQLiteError
from ..output import size
from ..work import waited_for
from .finding import Finding, note, problem
from .header import Header, header_of, log_of
from .locks import locked
from .place import file_size

__all__ = ["contents", "headers"]

#: SQLite takes anything shorter for an empty database.
_LEAST = 512
#: A log without shared memory is looked into in a copy, up to this size of both files.
_MOST_COPIED = 1 << 30

_BACKUP = (
    "restore a backup (`dictsqlite restore`); without one, save what can be read: "
    "`dictsqlite export` table by table, or the sqlite3 shell's .recover, into a new file. "
    "Then find out why: disk, memory, or a program that wrote into the file"
)


def headers(path: str) -> Iterator[Finding]:
    """What the first bytes of the file and of its log tell. A problem named ``not-sqlite``, ``truncated``
    or ``newer-sqlite`` makes it pointless to look further."""
    bytes_ = file_size(path) or 0
    log_bytes = file_size(path + "-wal") or 0
    if bytes_ == 0:
        if log_bytes:
            yield problem(
                "leftover-log",
                f"{path} is empty, but its log {path}-wal is not: it is of another file, or the file was "
                "emptied",
                "opening would discard the log. Put the file back that it belongs to, or remove the log",
            )
        else:
            yield note("empty", f"{path} is empty", "opening it for writing makes it a store")
        return
    header = header_of(path)
    if header is None:
        what = "is no SQLite database" if bytes_ >= _LEAST else f"has only {bytes_} bytes"
        yield problem(
            "not-sqlite",
            f"{path} {what}: it is another kind of file, or its beginning is damaged",
            "check the path; if it was a store, " + _BACKUP,
        )
        return
    if max(header.writes, header.reads) > 2:
        yield problem(
            "newer-sqlite",
            f"{path} asks for an SQLite to come (file format {header.writes}/{header.reads}), or its "
            "header is damaged",
            "use a newer dictsqlite; if no newer program wrote it, " + _BACKUP,
        )
        return
    yield from _logs(path, header, log_bytes)
    # With something in the log, pages may be missing from the file by right.
    if not log_bytes and header.pages is not None and bytes_ < header.pages * header.page_bytes:
        yield problem(
            "truncated",
            f"{path} is cut short: it has {size(bytes_)} of {size(header.pages * header.page_bytes)}",
            "the copying of it broke off, or the disk was full: copy it again; else " + _BACKUP,
        )


def _logs(path: str, header: Header, log_bytes: int) -> Iterator[Finding]:
    """A log that does not belong to the file."""
    if not log_bytes:
        return
    log = log_of(path + "-wal")
    why = None
    if log is None:
        why = "it is no log"
    elif log.frames and header.writes != 2:
        why = "the file is not in WAL mode and has no log"
    elif log.frames and log.page_bytes != header.page_bytes:
        why = f"its pages have {log.page_bytes} bytes and the file's have {header.page_bytes}"
    elif header.application_id and log.application_id not in (None, header.application_id):
        # (A new store's file says 0 until its log is moved into it.)
        why = "the first page in it is of a database of another application"
    if why is not None:
        yield problem(
            "leftover-log",
            f"the log {path}-wal is not this file's: {why}",
            "do not open the file for writing. Put the log back beside the file that it belongs to, or "
            "move it away; a file and its log are only ever moved together, while nobody has them open",
        )


def contents(path: str, *, thorough: bool, users: Dict[str, List[str]]) -> Iterator[Any]:
    """What the engine makes of the file: findings and, if it can be read, one dict of facts."""
    try:
        facts = _looked_into(path, thorough)
    except CorruptError as error:
        yield problem("damaged", f"{path} is damaged: {error}", _BACKUP)
        return
    except BusyError:
        yield locked(path, users["writing"] or users["connected"])
        return
    except DictSQLiteError as error:
        yield problem(
            "unreadable", f"{path} cannot be read: {error}", "see what the error says; then try again"
        )
        return
    if facts is None:
        yield note(
            "not-looked-into",
            f"{path} has a log that nobody has open and is too large to be looked into in a copy",
            "opening the store recovers what is in the log; run the doctor again afterwards",
        )
        return
    yield facts
    yield from _kind(path, facts)
    if facts["problems"]:
        yield problem(
            "damaged", f"{path} is damaged: " + "; ".join(facts["problems"][:5]), _BACKUP
        )


def _kind(path: str, facts: Dict[str, Any]) -> Iterator[Finding]:
    kind = facts["kind"]
    if kind == "foreign":
        yield problem(
            "foreign",
            f"{path} is an SQLite database of something else",
            "give the path of a store, or open it with adopt=True to add dictsqlite's tables to it",
        )
    elif kind == "earlier":
        yield problem(
            "earlier-release",
            f"{path} was written by an earlier DictSQLite release (1.x, 2.x or 4.x), whose files do not "
            "say how their values are encoded",
            "copy it into a new file with dictsqlite.import_legacy(old_path, new_path, storage_mode=...)",
        )
    elif kind == "newer":
        yield problem(
            "newer-format",
            f"{path} has format {facts['format']} and this release reads up to {facts['reads_format']}",
            "install a newer dictsqlite",
        )
    elif kind == "empty":
        yield note("empty", f"{path} has no tables", "opening it for writing makes it a store")
    elif not _has_log(path):
        yield problem(
            "no-log",
            f"{path} is a store, but another program switched it from WAL mode to one without a log",
            "open it once for writing, which switches it back; read_only=True is refused until then",
        )


def _has_log(path: str) -> bool:
    header = header_of(path)
    return header is not None and header.writes == 2


def _looked_into(path: str, thorough: bool) -> Optional[Dict[str, Any]]:
    """What is in the file, without touching it: see the branches. ``None`` when that is too much work."""
    for _ in range(3):
        log_bytes = file_size(path + "-wal")
        if not log_bytes:
            # All there is is in the file, so it alone is read, which locks and makes nothing.
            found = _inspected(path, still=True, sound=thorough)
        elif os.path.exists(path + "-shm"):
            # As any reader beside those who have it open.
            return _inspected(path, still=False, sound=thorough)
        else:
            # SQLite would make the shared memory anew; so it looks at a copy instead.
            return _copied(path, log_bytes, thorough)
        if not file_size(path + "-wal"):
            return found
        # Somebody began to write meanwhile, and the file may have been read in two states.
    return _inspected(path, still=False, sound=thorough)


def _inspected(path: str, *, still: bool, sound: bool) -> Dict[str, Any]:
    look = lambda: _dictsqlite._inspect(path, still=still, counts=True, sound=sound, timeout=2.0)  # noqa: E731
    return waited_for(look)


def _copied(path: str, log_bytes: int, thorough: bool) -> Optional[Dict[str, Any]]:
    needed = (file_size(path) or 0) + log_bytes
    with tempfile.TemporaryDirectory(prefix="dictsqlite-doctor-") as directory:
        if needed > _MOST_COPIED or needed * 2 > shutil.disk_usage(directory).free:
            return None
        copy = os.path.join(directory, "copy.db")
        shutil.copyfile(path, copy)
        shutil.copyfile(path + "-wal", copy + "-wal")
        return _inspected(copy, still=False, sound=thorough)

