"""The awaitable names that are made in Python. Docstrings are in the module itself."""

from collections.abc import AsyncIterator, Coroutine, Generator, Iterable, Mapping
from typing import Any, Optional, Protocol, TypeVar, Union

from typing_extensions import Self, TypeAlias

from ._dict import Key
from .modes import Order, StorageMode

__all__ = ["Awaitables"]

_Items: TypeAlias = Union[Mapping[Any, Any], Iterable[tuple[Any, Any]]]

_T_co = TypeVar("_T_co", covariant=True)

class _AsyncScan(AsyncIterator[_T_co], Protocol[_T_co]):
    @property
    def cursor(self) -> Optional[str]:
        """Where the scan is: the same view with this `cursor` gives the rest."""

    async def aclose(self) -> None: ...

class Awaitables:
    def __await__(self) -> Generator[Any, None, Self]: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exc: object) -> None: ...
    def __aiter__(self) -> AsyncIterator[Key]: ...
    def aupdate(self, other: _Items = (), /, **kwargs: Any) -> Coroutine[Any, Any, None]: ...
    def abulk_insert(self, items: _Items) -> Coroutine[Any, Any, None]: ...
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
        cursor: Optional[str] = None,
    ) -> _AsyncScan[Key]: ...
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
        cursor: Optional[str] = None,
    ) -> _AsyncScan[Any]: ...
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
        cursor: Optional[str] = None,
    ) -> _AsyncScan[tuple[Key, Any]]: ...
    async def atable(
        self, name: str, storage_mode: Optional[StorageMode] = None, *, changes: Optional[bool] = None
    ) -> Self: ...
    def get_async(self, key: Key, default: Any = None) -> Coroutine[Any, Any, Any]: ...
    def set_async(self, key: Key, value: Any) -> Coroutine[Any, Any, Optional[int]]: ...
