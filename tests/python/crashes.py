"""Killing a child that writes, and checking what survived against what it was told and promised."""

import os
import random
import struct
import sys
import time

import dictsqlite
from processes import PATIENCE, PROGRAMS, Child

sys.path.insert(0, str(PROGRAMS))
from script import is_barrier, replay, script, writes  # noqa: E402

RECORD = struct.Struct("<IIdd")
#: A lazy write that returned this many seconds before its `flush_interval` and the kill must be there. It
#: covers the commit under way on a busy machine; the commits measured take milliseconds.
RUNNING_COMMIT = 0.25


class Plan:
    """One child: how it opens the file and what it writes."""

    def __init__(self, path, mode, seed, *, buffer_size=100, interval=0.01, threads=1, size=0, after=None):
        self.path, self.mode, self.seed = str(path), mode, seed
        self.buffer_size, self.interval, self.threads, self.size = buffer_size, interval, threads, size
        #: Every other child only writes blindly, so that nothing but the mode's promise commits its writes.
        self.blind = seed % 2
        #: Seconds from the open file to the kill.
        self.after = random.Random(seed).uniform(0.001, 0.06) if after is None else after

    def start(self):
        options = [self.path, self.mode, self.buffer_size, self.interval]
        return Child("writer.py", *options, self.seed, self.threads, int(self.blind), self.size)

    def operations(self, thread):
        prefix = "" if self.threads == 1 else f"t{thread}:"
        return script(
            self.seed + thread, prefix=prefix, blind=self.blind, size=self.size, whole=self.threads == 1
        )

    def __repr__(self):
        return f"<{self.mode} {self.buffer_size} seed {self.seed} threads {self.threads} kill {self.after:.3f}>"


def ready(child):
    """The child has imported everything and is about to open the file."""
    got = child.read(PATIENCE)
    assert got == b"r", (got, child.errors())


def opened(child):
    """The child has the file open and begins to write."""
    child.send("")
    deadline = time.monotonic() + PATIENCE
    got = b""
    while not got:
        # Records may follow at once.
        got = child.read(deadline - time.monotonic())
        assert got != b"" and got is not None, child.errors()
    assert got[:1] == b"o", got
    return got[1:]


def kill(child, after, output=b"", meanwhile=lambda: None):
    """Kills the child when the time is up; gives what it acknowledged, and when it was killed."""
    chunks = [output]
    deadline = time.monotonic() + after
    while time.monotonic() < deadline:
        # A full pipe would hold the child up.
        chunk = child.read(min(0.005, deadline - time.monotonic()))
        assert chunk is not None, child.errors()
        chunks.append(chunk)
        meanwhile()
    killed = time.monotonic()
    child.process.kill()
    while True:
        chunk = child.read(PATIENCE)
        if chunk is None:
            break
        chunks.append(chunk)
    child.process.wait()
    assert child.errors() == "", child.errors()
    data = b"".join(chunks)
    return list(RECORD.iter_unpack(data[: len(data) - len(data) % RECORD.size])), killed


class Fate:
    """What became of one thread's operations: which prefix of them survived."""

    def __init__(self, plan, thread, records, items):
        self.records = records
        acknowledged = len(records)
        assert [number for number, _, _ in records] == list(range(acknowledged))
        markers = [int(value.partition(":")[0]) for value in items.values() if isinstance(value, str)]
        least = max(markers, default=-1) + 1
        model, matches, self.barrier, self.weights = {}, [], 0, []
        expected = list(items.items())
        for number, operation in enumerate(plan.operations(thread)):
            if number >= least and len(model) == len(expected) and list(model.items()) == expected:
                matches.append(number)
            # One more than was acknowledged may have been accepted.
            if number > acknowledged:
                break
            if number < acknowledged and is_barrier(operation, model):
                self.barrier = number + 1
            self.weights.append(writes(operation, model))
            replay(model, operation)
        assert matches, f"{plan}: no prefix of {acknowledged} operations leaves these {expected[:60]}"
        # Operations that changed nothing make several prefixes look alike.
        self.shortest, self.longest = matches[0], matches[-1]

    def lost(self):
        return range(self.longest, len(self.records))


def check(plan, records, killed, items):
    """The promises of the plan's mode; `items` is what survived, in its order."""
    fates = []
    for thread in range(plan.threads):
        prefix = "" if plan.threads == 1 else f"t{thread}:"
        mine = [record[1:] for record in records if record[0] == thread]
        own = {key: value for key, value in items.items() if key.startswith(prefix)}
        fates.append(Fate(plan, thread, mine, own))
    assert sum(len(f.records) for f in fates) == len(records)
    lost = [(fate, number) for fate in fates for number in fate.lost()]
    for fate in fates:
        kept = fate.longest >= fate.barrier
        assert kept, f"{plan}: operation {fate.barrier - 1} returned after its commit and is lost"
    # A prefix of the order of acceptance across threads as well: nothing that began after a lost
    # operation had returned survived.
    first_lost = min((fate.records[number][2] for fate, number in lost), default=float("inf"))
    for fate in fates:
        for number, started, _ in fate.records[: fate.shortest]:
            assert started < first_lost, f"{plan}: operation {number} survived one that was acknowledged before it"
    count = sum(fate.weights[number] for fate, number in lost)
    if plan.mode == "durable":
        assert count == 0, f"{plan}: {count} acknowledged writes lost"
    elif plan.mode == "writethrough":
        assert count <= plan.buffer_size - 1, f"{plan}: {count} acknowledged writes lost"
    else:
        oldest = killed - first_lost
        assert oldest <= plan.interval + RUNNING_COMMIT, f"{plan}: lost what had returned {oldest:.3f} s before"
    return len(records), count


def survivors(path):
    """What is in the file now; and the store is of use again at once."""
    with dictsqlite.open(path, persist_mode="durable") as db:
        items = dict(db.items())
        assert list(db) == list(items) and len(db) == len(items)
        assert db.batch_get(list(items)) == list(items.values())
        db["after"] = "0:the crash"
        assert list(db)[-1] == "after" and len(db) == len(items) + 1
        del db["after"]
    return items


def crash_all(plans, inspector):
    """Runs every plan's child, kills it and checks; gives how much was acknowledged and lost."""
    told = lost = 0
    waiting = plans[0].start()
    for n, plan in enumerate(plans):
        # The next one starts up while this one is looked at.
        child, waiting = waiting, plans[n + 1].start() if n + 1 < len(plans) else None
        try:
            with child:
                ready(child)
                records, killed = kill(child, plan.after, opened(child))
            assert os.path.exists(plan.path + "-wal")
            count, gone = check(plan, records, killed, survivors(plan.path))
            assert not os.path.exists(plan.path + "-wal"), "the last close leaves one file"
            inspector.check(plan.path)
        except BaseException:
            if waiting is not None:
                with waiting:
                    pass
            raise
        told, lost = told + count, lost + gone
    return told, lost
