"""The native half: what `dictsqlite.DictSQLite` is built on."""

from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterable, Iterator, Mapping
from datetime import timedelta
from os import PathLike
from typing import Any, Final, Optional, TypeVar, Union, final, overload

from typing_extensions import Self, TypeAlias

from ._dict import Key
from ._entry import Entry
from .modes import ExportFormat, OnConflict, Order, PersistMode, StorageMode

_D = TypeVar("_D")

#: What the awaitable methods give: done already, or a future of the running loop. asyncio takes both
#: as a coroutine and as a future.
_Later: TypeAlias = Coroutine[Any, Any, _D]
_Items: TypeAlias = Union[Mapping[Any, Any], Iterable[tuple[Any, Any]]]
_Ttl: TypeAlias = Union[float, timedelta, None]
_Path: TypeAlias = Union[str, PathLike[str]]
_Watch: TypeAlias = Optional[Callable[[int, int], Any]]

__version__: Final[str]

class Dict:
    """A handle on one table. Made empty; `_open` or `_attach` fill it."""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self: ...
    def _open(self, path: Union[str, PathLike[str]], options: dict[str, Any]) -> None: ...
    def _attach(self, other: Dict, name: str, storage: Optional[str]) -> None: ...
    def _decode(self, data: bytes) -> Any: ...
    def __getitem__(self, key: Key, /) -> Any: ...
    def __setitem__(self, key: Key, value: Any, /) -> None: ...
    def __delitem__(self, key: Key, /) -> None: ...
    def __contains__(self, key: object, /) -> bool: ...
    def __len__(self) -> int: ...
    @overload
    def get(self, key: Key, default: None = None) -> Optional[Any]:
        """The value of `key`, or `default`."""

    @overload
    def get(self, key: Key, default: _D) -> Union[Any, _D]: ...
    @overload
    def set(
        self, key: Key, value: Any, *, ttl: Union[float, timedelta, None] = None, if_version: None = None
    ) -> None:
        """Sets `key`; with `if_version`, only if it has that version, giving the new one."""

    @overload
    def set(self, key: Key, value: Any, *, ttl: Union[float, timedelta, None] = None, if_version: int) -> int: ...

    def delete(self, key: Key, *, if_version: Optional[int] = None) -> None:
        """Deletes `key`, whether it is there or not; with `if_version`, only if it has that version."""

    def _pop(self, key: Key, *default: Any) -> Any: ...
    def popitem(self, last: bool = True) -> tuple[Key, Any]:
        """Removes and returns the last item in insertion order, or the first."""

    def setdefault(self, key: Key, default: Any = None, *, ttl: Union[float, timedelta, None] = None) -> Any:
        """The value of `key`; when there is none, sets and returns `default`."""

    def incr(self, key: Key, delta: int = 1) -> int:
        """Adds `delta` to an integer, counting from 0 when there is none, and returns the sum."""

    def expire(self, key: Key, ttl: Union[float, timedelta, None]) -> bool:
        """Changes when an entry expires (`None`: never) and leaves its value; false if there is none."""

    def _entry(self, key: Key) -> Optional[tuple[Any, int, Optional[float]]]: ...
    def clear(self) -> None:
        """Removes every entry."""

    def batch_get(self, keys: Iterable[Key], default: Any = None) -> list[Any]:
        """The values of many keys, in their order, `default` where there is none."""

    def batch_set(
        self,
        items: Union[Mapping[Any, Any], Iterable[tuple[Any, Any]]],
        *,
        ttl: Union[float, timedelta, None] = None,
    ) -> None:
        """Sets many keys as one unit, from a mapping or an iterable of pairs."""

    def batch_delete(self, keys: Iterable[Key]) -> None:
        """Deletes many keys as one unit, whether they are there or not."""

    def flush(self, *, durable: bool = False) -> None:
        """Waits until all accepted writes are committed; with `durable`, until they are synced."""

    def close(self) -> None:
        """Flushes and closes this handle; the last one closes the store. Closing twice is fine."""

    def stats(self) -> dict[str, int]:
        """Figures of the store, by name."""

    def tables(self) -> list[str]:
        """The names of the store's tables."""

    def drop_table(self, name: str) -> bool:
        """Removes a table and all that is in it; false if there is none."""

    def _scan(
        self,
        what: str,
        *,
        prefix: Optional[Key] = None,
        start: Optional[Key] = None,
        end: Optional[Key] = None,
        reverse: bool = False,
        limit: Optional[int] = None,
        order: Optional[Order] = None,
        consistent: bool = False,
    ) -> Scan: ...
    def _ascan(self, what: str, **options: Any) -> AsyncScan: ...
    def _aopen(self, path: Union[str, PathLike[str]], options: dict[str, Any]) -> _Later[None]: ...
    def _aattach(self, other: Dict, name: str, storage: Optional[str]) -> _Later[None]: ...
    def _identity(self) -> tuple[int, int]: ...
    def aentry(self, key: Key) -> _Later[Optional[Entry]]:
        """`entry` without blocking."""

    def aget(self, key: Key, default: Any = None) -> _Later[Any]:
        """`get` without blocking."""

    def aset(
        self, key: Key, value: Any, *, ttl: _Ttl = None, if_version: Optional[int] = None
    ) -> _Later[Optional[int]]:
        """`set` without blocking: done when the mode's promise is kept."""

    def adelete(self, key: Key, *, if_version: Optional[int] = None) -> _Later[None]:
        """`delete` without blocking."""

    def acontains(self, key: Key) -> _Later[bool]:
        """`contains` without blocking."""

    def alen(self) -> _Later[int]:
        """`len` without blocking."""

    def apop(self, key: Key, *default: Any) -> _Later[Any]:
        """`pop` without blocking."""

    def apopitem(self, last: bool = True) -> _Later[tuple[Key, Any]]:
        """`popitem` without blocking."""

    def asetdefault(self, key: Key, default: Any = None, *, ttl: _Ttl = None) -> _Later[Any]:
        """`setdefault` without blocking."""

    def aincr(self, key: Key, delta: int = 1) -> _Later[int]:
        """`incr` without blocking."""

    def aexpire(self, key: Key, ttl: _Ttl) -> _Later[bool]:
        """`expire` without blocking."""

    def aclear(self) -> _Later[None]:
        """`clear` without blocking."""

    def abatch_get(self, keys: Iterable[Key], default: Any = None) -> _Later[list[Any]]:
        """`batch_get` without blocking."""

    def abatch_set(self, items: _Items, *, ttl: _Ttl = None) -> _Later[None]:
        """`batch_set` without blocking."""

    def abatch_delete(self, keys: Iterable[Key]) -> _Later[None]:
        """`batch_delete` without blocking."""

    def aflush(self, *, durable: bool = False) -> _Later[None]:
        """`flush` without blocking."""

    def aclose(self) -> _Later[None]:
        """`close` without blocking."""

    def astats(self) -> _Later[dict[str, int]]:
        """`stats`, which never blocks, for symmetry."""

    def atables(self) -> _Later[list[str]]:
        """`tables` without blocking."""

    def adrop_table(self, name: str) -> _Later[bool]:
        """`drop_table` without blocking."""

    def backup(self, dest: _Path, *, overwrite: bool = False, progress: _Watch = None) -> int:
        """Copies the store, as of now, to a file of its own, while it is in use; the copy's bytes."""

    def export(
        self,
        dest: _Path,
        *,
        format: ExportFormat = "jsonl",
        tables: Optional[Iterable[str]] = None,
        all_tables: bool = False,
        prefix: Optional[Key] = None,
        overwrite: bool = False,
        progress: _Watch = None,
    ) -> int:
        """Writes entries to a file that is no database, as JSON Lines or "binary"; how many."""

    def import_(
        self,
        source: _Path,
        *,
        tables: Optional[Iterable[str]] = None,
        on_conflict: OnConflict = "replace",
        progress: _Watch = None,
    ) -> dict[str, int]:
        """Reads such a file into the store; what became of its entries, by name."""

    def warm(self, *, prefix: Optional[Key] = None, progress: _Watch = None) -> tuple[int, int]:
        """Reads entries into the cache; how many were read, and how many of them are in it now."""

    def vacuum(self) -> tuple[int, int]:
        """Writes the database anew, without the room that deleted entries left; bytes before and after."""

    def checkpoint(self) -> tuple[int, int]:
        """Moves the log into the database and empties it; how many frames it had, and how many were moved."""

    def integrity_check(self) -> list[str]:
        """What is wrong with the file, in words; empty when nothing is."""

    def _abackup(self, progress: Progress, *args: Any) -> _Later[int]: ...
    def _aexport(self, progress: Progress, *args: Any) -> _Later[int]: ...
    def _aimport(self, progress: Progress, *args: Any) -> _Later[dict[str, int]]: ...
    def _awarm(self, progress: Progress, *args: Any) -> _Later[tuple[int, int]]: ...
    def _avacuum(self, progress: Progress) -> _Later[tuple[int, int]]: ...
    def _aintegrity_check(self, progress: Progress) -> _Later[list[str]]: ...
    def acheckpoint(self) -> _Later[tuple[int, int]]:
        """`checkpoint` without blocking."""

    @property
    def path(self) -> Optional[str]:
        """The store's path, or `None` for an in-memory store."""

    @property
    def table_name(self) -> str:
        """The table."""

    @property
    def storage_mode(self) -> StorageMode:
        """The table's codec."""

    @property
    def persist_mode(self) -> PersistMode:
        """What this handle's writes promise."""

    @property
    def read_only(self) -> bool:
        """True if the store was opened read-only."""

    @property
    def closed(self) -> bool:
        """True if this handle was closed."""

