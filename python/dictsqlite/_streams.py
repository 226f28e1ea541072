"""Large values as files: written and read by chunks, never whole in memory."""

from __future__ import annotations

import collections.abc
import io
import warnings
from typing import TYPE_CHECKING, Any, AsyncIterator, Coroutine, Generator, Optional, Union, overload

from .errors import InvalidError

if TYPE_CHECKING:
    from datetime import timedelta

    from typing_extensions import Buffer, Literal, Self

__all__ = ["Opening", "Streams", "ValueReader", "ValueWriter"]

#: Bytes handed on at a time.
_PART = 256 * 1024


class ValueReader(io.RawIOBase):
    """A value that is open for reading, as a binary file: ``db.open_value(key)``.

    A chunk of it is in memory, and nothing is held in the file between reads. When the value was replaced
    or deleted meanwhile, or has expired, reading on raises ``ConflictError``. A value that was not written
    by chunks is read whole when it is opened. To be used by one thread or task at a time.
    """

    mode = "rb"

    def __init__(self, native: Any, name: Any) -> None:
        self._native = native
        #: The key.
        self.name = name
        #: Bytes of the value.
        self.size: int = native.size

    def readable(self) -> bool:
        self._check()
        return True

    def seekable(self) -> bool:
        self._check()
        return True

    def read(self, size: Optional[int] = -1, /) -> bytes:
        """``size`` bytes, fewer only at the end; without ``size`` all that is left."""
        self._check()
        left = _asked(size)
        parts = []
        while left:
            part = self._native.read(min(left, _PART))
            if not part:
                break
            left -= len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readall(self) -> bytes:
        """All that is left."""
        return self.read()

    def readinto(self, buffer: Buffer, /) -> int:
        """Reads into ``buffer`` and gives how many bytes, at most to the end of a chunk."""
        self._check()
        with memoryview(buffer).cast("B") as view:
            part = self._native.read(len(view))
            view[: len(part)] = part
        return len(part)

    def write(self, data: Buffer, /) -> int:
        """Refused: the value is open for reading."""
        raise io.UnsupportedOperation("not writable")

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Moves the position from the start (0), itself (1) or the end (2), and gives it."""
        self._check()
        position: int = self._native.seek(offset, whence)
        return position

    def tell(self) -> int:
        """The position, in bytes from the start."""
        self._check()
        position: int = self._native.tell()
        return position

    def close(self) -> None:
        """Lets go of the value; closing twice is fine."""
        if not self.closed:
            self._native.close()
            super().close()

    async def aread(self, size: Optional[int] = -1, /) -> bytes:
        """``read`` without blocking."""
        self._check()
        left = _asked(size)
        parts = []
        while left:
            part = await self._native.aread(min(left, _PART))
            if not part:
                break
            left -= len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def aclose(self) -> None:
        """``close``, which never blocks, for symmetry."""
        self.close()

    async def __aenter__(self) -> Self:
        self._check()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The rest of the value, a part at a time."""
        while part := await self.aread(_PART):
            yield part

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")


