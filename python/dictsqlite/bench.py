"""What reading and writing files costs on this machine, one way beside the other.

>>> from dictsqlite import bench
>>> compared = bench.compare_read_performance(iterations=64, size=4096, concurrency=16)
>>> compared.way("pool").micros > 0
True
>>> print(compared.summary())  # doctest: +SKIP
"""

from __future__ import annotations

import asyncio
import json
import operator
import os
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Optional, Tuple, Union

from . import _dictsqlite
from .errors import InvalidError

__all__ = [
    "Comparison",
    "Way",
    "acompare_read_performance",
    "acompare_write_performance",
    "compare_read_performance",
    "compare_write_performance",
]

_Path = Union[str, "os.PathLike[str]"]

#: No number is larger than that.
_MOST = 2**31 - 1


@dataclass(frozen=True)
class Way:
    """The figures of one way to do the work."""

    #: ``blocking`` is one thread, one call after another; ``pool`` a hand-off to a pool of threads for
    #: each operation, ``pool_batch`` one for each group; ``ring`` and ``ring_batch`` are io_uring.
    name: str
    #: Whether the page cache was passed by (``O_DIRECT``).
    direct: bool
    #: Microseconds an operation, in the median round.
    micros: float
    #: The same in the fastest round.
    fastest: float
    #: The same in the slowest round.
    slowest: float
    #: Operations a second, in the median round.
    ops_per_second: float
    #: How many times as fast as ``blocking``.
    speedup: float


@dataclass(frozen=True)
class Comparison:
    """What was measured, how, and what could not be."""

    #: ``"read"`` or ``"write"``.
    operation: str
    #: Operations of a round, for each way.
    iterations: int
    #: Bytes of an operation.
    size: int
    #: Operations under way at a time; of writes, also those that share a sync.
    concurrency: int
    #: Rounds; the figures are of the median one.
    rounds: int
    #: Bytes of the file that was measured on.
    file_bytes: int
    #: The directory it was in.
    directory: str
    #: The ways that were measured.
    ways: Tuple[Way, ...]
    #: The ways that were not, and why.
    skipped: Tuple[str, ...]
    _json: str
    _summary: str

    def way(self, name: str, direct: bool = False) -> Optional[Way]:
        """The figures of one way, or ``None`` if it was not measured."""
        return next((way for way in self.ways if way.name == name and way.direct == direct), None)

    def summary(self) -> str:
        """A table for people."""
        return self._summary

    def to_json(self) -> str:
        """The same figures as a JSON object, its members named as the attributes are."""
        return self._json


def compare_read_performance(
    iterations: int = 6400,
    size: int = 4096,
    concurrency: int = 64,
    *,
    directory: Optional[_Path] = None,
) -> Comparison:
    """Measures random reads of a new file: blocking, by a pool of threads, and by io_uring.

    Every way does ``iterations`` reads of ``size`` bytes a round, ``concurrency`` at a time; the rounds of
    the ways alternate, and the figures are those of the median round. The file is in the page cache; where
    the file system has direct I/O and ``size`` is a multiple of 4096, that is measured too. ``directory``
    says which file system; the default is the directory for temporary files. Raises ``InvalidError`` for
    numbers below 1 or too large, and ``IoError`` or ``FullError`` when the file cannot be made.
    """
    return _compare("read", iterations, size, concurrency, directory)


def compare_write_performance(
    iterations: int = 1600,
    size: int = 4096,
    concurrency: int = 64,
    *,
    directory: Optional[_Path] = None,
) -> Comparison:
    """Measures scattered writes: as reading is measured, each ``concurrency`` of them brought to the disk."""
    return _compare("write", iterations, size, concurrency, directory)


async def acompare_read_performance(
    iterations: int = 6400,
    size: int = 4096,
    concurrency: int = 64,
    *,
    directory: Optional[_Path] = None,
) -> Comparison:
    """:func:`compare_read_performance` on another thread."""
    return await _apart(partial(_compare, "read", iterations, size, concurrency, directory))


async def acompare_write_performance(
    iterations: int = 1600,
    size: int = 4096,
    concurrency: int = 64,
    *,
    directory: Optional[_Path] = None,
) -> Comparison:
    """:func:`compare_write_performance` on another thread."""
    return await _apart(partial(_compare, "write", iterations, size, concurrency, directory))


async def _apart(measure: Callable[[], Comparison]) -> Comparison:
    return await asyncio.get_running_loop().run_in_executor(None, measure)


def _compare(
    operation: str, iterations: int, size: int, concurrency: int, directory: Optional[_Path]
) -> Comparison:
    numbers = {"iterations": iterations, "size": size, "concurrency": concurrency}
    for name, number in numbers.items():
        if not 1 <= operator.index(number) <= _MOST:
            raise InvalidError(f"{name} is {number!r}; it is at least 1 and at most {_MOST}")
    place = None if directory is None else os.fspath(directory)
    text, summary = _dictsqlite._compare(operation, *map(operator.index, numbers.values()), place)
    data: dict[str, Any] = json.loads(text)
    data["ways"] = tuple(Way(**way) for way in data["ways"])
    data["skipped"] = tuple(data["skipped"])
    return Comparison(**data, _json=text, _summary=summary)
