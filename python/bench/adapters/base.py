"""What a workload may ask of a peer."""

import os
import shutil


class Adapter:
    """A store at a path. What a peer has no way to do stays ``None`` and is shown as ``-``.

    The workloads read and write single keys through ``d``: ``d[k]``, ``d[k] = v``, ``k in d`` and
    ``len(d)``, so that the loops are the same for every peer. It is the peer's own object where that is
    a mapping, so that nothing of ours is timed with it.
    """

    #: Whether anything is left after ``close``.
    keeps = True
    #: Whether it can write more than bytes and text.
    objects = True
    #: Why two processes cannot share the file; empty when they can.
    alone = ""

    #: ``delete(key)``.
    delete = None
    #: ``batch_get(keys)``: their values, in order.
    batch_get = None
    #: ``batch_set(pairs)``.
    batch_set = None
    #: ``items()``: pairs in the order of insertion.
    items = None
    #: ``items_by_key()``: pairs in the order of the keys.
    items_by_key = None
    #: ``prefix(text)``: the pairs whose keys begin with it.
    prefix = None
    #: ``for_thread()``: the store as one more thread uses it, to be called in that thread.
    for_thread = None
    #: ``tasks()``: an asynchronous context manager, used inside a running loop, of what tasks use: an
    #: object with ``aget(key)``, ``aset(key, value)`` and ``aflush()``, which give awaitables.
    tasks = None
    #: True for what stands beside the others in their workloads and is no store.
    empty = False
    #: True for a store that is used without tasks where the others are used by tasks.
    blocking = False

    def __init__(self, path, values="bytes"):
        raise NotImplementedError

    def fill(self, pairs):
        """Writes many new pairs as fast as the peer can; not timed."""
        if self.batch_set is None:
            d = self.d
            for k, v in pairs:
                d[k] = v
        else:
            for start in range(0, len(pairs), 10_000):
                self.batch_set(pairs[start : start + 10_000])
        self.flush()

    def flush(self):
        """Everything written so far is where the peer's promise wants it."""

    def close(self):
        """Flushes and lets go."""

    @classmethod
    def version(cls):
        """What ran: the package's version, or the interpreter's library."""
        raise NotImplementedError


def remove(path):
    """Removes what an adapter left at a path."""
    folder, name = os.path.split(path)
    for entry in os.listdir(folder):
        if entry.startswith(name):
            whole = os.path.join(folder, entry)
            shutil.rmtree(whole) if os.path.isdir(whole) else os.remove(whole)
