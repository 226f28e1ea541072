"""The dict: what Python adds to the native handle. Docstrings are in the module itself."""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from datetime import timedelta
from os import PathLike
from typing import Any, Optional, TypeVar, Union, overload

from typing_extensions import Self, TypeAlias

from ._awaitable import Awaitables
from ._dictsqlite import Dict as _Dict
from ._entry import Entry
from ._files import Files
from ._memoize import Memoizing
from ._views import ItemsView, KeysView, ValuesView
from .modes import Order, PersistMode, StorageMode

__all__ = ["DictSQLite", "DictSQLiteV4", "Entry", "open"]

#: What a key may be; a tuple holds the others.
Key: TypeAlias = Union[str, int, bytes, tuple[Union[str, int, bytes], ...]]

_D = TypeVar("_D")

class DictSQLite(Awaitables, Files, Memoizing, _Dict, MutableMapping[Key, Any]):  # pyright: ignore[reportIncompatibleMethodOverride]
    __hash__: None  # type: ignore[assignment]

    def __init__(
        self,
        db_path: Union[str, PathLike[str]],
        hot_capacity: int = 1_000_000,
        enable_async: bool = True,
        persist_mode: PersistMode = "writethrough",
        storage_mode: StorageMode = "pickle",
        table_name: str = "main",
        encryption_password: None = None,
        enable_safe_pickle: Optional[bool] = None,
        safe_pickle_allowed_modules: Optional[Iterable[str]] = None,
        buffer_size: int = 100,
        *,
        flush_interval: Union[float, timedelta] = 0.2,
        cache_bytes: int = 268_435_456,
        timeout: Union[float, timedelta] = 30.0,
        read_only: bool = False,
        ttl: Union[float, timedelta, None] = None,
        adopt: bool = False,
        safe_pickle_allowed_names: Optional[Iterable[Union[type, str]]] = None,
        trusted: bool = False,
    ) -> None: ...
    def __iter__(self) -> Iterator[Key]: ...
    def __reversed__(self) -> Iterator[Key]: ...
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
    @overload
    def pop(self, key: Key) -> Any: ...
    @overload
    def pop(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, key: Key, default: _D
    ) -> Union[Any, _D]: ...
    def update(  # type: ignore[override]
        self, other: Union[Mapping[Any, Any], Iterable[tuple[Any, Any]]] = (), /, **kwargs: Any
    ) -> None: ...
    def bulk_insert(self, items: Union[Mapping[Any, Any], Iterable[tuple[Any, Any]]]) -> None: ...
    def contains(self, key: Key) -> bool: ...
    def len(self) -> int: ...
    def entry(self, key: Key) -> Optional[Entry]: ...
    def flush_write_buffer(self) -> None: ...
    def __eq__(self, other: object) -> bool: ...
    def __or__(self, other: Mapping[Any, Any]) -> dict[Any, Any]: ...
    def __ror__(self, other: Mapping[Any, Any]) -> dict[Any, Any]: ...
    def __ior__(self, other: Union[Mapping[Any, Any], Iterable[tuple[Any, Any]]]) -> Self: ...
    def table(self, name: str, storage_mode: Optional[StorageMode] = None) -> Self: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...

DictSQLiteV4 = DictSQLite

def open(
    db_path: Union[str, PathLike[str]],
    hot_capacity: int = 1_000_000,
    enable_async: bool = True,
    persist_mode: PersistMode = "writethrough",
    storage_mode: StorageMode = "pickle",
    table_name: str = "main",
    encryption_password: None = None,
    enable_safe_pickle: Optional[bool] = None,
    safe_pickle_allowed_modules: Optional[Iterable[str]] = None,
    buffer_size: int = 100,
    *,
    flush_interval: Union[float, timedelta] = 0.2,
    cache_bytes: int = 268_435_456,
    timeout: Union[float, timedelta] = 30.0,
    read_only: bool = False,
    ttl: Union[float, timedelta, None] = None,
    adopt: bool = False,
    safe_pickle_allowed_names: Optional[Iterable[Union[type, str]]] = None,
    trusted: bool = False,
) -> DictSQLite: ...