@final
class Scan(Iterator[Any]):
    """A scan under way; an iterator that reads a page at a time."""

    def __iter__(self) -> Scan: ...
    def __next__(self) -> Any: ...
    def close(self) -> None:
        """Ends the scan and gives up what it holds."""

@final
class AsyncScan(AsyncIterator[Any]):
    """A scan under way; an asynchronous iterator."""

    def __aiter__(self) -> AsyncScan: ...
    def __anext__(self) -> _Later[Any]: ...
    def aclose(self) -> _Later[None]:
        """Ends the scan and gives up what it holds."""

@final
class Done(Coroutine[Any, Any, Any]):
    """An awaitable that is done already: coroutine and future in one."""

    _asyncio_future_blocking: bool
    def __await__(self) -> Generator[Any, None, Any]: ...
    def __iter__(self) -> Done: ...
    def __next__(self) -> Any: ...
    def send(self, _value: Any) -> Any: ...
    def throw(self, kind: Any, value: Any = None, _traceback: Any = None) -> Any: ...
    def close(self) -> None: ...
    def done(self) -> bool: ...
    def cancelled(self) -> bool: ...
    def cancel(self, msg: Optional[Any] = None) -> bool: ...
    def result(self) -> Any: ...
    def exception(self) -> Optional[Any]: ...
    def get_loop(self) -> Any: ...
    def add_done_callback(self, callback: Any, *, context: Optional[Any] = None) -> None: ...
    def remove_done_callback(self, callback: Any) -> int: ...

