"""The path, and what it is on: what the operating system knows without a look into the file."""

from __future__ import annotations

import os
import shutil
import stat
from typing import Iterator, Optional

from ... import _dictsqlite
from ..output import size
from .finding import Finding, note, problem

__all__ = ["file_size", "no_file", "surroundings"]

#: The log alone may come to 64 MiB, and what is in it is needed in the file as well.
_ROOM = 128 << 20

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def file_size(path: str) -> Optional[int]:
    """The size of a file; ``None`` if there is none."""
    try:
        return os.stat(path).st_size
    except OSError:
        return None


def no_file(path: str) -> Optional[Finding]:
    """Why there is no file to look into, if that is so."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return _missing(path)
    except NotADirectoryError:
        return problem(
            "missing", f"{path} goes through something that is no directory", "correct the path"
        )
    except PermissionError:
        return problem(
            "unreadable",
            f"the directory of {path} may not be entered by this user",
            "give the user permission to enter it (chmod +x), or run as its owner",
        )
    except OSError as error:
        return problem("missing", f"{path}: {error.strerror}", "correct the path")
    for is_kind, name in _KINDS:
        if is_kind(mode):
            return problem(
                "not-a-file", f"{path} is {name}, not a file", "give the path of the file itself"
            )
    if not os.access(path, os.R_OK):
        return problem(
            "unreadable",
            f"{path} may not be read by this user",
            "give the user permission (chmod, chown), or run as its owner",
        )
    return None


def _missing(path: str) -> Finding:
    if os.path.islink(path):
        return problem(
            "missing",
            f"{path} is a link to {os.readlink(path)}, which is not there",
            "correct the link, or put the file back where it points",
        )
    left = [suffix for suffix in ("-wal", "-shm") if os.path.exists(path + suffix)]
    if "-wal" in left and file_size(path + "-wal"):
        return problem(
            "leftover-log",
            f"{path} is not there, but its log {path}-wal is: the file was moved or removed without it",
            "if the file was moved, put both side by side again, under the same name, before anything "
            "opens either; if it was removed on purpose, remove the log before a new file is made here",
        )
    directory = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(directory):
        return problem(
            "missing", f"there is no directory {directory}", "correct the path, or make the directory"
        )
    return problem(
        "missing",
        f"there is no file {path}",
        "correct the path; a store is made by opening it, by `dictsqlite set --create`, "
        "or from a backup by `dictsqlite restore`",
    )


def surroundings(path: str) -> Iterator[Finding]:
    """What is wrong with the place of a file that is there."""
    ground = _dictsqlite._ground(path)
    if ground == "doubtful":
        yield note(
            "doubtful-drive",
            f"{path} is on a drive whose files others may change unseen (FUSE or 9p)",
            "nothing is cached there, so reading is slower; let one machine at a time use the file",
        )
    elif ground != "local":
        yield problem(
            "network-drive",
            f"{path} is on a network drive ({ground}), where SQLite's log has no memory that all "
            "machines share, and files get damaged",
            "move it to a local disk; dictsqlite refuses to open it there",
        )
    names = os.stat(path).st_nlink
    if names > 1:
        yield problem(
            "many-names",
            f"the file has {names} names (hard links); who opens it by another name writes another log "
            "and damages it",
            "keep one name: copy the file instead of linking it, or use a symbolic link",
        )
    directory = os.path.dirname(os.path.abspath(os.path.realpath(path)))
    if not os.access(path, os.W_OK):
        yield problem(
            "read-only-file",
            f"{path} may not be written by this user, or its drive is read-only",
            "for writing, give the user permission (chmod, chown); for reading, open it with "
            "read_only=True",
        )
    if not os.access(directory, os.W_OK | os.X_OK):
        yield problem(
            "read-only-directory",
            f"the directory {directory} may not be written by this user, or its drive is read-only, and "
            "SQLite keeps its log and its shared memory beside the file",
            "give the user permission to make files there, or move the store where it has it",
        )
    free = shutil.disk_usage(directory).free
    if free < _ROOM:
        yield problem(
            "low-disk-space",
            f"{size(free)} are free on the disk of {directory}, and the log alone may need 64 MiB before "
            "its content is moved into the file",
            "free some space; until then writes may fail with FullError (what was accepted is kept and "
            "committed once there is room)",
        )
