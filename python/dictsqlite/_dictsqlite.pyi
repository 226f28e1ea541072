"""The native half: what `dictsqlite.DictSQLite` is built on."""

from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterable, Iterator, Mapping
from datetime import timedelta
from os import PathLike
from typing import Any, Final, Literal, Optional, TypeVar, Union, final, overload

from typing_extensions import Self, TypeAlias

from ._dict import Key
from ._entry import Entry, Watched
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
    def _attach(
        self, other: Dict, name: str, storage: Optional[str], changes: Optional[bool] = None
    ) -> None: ...
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

    def enable_changes(
        self, *, count: Optional[int] = None, age: Union[float, timedelta, None] = None
    ) -> None:
        """Has the changes of this table logged from now on, whoever makes them. `count` changes of the last
        `age` seconds are kept in the store's log; `None` leaves a limit as it is."""

    def has_changes(self) -> bool:
        """True if the changes of this table are logged."""

    def changes(
        self, since: Optional[int] = None, tables: Optional[Iterable[str]] = None, prefix: Optional[Key] = None
    ) -> Changes:
        """The changes of the store, for `for` and for `async for`: those after number `since` (0: from the
        beginning of what is kept; `None`: those committed from now on), of `tables` (`None`: all whose
        changes are logged), of keys with `prefix`."""

    def watch(self, *keys: Key, prefix: Optional[Key] = None) -> Watch:
        """The state of `keys` and then, when they differ, their latest: for `for` and for `async for`.
        Without keys, of all keys with `prefix`, which needs the change log."""

    def aenable_changes(
        self, *, count: Optional[int] = None, age: Union[float, timedelta, None] = None
    ) -> _Later[None]:
        """`enable_changes` without blocking."""

    def ahas_changes(self) -> _Later[bool]:
        """`has_changes` without blocking."""

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
        cursor: Optional[str] = None,
    ) -> Scan: ...
    def _read_value(self, key: Key) -> ReadValue: ...
    def _aread_value(self, key: Key) -> _Later[ReadValue]: ...
    def _write_value(self, key: Key, ttl: _Ttl = None, if_version: Optional[int] = None) -> WrittenValue: ...
    def _ascan(self, what: str, **options: Any) -> AsyncScan: ...
    def _aopen(self, path: Union[str, PathLike[str]], options: dict[str, Any]) -> _Later[None]: ...
    def _aattach(
        self, other: Dict, name: str, storage: Optional[str], changes: Optional[bool] = None
    ) -> _Later[None]: ...
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

    def _atomic(self, steps: list[tuple[str, Any, tuple[Any, ...]]]) -> int: ...
    def _aatomic(self, steps: list[tuple[str, Any, tuple[Any, ...]]]) -> _Later[int]: ...
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

    @property
    def cursor(self) -> str:
        """Where the scan is, as text: a view with the same options and this `cursor` gives the rest."""

@final
class AsyncScan(AsyncIterator[Any]):
    """A scan under way; an asynchronous iterator."""

    def __aiter__(self) -> AsyncScan: ...
    def __anext__(self) -> _Later[Any]: ...
    def aclose(self) -> _Later[None]:
        """Ends the scan and gives up what it holds."""

    @property
    def cursor(self) -> str:
        """Where the scan is, as text: the same view with this `cursor` gives the rest."""

@final
class ReadValue:
    """A value that is open for reading."""

    @property
    def size(self) -> int:
        """Bytes of the value."""

    def read(self, most: int) -> bytes:
        """At most `most` bytes from the position on, and at most a chunk; none at the end."""

    def aread(self, most: int) -> _Later[bytes]:
        """`read` without blocking."""

    def seek(self, offset: int, whence: int) -> int:
        """Moves the position by `offset` from the start (0), itself (1) or the end (2), and gives it."""

    def tell(self) -> int:
        """The position, in bytes from the start."""

    def close(self) -> None:
        """Lets go of it."""

@final
class WrittenValue:
    """A value that is being written."""

    def write(self, data: bytes) -> None:
        """Adds bytes."""

    def awrite(self, data: bytes) -> _Later[None]:
        """`write` without blocking."""

    def tell(self) -> int:
        """Bytes written so far."""

    def close(self) -> int:
        """Makes it the value of its key, and gives the entry's version."""

    def aclose(self) -> _Later[int]:
        """`close` without blocking."""

    def discard(self) -> None:
        """Lets go of what was written; the entry is as it was."""