@final
class Progress:
    """How far an operation is, and its cancelling."""

    def __new__(cls) -> Progress: ...
    @property
    def done(self) -> int:
        """What is done: pages, entries or bytes."""

    @property
    def total(self) -> int:
        """Of how much; 0 when that is not known."""

    def cancel(self) -> bool:
        """Has the operation give up; false when it is too late."""

def restore(
    source: _Path, path: _Path, *, overwrite: bool = False, timeout: float = 30.0, progress: _Watch = None
) -> int:
    """Puts a copy of a backup at `path`, where no process may have a store open; the copy's bytes."""

def _arestore(progress: Progress, *args: Any) -> _Later[int]: ...
def _compare(
    operation: str, iterations: int, size: int, concurrency: int, directory: Optional[str]
) -> tuple[str, str]: ...
def shutdown(limit: float) -> list[str]:
    """Flushes every open store for at most `limit` seconds in all; a line for each that still has writes."""

def _inspect(
    path: Union[str, PathLike[str]],
    *,
    still: bool = False,
    counts: bool = False,
    sound: bool = False,
    timeout: float = 5.0,
) -> dict[str, Any]: ...
def _users(path: Union[str, PathLike[str]]) -> dict[str, list[str]]: ...
def _ground(path: Union[str, PathLike[str]]) -> str: ...
