"""The dict: what Python adds to the native handle."""

from __future__ import annotations

import builtins
import collections.abc
import difflib
import os
from typing import Any, Iterator, NamedTuple, Optional, Union

from ._dictsqlite import Dict as _Dict
from ._views import ItemsView, KeysView, ValuesView

__all__ = ["DictSQLite", "DictSQLiteV4", "Entry", "open"]

#: The constructor's options and their defaults.
_DEFAULTS: dict[str, Any] = {
    "hot_capacity": 1_000_000,
    "enable_async": True,
    "persist_mode": "writethrough",
    "storage_mode": "pickle",
    "table_name": "main",
    "encryption_password": None,
    "enable_safe_pickle": None,
    "safe_pickle_allowed_modules": None,
    "buffer_size": 100,
    "flush_interval": 0.2,
    "cache_bytes": 256 * 1024 * 1024,
    "timeout": 30.0,
    "read_only": False,
    "ttl": None,
    "adopt": False,
    "safe_pickle_allowed_names": None,
    "trusted": False,
}
#: Those that may be given by position, in v4.2's order.
_POSITIONAL = list(_DEFAULTS)[:9]


class Entry(NamedTuple):
    """A value with what the store knows about it."""

    value: Any
    #: The number of the operation that wrote it; never reused within a store.
    version: int
    #: When it expires, in seconds since the Unix epoch; ``None`` for never.
    expires_at: Optional[float]


def _options(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The given options by name; unknown ones are refused with the valid ones."""
    if len(args) > len(_POSITIONAL):
        raise TypeError(
            f"at most {len(_POSITIONAL)} options may be given by position: {', '.join(_POSITIONAL)}"
        )
    options = dict(zip(_POSITIONAL, args))
    for name, value in kwargs.items():
        if name not in _DEFAULTS:
            near = difflib.get_close_matches(name, _DEFAULTS, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(
                f"unknown option {name!r}{hint} The options are: {', '.join(_DEFAULTS)}"
            )
        if name in options:
            raise TypeError(f"option {name!r} is given twice")
        options[name] = value
    if not isinstance(options.get("enable_async", True), bool):
        raise TypeError("enable_async must be True or False")
    return options


class DictSQLite(_Dict):
    """A persistent dict on SQLite.

    ``DictSQLite(path)`` opens the file at ``path`` (made when missing; ``":memory:"`` for a private
    in-memory store) and a table in it. It is a ``MutableMapping``: keys are ``str``, ``int``
    (64 bits), ``bytes`` or tuples of these; values are what the ``storage_mode`` can hold. It may be
    used from many threads, and the file from many processes, at once.

    Options: see the stub, or ``docs/python.md``.
    """

    def __init__(self, db_path: Union[str, "os.PathLike[str]"], *args: Any, **kwargs: Any) -> None:
        self._open(db_path, {**_DEFAULTS, **_options(args, kwargs)})

    # -- mapping ---------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        return self._scan("keys")

    def __reversed__(self) -> Iterator[Any]:
        return self._scan("keys", reverse=True)

    def keys(self, **options: Any) -> KeysView:
        """A lazy view of the keys, in insertion order.

        With ``prefix=``, ``start=`` (inclusive) or ``end=`` (exclusive) the keys are in key order:
        integers, then text, then bytes. ``reverse=True``, ``limit=n``, ``order="insertion"|"key"``;
        ``consistent=True`` reads all of it at one moment.
        """
        return KeysView(self, _scan_options(options))

    def values(self, **options: Any) -> ValuesView:
        """A lazy view of the values; options as for :meth:`keys`."""
        return ValuesView(self, _scan_options(options))

    def items(self, **options: Any) -> ItemsView:
        """A lazy view of the pairs; options as for :meth:`keys`."""
        return ItemsView(self, _scan_options(options))

    def update(self, other: Any = (), /, **kwargs: Any) -> None:
        """Sets many keys as one unit: all of it survives a crash, or nothing."""
        if kwargs:
            self.batch_set({**dict(other), **kwargs})
        else:
            self.batch_set(other)

    def bulk_insert(self, items: Any) -> None:
        """The same as :meth:`batch_set`."""
        self.batch_set(items)

    def contains(self, key: Any) -> bool:
        """True if the key is there."""
        return key in self

    def len(self) -> int:
        """The number of entries."""
        return builtins.len(self)

    def entry(self, key: Any) -> Optional[Entry]:
        """The value with its version and expiry, or ``None``."""
        entry = self._entry(key)
        return None if entry is None else Entry(*entry)

    def flush_write_buffer(self) -> None:
        """The same as :meth:`flush`."""
        self.flush()

    def __eq__(self, other: object) -> bool:
        if other is self:
            return True
        if not isinstance(other, collections.abc.Mapping):
            return NotImplemented
        missing = object()
        return builtins.len(self) == builtins.len(other) and all(
            other.get(key, missing) == value for key, value in self.items()
        )

    __hash__ = None  # type: ignore[assignment]

    def __or__(self, other: Any) -> dict[Any, Any]:
        if not isinstance(other, collections.abc.Mapping):
            return NotImplemented
        return {**dict(self.items()), **dict(other.items())}

    def __ror__(self, other: Any) -> dict[Any, Any]:
        if not isinstance(other, collections.abc.Mapping):
            return NotImplemented
        return {**dict(other.items()), **dict(self.items())}

    def __ior__(self, other: Any) -> DictSQLite:
        self.update(other)
        return self

    # -- tables ----------------------------------------------------------------------------------

    def table(self, name: str, storage_mode: Optional[str] = None) -> DictSQLite:
        """A handle on another table of the same store, with this handle's options.

        It is made when missing. Without ``storage_mode`` it is opened with the codec it has, or
        made with this handle's.
        """
        if not isinstance(name, str):
            raise TypeError(f"a table name is a str, not {type(name).__name__}")
        other = type(self).__new__(type(self))
        other._attach(self, name, storage_mode)
        return other

    # -- lifecycle -------------------------------------------------------------------------------

    def __enter__(self) -> DictSQLite:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        name = type(self).__name__
        if self.closed:
            return f"<{name} closed>"
        where = self.path or ":memory:"
        return (
            f"<{name} {where!r} table={self.table_name!r}"
            f" {self.persist_mode}/{self.storage_mode}>"
        )


collections.abc.MutableMapping.register(DictSQLite)

DictSQLiteV4 = DictSQLite

_SCAN = ("prefix", "start", "end", "reverse", "limit", "order", "consistent")


def _scan_options(options: dict[str, Any]) -> dict[str, Any]:
    for name in options:
        if name not in _SCAN:
            raise TypeError(f"unknown option {name!r}; the options are: {', '.join(_SCAN)}")
    return options


def open(db_path: Union[str, "os.PathLike[str]"], *args: Any, **kwargs: Any) -> DictSQLite:
    """Opens a dict: the same as ``DictSQLite(db_path, ...)``."""
    return DictSQLite(db_path, *args, **kwargs)
