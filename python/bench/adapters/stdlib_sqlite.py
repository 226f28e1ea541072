"""The standard library's sqlite3 as a careful user would write it: WAL, one prepared statement a task."""

import pickle
import sqlite3

from .base import Adapter

GET = "SELECT value FROM kv WHERE key = ?"
SET = "INSERT INTO kv(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value"
DELETE = "DELETE FROM kv WHERE key = ?"
#: Below SQLite's oldest limit on parameters.
BATCH = 500


class Mapping:
    """The shape of a dict, with as little as can be between it and the statement."""

    __slots__ = ("execute", "fetch")

    def __init__(self, execute):
        self.execute = execute

    def __getitem__(self, key):
        return self.execute(GET, (key,)).fetchone()[0]

    def __setitem__(self, key, value):
        self.execute(SET, (key, value))

    def __contains__(self, key):
        return self.execute("SELECT 1 FROM kv WHERE key = ?", (key,)).fetchone() is not None

    def __len__(self):
        return self.execute("SELECT count(*) FROM kv").fetchone()[0]


class Pickled(Mapping):
    """The same for values of any type."""

    __slots__ = ()

    def __getitem__(self, key):
        return pickle.loads(self.execute(GET, (key,)).fetchone()[0])

    def __setitem__(self, key, value):
        self.execute(SET, (key, pickle.dumps(value, pickle.HIGHEST_PROTOCOL)))


class Sqlite(Adapter):
    """One commit a write."""

    def __init__(self, path, values="bytes", synchronous="NORMAL"):
        self.path, self.values, self.synchronous = path, values, synchronous
        # `isolation_level=None`: every statement commits by itself, and nothing begins behind our back.
        self.db = sqlite3.connect(path, isolation_level=None, timeout=60)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute(f"PRAGMA synchronous = {synchronous}")
        # The order of rowids is that of insertion.
        self.db.execute("CREATE TABLE IF NOT EXISTS kv(key TEXT NOT NULL PRIMARY KEY, value)")
        self.d = (Pickled if values == "objects" else Mapping)(self.db.execute)

    def delete(self, key):
        self.db.execute(DELETE, (key,))

    def batch_get(self, keys):
        execute = self.db.execute
        found = {}
        for start in range(0, len(keys), BATCH):
            part = keys[start : start + BATCH]
            marks = ",".join("?" * len(part))
            found.update(execute(f"SELECT key, value FROM kv WHERE key IN ({marks})", part))
        return [found.get(k) for k in keys]

    def batch_set(self, pairs):
        self.db.execute("BEGIN IMMEDIATE")
        self.db.executemany(SET, pairs)
        self.db.execute("COMMIT")

    def items(self):
        return self.db.execute("SELECT key, value FROM kv ORDER BY rowid")

    def items_by_key(self):
        return self.db.execute("SELECT key, value FROM kv ORDER BY key")

    def prefix(self, text):
        bounds = (text, text[:-1] + chr(ord(text[-1]) + 1))
        sql = "SELECT key, value FROM kv WHERE key >= ? AND key < ? ORDER BY key"
        return self.db.execute(sql, bounds)

    def for_thread(self):
        return type(self)(self.path, self.values, self.synchronous)

    def close(self):
        self.db.close()

    @classmethod
    def version(cls):
        return f"SQLite {sqlite3.sqlite_version}"
