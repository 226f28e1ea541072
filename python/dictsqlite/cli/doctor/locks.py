"""Who uses a file, and who keeps others out."""

from __future__ import annotations

import time
from typing import Dict, Iterator, List, Optional

from ... import _dictsqlite
from ..output import size
from .finding import Finding, problem
from .place import file_size

__all__ = ["held", "large_log"]

#: A writer holds the lock for a commit, which takes milliseconds: who holds it each time is stuck.
_LOOKS = 8
_PAUSE = 0.25
#: Bytes of the header of the log's index: SQLite's documentation of its "WAL-index format".
_INDEX_HEADER = 48
#: The engine keeps the log below 64 MiB plus one transaction.
_LARGE = 128 << 20


def held(path: str) -> Optional[Finding]:
    """Who holds the write lock all the time, if anybody does.

    A store that is written to without a pause has its lock held nearly always, by one commit after another.
    So a commit between two looks, which the log's index tells, means that nobody is stuck.
    """
    always: List[str] = _dictsqlite._users(path)["writing"]
    # Only now: a commit that ended before somebody was seen to hold the lock says nothing of the holder.
    commits = _commits(path) if always else None
    for _ in range(_LOOKS - 1):
        if not always:
            return None
        time.sleep(_PAUSE)
        now = _dictsqlite._users(path)["writing"]
        always = [who for who in always if who in now]
    if not always or _commits(path) != commits:
        return None
    return locked(path, always)


def _commits(path: str) -> Optional[bytes]:
    """What each commit changes: the header of the log's index."""
    try:
        with open(path + "-shm", "rb") as index:
            return index.read(_INDEX_HEADER)
    except OSError:
        return None


def locked(path: str, who: List[str]) -> Finding:
    """The finding of a file that is locked by these, as far as that is known."""
    by = " and ".join(who) or "a process that the operating system does not name"
    return problem(
        "locked",
        f"{path} is locked for writing by {by}, for longer than a commit takes",
        "let it end its transaction (COMMIT or ROLLBACK), close the file there, or stop the process; "
        "until then writes wait, and fail with BusyError at their timeout",
    )


def large_log(path: str, users: Dict[str, List[str]]) -> Iterator[Finding]:
    """A log that has grown beyond what a busy store needs, and who keeps it from being emptied."""
    bytes_ = file_size(path + "-wal") or 0
    if bytes_ < _LARGE:
        return
    what = f"the log {path}-wal has {size(bytes_)}; a busy store keeps it near 64 MiB"
    readers = users["reading"]
    if readers:
        yield problem(
            "large-log",
            f"{what}. Reading at the moment, which keeps it from being emptied if it lasts: "
            + " and ".join(readers),
            "end the long read transaction there (a scan with consistent=True, a cursor or a backup that "
            "is not finished), then the next commits empty the log",
        )
    elif users["connected"]:
        yield problem(
            "large-log",
            f"{what}. Open in: " + " and ".join(users["connected"]),
            "close the file there: the last to close it moves the log into the file; a program that "
            "switched automatic checkpoints off must run them itself",
        )
    else:
        yield problem(
            "large-log",
            f"{what}, and nobody has the file open: a process was killed and left it",
            "open the store once for writing and close it, for example by `python -c \"import "
            'dictsqlite; dictsqlite.open(...).close()"`: that moves the log into the file',
        )
