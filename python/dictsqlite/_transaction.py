"""Transactions: a mapping over the store's tables that is committed as one unit."""

from __future__ import annotations

import asyncio
import collections.abc
import inspect
import random
import time
from typing import Any, AsyncIterator, Callable, Iterator, Optional

from ._dictsqlite import Transaction as _Transaction
from ._entry import Entry
from ._options import check_function, scan_options
from ._views import ItemsView, KeysView, ValuesView
from .errors import ConflictError, InvalidError, KeyMissingError

__all__ = ["Atomic", "Savepoint", "Transacting", "Transaction"]

#: Stands for a value that no user can give.
_MISSING: Any = object()

#: Seconds: the first pause after a conflict is at most this long, later ones up to twice as long as
#: the one before.
_FIRST_PAUSE = 0.0005
_LONGEST_PAUSE = 0.05


def _selection(
    self: Any,
    *,
    prefix: Any = None,
    start: Any = None,
    end: Any = None,
    reverse: bool = False,
    limit: Optional[int] = None,
    order: Optional[str] = None,
    consistent: bool = False,
) -> Any:
    """The options of a view in a transaction, where a cursor would not outlive it. Never called."""


_SCAN: dict[str, Any] = _selection.__kwdefaults__ or {}


def _check_last(last: Any) -> None:
    if not isinstance(last, bool):
        raise TypeError(f"last is True or False, not {type(last).__name__}")


class Savepoint:
    """A place in a transaction that can be rolled back to; for ``with`` and ``async with``.

    Left by an exception, it takes back what was written in its block.
    """

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._number: Optional[int] = None

    def rollback(self) -> None:
        """Takes back what was written since the block began; the block goes on."""
        if self._number is None:
            raise InvalidError("the savepoint is not set; use it in a with block")
        self._tx._rollback_to(self._number)

    def __enter__(self) -> Savepoint:
        if self._number is not None:
            raise InvalidError("the savepoint is set already; make another one")
        self._number = self._tx._savepoint()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        number, self._number = self._number, None
        if number is None or not self._tx.is_open:
            return
        if kind is not None:
            self._tx._rollback_to(number)
        self._tx._release(number)

    async def __aenter__(self) -> Savepoint:
        return self.__enter__()

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.__exit__(kind, error, trace)


