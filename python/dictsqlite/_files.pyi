"""Work on whole files, awaited. Docstrings are in the module itself."""

from collections.abc import Callable, Iterable
from os import PathLike
from typing import Any, Optional, Union

from typing_extensions import TypeAlias

from ._dict import Key
from ._dictsqlite import restore as restore
from .modes import ExportFormat, OnConflict

__all__ = ["Files", "arestore", "restore"]

_Path: TypeAlias = Union[str, PathLike[str]]
_Watch: TypeAlias = Optional[Callable[[int, int], Any]]

class Files:
    async def abackup(
        self, dest: _Path, *, overwrite: bool = False, progress: _Watch = None
    ) -> int: ...
    async def aexport(
        self,
        dest: _Path,
        *,
        format: ExportFormat = "jsonl",
        tables: Optional[Iterable[str]] = None,
        all_tables: bool = False,
        prefix: Optional[Key] = None,
        overwrite: bool = False,
        progress: _Watch = None,
    ) -> int: ...
    async def aimport_(
        self,
        source: _Path,
        *,
        tables: Optional[Iterable[str]] = None,
        on_conflict: OnConflict = "replace",
        progress: _Watch = None,
    ) -> dict[str, int]: ...
    async def awarm(
        self, *, prefix: Optional[Key] = None, progress: _Watch = None
    ) -> tuple[int, int]: ...
    async def avacuum(self) -> tuple[int, int]: ...
    async def aintegrity_check(self) -> list[str]: ...

async def arestore(
    source: _Path,
    path: _Path,
    *,
    overwrite: bool = False,
    timeout: float = 30.0,
    progress: _Watch = None,
) -> int: ...
