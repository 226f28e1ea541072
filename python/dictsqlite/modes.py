"""The names of the modes, as constants."""

from __future__ import annotations

from typing import Literal

__all__ = ["ExportFormat", "Modes", "OnConflict", "Order", "PersistMode", "StorageMode"]

PersistMode = Literal["memory", "lazy", "writethrough", "durable"]
StorageMode = Literal["pickle", "json", "jsonb", "bytes"]
Order = Literal["insertion", "key"]
ExportFormat = Literal["jsonl", "binary"]
OnConflict = Literal["replace", "skip", "error"]

#: The names of the orders.
ORDERS = ("insertion", "key")


class Modes:
    """Names for ``persist_mode`` and ``storage_mode``."""

    MEMORY: Literal["memory"] = "memory"
    LAZY: Literal["lazy"] = "lazy"
    WRITETHROUGH: Literal["writethrough"] = "writethrough"
    DURABLE: Literal["durable"] = "durable"

    PICKLE: Literal["pickle"] = "pickle"
    JSON: Literal["json"] = "json"
    JSONB: Literal["jsonb"] = "jsonb"
    BYTES: Literal["bytes"] = "bytes"
