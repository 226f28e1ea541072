"""What the workloads share."""

import os
from typing import Any, Callable, NamedTuple, Optional

import adapters
import data
import loops
from adapters.base import remove


class Absent(Exception):
    """The contender has no such thing; shown as `-`."""


class Wrong(Exception):
    """The contender did not do what it was timed for."""


class Size(NamedTuple):
    """How many entries: in a quick run, and else."""

    quick: int
    normal: int


class Workload(NamedTuple):
    name: str
    title: str
    run: Callable[["Context"], Any]
    #: Operations or entries, as the title says.
    size: Size
    #: What the others are compared with.
    baseline: str
    #: Contenders that commit at one of these times; `None` for those that stand for their peer in
    #: reading.
    commits: Optional[tuple] = None
    #: The type of the values: `bytes`, or `objects`, which the contender's own codec must write.
    values: str = "bytes"
    #: Whether a quick run has it.
    quick: bool = True
    #: Only with `--full`.
    full: bool = False
    #: What `Contender.only` names; the name if empty.
    group: str = ""

    @property
    def family(self):
        return self.group or self.name


class Context:
    """One round of one contender in one workload."""

    def __init__(self, contender, workload, n, round, folder, least):
        self.contender, self.workload, self.round = contender, workload, round
        #: Seconds that a loop which may be repeated takes at least.
        self.least = least
        self.n = min(n, contender.reach)
        self.folder = folder
        self.adapter = adapters.load(contender.adapter)
        self.slug = contender.name.replace(" ", "-")

    def open(self, path):
        """The contender's store at a path, made when missing."""
        if self.workload.values == "objects" and not self.adapter.objects:
            raise Absent("values are bytes")
        return self.adapter(path, values=self.workload.values, **self.contender.options)

    def path(self):
        """A path where nothing is."""
        path = os.path.join(self.folder, f"{self.slug}.fresh")
        remove(path)
        return path

    def filled(self, n, keys=None):
        """A store with n entries, inserted in random order.

        Its file is made once and used by all rounds and workloads, which therefore may change values but
        add or remove no key.
        """
        n = min(n, self.contender.reach)
        path = os.path.join(self.folder, f"{self.slug}.{n}.{self.workload.values}")
        store = self.open(path)
        if not store.keeps or not os.path.exists(path + ".made"):
            store.fill(data.pairs(keys or data.shuffled(n), round=-1))
            if store.keeps:
                # Read it as it is when opened.
                store.close()
                open(path + ".made", "w").close()
                store = self.open(path)
        return store

    def kept(self, path, key, value):
        """Opens what a timed loop wrote and closed, and looks whether it is there."""
        store = self.open(path)
        if store.keeps and store.d[key] != value:
            raise Wrong(f"{key!r} is not what was written last")
        store.close()
        remove(path)


def repeated(ctx, loop, *args, operations, most=1_000):
    """Does a loop that changes nothing until it took long enough for the clock."""

    def again():
        total, count = 0.0, 0
        while total < ctx.least and count < most:
            total += loop(*args)
            count += 1
        return operations * count, total

    return loops.timed(again)


def needs(store, name):
    """The store's method, or `Absent`."""
    method = getattr(store, name)
    if method is None:
        store.close()
        raise Absent(name)
    return method
