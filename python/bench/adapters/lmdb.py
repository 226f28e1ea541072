"""lmdb: a memory-mapped tree. Keys are bytes, so text is encoded on the way."""

import pickle

import lmdb

from .base import Adapter

#: Address space, not disk.
MAP_SIZE = 16 << 30


class Mapping:
    """One transaction an operation."""

    __slots__ = ("begin",)

    def __init__(self, begin):
        self.begin = begin

    def __getitem__(self, key):
        with self.begin() as tx:
            return tx.get(key.encode())

    def __setitem__(self, key, value):
        with self.begin(write=True) as tx:
            tx.put(key.encode(), value)

    def __contains__(self, key):
        with self.begin() as tx:
            return tx.get(key.encode()) is not None

    def __len__(self):
        with self.begin() as tx:
            return tx.stat()["entries"]


class Pickled(Mapping):
    __slots__ = ()

    def __getitem__(self, key):
        with self.begin() as tx:
            return pickle.loads(tx.get(key.encode()))

    def __setitem__(self, key, value):
        with self.begin(write=True) as tx:
            tx.put(key.encode(), pickle.dumps(value, pickle.HIGHEST_PROTOCOL))


class Lmdb(Adapter):
    def __init__(self, path, values="bytes", sync=False):
        self.env = lmdb.open(path, map_size=MAP_SIZE, sync=sync, max_readers=256)
        self.d = (Pickled if values == "objects" else Mapping)(self.env.begin)

    def delete(self, key):
        with self.env.begin(write=True) as tx:
            tx.delete(key.encode())

    def batch_get(self, keys):
        with self.env.begin() as tx:
            get = tx.get
            return [get(k.encode()) for k in keys]

    def batch_set(self, pairs):
        with self.env.begin(write=True) as tx:
            put = tx.put
            for k, v in pairs:
                put(k.encode(), v)

    # The tree has one order, that of the keys.
    def items_by_key(self):
        with self.env.begin() as tx:
            for k, v in tx.cursor():
                yield k.decode(), v

    def prefix(self, text):
        start = text.encode()
        with self.env.begin() as tx:
            cursor = tx.cursor()
            if cursor.set_range(start):
                for k, v in cursor:
                    if not k.startswith(start):
                        return
                    yield k.decode(), v

    def for_thread(self):
        return self

    def close(self):
        self.env.close()

    @classmethod
    def version(cls):
        return lmdb.__version__


class Txn:
    """All operations in one write transaction."""

    __slots__ = ("tx",)

    def __init__(self, tx):
        self.tx = tx

    def __getitem__(self, key):
        return self.tx.get(key.encode())

    def __setitem__(self, key, value):
        self.tx.put(key.encode(), value)

    def __contains__(self, key):
        return self.tx.get(key.encode()) is not None

    def __len__(self):
        return self.tx.stat()["entries"]


class LmdbTxn(Lmdb):
    """One write transaction until flush, reads within it: nothing is committed before."""

    alone = "holds the write lock"
    for_thread = None
    items_by_key = None
    prefix = None

    def __init__(self, path, values="bytes"):
        super().__init__(path, values)
        self.d = Txn(self.env.begin(write=True))

    def delete(self, key):
        self.d.tx.delete(key.encode())

    def batch_get(self, keys):
        get = self.d.tx.get
        return [get(k.encode()) for k in keys]

    def batch_set(self, pairs):
        put = self.d.tx.put
        for k, v in pairs:
            put(k.encode(), v)

    def flush(self):
        self.d.tx.commit()
        self.d.tx = self.env.begin(write=True)

    def close(self):
        self.d.tx.commit()
        super().close()