class Transaction(_Transaction):
    """A transaction, as a mapping on one of the store's tables; see ``DictSQLite.transaction``.

    ``with`` and ``async with`` begin it, and commit it when the block ends, or roll it back when the
    block is left by an exception. It belongs to the task or thread that began it.
    """

    _db: Any = None
    _named: dict[str, Any] = {}

    def __init__(self, db: Any, options: dict[str, Any]) -> None:
        self._db = db
        self._named = options

    # -- beginning and ending --------------------------------------------------------------------

    def begin(self) -> Transaction:
        """Begins it, as ``with`` does."""
        if self._db is None:
            raise InvalidError("this is a transaction on another table; it has begun already")
        self._begin(self._db, self._named)
        return self

    async def abegin(self) -> Transaction:
        """``begin`` without blocking."""
        if self._db is None:
            raise InvalidError("this is a transaction on another table; it has begun already")
        await self._db  # opens it, if it is not open yet
        try:
            await self._abegin(self._db, self._named)
        except BaseException:
            # Cancelled at the last moment, it may have begun.
            self._abandon()
            raise
        return self

    def __enter__(self) -> Transaction:
        return self.begin()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None:
            self._abandon()
        elif not self._is_over():
            try:
                self.commit()
            finally:
                self._abandon()

    async def __aenter__(self) -> Transaction:
        return await self.abegin()

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None:
            self._abandon()
        elif not self._is_over():
            try:
                await self.acommit()
            finally:
                self._abandon()

    def savepoint(self) -> Savepoint:
        """A savepoint, for ``with``: a transaction within the transaction."""
        return Savepoint(self)

    # -- other tables ----------------------------------------------------------------------------

    def _other(self) -> Transaction:
        return type(self).__new__(type(self))

    def table(self, name: str, storage_mode: Optional[str] = None) -> Transaction:
        """The same transaction on another table, made when missing (which is not undone)."""
        other = self._other()
        other._attach(self, name, storage_mode)
        return other

    async def atable(self, name: str, storage_mode: Optional[str] = None) -> Transaction:
        """``table`` without blocking."""
        other = self._other()
        await other._aattach(self, name, storage_mode)
        return other

    # -- mapping ---------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        return self._scan("keys")

    def __reversed__(self) -> Iterator[Any]:
        return self._scan("keys", reverse=True)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._ascan("keys")

    def keys(self, **options: Any) -> KeysView:
        """A lazy view of the keys; options as for :meth:`DictSQLite.keys`."""
        return KeysView(self, scan_options(options, _SCAN))  # type: ignore[arg-type]

    def values(self, **options: Any) -> ValuesView:
        """A lazy view of the values; options as for :meth:`DictSQLite.keys`."""
        return ValuesView(self, scan_options(options, _SCAN))  # type: ignore[arg-type]

    def items(self, **options: Any) -> ItemsView:
        """A lazy view of the pairs; options as for :meth:`DictSQLite.keys`."""
        return ItemsView(self, scan_options(options, _SCAN))  # type: ignore[arg-type]

    def akeys(self, **options: Any) -> AsyncIterator[Any]:
        """The keys, for ``async for``; options as for :meth:`DictSQLite.keys`."""
        return self._ascan("keys", **scan_options(options, _SCAN))

    def avalues(self, **options: Any) -> AsyncIterator[Any]:
        """The values, for ``async for``; options as for :meth:`DictSQLite.keys`."""
        return self._ascan("values", **scan_options(options, _SCAN))

    def aitems(self, **options: Any) -> AsyncIterator[Any]:
        """The pairs, for ``async for``; options as for :meth:`DictSQLite.keys`."""
        return self._ascan("items", **scan_options(options, _SCAN))

    for _view in (keys, values, items, akeys, avalues, aitems):
        _view.__wrapped__ = _selection  # type: ignore[attr-defined]
    del _view

    def pop(self, key: Any, default: Any = _MISSING) -> Any:
        """Removes ``key`` and returns its value; ``default``, if given, when there is none."""
        return self._pop(key) if default is _MISSING else self._pop(key, default)

    def popitem(self, last: bool = True) -> tuple[Any, Any]:
        """Removes and returns the last item in insertion order, or the first."""
        _check_last(last)
        for key in self._scan("keys", reverse=last, limit=1):
            return key, self.pop(key)
        raise KeyMissingError("the dict is empty")

    async def apopitem(self, last: bool = True) -> tuple[Any, Any]:
        """``popitem`` without blocking."""
        _check_last(last)
        async for key in self._ascan("keys", reverse=last, limit=1):
            return key, await self.apop(key)
        raise KeyMissingError("the dict is empty")

    def update(self, other: Any = (), /, **kwargs: Any) -> None:
        """Sets many keys."""
        self.batch_set({**dict(other), **kwargs} if kwargs else other)

    def aupdate(self, other: Any = (), /, **kwargs: Any) -> Any:
        """``update``, which never waits, for symmetry."""
        return self.abatch_set({**dict(other), **kwargs} if kwargs else other)

    def contains(self, key: Any) -> bool:
        """True if the key is there."""
        return key in self

    def len(self) -> int:
        """The number of entries."""
        return self.__len__()

    def entry(self, key: Any) -> Optional[Entry]:
        """The value with its version (0 if this transaction wrote it) and expiry, or ``None``."""
        entry = self._entry(key)
        return None if entry is None else Entry(*entry)

    def __eq__(self, other: object) -> bool:
        if other is self:
            return True
        if not isinstance(other, collections.abc.Mapping):
            return NotImplemented
        return self.__len__() == len(other) and all(
            other.get(key, _MISSING) == value for key, value in self.items()
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"<{name} {'open' if self.is_open else 'not open'}>"


collections.abc.MutableMapping.register(Transaction)


class Atomic:
    """Checks and writes that are one unit; see ``DictSQLite.atomic``. Nothing happens before
    ``commit``, and each step gives the same object again."""

    def __init__(self, db: Any) -> None:
        self._db = db
        self._steps: list[tuple[str, Any, tuple[Any, ...]]] = []

    def check(self, key: Any, version: int) -> Atomic:
        """Everything depends on ``key`` having this version; 0 is no entry."""
        self._steps.append(("check", key, (version,)))
        return self

    def set(self, key: Any, value: Any, *, ttl: Any = None) -> Atomic:
        """Sets ``key``."""
        self._steps.append(("set", key, (value, ttl)))
        return self

    def incr(self, key: Any, delta: int = 1) -> Atomic:
        """Adds ``delta`` to an integer, whatever it is when this is committed."""
        self._steps.append(("incr", key, (delta,)))
        return self

    def delete(self, key: Any) -> Atomic:
        """Deletes ``key``, whether it is there or not."""
        self._steps.append(("delete", key, ()))
        return self

    def commit(self) -> int:
        """Does all of it in order; the version of what was written last. ``ConflictError``, naming
        the key, when a check does not hold: then nothing was done."""
        steps, self._steps = self._steps, []
        version: int = self._db._atomic(steps)
        return version

    async def acommit(self) -> int:
        """``commit`` without blocking."""
        await self._db
        steps, self._steps = self._steps, []
        version: int = await self._db._aatomic(steps)
        return version


def _pauses(retries: int) -> Iterator[Optional[float]]:
    """How long to wait after each attempt but the last."""
    if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:
        raise InvalidError(f"retries is {retries!r}; it must be an int from 0 on")
    pause = _FIRST_PAUSE
    for _ in range(retries):
        yield random.uniform(0, pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
    yield None


class Transacting:
    """What a dict has for transactions."""

    def transaction(
        self,
        *,
        mode: str = "concurrent",
        isolation: str = "serializable",
        timeout: Any = None,
        max_hold: Any = None,
    ) -> Transaction:
        """A transaction over all tables of the store, for ``with`` and ``async with``.

        ``mode``
            ``"concurrent"`` reads a snapshot and gathers its writes; the commit raises
            ``ConflictError`` when somebody else has changed what it has read, or what it writes.
            ``"immediate"`` takes the write lock first, in a fair queue, and cannot conflict.
            ``"read"`` reads a snapshot only.
        ``isolation``
            ``"snapshot"`` looks only at what is written when it commits.
        ``timeout``
            Seconds that beginning and committing may each wait; as the handle's, if not given.
        ``max_hold``
            Seconds that it may be open before it is rolled back: 60, and 5 for an immediate one.
        """
        named: dict[str, Any] = {"mode": mode, "isolation": isolation}
        if timeout is not None:
            named["timeout"] = timeout
        if max_hold is not None:
            named["max_hold"] = max_hold
        Transaction._check(self, named)
        return Transaction(self, named)

    def run_transaction(self, fn: Callable[[Transaction], Any], *, retries: int = 10) -> Any:
        """Calls ``fn(tx)`` in a transaction, commits it and returns what ``fn`` gave.

        After a conflict it is called again in a new transaction, up to ``retries`` times, with pauses
        that grow; the last time in an immediate transaction, so that it wins.
        """
        check_function(fn, "takes the transaction")
        mode = "concurrent"
        for attempt, pause in enumerate(_pauses(retries)):
            if pause is None and attempt > 0:
                mode = "immediate"
            try:
                with self.transaction(mode=mode) as tx:
                    result = fn(tx)
                    if inspect.isawaitable(result):
                        if inspect.iscoroutine(result):
                            result.close()
                        raise TypeError("fn gave an awaitable; use arun_transaction")
                return result
            except ConflictError:
                if pause is None:
                    raise
            time.sleep(pause)

    async def arun_transaction(self, fn: Callable[[Transaction], Any], *, retries: int = 10) -> Any:
        """``run_transaction`` without blocking; ``fn`` may be a coroutine function."""
        check_function(fn, "takes the transaction")
        mode = "concurrent"
        for attempt, pause in enumerate(_pauses(retries)):
            if pause is None and attempt > 0:
                mode = "immediate"
            try:
                async with self.transaction(mode=mode) as tx:
                    result = fn(tx)
                    if inspect.isawaitable(result):
                        result = await result
                return result
            except ConflictError:
                if pause is None:
                    raise
            await asyncio.sleep(pause)

    def atomic(self) -> Atomic:
        """Checks and writes that are one unit, without a transaction:
        ``db.atomic().check(key, version).set(...).incr(...).delete(...).commit()``."""
        return Atomic(self)
