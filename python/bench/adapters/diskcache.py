"""diskcache, with eviction off so that it keeps what it is given."""

import asyncio
import contextlib

import diskcache

from .base import Adapter


class Cache(Adapter):
    def __init__(self, path, values="bytes"):
        self.path, self.values = path, values
        self.d = diskcache.Cache(path, eviction_policy="none", size_limit=1 << 40)

    def delete(self, key):
        self.d.delete(key)

    def batch_set(self, pairs):
        d = self.d
        with d.transact():
            for k, v in pairs:
                d[k] = v

    def items(self):
        d = self.d
        return ((k, d[k]) for k in d)

    def for_thread(self):
        return self

    # It knows no asyncio: its calls are sent to the threads of the loop.
    @contextlib.asynccontextmanager
    async def tasks(self):
        yield self

    def aget(self, key):
        return asyncio.to_thread(self.d.get, key)

    def aset(self, key, value):
        return asyncio.to_thread(self.d.set, key, value)

    async def aflush(self):
        """Each write was committed when it returned."""

    def close(self):
        self.d.close()

    @classmethod
    def version(cls):
        return diskcache.__version__
