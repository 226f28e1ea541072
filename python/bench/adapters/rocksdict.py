"""rocksdict: RocksDB. Each write goes to its log, which is not synced, so it survives the process."""

import importlib.metadata

import rocksdict

from .base import Adapter



class Rdict(Adapter):
    alone = "one process at a time"

    def __init__(self, path, values="bytes"):
        self.d = rocksdict.Rdict(path)
        self.delete = self.d.delete
        # RocksDB has one order, that of the keys.
        self.items_by_key = self.d.items

    def batch_get(self, keys):
        return self.d.get(keys)

    def batch_set(self, pairs):
        batch = rocksdict.WriteBatch()
        for k, v in pairs:
            batch.put(k, v)
        self.d.write(batch)

    def prefix(self, text):
        for pair in self.d.items(from_key=text):
            if not pair[0].startswith(text):
                return
            yield pair

    def for_thread(self):
        return self

    def flush(self):
        self.d.flush_wal(sync=False)

    def close(self):
        self.d.close()

    @classmethod
    def version(cls):
        return importlib.metadata.version("rocksdict")
