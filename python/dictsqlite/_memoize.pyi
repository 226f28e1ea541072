"""Values that are computed once. Docstrings are in the module itself."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Generic, Optional, TypeVar, Union

from typing_extensions import ParamSpec, TypeAlias

from ._dict import Key

__all__ = ["Memoizing", "key_of"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_R_co = TypeVar("_R_co", covariant=True)
_Ttl: TypeAlias = Union[float, timedelta, None]

class _Memoized(Generic[_P, _R_co]):
    """A function whose results are kept."""

    __wrapped__: Callable[_P, _R_co]
    def key(self, *args: _P.args, **kwargs: _P.kwargs) -> Any: ...
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R_co: ...

class Memoizing:
    def get_or_compute(self, key: Key, fn: Callable[[], Any], *, ttl: _Ttl = None) -> Any: ...
    async def aget_or_compute(
        self, key: Key, fn: Callable[[], Union[Awaitable[Any], Any]], *, ttl: _Ttl = None
    ) -> Any: ...
    def memoize(
        self, ttl: _Ttl = None, *, key: Optional[Callable[..., Key]] = None
    ) -> Callable[[Callable[_P, _R]], _Memoized[_P, _R]]: ...

def key_of(name: str, *args: Any, **kwargs: Any) -> tuple[str, str]: ...
