"""The dict: what Python adds to the native handle."""

from __future__ import annotations

import asyncio
import builtins
import collections.abc
import os
from typing import Any, Iterator, Optional, Union

from ._awaitable import Awaitables
from ._dictsqlite import Dict as _Dict
from ._entry import Entry
from ._files import Files
from ._memoize import Memoizing
from ._options import given, scan_options, selection, spelled_out
from ._views import ItemsView, KeysView, ValuesView
from .errors import ClosedError, UnsupportedError

__all__ = ["DictSQLite", "DictSQLiteV4", "Entry", "open"]

#: Stands for a value that no user can give.
_MISSING: Any = object()

class DictSQLite(Awaitables, Files, Memoizing, _Dict):
    """A persistent dict on SQLite.

    ``DictSQLite(path)`` opens the file at ``path`` (made when missing; ``":memory:"`` for a private
    in-memory store) and a table in it. It is a ``MutableMapping``: keys are ``str``, ``int``
    (64 bits), ``bytes`` or tuples of these; values are what the ``storage_mode`` can hold. It may be
    used from many threads, and the file from many processes, at once.

    Options, in the order in which they may be given by position:

    ``hot_capacity`` (1_000_000)
        Entries that the cache may hold; 0 turns it off. The store's first handle decides.
    ``enable_async`` (True)
        Of no effect: kept for programs written for v4.2.
    ``persist_mode`` ("writethrough")
        What a write that returned promises. ``"memory"``: nothing on disk. ``"lazy"``: committed
        within ``flush_interval``. ``"writethrough"``: at most ``buffer_size - 1`` such writes are
        not committed. ``"durable"``: committed and synced.
    ``storage_mode`` ("pickle")
        How the table stores values, recorded in the file: ``"pickle"``, ``"json"``, ``"jsonb"`` or
        ``"bytes"``.
    ``table_name`` ("main")
        The table: 1 to 255 bytes of UTF-8, case-sensitive.
    ``encryption_password`` (None)
        Anything but ``None`` raises ``UnsupportedError``.
    ``enable_safe_pickle`` (None)
        ``None`` and ``True``: pickles build nothing beyond safe types and what is allowed by name.
        ``False``: they may run any code, as with ``trusted``.
    ``safe_pickle_allowed_modules`` (None)
        Names of modules whose classes pickles may build.
    ``buffer_size`` (100)
        ``writethrough``: see there. 1 to 1e9 writes.

    And by name only:

    ``flush_interval`` (0.2)
        ``lazy``: seconds that a write may stay uncommitted. 0.001 to 3600.
    ``cache_bytes`` (256 MiB)
        Bytes that the cache may hold. The store's first handle decides.
    ``timeout`` (30.0)
        Seconds that a call may wait for a lock, for room or for its commit; ``math.inf`` allowed.
    ``read_only`` (False)
        Opens an existing file and never writes to it.
    ``ttl`` (None)
        Seconds (or a ``timedelta``) that entries live unless a call says otherwise; ``None`` for
        ever.
    ``adopt`` (False)
        Adds tables to an SQLite database of something else instead of refusing it.
    ``safe_pickle_allowed_names`` (None)
        Classes, or names such as ``"shop.models.Order"``, that pickles may build.
    ``trusted`` (False)
        Pickles may build anything, which lets whoever can write the file run code.
    """

    def __init__(self, db_path: Union[str, "os.PathLike[str]"], *args: Any, **kwargs: Any) -> None:
        options = given(args, kwargs)
        self._open(db_path, options)
        vars(self)["_given"] = options

    # What `help` and editors show.
    __init__.__wrapped__ = spelled_out  # type: ignore[attr-defined]

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
        return KeysView(self, scan_options(options))

    def values(self, **options: Any) -> ValuesView:
        """A lazy view of the values; options as for :meth:`keys`."""
        return ValuesView(self, scan_options(options))

    def items(self, **options: Any) -> ItemsView:
        """A lazy view of the pairs; options as for :meth:`keys`."""
        return ItemsView(self, scan_options(options))

    for _view in (keys, values, items):
        _view.__wrapped__ = selection  # type: ignore[attr-defined]
    del _view

    def pop(self, key: Any, default: Any = _MISSING) -> Any:
        """Removes ``key`` and returns its value; ``default``, if given, when there is none."""
        return self._pop(key) if default is _MISSING else self._pop(key, default)

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
        return builtins.len(self) == builtins.len(other) and all(
            other.get(key, _MISSING) == value for key, value in self.items()
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
        vars(other)["_given"] = vars(self).get("_given", {})
        return other

    # -- lifecycle -------------------------------------------------------------------------------

    def __enter__(self) -> DictSQLite:
        if self.closed:
            raise ClosedError("this handle is closed; open the store again to go on")
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        """A handle is pickled by its path and options, never its contents or a secret."""
        if self.path is None:
            raise UnsupportedError("an in-memory store cannot be pickled; it lives in one process")
        options = {**vars(self).get("_given", {}), "encryption_password": None}
        options.update(table_name=self.table_name, storage_mode=self.storage_mode)
        return _reopened, (type(self), self.path, options)

    def __repr__(self) -> str:
        name = type(self).__name__
        if self.closed:
            return f"<{name} closed>"
        where = self.path or ":memory:"
        return (
            f"<{name} {where!r} table={self.table_name!r}"
            f" {self.persist_mode}/{self.storage_mode}>"
        )


def _reopened(cls: type[DictSQLite], path: str, options: dict[str, Any]) -> DictSQLite:
    """What a pickled handle is loaded as."""
    db = cls.__new__(cls)
    db._open(path, options)
    vars(db)["_given"] = options
    return db


collections.abc.MutableMapping.register(DictSQLite)

DictSQLiteV4 = DictSQLite

def open(db_path: Union[str, "os.PathLike[str]"], *args: Any, **kwargs: Any) -> DictSQLite:
    """Opens a dict: the same as ``DictSQLite(db_path, ...)``, with the options listed there.

    Inside a running event loop nothing is opened yet: ``await`` the handle, or use ``async with``.
    """
    if asyncio._get_running_loop() is not None:
        from ._async import open_here

        return open_here(db_path, given(args, kwargs))
    return DictSQLite(db_path, *args, **kwargs)


open.__wrapped__ = DictSQLite  # type: ignore[attr-defined]
