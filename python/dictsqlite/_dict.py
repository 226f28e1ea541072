"""The dict: what Python adds to the native handle."""

from __future__ import annotations

import builtins
import collections.abc
import difflib
import os
from typing import Any, Iterable, Iterator, NamedTuple, Optional, Union

from ._dictsqlite import Dict as _Dict
from ._views import ItemsView, KeysView, ValuesView
from .errors import InvalidError
from .modes import ORDERS

__all__ = ["DictSQLite", "DictSQLiteV4", "Entry", "open"]

#: Stands for a value that no user can give.
_MISSING: Any = object()

class Entry(NamedTuple):
    """A value with what the store knows about it."""

    value: Any
    #: The number of the operation that wrote it; never reused within a store.
    version: int
    #: When it expires, in seconds since the Unix epoch; ``None`` for never.
    expires_at: Optional[float]


def _spelled_out(
    self: DictSQLite,
    db_path: Union[str, "os.PathLike[str]"],
    hot_capacity: int = 1_000_000,
    enable_async: bool = True,
    persist_mode: str = "writethrough",
    storage_mode: str = "pickle",
    table_name: str = "main",
    encryption_password: Optional[str] = None,
    enable_safe_pickle: Optional[bool] = None,
    safe_pickle_allowed_modules: Optional[Iterable[str]] = None,
    buffer_size: int = 100,
    *,
    flush_interval: float = 0.2,
    cache_bytes: int = 256 * 1024 * 1024,
    timeout: float = 30.0,
    read_only: bool = False,
    ttl: Optional[float] = None,
    adopt: bool = False,
    safe_pickle_allowed_names: Optional[Iterable[Any]] = None,
    trusted: bool = False,
) -> None:
    """The constructor's options: those of v4.2 in their order, then by name only. Never called."""


#: Those that may be given by position, in v4.2's order.
_POSITIONAL = _spelled_out.__code__.co_varnames[2 : _spelled_out.__code__.co_argcount]
#: The options and their defaults.
_DEFAULTS: dict[str, Any] = {
    **dict(zip(_POSITIONAL, _spelled_out.__defaults__ or ())),
    **(_spelled_out.__kwdefaults__ or {}),
}


def _selection(
    self: DictSQLite,
    *,
    prefix: Any = None,
    start: Any = None,
    end: Any = None,
    reverse: bool = False,
    limit: Optional[int] = None,
    order: Optional[str] = None,
    consistent: bool = False,
) -> Any:
    """The options of a view. Never called."""


_SCAN: dict[str, Any] = _selection.__kwdefaults__ or {}


def _options(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """All options by name; unknown ones are refused with the valid ones."""
    if len(args) > len(_POSITIONAL):
        raise TypeError(
            f"at most {len(_POSITIONAL)} options may be given by position: {', '.join(_POSITIONAL)}"
        )
    options = dict(zip(_POSITIONAL, args))
    for name, value in kwargs.items():
        if name not in _DEFAULTS:
            near = difflib.get_close_matches(name, _DEFAULTS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise TypeError(
                f"unknown option {name!r}.{hint} The options are: {', '.join(_DEFAULTS)}"
            )
        if name in options:
            raise TypeError(f"option {name!r} is given twice")
        options[name] = value
    for name, value in options.items():
        if value is None and _DEFAULTS[name] is not None:
            raise InvalidError(f"{name} is None; leave it out for {_DEFAULTS[name]!r}")
    if not isinstance(options.get("enable_async", True), bool):
        raise InvalidError("enable_async must be True or False")
    return {**_DEFAULTS, **options}


class DictSQLite(_Dict):
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
        self._open(db_path, _options(args, kwargs))

    # What `help` and editors show.
    __init__.__wrapped__ = _spelled_out  # type: ignore[attr-defined]

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

    for _view in (keys, values, items):
        _view.__wrapped__ = _selection  # type: ignore[attr-defined]
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

def _scan_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a view, checked now rather than when it is iterated."""
    for name in options:
        if name not in _SCAN:
            raise TypeError(f"unknown option {name!r}; the options are: {', '.join(_SCAN)}")
    limit, order = options.get("limit"), options.get("order")
    if limit is not None and not (type(limit) is int and 0 <= limit < 2**63):
        raise InvalidError(f"limit is {limit!r}; it must be an int from 0 on, or None")
    if order is not None and order not in ORDERS:
        raise InvalidError(f"order is {order!r}; it must be one of: {', '.join(ORDERS)}")
    for name in ("reverse", "consistent"):
        if not isinstance(options.get(name, False), bool):
            raise InvalidError(f"{name} is {options[name]!r}; it must be True or False")
    return options


def open(db_path: Union[str, "os.PathLike[str]"], *args: Any, **kwargs: Any) -> DictSQLite:
    """Opens a dict: the same as ``DictSQLite(db_path, ...)``, with the options listed there."""
    return DictSQLite(db_path, *args, **kwargs)


open.__wrapped__ = DictSQLite  # type: ignore[attr-defined]
