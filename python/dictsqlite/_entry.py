"""An entry as users see it."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

__all__ = ["Entry", "Watched"]


class Entry(NamedTuple):
    """A value with what the store knows about it."""

    value: Any
    #: The number of the operation that wrote it; never reused within a store.
    version: int
    #: When it expires, in seconds since the Unix epoch; ``None`` for never.
    expires_at: Optional[float]


class Watched(NamedTuple):
    """A key as a watch has found it."""

    key: Any
    #: The entry; ``None`` when there is none.
    entry: Optional[Entry]
