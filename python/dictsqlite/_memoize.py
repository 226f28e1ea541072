"""Values that are computed once: whoever asks for a key meanwhile waits for the same computation."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import hashlib
import inspect
import os
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Callable, Iterator, Optional, TypeVar

from ._options import check_function

__all__ = ["Memoizing", "key_of"]

_F = TypeVar("_F", bound=Callable[..., Any])

#: Stands for a value that no user can give.
_MISSING: Any = object()
#: A longer text of arguments is digested: keys are for looking up, not for storing data.
_LONGEST = 200


class _Abandoned(Exception):
    """The computation ended without a word, as when its loop was closed: somebody else takes over."""


class _Flight:
    """A computation under way."""

    def __init__(self, name: Any) -> None:
        self.name = name
        self.done: Future[None] = Future()
        # From now on a waiter that is cancelled cannot cancel it.
        self.done.set_running_or_notify_cancel()
        self.task: Optional[asyncio.Task[None]] = None
        self.waiters = 0

    def end(self, error: Optional[BaseException] = None) -> None:
        """Tells everybody who waits; only the first end counts."""
        with _lock:
            if _flights.get(self.name) is self:
                del _flights[self.name]
            if self.done.done():
                return
            # Callbacks run in here; none of them takes the lock.
            if error is None:
                self.done.set_result(None)
            else:
                self.done.set_exception(error)

    def is_here(self) -> bool:
        """Whether the loop that computes it runs in this thread."""
        running = asyncio._get_running_loop()
        return running is not None and self.task is not None and self.task.get_loop() is running

    def is_lost(self) -> bool:
        """Whether its loop was closed and left it there."""
        return self.task is not None and self.task.get_loop().is_closed()

    def leave(self) -> None:
        """One fewer waits. The last one cancels a task that nobody waits for."""
        with _lock:
            self.waiters -= 1
            if self.waiters or self.task is None or self.done.done():
                return
            if _flights.get(self.name) is self:
                del _flights[self.name]
        if self.is_here():
            self.task.cancel()
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self.task.get_loop().call_soon_threadsafe(self.task.cancel)


#: The computations of this process, by store, table and key.
_flights: dict[Any, _Flight] = {}
_lock = threading.RLock()  # a collection of garbage in here may end a computation
#: What this thread or task is computing, to tell a computation that asks for itself.
_computing: contextvars.ContextVar[frozenset[_Flight]] = contextvars.ContextVar("_computing", default=frozenset())


def _forget() -> None:
    """In the child of a fork nobody is computing."""
    global _lock
    _lock = threading.RLock()
    _flights.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _join(name: Any) -> tuple[_Flight, bool]:
    """The computation of a key, and whether it is the caller's to do."""
    while True:
        with _lock:
            flight = _flights.get(name)
            mine = flight is None
            if flight is None:
                flight = _flights[name] = _Flight(name)
            if not flight.is_lost():
                if flight in _computing.get():
                    raise RuntimeError(f"the computation of {name[2]!r} asks for its own result")
                flight.waiters += 1
                return flight, mine
        flight.end(_Abandoned())


@contextlib.contextmanager
def _flying(flight: _Flight) -> Iterator[None]:
    """Tells everybody who waits how the block ended."""
    token = _computing.set(_computing.get() | {flight})
    error: Optional[BaseException] = None
    try:
        yield
    except Exception as caught:
        error = caught
    except BaseException:
        # A cancellation, the end of a loop, Ctrl-C: the caller's own, and nobody else's.
        error = _Abandoned()
        raise
    finally:
        with contextlib.suppress(ValueError):  # the end of a loop may come from another context
            _computing.reset(token)
        flight.end(error)


