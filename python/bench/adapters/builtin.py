"""The builtin dict: what any Python program would do without persistence, and the cost of the loop."""

import contextlib
import platform

from .base import Adapter


class Dict(Adapter):
    keeps = False
    alone = "lives in one process"

    def __init__(self, path, values="bytes"):
        self.d = {}
        self.delete = self.d.pop
        self.items = self.d.items

    def batch_get(self, keys):
        d = self.d
        return [d[k] for k in keys]

    def batch_set(self, pairs):
        self.d.update(pairs)

    def for_thread(self):
        return self

    @contextlib.asynccontextmanager
    async def tasks(self):
        yield self

    # Coroutines that return at once: what awaiting and gathering cost by themselves.
    async def aget(self, key):
        return self.d[key]

    async def aset(self, key, value):
        self.d[key] = value

    async def aflush(self):
        """Nothing is kept."""

    @classmethod
    def version(cls):
        return f"CPython {platform.python_version()}"
