"""The standard library's shelve and dbm, over whatever this Python was built with."""

import dbm
import shelve

from .base import Adapter


def backend():
    """The module that ``dbm.open`` takes for new files here."""
    return getattr(dbm, "_defaultmod", None) or _default()


def _default():
    import importlib

    for name in dbm._names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ImportError("this Python has no dbm")


class _Dbm(Adapter):
    alone = "one writer at a time"

    def delete(self, key):
        del self.d[key]

    def flush(self):
        if hasattr(self.d, "sync"):
            self.d.sync()

    def close(self):
        self.d.close()

    @classmethod
    def version(cls):
        return backend().__name__


class Dbm(_Dbm):
    objects = False

    def __init__(self, path, values="bytes"):
        self.d = dbm.open(path, "c")


class Shelve(_Dbm):
    def __init__(self, path, values="bytes"):
        self.d = shelve.open(path, "c")

    def items(self):
        return self.d.items()
