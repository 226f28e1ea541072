"""Lazy views of a dict: they read a page at a time and hold nothing between pages."""

import collections.abc
from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

from ._dict import DictSQLite, Key

_T_co = TypeVar("_T_co", covariant=True)

__all__ = ["ItemsView", "KeysView", "ValuesView"]

class _Scan(Iterator[_T_co], Protocol[_T_co]):
    @property
    def cursor(self) -> str:
        """Where the scan is: a view with the same options and this `cursor` gives the rest."""

    def close(self) -> None: ...

class KeysView(collections.abc.KeysView[Key]):
    """The keys; a set-like view."""

    def __init__(self, db: DictSQLite, options: dict[str, Any]) -> None: ...
    def __iter__(self) -> _Scan[Key]: ...
    def __reversed__(self) -> Iterator[Key]: ...

class ItemsView(collections.abc.ItemsView[Key, Any]):
    """The `(key, value)` pairs; a set-like view."""

    def __init__(self, db: DictSQLite, options: dict[str, Any]) -> None: ...
    def __iter__(self) -> _Scan[tuple[Key, Any]]: ...
    def __reversed__(self) -> Iterator[tuple[Key, Any]]: ...

class ValuesView(collections.abc.ValuesView[Any]):
    """The values."""

    def __init__(self, db: DictSQLite, options: dict[str, Any]) -> None: ...
    def __iter__(self) -> _Scan[Any]: ...
    def __reversed__(self) -> Iterator[Any]: ...
