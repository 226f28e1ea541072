"""Lazy views of a dict: they read a page at a time and hold nothing between pages."""

import collections.abc
from collections.abc import Iterator
from typing import Any

from ._dict import DictSQLite, Key

__all__ = ["ItemsView", "KeysView", "ValuesView"]

class KeysView(collections.abc.KeysView[Key]):
    """The keys; a set-like view."""

    def __init__(self, db: DictSQLite, options: dict[str, Any]) -> None: ...
    def __reversed__(self) -> Iterator[Key]: ...

class ItemsView(collections.abc.ItemsView[Key, Any]):
    """The `(key, value)` pairs; a set-like view."""

    def __init__(self, db: DictSQLite, options: dict[str, Any]) -> None: ...
    def __reversed__(self) -> Iterator[tuple[Key, Any]]: ...

class ValuesView(collections.abc.ValuesView[Any]):
    """The values."""

    def __init__(self, db: DictSQLite, options: dict[str, Any]) -> None: ...
    def __reversed__(self) -> Iterator[Any]: ...
