"""Transactions. Docstrings are in the module itself."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Literal, Optional, TypeVar, Union, overload

from typing_extensions import Self, TypeAlias

from ._dict import DictSQLite, Key
from ._dictsqlite import Transaction as _Transaction
from ._entry import Entry
from ._views import ItemsView, KeysView, ValuesView
from .modes import Order, StorageMode

__all__ = ["Atomic", "Savepoint", "Transacting", "Transaction"]

_D = TypeVar("_D")
_R = TypeVar("_R")
_Seconds: TypeAlias = Union[float, timedelta, None]
_Items: TypeAlias = Union[Mapping[Any, Any], Iterable[tuple[Any, Any]]]

class Savepoint:
    def __init__(self, tx: Transaction) -> None: ...
    def rollback(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None: ...

class Transaction(_Transaction, MutableMapping[Key, Any]):  # pyright: ignore[reportIncompatibleMethodOverride]
    __hash__: None  # type: ignore[assignment]

    def __init__(self, db: DictSQLite, options: dict[str, Any]) -> None: ...
    def begin(self) -> Self: ...
    async def abegin(self) -> Self: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None: ...
    def savepoint(self) -> Savepoint: ...
    def table(self, name: str, storage_mode: Optional[StorageMode] = None) -> Self: ...
    async def atable(self, name: str, storage_mode: Optional[StorageMode] = None) -> Self: ...
    def __iter__(self) -> Iterator[Key]: ...
    def __reversed__(self) -> Iterator[Key]: ...
    def __aiter__(self) -> AsyncIterator[Key]: ...
    def keys(
        self,
        *,
        prefix: Optional[Key] = None,
        start: Optional[Key] = None,
        end: Optional[Key] = None,
        reverse: bool = False,
        limit: Optional[int] = None,
        order: Optional[Order] = None,
        consistent: bool = False,
    ) -> KeysView: ...
    def values(
        self,
        *,
        prefix: Optional[Key] = None,
        start: Optional[Key] = None,
        end: Optional[Key] = None,
        reverse: bool = False,
        limit: Optional[int] = None,
        order: Optional[Order] = None,
        consistent: bool = False,
    ) -> ValuesView: ...
    def items(
        self,
        *,
        prefix: Optional[Key] = None,
        start: Optional[Key] = None,
        end: Optional[Key] = None,
        reverse: bool = False,
        limit: Optional[int] = None,
        order: Optional[Order] = None,
        consistent: bool = False,
    ) -> ItemsView: ...
    def akeys(
        self,
        *,
        prefix: Optional[Key] = None,
        start: Optional[Key] = None,
        end: Optional[Key] = None,
        reverse: bool = False,
        limit: Optional[int] = None,
        order: Optional[Order] = None,
        consistent: bool = False,
    ) -> AsyncIterator[Key]: ...
    def avalues(
        self,
        *,
        prefix: Optional[Key] = None,
        start: Optional[Key] = None,
        end: Optional[Key] = None,
        reverse: bool = False,
        limit: Optional[int] = None,
        order: Optional[Order] = None,
        consistent: bool = False,
    ) -> AsyncIterator[Any]: ...
    def aitems(
        self,
        *,
        prefix: Optional[Key] = None,
        start: Optional[Key] = None,
        end: Optional[Key] = None,
        reverse: bool = False,
        limit: Optional[int] = None,
        order: Optional[Order] = None,
        consistent: bool = False,
    ) -> AsyncIterator[tuple[Key, Any]]: ...
    @overload
    def pop(self, key: Key) -> Any: ...
    @overload
    def pop(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, key: Key, default: _D
    ) -> Union[Any, _D]: ...
    def popitem(self, last: bool = True) -> tuple[Key, Any]: ...
    async def apopitem(self, last: bool = True) -> tuple[Key, Any]: ...
    def update(  # type: ignore[override]
        self, other: _Items = (), /, **kwargs: Any
    ) -> None: ...
    def aupdate(self, other: _Items = (), /, **kwargs: Any) -> Awaitable[None]: ...
    def contains(self, key: Key) -> bool: ...
    def len(self) -> int: ...
    def entry(self, key: Key) -> Optional[Entry]: ...
    def __eq__(self, other: object) -> bool: ...

class Atomic:
    def __init__(self, db: DictSQLite) -> None: ...
    def check(self, key: Key, version: int) -> Self: ...
    def set(self, key: Key, value: Any, *, ttl: _Seconds = None) -> Self: ...
    def incr(self, key: Key, delta: int = 1) -> Self: ...
    def delete(self, key: Key) -> Self: ...
    def commit(self) -> int: ...
    async def acommit(self) -> int: ...

class Transacting:
    def transaction(
        self,
        *,
        mode: Literal["concurrent", "immediate", "read"] = "concurrent",
        isolation: Literal["serializable", "snapshot"] = "serializable",
        timeout: _Seconds = None,
        max_hold: _Seconds = None,
    ) -> Transaction: ...
    def run_transaction(self, fn: Callable[[Transaction], _R], *, retries: int = 10) -> _R: ...
    @overload
    async def arun_transaction(
        self, fn: Callable[[Transaction], Awaitable[_R]], *, retries: int = 10
    ) -> _R: ...
    @overload
    async def arun_transaction(self, fn: Callable[[Transaction], _R], *, retries: int = 10) -> _R: ...
    def atomic(self) -> Atomic: ...
