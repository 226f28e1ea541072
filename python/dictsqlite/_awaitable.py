"""The awaitable names that are made in Python; most are native."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, AsyncIterator, Generator, Optional

from ._options import scan_options, selection

__all__ = ["Awaitables"]


class Awaitables:
    """What a dict has for asyncio beyond the native ``am`` of each blocking ``m``."""

    if TYPE_CHECKING:  # native

        def _ascan(self, what: str, **options: Any) -> Any: ...
        def _aattach(
            self, other: Any, name: str, storage: Optional[str], changes: Optional[bool]
        ) -> Any: ...
        def abatch_set(self, items: Any) -> Any: ...
        def aclose(self) -> Any: ...
        def aget(self, key: Any, default: Any) -> Any: ...
        def aset(self, key: Any, value: Any) -> Any: ...

    def __await__(self) -> Generator[Any, None, Any]:
        """An open handle is itself when awaited; see ``dictsqlite.open``."""
        return self
        yield  # makes this a generator function, which ends at once

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def aupdate(self, other: Any = (), /, **kwargs: Any) -> Any:
        """``update`` without blocking: many keys as one unit."""
        return self.abatch_set({**dict(other), **kwargs} if kwargs else other)

    def abulk_insert(self, items: Any) -> Any:
        """The same as :meth:`abatch_set`."""
        return self.abatch_set(items)

    def akeys(self, **options: Any) -> AsyncIterator[Any]:
        """The keys, for ``async for``; options as for :meth:`DictSQLite.keys`."""
        return self._ascan("keys", **scan_options(options))

    def avalues(self, **options: Any) -> AsyncIterator[Any]:
        """The values, for ``async for``; options as for :meth:`DictSQLite.keys`."""
        return self._ascan("values", **scan_options(options))

    def aitems(self, **options: Any) -> AsyncIterator[Any]:
        """The pairs, for ``async for``; options as for :meth:`DictSQLite.keys`."""
        return self._ascan("items", **scan_options(options))

    for _view in (akeys, avalues, aitems):
        _view.__wrapped__ = selection  # type: ignore[attr-defined]
    del _view

    def __aiter__(self) -> AsyncIterator[Any]:
        return self.akeys()

    async def atable(
        self, name: str, storage_mode: Optional[str] = None, *, changes: Optional[bool] = None
    ) -> Any:
        """``table`` without blocking."""
        other = type(self).__new__(type(self))
        await other._aattach(self, name, storage_mode, changes)
        vars(other)["_given"] = vars(self).get("_given", {})
        return other

    def get_async(self, key: Any, default: Any = None) -> Any:
        """Deprecated: :meth:`aget`."""
        warnings.warn("get_async is now aget", DeprecationWarning, stacklevel=2)
        return self.aget(key, default)

    def set_async(self, key: Any, value: Any) -> Any:
        """Deprecated: :meth:`aset`."""
        warnings.warn("set_async is now aset", DeprecationWarning, stacklevel=2)
        return self.aset(key, value)
