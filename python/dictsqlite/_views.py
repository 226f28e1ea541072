"""Lazy views of a dict: they read a page at a time and hold nothing between pages."""

from __future__ import annotations

import collections.abc
from typing import TYPE_CHECKING, Any, Iterator, Tuple

from .errors import KeyTypeError

if TYPE_CHECKING:
    from ._dict import DictSQLite

__all__ = ["ItemsView", "KeysView", "ValuesView"]


class _View:
    """What the three views share: a dict, and which part of it in which order."""

    _what = "items"

    def __init__(self, db: DictSQLite, options: dict[str, Any]) -> None:
        self._db = db
        self._options = {name: value for name, value in options.items() if value}
        # Absent and falsy differ for bounds: 0 and "" are keys.
        for name in ("prefix", "start", "end", "limit", "cursor"):
            if options.get(name) is not None:
                self._options[name] = options[name]

    def _whole(self) -> bool:
        return not (self._options.keys() & {"prefix", "start", "end", "limit", "cursor"})

    def __len__(self) -> int:
        if self._whole():
            return len(self._db)
        return sum(1 for _ in self._db._scan("keys", **self._options))

    def __iter__(self) -> Iterator[Any]:
        return self._db._scan(self._what, **self._options)

    def __reversed__(self) -> Iterator[Any]:
        if self._options.keys() & {"limit", "cursor"}:
            return reversed(list(self))
        options = {**self._options, "reverse": not self._options.get("reverse", False)}
        return self._db._scan(self._what, **options)

    def __repr__(self) -> str:
        return f"<{self._what} of {self._db!r}>"


class KeysView(_View, collections.abc.KeysView):  # type: ignore[type-arg]
    """The keys; a set-like view."""

    _what = "keys"

    def __contains__(self, key: object) -> bool:
        if not self._whole():
            return any(key == mine for mine in self)
        # Sets are compared with views, and theirs may hold what can be no key.
        try:
            return key in self._db
        except KeyTypeError:
            return False


class ItemsView(_View, collections.abc.ItemsView):  # type: ignore[type-arg]
    """The ``(key, value)`` pairs; a set-like view."""

    _what = "items"

    def __contains__(self, item: object) -> bool:
        if not (isinstance(item, tuple) and len(item) == 2):
            return False
        if not self._whole():
            return any(item == mine for mine in self)
        missing = object()
        try:
            value: Any = self._db.get(item[0], missing)
        except KeyTypeError:
            return False
        return value is not missing and bool(value is item[1] or value == item[1])

    @classmethod
    def _from_iterable(cls, it: Any) -> set[Tuple[Any, Any]]:
        return set(it)


class ValuesView(_View, collections.abc.ValuesView):  # type: ignore[type-arg]
    """The values."""

    _what = "values"

    def __contains__(self, value: object) -> bool:
        return any(mine is value or mine == value for mine in self)
