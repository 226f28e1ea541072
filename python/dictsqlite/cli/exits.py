"""How the command ends."""

from __future__ import annotations

from ..errors import DictSQLiteError, InternalError, IoError

__all__ = ["INTERRUPTED", "MISSING", "OK", "PIPE", "USAGE", "UsageError", "code_of", "kind_of"]

#: Done.
OK = 0
#: The key is not there; ``check`` and ``doctor``: something is wrong. Also the number of its kind.
MISSING = 1
#: The command was called wrongly. Also the number of the kind KeyType: what was given is no key.
USAGE = 2
#: Ctrl-C.
INTERRUPTED = 130
#: Whoever read the output has gone.
PIPE = 141


class UsageError(Exception):
    """The command was called in a way that makes no sense; the message says what would."""


def code_of(error: BaseException) -> int:
    """The exit code of an error: the stable number of its kind."""
    if isinstance(error, DictSQLiteError):
        return error.code
    if isinstance(error, UsageError):
        return USAGE
    if isinstance(error, OSError):
        return IoError.code
    return InternalError.code


def kind_of(error: BaseException) -> str:
    """The name of an error's kind."""
    if isinstance(error, DictSQLiteError) and not isinstance(error, IoError):
        return type(error).__name__[: -len("Error")]
    if isinstance(error, UsageError):
        return "Usage"
    return "Io" if isinstance(error, OSError) else "Internal"
