"""Many operations sent together, and waited for once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ._dictsqlite import Pipeline as _Pipeline

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Pipeline"]


class Pipeline(_Pipeline):
    """Operations of one dict that are gathered, then done in their order: ``db.pipeline()``.

    ``get``, ``set``, ``delete``, ``pop``, ``setdefault``, ``incr`` and ``expire`` take what they take on the
    dict and give the pipeline, so that calls can be chained. ``execute()``, or leaving the ``with`` block, does
    all of them: each sees what those before it did, they share commits as far as possible, and the caller waits
    once. They are no unit: others may come between, and one that fails leaves the others as they are.

    The results are in the order of the operations: the value (or the default) of ``get``, ``pop`` and
    ``setdefault``, the version of ``set``, whether the key was there of ``delete`` and ``expire``, the sum of
    ``incr``. When the block is left by an exception, nothing is done.
    """

    def __init__(self, db: Any) -> None:
        #: The results, once it was executed.
        self.results: Optional[list[Any]] = None

    def execute(self, *, return_exceptions: bool = False) -> list[Any]:
        """Does what was gathered and gives the results. Afterwards the pipeline is empty.

        The first error is raised when all is done; with ``return_exceptions`` errors are results.
        """
        return self._take(self._execute(), return_exceptions)

    async def aexecute(self, *, return_exceptions: bool = False) -> list[Any]:
        """``execute`` without blocking."""
        return self._take(await self._aexecute(), return_exceptions)

    def _take(self, done: Any, return_exceptions: bool) -> list[Any]:
        results: list[Any]
        results, failed = done
        self.results = results
        if failed and not return_exceptions:
            raise results[failed[0]]
        return results

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Optional[type[BaseException]], *exc: object) -> None:
        if kind is None:
            self.execute()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: Optional[type[BaseException]], *exc: object) -> None:
        if kind is None:
            await self.aexecute()
