"""What an `await` costs that leaves the loop's thread and does nothing: no store, a measure for others."""

import asyncio
import contextlib
import importlib.metadata

from .base import Adapter


def nothing():
    """The work."""


class _Hop(Adapter):
    keeps = False
    #: Its answers are no values.
    empty = True

    def __init__(self, path, values="bytes"):
        self.d = {}
        # What it is filled with is never asked for.
        self.batch_set = len

    @contextlib.asynccontextmanager
    async def tasks(self):
        yield self


class Future(_Hop):
    """`pyo3_async_runtimes::tokio::future_into_py` of an empty future."""

    def __init__(self, path, values="bytes"):
        import hop

        super().__init__(path, values)
        self.empty_future = hop.empty

    def aget(self, key):
        return self.empty_future()

    @classmethod
    def version(cls):
        return importlib.metadata.metadata("hop")["Summary"]


class Thread(_Hop):
    """`asyncio.to_thread` of a function that does nothing."""

    def aget(self, key):
        return asyncio.to_thread(nothing)

    @classmethod
    def version(cls):
        return "asyncio.to_thread"