class Pipeline:
    """Operations that are gathered and sent together."""

    def __new__(cls, dict: Dict) -> Self: ...
    def __len__(self) -> int: ...
    def get(self, key: Key, default: Any = None) -> Self:
        """The value of `key`, or `default`."""

    def set(self, key: Key, value: Any, *, ttl: _Ttl = None, if_version: Optional[int] = None) -> Self:
        """Sets `key`; the result is the entry's version."""

    def delete(self, key: Key, *, if_version: Optional[int] = None) -> Self:
        """Deletes `key`; the result is whether it was there."""

    def pop(self, key: Key, *default: Any) -> Self:
        """Removes `key`; the result is its value, or `default`."""

    def setdefault(self, key: Key, default: Any = None, *, ttl: _Ttl = None) -> Self:
        """The value of `key`; when there is none, sets it to `default`, which is the result."""

    def incr(self, key: Key, delta: int = 1) -> Self:
        """Adds `delta` to an integer, counting from 0; the result is the sum."""

    def expire(self, key: Key, ttl: _Ttl) -> Self:
        """Changes when an entry expires; the result is whether it was there."""

    def _execute(self) -> tuple[list[Any], list[int]]: ...
    def _aexecute(self) -> _Later[tuple[list[Any], list[int]]]: ...

@final
class Change:
    """A change, as it was committed. Its values are decoded when they are looked at."""

    @property
    def seq(self) -> int:
        """The number of the operation: larger than that of every change committed before."""

    @property
    def kind(self) -> Literal["insert", "update", "delete", "expire"]:
        """`"insert"`, `"update"`, `"delete"` or `"expire"`."""

    @property
    def table(self) -> str:
        """The table's name."""

    @property
    def key(self) -> Key:
        """The key."""

    @property
    def old(self) -> Any:
        """The value before; `None` for an insert."""

    @property
    def new(self) -> Any:
        """The value after; `None` for a delete and an expiry."""

    @property
    def expires_at(self) -> Optional[float]:
        """When the entry as it is now expires, in seconds since the Unix epoch; `None` for never."""

    @property
    def at(self) -> float:
        """When it was written, in seconds since the Unix epoch."""

@final
class Changes(Iterator[Change], AsyncIterator[Change]):
    """The changes of a store, in the order in which they were committed; an iterator that waits for the
    next one, for `for` and for `async for`."""

    def __iter__(self) -> Changes: ...
    def __next__(self) -> Change: ...
    def __aiter__(self) -> Changes: ...
    def __anext__(self) -> _Later[Change]: ...
    def page(self, timeout: _Ttl = None) -> list[Change]:
        """The changes there are, in a list; waits for one, and gives an empty list after `timeout` seconds."""

    def apage(self, timeout: _Ttl = None) -> _Later[list[Change]]:
        """`page` without blocking. Cancelled, it loses nothing, unless it came in that very turn of the loop."""

    def _looks(self) -> bool: ...

    @property
    def position(self) -> int:
        """Everything up to this number was given out or passed over: `since` to go on from here."""

    def close(self) -> None:
        """Ends the stream, and whoever waits for it."""

    def aclose(self) -> _Later[None]:
        """`close`, which never blocks, for symmetry."""

@final
class Watch(Iterator[Watched], AsyncIterator[Watched]):
    """Keys being watched; an iterator that gives their state, and then waits for what differs."""

    def __iter__(self) -> Watch: ...
    def __next__(self) -> Watched: ...
    def __aiter__(self) -> Watch: ...
    def __anext__(self) -> _Later[Watched]: ...
    def page(self, timeout: _Ttl = None) -> list[Watched]:
        """What there is, in a list; waits for it, and gives an empty list after `timeout` seconds."""

    def apage(self, timeout: _Ttl = None) -> _Later[list[Watched]]:
        """`page` without blocking. Cancelled, it loses nothing, unless it came in that very turn of the loop."""

    def _looks(self) -> bool: ...

    def close(self) -> None:
        """Ends it, and whoever waits for it."""

    def aclose(self) -> _Later[None]:
        """`close`, which never blocks, for symmetry."""

