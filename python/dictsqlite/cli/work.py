"""Work that Ctrl-C must be able to leave."""

from __future__ import annotations

import threading
from typing import Any, Callable, List, TypeVar

__all__ = ["waited_for"]

_T = TypeVar("_T")


def waited_for(work: Callable[[], _T]) -> _T:
    """Runs work that only reads on a thread of its own: a signal is handled at once, and the end of the
    process does not wait for it."""
    results: List[Any] = []
    failures: List[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=run, name="dictsqlite-look", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.05)
    if failures:
        raise failures[0]
    result: _T = results[0]
    return result
