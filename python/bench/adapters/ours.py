"""This repository's dictsqlite."""

import contextlib

import dictsqlite

from .base import Adapter


class Ours(Adapter):
    def __init__(self, path, values="bytes", persist_mode="writethrough", storage_mode=None):
        mode = storage_mode or ("pickle" if values == "objects" else "bytes")
        self.keeps = persist_mode != "memory"
        self.path = path
        self.alone = "" if self.keeps else "lives in one process"
        where = path if self.keeps else ":memory:"
        self.d = dictsqlite.open(where, persist_mode=persist_mode, storage_mode=mode)
        self.delete = self.d.delete
        self.batch_get = self.d.batch_get
        self.batch_set = self.d.batch_set
        self.items = self.d.items
        self.flush = self.d.flush
        self.close = self.d.close

    def items_by_key(self):
        return self.d.items(order="key")

    def prefix(self, text):
        return self.d.items(prefix=text)

    def for_thread(self):
        return self

    @contextlib.asynccontextmanager
    async def tasks(self):
        # The same object has the awaitable names.
        yield self.d

    @classmethod
    def version(cls):
        return f"{dictsqlite.__version__}, built from this tree"


class Blocking(Ours):
    """Without tasks, beside the same with tasks."""

    blocking = True