class Transaction:
    """A transaction that has begun. Made empty; `_begin` or `_attach` fill it."""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self: ...
    @staticmethod
    def _check(dict: Dict, named: dict[str, Any]) -> None: ...
    def _begin(self, dict: Dict, named: dict[str, Any]) -> None: ...
    def _abegin(self, dict: Dict, named: dict[str, Any]) -> _Later[None]: ...
    def _attach(self, other: Transaction, name: str, storage: Optional[str]) -> None: ...
    def _aattach(self, other: Transaction, name: str, storage: Optional[str]) -> _Later[None]: ...
    def _abandon(self) -> None: ...
    def _is_over(self) -> bool: ...
    def _savepoint(self) -> int: ...
    def _rollback_to(self, savepoint: int) -> None: ...
    def _release(self, savepoint: int) -> None: ...
    def _scan(self, what: str, **options: Any) -> Scan: ...
    def _ascan(self, what: str, **options: Any) -> AsyncScan: ...
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
    def aget(self, key: Key, default: Any = None) -> _Later[Any]:
        """`get` without blocking."""

    def set(self, key: Key, value: Any, *, ttl: _Ttl = None) -> None:
        """Sets `key`; seen by nobody else before the commit."""

    def aset(self, key: Key, value: Any, *, ttl: _Ttl = None) -> _Later[None]:
        """`set`, which never waits, for symmetry."""

    def delete(self, key: Key) -> None:
        """Deletes `key`, whether it is there or not."""

    def adelete(self, key: Key) -> _Later[None]:
        """`delete`, which never waits, for symmetry."""

    def batch_set(self, items: _Items, *, ttl: _Ttl = None) -> None:
        """Sets many keys, from a mapping or an iterable of pairs."""

    def abatch_set(self, items: _Items, *, ttl: _Ttl = None) -> _Later[None]:
        """`batch_set`, which never waits, for symmetry."""

    def acontains(self, key: Key) -> _Later[bool]:
        """`contains` without blocking."""

    def alen(self) -> _Later[int]:
        """`len` without blocking."""

    def _pop(self, key: Key, *default: Any) -> Any: ...
    def apop(self, key: Key, *default: Any) -> _Later[Any]:
        """`pop` without blocking."""

    def setdefault(self, key: Key, default: Any = None, *, ttl: _Ttl = None) -> Any:
        """The value of `key`; when there is none, sets and returns `default`."""

    def asetdefault(self, key: Key, default: Any = None, *, ttl: _Ttl = None) -> _Later[Any]:
        """`setdefault` without blocking."""

    def incr(self, key: Key, delta: int = 1) -> int:
        """Adds `delta` to an integer, counting from 0 when there is none, and returns the sum."""

    def aincr(self, key: Key, delta: int = 1) -> _Later[int]:
        """`incr` without blocking."""

    def expire(self, key: Key, ttl: _Ttl) -> bool:
        """Changes when an entry expires (`None`: never) and leaves its value; false if there is none."""

    def aexpire(self, key: Key, ttl: _Ttl) -> _Later[bool]:
        """`expire` without blocking."""

    def _entry(self, key: Key) -> Optional[tuple[Any, int, Optional[float]]]: ...
    def aentry(self, key: Key) -> _Later[Optional[Entry]]:
        """`entry` without blocking."""

    def clear(self) -> None:
        """Removes every entry."""

    def aclear(self) -> _Later[None]:
        """`clear` without blocking."""

    def commit(self) -> int:
        """Commits; returns when all of it is committed, and synced in `durable`."""

    def acommit(self) -> _Later[int]:
        """`commit` without blocking."""

    def rollback(self) -> None:
        """Gives up everything that was written in it."""

    def arollback(self) -> _Later[None]:
        """`rollback`, which never waits, for symmetry."""

    @property
    def is_open(self) -> bool:
        """Whether it has begun, was neither committed nor rolled back, and its time is not up."""

    @property
    def table_name(self) -> str:
        """The table."""

    @property
    def storage_mode(self) -> StorageMode:
        """The table's codec."""

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
