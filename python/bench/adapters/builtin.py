"""The builtin dict: what any Python program would do without persistence, and the cost of the loop."""

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

    @classmethod
    def version(cls):
        return f"CPython {platform.python_version()}"
