"""The dict for asyncio: the awaitable names of everything, and opening without blocking."""

from __future__ import annotations

import asyncio
import os
from typing import Any, Generator, Optional, Union

from ._dict import DictSQLite
from ._options import given

__all__ = ["AsyncDictSQLite", "open_here"]


class AsyncDictSQLite(DictSQLite):
    """A persistent dict for asyncio.

    For every blocking method ``m`` there is an awaitable ``am`` (``aget``, ``aset``, ``abatch_get``
    ...); the blocking ones work on the same object. What memory can answer is done when the call
    returns; nothing ever blocks the event loop. Inside a running loop the file is opened by the first
    thing that is awaited (``await db``, ``async with db``, or any operation); outside of one, at once.

    Options as for :class:`DictSQLite`, with ``capacity`` for ``hot_capacity`` and ``lazy`` as the
    default ``persist_mode``.
    """

    def __init__(
        self,
        db_path: Union[str, "os.PathLike[str]"],
        capacity: int = 1_000_000,
        persist_mode: str = "lazy",
        storage_mode: str = "pickle",
        table_name: str = "main",
        buffer_size: int = 100,
        **options: Any,
    ) -> None:
        if capacity != 1_000_000 and "hot_capacity" in options:
            raise TypeError("option 'hot_capacity' is given twice: 'capacity' is the same")
        options.setdefault("hot_capacity", capacity)
        named = {
            **options,
            "persist_mode": persist_mode,
            "storage_mode": storage_mode,
            "table_name": table_name,
            "buffer_size": buffer_size,
        }
        _open(self, db_path, given((), named))


async def _opened(db: AsyncDictSQLite) -> AsyncDictSQLite:
    # Another task, or a blocking call, may have opened it since the method was looked up.
    if isinstance(db, _Unopened):
        await db._open_soon()
    return db


def _open(db: AsyncDictSQLite, path: Any, options: dict[str, Any]) -> None:
    """Opens at once, or, inside a running loop, with the first thing that is awaited."""
    vars(db)["_given"] = options
    if asyncio._get_running_loop() is None:
        db._open(path, options)
        return
    vars(db)["_unopened"] = (path, options)
    db.__class__ = _Unopened


def open_here(path: Any, options: dict[str, Any]) -> AsyncDictSQLite:
    """What ``dictsqlite.open`` gives inside a running loop."""
    db = AsyncDictSQLite.__new__(AsyncDictSQLite)
    _open(db, path, options)
    return db


class _Unopened(AsyncDictSQLite):
    """A handle that is not open yet. Whatever is asked of it opens it first: without blocking for
    what is awaited, at once for what is not. Then it is an ordinary ``AsyncDictSQLite``."""

    _opening: Optional[asyncio.Future[None]] = None

    def __await__(self) -> Generator[Any, None, AsyncDictSQLite]:
        return _opened(self).__await__()

    async def __aenter__(self) -> AsyncDictSQLite:
        return await self

    async def _open_soon(self) -> None:
        """Opens it on another thread. Tasks that come meanwhile wait for the same opening."""
        while isinstance(self, _Unopened):
            opening, running = self._opening, asyncio.get_running_loop()
            if opening is None or opening.done() or opening.get_loop() is not running:
                self._opening = opening = self._aopen(*vars(self)["_unopened"])
            try:
                # A task that is cancelled leaves the opening to the others.
                await asyncio.shield(opening)
            except Exception:
                if isinstance(self, _Unopened):
                    raise
            if isinstance(self, _Unopened):  # and no other task was quicker
                self._become()

    def _open_now(self) -> None:
        DictSQLite._open(self, *vars(self)["_unopened"])
        self._become()

    def _become(self) -> None:
        self.__class__ = AsyncDictSQLite
        vars(self).pop("_unopened", None)

    def __repr__(self) -> str:
        return f"<AsyncDictSQLite {os.fspath(vars(self)['_unopened'][0])!r} not open yet>"

    async def aclose(self) -> None:
        await (await _opened(self)).aclose()

    def close(self) -> None:
        self._open_now()
        self.close()

    def __enter__(self) -> AsyncDictSQLite:
        self._open_now()
        return self


def _awaited(name: str) -> Any:
    async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        await _opened(self)
        return await getattr(self, name)(*args, **kwargs)

    # Python names it when it was never awaited.
    method.__name__, method.__qualname__ = name, f"AsyncDictSQLite.{name}"
    return method


class _Scan:
    """A scan of a handle that may not be open yet; it begins when it is first asked."""

    def __init__(self, db: Any, name: str, args: Any, kwargs: Any) -> None:
        self._begin = (db, name, args, kwargs)
        self._scan: Any = None

    def __aiter__(self) -> _Scan:
        return self

    async def __anext__(self) -> Any:
        if self._scan is None:
            db, name, args, kwargs = self._begin
            self._scan = getattr(await _opened(db), name)(*args, **kwargs)
        return await self._scan.__anext__()

    async def aclose(self) -> None:
        if self._scan is not None:
            await self._scan.aclose()

    @property
    def cursor(self) -> Optional[str]:
        # Before it has begun it is where it was to begin: nowhere, or at another's place.
        return self._begin[3].get("cursor") if self._scan is None else self._scan.cursor


def _iterated(name: str) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _Scan(self, name, args, kwargs)

    return method


def _immediate(name: str) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._open_now()
        return getattr(self, name)(*args, **kwargs)

    return method


def _complete() -> None:
    """Gives ``_Unopened`` every name of the dict that needs an open one."""
    special = "iter reversed eq or ror ior getitem setitem delitem contains len".split()
    names = {f"__{name}__" for name in special}
    names |= {name for name in dir(AsyncDictSQLite) if not name.startswith("_")}
    names -= vars(_Unopened).keys() | {"closed", "get_async", "set_async", "memoize", "aopen_value"}
    # These open it when they begin.
    names -= {"atomic", "transaction"}
    for name in names:
        member = getattr(AsyncDictSQLite, name)
        if name in ("akeys", "avalues", "aitems"):
            method = _iterated(name)
        elif name.startswith("a") and hasattr(AsyncDictSQLite, name[1:]):
            method = _awaited(name)
        elif callable(member):
            method = _immediate(name)
        else:
            method = property(lambda self, name=name: _immediate("__getattribute__")(self, name))
        setattr(_Unopened, name, method)


_complete()
