"""The first bytes of a database and of its log: enough to tell what belongs to what.

The files are read by plain reading. That takes no lock, and closing them drops none: this process has no
connection to them.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple, Optional

__all__ = ["Header", "Log", "header_of", "log_of"]

_MAGIC = b"SQLite format 3\0"
_HEADER = 100
_LOG_HEADER = 32
_FRAME_HEADER = 24
#: Frames that are looked at, so that a log of gigabytes takes no minutes.
_MOST_FRAMES = 50_000


class Header(NamedTuple):
    """What a database's first 100 bytes say."""

    page_bytes: int
    #: 1 without a log, 2 with one; a larger one is of an SQLite to come.
    writes: int
    reads: int
    #: How many pages there are; ``None`` when an old SQLite wrote last and did not say.
    pages: Optional[int]
    application_id: int


class Log(NamedTuple):
    """What a log says of itself."""

    page_bytes: int
    #: Frames that count: those before belong to a time before the log began anew.
    frames: int
    #: The `application_id` of the newest first page in it, if it has one.
    application_id: Optional[int]


def header_of(path: str) -> Optional[Header]:
    """The header of a database; ``None`` if the file is none."""
    with open(path, "rb") as file:
        return _header(file.read(_HEADER))


def _header(data: bytes) -> Optional[Header]:
    if len(data) < _HEADER or not data.startswith(_MAGIC):
        return None
    page_bytes, writes, reads = struct.unpack_from(">HBB", data, 16)
    changes, pages = struct.unpack_from(">II", data, 24)
    (application_id,) = struct.unpack_from(">I", data, 68)
    (valid_for,) = struct.unpack_from(">I", data, 92)
    return Header(
        page_bytes=65536 if page_bytes == 1 else page_bytes,
        writes=writes,
        reads=reads,
        pages=pages if pages and changes == valid_for else None,
        application_id=application_id,
    )


def log_of(path: str) -> Optional[Log]:
    """What is in a log; ``None`` if the file is none."""
    with open(path, "rb") as file:
        data = file.read(_LOG_HEADER)
        if len(data) < _LOG_HEADER:
            return None
        magic, _version, page_bytes = struct.unpack_from(">III", data)
        if magic & ~1 != 0x377F0682 or page_bytes & (page_bytes - 1) or page_bytes < 512:
            return None
        return _frames(file, data[16:24], page_bytes)


def _frames(file: BinaryIO, salts: bytes, page_bytes: int) -> Log:
    frames, application_id = 0, None
    while frames < _MOST_FRAMES:
        file.seek(_LOG_HEADER + frames * (_FRAME_HEADER + page_bytes))
        head = file.read(_FRAME_HEADER)
        if len(head) < _FRAME_HEADER or head[8:16] != salts:
            break
        if head[:4] == b"\0\0\0\x01":
            header = _header(file.read(_HEADER))
            application_id = None if header is None else header.application_id
        frames += 1
    return Log(page_bytes, frames, application_id)
