"""sqlitedict: a thread that owns a connection, and a queue to it."""

import sqlite3

import sqlitedict

from .base import Adapter


class SqliteDict(Adapter):
    """In WAL, committing at flush, or with ``autocommit`` on each write."""

    def __init__(self, path, values="bytes", autocommit=False):
        codec = {} if values == "objects" else {"encode": sqlite3.Binary, "decode": bytes}
        self.d = sqlitedict.SqliteDict(path, journal_mode="WAL", autocommit=autocommit, **codec)
        self.items = self.d.items

    def delete(self, key):
        del self.d[key]

    def batch_set(self, pairs):
        self.d.update(pairs)

    def for_thread(self):
        return self

    def flush(self):
        self.d.commit(blocking=True)

    def close(self):
        self.flush()
        self.d.close()

    @classmethod
    def version(cls):
        return sqlitedict.__version__
