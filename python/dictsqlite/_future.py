"""The futures that operations which must wait resolve to."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Generator, Optional

__all__ = ["Result", "begun", "make", "never_retrieved"]


class Result(asyncio.Future):  # type: ignore[type-arg]
    """A future that is a coroutine as well, so that everything in asyncio takes it.

    ``create_task`` and ``TaskGroup`` ask for ``send``, ``throw`` and ``close``; ``gather``,
    ``wait_for`` and ``shield`` take any future. Cancelled, it withdraws its operation if that was not
    accepted yet.
    """

    # Without a dict of its own it is made in three quarters of the time.
    __slots__ = ("_hub", "_steps", "_token")

    _hub: Any
    _token: int
    _steps: Optional[Generator[Any, None, Any]]

    def cancel(self, *args: Any, **kwargs: Any) -> bool:
        cancelled = super().cancel(*args, **kwargs)
        if cancelled:
            self._hub._withdraw(self._token)
        return cancelled

    def send(self, value: Any) -> Any:
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps.send(value)

    def throw(self, *args: Any) -> Any:
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps.throw(*args)

    def close(self) -> None:
        if self._steps is not None:
            self._steps.close()


def make(loop: asyncio.AbstractEventLoop, hub: Any, token: int) -> Result:
    """A pending result of ``loop``, known to its hub by the token."""
    result = Result(loop=loop)
    result._hub = hub
    result._token = token
    result._steps = None
    return result


async def begun(operation: Any) -> Any:
    """Awaits an operation that was begun where no loop was running."""
    return await operation._attach()


def never_retrieved(error: BaseException) -> None:
    """Says that an operation failed and nobody awaited it, as asyncio says it of its futures."""
    message = "an operation failed and was never awaited"
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        logging.getLogger("dictsqlite").error(message, exc_info=error)
    else:
        loop.call_exception_handler({"message": message, "exception": error})
