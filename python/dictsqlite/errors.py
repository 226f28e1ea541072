"""Errors, one class a kind; the same kinds exist in every language.

Each class also derives from the builtin a Python programmer would catch. ``key`` names the key an
error is about, where there is one; ``code`` is the kind's stable number.
"""

from __future__ import annotations

import builtins
from typing import Any, ClassVar, Optional

__all__ = [
    "BusyError",
    "CancelledError",
    "ClosedError",
    "CodecError",
    "ConflictError",
    "CorruptError",
    "DictSQLiteError",
    "FileMissingError",
    "FullError",
    "HistoryTruncatedError",
    "InternalError",
    "InvalidError",
    "IoError",
    "KeyMissingError",
    "KeyTypeError",
    "PasswordError",
    "ReadOnlyError",
    "TimeoutError",
    "UnsupportedError",
]


class DictSQLiteError(Exception):
    """The base of all errors of this package."""

    code: ClassVar[int] = 0
    key: Optional[Any] = None


class KeyMissingError(DictSQLiteError, KeyError):
    """The key is not in the table; its first argument is the key."""

    code = 1


class KeyTypeError(DictSQLiteError, TypeError):
    """The key is not str, int (64 bits), bytes or a tuple of these, or it is too long."""

    code = 2


class CodecError(DictSQLiteError, ValueError):
    """The value cannot be written or read by the table's codec."""

    code = 3


class ConflictError(DictSQLiteError):
    """Somebody else changed what the operation depended on; it may be tried again."""

    code = 4


class BusyError(DictSQLiteError, builtins.TimeoutError):
    """Another connection holds the database lock."""

    code = 5


class TimeoutError(DictSQLiteError, builtins.TimeoutError):
    """The timeout passed; the message says whether the operation still happens."""

    code = 6


class CancelledError(DictSQLiteError):
    """The operation was cancelled before it was accepted."""

    code = 7


class ClosedError(DictSQLiteError, ValueError):
    """The handle, the store or the table is closed."""

    code = 8


class CorruptError(DictSQLiteError, OSError):
    """The file is damaged."""

    code = 9


class FullError(DictSQLiteError, OSError):
    """The disk, the quota or the database is full."""

    code = 10


class ReadOnlyError(DictSQLiteError, PermissionError):
    """The store or the file is read-only."""

    code = 11


class PasswordError(DictSQLiteError, ValueError):
    """The password is wrong or missing."""

    code = 12


class UnsupportedError(DictSQLiteError, ValueError):
    """The file or the feature is not supported by this build or release."""

    code = 13


class InvalidError(DictSQLiteError, ValueError):
    """An argument or option is invalid."""

    code = 14


class HistoryTruncatedError(InvalidError):
    """Changes that were asked for were removed from the log already: read the state as it is now, and
    go on from there."""


class IoError(DictSQLiteError, OSError):
    """The operating system failed to read, write or open; ``errno`` and ``filename`` where they are known."""

    code = 15

    def __str__(self) -> str:
        # An OSError with a file's name would say those two only, not what to do.
        return str(self.args[0]) if len(self.args) == 1 else super().__str__()


class FileMissingError(IoError, FileNotFoundError):
    """There is no such file, or no directory to make it in."""


class InternalError(DictSQLiteError, RuntimeError):
    """A defect of this package; please report it."""

    code = 16
