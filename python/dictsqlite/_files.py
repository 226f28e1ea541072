"""Work on whole files, awaited: with progress told on the loop's thread, and cancelled with the task."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Callable, Iterable, Optional, Union

from ._dictsqlite import Progress, _arestore, restore

__all__ = ["Files", "arestore", "restore"]

_Path = Union[str, "os.PathLike[str]"]
_Watch = Optional[Callable[[int, int], Any]]

#: Seconds between two looks at how far an operation is.
_PAUSE = 0.05


async def _end_or_pause(operation: Any, pause: Optional[float]) -> None:
    """Waits until the operation has ended, or for so many seconds."""
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()

    def wake(_: Any = None) -> None:
        if not waiter.done():
            waiter.set_result(None)

    operation.add_done_callback(wake)
    timer = None if pause is None else loop.call_later(pause, wake)
    try:
        await waiter
    finally:
        operation.remove_done_callback(wake)
        if timer is not None:
            timer.cancel()


def _too_late(raised: Exception) -> None:
    """Shows what the callback raised when its operation was done: the result stands."""
    message = "progress raised when it was too late to cancel"
    asyncio.get_running_loop().call_exception_handler({"message": message, "exception": raised})


async def page_within(stream: Any, timeout: float) -> Any:
    """``apage`` of a stream of changes; an empty list when so many seconds have passed."""
    page = asyncio.ensure_future(stream.apage())
    try:
        if not page.done():
            await _end_or_pause(page, timeout)
        # However short the time, it is looked once.
        while not page.done() and stream._looks():
            await _end_or_pause(page, 0.002)
        return page.result() if page.done() else []
    finally:
        page.cancel()


async def _followed(begin: Callable[..., Any], progress: _Watch, *args: Any) -> Any:
    """Awaits an operation that `begin` starts on another thread.

    When the task is cancelled, or the callback raises, the operation is cancelled, and its end awaited:
    then nothing is left of it. When it was too late for the callback to cancel, the result stands.
    """
    if progress is not None and not callable(progress):
        raise TypeError("progress is a function that takes what is done and the total")
    state = Progress()
    operation = begin(state, *args)
    try:
        seen = None
        while not operation.done():
            if progress is not None and seen != (state.done, state.total):
                seen = (state.done, state.total)
                progress(*seen)
            await _end_or_pause(operation, None if progress is None else _PAUSE)
    except BaseException as raised:
        state.cancel()
        while not operation.done():
            try:
                await _end_or_pause(operation, None)
            except asyncio.CancelledError:
                pass  # it is ending already
        # Looked at in any case, since nobody awaits it.
        succeeded = not operation.cancelled() and operation.exception() is None
        if succeeded and isinstance(raised, Exception):
            _too_late(raised)
            return operation.result()
        raise
    result = operation.result()
    if progress is not None:
        try:
            progress(state.done, state.total)
        except Exception as raised:
            _too_late(raised)
    return result


class Files:
    """What a dict has for whole files beyond the native blocking methods."""

    if TYPE_CHECKING:  # native

        def _abackup(self, progress: Progress, *args: Any) -> Any: ...
        def _aexport(self, progress: Progress, *args: Any) -> Any: ...
        def _aimport(self, progress: Progress, *args: Any) -> Any: ...
        def _aintegrity_check(self, progress: Progress) -> Any: ...
        def _avacuum(self, progress: Progress) -> Any: ...
        def _awarm(self, progress: Progress, *args: Any) -> Any: ...

    async def abackup(self, dest: _Path, *, overwrite: bool = False, progress: _Watch = None) -> int:
        """``backup`` without blocking."""
        done: int = await _followed(self._abackup, progress, dest, overwrite)
        return done

    async def aexport(
        self,
        dest: _Path,
        *,
        format: str = "jsonl",
        tables: Optional[Iterable[str]] = None,
        all_tables: bool = False,
        prefix: Any = None,
        overwrite: bool = False,
        progress: _Watch = None,
    ) -> int:
        """``export`` without blocking."""
        args = (dest, format, tables, all_tables, prefix, overwrite)
        done: int = await _followed(self._aexport, progress, *args)
        return done

    async def aimport_(
        self,
        source: _Path,
        *,
        tables: Optional[Iterable[str]] = None,
        on_conflict: str = "replace",
        progress: _Watch = None,
    ) -> dict[str, int]:
        """``import_`` without blocking."""
        done: dict[str, int] = await _followed(self._aimport, progress, source, tables, on_conflict)
        return done

    async def awarm(self, *, prefix: Any = None, progress: _Watch = None) -> tuple[int, int]:
        """``warm`` without blocking."""
        done: tuple[int, int] = await _followed(self._awarm, progress, prefix)
        return done

    async def avacuum(self) -> tuple[int, int]:
        """``vacuum`` without blocking."""
        done: tuple[int, int] = await _followed(self._avacuum, None)
        return done

    async def aintegrity_check(self) -> list[str]:
        """``integrity_check`` without blocking."""
        done: list[str] = await _followed(self._aintegrity_check, None)
        return done


async def arestore(
    source: _Path,
    path: _Path,
    *,
    overwrite: bool = False,
    timeout: float = 30.0,
    progress: _Watch = None,
) -> int:
    """``restore`` without blocking."""
    done: int = await _followed(_arestore, progress, source, path, overwrite, timeout)
    return done
