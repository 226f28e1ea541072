"""PyPI's dictsqlite 2.1.3, the newest of the earlier line, through its own public class."""

import contextlib
import importlib.metadata

import dictsqlite

from .base import Adapter


class Public(Adapter):
    alone = "each process has a cache of its own, so its reads go stale"

    def __init__(self, path, values="bytes", persist_mode="writethrough"):
        self.path = path
        mode = "pickle" if values == "objects" else "bytes"
        # `buffer_size` stays out: by default `writethrough` is this release's one commit a write.
        self.d = dictsqlite.DictSQLite(path, persist_mode=persist_mode, storage_mode=mode)
        self.keeps = persist_mode != "memory"

    def delete(self, key):
        del self.d[key]

    def batch_get(self, keys):
        found = self.d.batch_get(keys)
        return [found.get(k) for k in keys]

    def batch_set(self, pairs):
        self.d.batch_set(pairs)

    def items(self):
        return self.d.items()

    def for_thread(self):
        return self

    @contextlib.asynccontextmanager
    async def tasks(self):
        # Its asynchronous class is another one, with a cache and a buffer of its own.
        handle = dictsqlite.AsyncDictSQLite(self.path, storage_mode="bytes")
        yield handle
        await handle.aflush()
        handle.close()

    def flush(self):
        self.d.flush()

    def close(self):
        self.d.close()
        del self.d

    @classmethod
    def version(cls):
        return importlib.metadata.version("dictsqlite")