class Memoizing:
    """What a dict has to keep results of functions in it."""

    if TYPE_CHECKING:  # native

        def _identity(self) -> Any: ...
        def aget(self, key: Any, default: Any) -> Any: ...
        def asetdefault(self, key: Any, default: Any, *, ttl: Any) -> Any: ...
        def get(self, key: Any, default: Any) -> Any: ...
        def setdefault(self, key: Any, default: Any, *, ttl: Any) -> Any: ...

    def get_or_compute(self, key: Any, fn: Callable[[], Any], *, ttl: Any = None) -> Any:
        """The value of ``key``; when there is none, ``fn()``, which is stored.

        Of all threads and tasks of the process that ask meanwhile, one computes and the others wait
        for it. An error goes to all of them and is not stored. A value that somebody else stored
        meanwhile stays, and is what everybody gets.
        """
        check_function(fn, "computes the value")
        while True:
            value = self.get(key, _MISSING)
            if value is not _MISSING:
                return value
            flight, mine = _join((*self._identity(), key))
            try:
                if mine:
                    with _flying(flight):
                        value = fn()
                        if inspect.isawaitable(value):
                            _close(value)
                            raise TypeError("fn gave an awaitable; use aget_or_compute")
                        self.setdefault(key, value, ttl=ttl)
                elif flight.is_here():
                    raise RuntimeError(
                        f"a task of this thread's event loop computes {key!r}, and cannot go on while"
                        " the loop is blocked; await aget_or_compute instead"
                    )
                flight.done.result()
            except _Abandoned:
                continue
            finally:
                flight.leave()
            # Everybody gets a copy of what is stored; computed again only if it is gone already.
            found = self.get(key, _MISSING)
            if found is not _MISSING or mine:
                return value if found is _MISSING else found

    async def aget_or_compute(self, key: Any, fn: Callable[[], Any], *, ttl: Any = None) -> Any:
        """``get_or_compute`` without blocking; ``fn`` may be an ``async def``.

        The computation is a task of its own: a waiter that is cancelled does not disturb the
        others, and with the last of them it is cancelled as well.
        """
        check_function(fn, "computes the value")
        while True:
            value = await self.aget(key, _MISSING)
            if value is not _MISSING:
                return value
            flight, mine = _join((*self._identity(), key))
            computed: list[Any] = []
            try:
                if mine:
                    computing = self._compute(flight, key, fn, ttl, computed)
                    flight.task = asyncio.get_running_loop().create_task(computing)
                    # It may be cancelled before its first step.
                    flight.task.add_done_callback(lambda _: flight.end(_Abandoned()))
                await asyncio.wrap_future(flight.done)
            except _Abandoned:
                continue
            finally:
                flight.leave()
            found = await self.aget(key, _MISSING)
            if found is not _MISSING or computed:
                return computed[0] if found is _MISSING else found

    async def _compute(
        self, flight: _Flight, key: Any, fn: Callable[[], Any], ttl: Any, computed: list[Any]
    ) -> None:
        with _flying(flight):
            value = fn()
            if inspect.isawaitable(value):
                value = await value
            await self.asetdefault(key, value, ttl=ttl)
            computed.append(value)

    def memoize(self, ttl: Any = None, *, key: Optional[Callable[..., Any]] = None) -> Callable[[_F], _F]:
        """A decorator that keeps a function's results in this dict, for ``ttl`` seconds.

        For functions and for ``async def``; calls with the same arguments that come together share
        one computation. Arguments are ``None``, numbers, ``str``, ``bytes`` or tuples of these;
        for others ``key`` makes the dict's key from them. ``f.key(...)`` is the key of a call, and
        ``f.__wrapped__`` the function itself.
        """

        if callable(ttl):
            raise TypeError("write @db.memoize(), with parentheses")

        def decorate(fn: _F) -> _F:
            make = key or functools.partial(key_of, f"{fn.__module__}.{fn.__qualname__}")
            wrapper: Any
            if inspect.iscoroutinefunction(fn):

                @functools.wraps(fn)
                async def wrapper(*args: Any, **kwargs: Any) -> Any:
                    call = functools.partial(fn, *args, **kwargs)
                    return await self.aget_or_compute(make(*args, **kwargs), call, ttl=ttl)

            else:

                @functools.wraps(fn)
                def wrapper(*args: Any, **kwargs: Any) -> Any:
                    call = functools.partial(fn, *args, **kwargs)
                    return self.get_or_compute(make(*args, **kwargs), call, ttl=ttl)

            wrapper.key = make
            return wrapper  # type: ignore[no-any-return]

        return decorate


def key_of(name: str, *args: Any, **kwargs: Any) -> tuple[str, str]:
    """The key of a call: the function's name, and its arguments as text."""
    for value in (*args, *kwargs.values()):
        _check(value)
    said = ", ".join([*map(repr, args), *(f"{k}={v!r}" for k, v in sorted(kwargs.items()))])
    if len(said) > _LONGEST:
        said = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
    return name, said


def _check(value: Any) -> None:
    """Refuses an argument whose text may not say all of it."""
    if type(value) is tuple:
        for item in value:
            _check(item)
    elif value is not None and type(value) not in (bool, int, float, complex, str, bytes):
        raise TypeError(f"no key is known for an argument of type {type(value).__name__}; give memoize a key=")


def _close(awaitable: Any) -> None:
    with contextlib.suppress(AttributeError):
        awaitable.close()
