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
from ._dictsqlite import Change, Changes, Watch, __version__
from ._dict import DictSQLite, DictSQLiteV4, Entry, open
from ._entry import Watched
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
    FileMissingError,
    FullError,
    HistoryTruncatedError,
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
from ._transaction import Atomic, Savepoint, Transaction
from .legacy import import_legacy
from .modes import Modes
from ._pipeline import Pipeline
from ._streams import ValueReader, ValueWriter

__all__ = [
    "EXIT_LIMIT",
    "AsyncDictSQLite",
    "Atomic",
    "BusyError",
    "CancelledError",
    "Change",
    "Changes",
    "ClosedError",
    "CodecError",
    "ConflictError",
    "CorruptError",
    "DictSQLite",
    "DictSQLiteError",
    "FileMissingError",
    "DictSQLiteV4",
    "Entry",
    "FullError",
    "HistoryTruncatedError",
    "InternalError",
    "InvalidError",
    "IoError",
    "KeyMissingError",
    "KeyTypeError",
    "Modes",
    "PasswordError",
    "Pipeline",
    "ReadOnlyError",
    "Savepoint",
    "TimeoutError",
    "Transaction",
    "UnsupportedError",
    "ValueReader",
    "ValueWriter",
    "Watch",
    "Watched",
    "__version__",
    "arestore",
    "bench",
    "errors",
    "import_legacy",
    "open",
    "restore",
]