class ValueWriter(io.RawIOBase):
    """A value that is being written, as a binary file: ``db.open_value(key, "wb")``.

    Nobody sees any of it before it is closed; then it is the value of its key. Left by an exception, or
    dropped without being closed, it is discarded and the entry is as it was. A write that fails loses the
    value, and every later call says so. To be used by one thread or task at a time.
    """

    mode = "wb"

    def __init__(self, native: Any, name: Any) -> None:
        self._native = native
        #: The key.
        self.name = name
        #: The entry's version, once the value is closed.
        self.version: Optional[int] = None

    def writable(self) -> bool:
        self._check()
        return True

    def write(self, data: Buffer, /) -> int:
        """Adds bytes; gives how many, which is always all of them."""
        self._check()
        for part in _parts(data):
            self._native.write(part)
        return _len(data)

    def readinto(self, buffer: Buffer, /) -> int:
        """Refused: the value is open for writing."""
        raise io.UnsupportedOperation("not readable")

    def tell(self) -> int:
        """Bytes written so far."""
        self._check()
        written: int = self._native.tell()
        return written

    def close(self) -> None:
        """Makes what was written the value of the key; closing twice is fine."""
        if not self.closed:
            super().close()
            self.version = self._native.close()

    def discard(self) -> None:
        """Gives up what was written; the entry is as it was."""
        if not self.closed:
            super().close()
            self._native.discard()

    async def awrite(self, data: Buffer, /) -> int:
        """``write`` without blocking."""
        self._check()
        # Each part is copied, since the caller may go on meanwhile.
        for part in _parts(memoryview(data)):
            await self._native.awrite(part)
        return _len(data)

    async def aclose(self) -> None:
        """``close`` without blocking."""
        if not self.closed:
            super().close()
            self.version = await self._native.aclose()

    async def __aenter__(self) -> Self:
        self._check()
        return self

    async def __aexit__(self, kind: Optional[type[BaseException]], *exc: object) -> None:
        if kind is None:
            await self.aclose()
        else:
            self.discard()

    def __exit__(self, kind: Optional[type[BaseException]], *exc: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def __del__(self) -> None:
        # The base class would close it, and so store half a value.
        if not self.closed and hasattr(self, "_native"):
            self.discard()
            warnings.warn(
                f"the value of {self.name!r} was dropped without being closed, and is discarded",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")


class Opening(collections.abc.Coroutine):  # type: ignore[type-arg]
    """What ``aopen_value`` gives: to be awaited, or entered by ``async with``."""

    def __init__(self, opening: Coroutine[Any, Any, Any]) -> None:
        self._opening = opening
        self._file: Any = None

    def __await__(self) -> Generator[Any, None, Any]:
        return self._opening.__await__()

    def send(self, value: Any) -> Any:
        return self._opening.send(value)

    def throw(self, *exc: Any) -> Any:
        return self._opening.throw(*exc)

    def close(self) -> None:
        self._opening.close()

    async def __aenter__(self) -> Any:
        self._file = await self._opening
        return self._file

    async def __aexit__(self, *exc: Any) -> None:
        await self._file.__aexit__(*exc)


class Streams:
    """What a dict has for large values."""

    if TYPE_CHECKING:  # native

        def _read_value(self, key: Any) -> Any: ...
        def _aread_value(self, key: Any) -> Any: ...
        def _write_value(self, key: Any, ttl: Any = None, if_version: Optional[int] = None) -> Any: ...

    @overload
    def open_value(self, key: Any, mode: Literal["rb"] = "rb") -> ValueReader: ...
    @overload
    def open_value(
        self,
        key: Any,
        mode: Literal["wb"],
        *,
        ttl: Union[float, timedelta, None] = None,
        if_version: Optional[int] = None,
    ) -> ValueWriter: ...

    def open_value(
        self, key: Any, mode: str = "rb", *, ttl: Any = None, if_version: Optional[int] = None
    ) -> Any:
        """The value of ``key`` as a binary file, in a table of ``storage_mode="bytes"``.

        ``"rb"`` reads: a seekable :class:`ValueReader`. ``"wb"`` writes: a :class:`ValueWriter`, whose value
        is there, all at once, when it is closed; ``ttl`` counts from then on, and with ``if_version`` closing
        raises ``ConflictError`` if the entry has another version. Of several writers of one key the last to be
        closed wins. At most two chunks of 256 KiB are in memory, whatever the size.
        """
        _check_mode(mode, ttl, if_version)
        if mode == "rb":
            return ValueReader(self._read_value(key), key)
        return ValueWriter(self._write_value(key, ttl, if_version), key)

    def aopen_value(
        self, key: Any, mode: str = "rb", *, ttl: Any = None, if_version: Optional[int] = None
    ) -> Opening:
        """``open_value`` without blocking: ``async with db.aopen_value(key) as file``, or ``await`` it.

        The file has ``aread``, ``awrite`` and ``aclose``.
        """
        return Opening(self._opened_value(key, mode, ttl, if_version))

    async def _opened_value(self, key: Any, mode: str, ttl: Any, if_version: Optional[int]) -> Any:
        _check_mode(mode, ttl, if_version)
        db: Any = await self  # type: ignore[misc]  # it may not be open yet
        if mode == "rb":
            return ValueReader(await db._aread_value(key), key)
        return ValueWriter(db._write_value(key, ttl, if_version), key)


def _check_mode(mode: str, ttl: Any, if_version: Optional[int]) -> None:
    if mode not in ("rb", "wb"):
        raise InvalidError(f'mode is {mode!r}; it must be "rb" or "wb"')
    if mode == "rb" and not (ttl is None and if_version is None):
        raise InvalidError('ttl and if_version are for mode "wb"')


def _asked(size: Optional[int]) -> int:
    """How many bytes are asked for."""
    return 1 << 62 if size is None or size < 0 else size


def _len(data: Buffer) -> int:
    return len(data) if isinstance(data, bytes) else memoryview(data).nbytes


def _parts(data: Buffer) -> Generator[bytes, None, None]:
    """The bytes of a buffer, a part at a time, so that a large one is not copied whole."""
    if isinstance(data, bytes):
        yield data
        return
    with memoryview(data) as whole, whole.cast("B") as view:
        for start in range(0, len(view), _PART):
            yield bytes(view[start : start + _PART])
