"""A persistent dict on SQLite: async to the core, honest about durability, never stale.

>>> import dictsqlite
>>> with dictsqlite.open(":memory:") as db:
...     db["user:1"] = {"name": "Ada"}
...     db["user:1"]["name"]
'Ada'
"""

from __future__ import annotations

from . import bench, errors
from ._async import AsyncDictSQLite
from ._dictsqlite import __version__
from ._dict import DictSQLite, DictSQLiteV4, Entry, open
from ._exit import EXIT_LIMIT
from ._files import arestore, restore
from .errors import (
    BusyError,
    CancelledError,
    ClosedError,
    CodecError,
    ConflictError,
    CorruptError,
    DictSQLiteError,
    FullError,
    InternalError,
    InvalidError,
    IoError,
    KeyMissingError,
    KeyTypeError,
    PasswordError,
    ReadOnlyError,
    TimeoutError,
    UnsupportedError,
)
from .legacy import import_legacy
from .modes import Modes

__all__ = [
    "EXIT_LIMIT",
    "AsyncDictSQLite",
    "BusyError",
    "CancelledError",
    "ClosedError",
    "CodecError",
    "ConflictError",
    "CorruptError",
    "DictSQLite",
    "DictSQLiteError",
    "DictSQLiteV4",
    "Entry",
    "FullError",
    "InternalError",
    "InvalidError",
    "IoError",
    "KeyMissingError",
    "KeyTypeError",
    "Modes",
    "PasswordError",
    "ReadOnlyError",
    "TimeoutError",
    "UnsupportedError",
    "__version__",
    "arestore",
    "bench",
    "errors",
    "import_legacy",
    "open",
    "restore",
]
