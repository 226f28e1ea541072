"""The futures that operations which must wait resolve to."""

from __future__ import annotations

import asyncio
from typing import Any, Generator, Optional

__all__ = ["Result", "make"]


class Result(asyncio.Future):  # type: ignore[type-arg]
    """A future that is a coroutine as well, so that everything in asyncio takes it.

    ``create_task`` and ``TaskGroup`` ask for ``send``, ``throw`` and ``close``; ``gather``,
    ``wait_for`` and ``shield`` take any future.
    """

    _steps: Optional[Generator[Any, None, Any]] = None

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


def make(loop: asyncio.AbstractEventLoop) -> Result:
    """A pending result of ``loop``."""
    return Result(loop=loop)
