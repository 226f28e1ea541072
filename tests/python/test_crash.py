"""kill -9 at random moments, in every mode that writes a file: the ladder of promises holds, what survives is
a prefix of what was accepted, batches are whole, and the file is sound and of use at once.

DICTSQLITE_KILLS=n multiplies the number of kills; DICTSQLITE_SEED=n makes the moments and scripts others.
"""

import os
import random
import threading
import time

import pytest

import dictsqlite
from crashes import Plan, check, crash_all, kill, opened, ready, survivors
from processes import Child, Inspector, dump

pytestmark = pytest.mark.once

MORE = int(os.environ.get("DICTSQLITE_KILLS", "1"))
SEED = int(os.environ.get("DICTSQLITE_SEED", "0")) * 1_000_000


@pytest.fixture(scope="module")
def inspector():
    inspector = Inspector()
    with inspector.child:
        yield inspector


def plans(tmp_path, kills, mode, salt, **options):
    first = SEED + salt * 10_000
    return [Plan(tmp_path / f"{n}.db", mode, first + 10 * n + n % 2, **options) for n in range(kills * MORE)]


LADDER = [("lazy", 100), ("writethrough", 1), ("writethrough", 2), ("writethrough", 100), ("durable", 100)]


@pytest.mark.timeout(120 * MORE)
@pytest.mark.parametrize(("mode", "buffer_size"), LADDER)
def test_ladder(tmp_path, inspector, mode, buffer_size):
    salt = 1 + LADDER.index((mode, buffer_size))
    told, lost = crash_all(plans(tmp_path, 24, mode, salt, buffer_size=buffer_size), inspector)
    assert told > 100
    print(f"{mode} {buffer_size}: {lost} of {told} acknowledged operations lost")


@pytest.mark.timeout(120 * MORE)
def test_lazy_commits_within_its_interval(tmp_path, inspector):
    """Lives so long that most of what it wrote has to be there."""
    told, lost = crash_all(plans(tmp_path, 6, "lazy", 11, interval=0.02, after=0.45), inspector)
    assert told > 1000
    assert lost < told / 2


@pytest.mark.timeout(120 * MORE)
@pytest.mark.parametrize("mode", ["lazy", "writethrough", "durable"])
def test_several_threads(tmp_path, inspector, mode):
    salt = 20 + len(mode)
    crash_all(plans(tmp_path, 6, mode, salt, threads=4, buffer_size=20), inspector)


@pytest.mark.timeout(120 * MORE)
@pytest.mark.parametrize("mode", ["lazy", "writethrough"])
def test_a_large_log_under_checkpoints(tmp_path, inspector, mode):
    """Values of 20 KB: the log passes the size at which checkpoints begin within a few hundred writes."""
    rnd = random.Random(SEED + 5)
    chosen = plans(tmp_path, 5, mode, 30 + len(mode), size=20_000)
    for plan in chosen:
        plan.after = rnd.uniform(0.05, 0.4)
    crash_all(chosen, inspector)


@pytest.mark.timeout(120 * MORE)
@pytest.mark.parametrize("persist_mode", ["lazy", "durable"])
def test_beside_a_living_process(tmp_path, inspector, persist_mode):
    """One file through several crashes, open here all along: recovery of the log sets SQLite's change counter
    back, and what is cached here must not pass for fresh by that. Reads never are stale, writes go on."""
    path = str(tmp_path / "shared.db")
    with dictsqlite.open(path, persist_mode=persist_mode, flush_interval=0.005) as db:
        for n in range(6 * MORE):
            db.clear()
            seed = SEED + 40_000 + 10 * n + n % 2
            plan = Plan(path, persist_mode, seed, interval=0.005)
            keys = [str(key) for key in range(40)] + ["counter"]
            with plan.start() as child:
                ready(child)
                records, killed = kill(child, plan.after, opened(child), lambda: [db.get(key) for key in keys])
            # Through the cache, key by key, and by a scan; then as a process that comes new sees it.
            here = {key: db[key] for key in keys if key in db}
            items = dict(db.items())
            check(plan, records, killed, items)
            assert here == items
            assert dump(path) == items
            db["mine"] = n
            db.flush()
            assert dump(path) == {**items, "mine": n}
    inspector.check(path)


@pytest.mark.timeout(120 * MORE)
def test_killed_while_the_file_is_made(tmp_path, inspector):
    """Wherever making a new file is cut off, the next process can open it and write."""
    rnd = random.Random(SEED + 7)
    for n in range(12 * MORE):
        plan = Plan(tmp_path / f"{n}.db", "durable", SEED + 50_000 + n)
        with plan.start() as child:
            ready(child)
            child.send("")
            time.sleep(rnd.uniform(0, 0.006))
            child.process.kill()
            child.process.wait()
        survivors(plan.path)
        inspector.check(plan.path)


@pytest.mark.timeout(120 * MORE)
def test_killed_while_many_wait_for_the_commit(tmp_path, inspector):
    """Conditional operations of eight threads: each one that returned is there."""
    for n in range(4 * MORE):
        path = str(tmp_path / f"{n}.db")
        with Child("increments.py", path, 8, 1_000_000, "lazy") as child:
            assert child.line() == "open"
            time.sleep(random.Random(SEED + n).uniform(0.01, 0.06))
            child.process.kill()
            highest = 0
            while True:
                more = child.read(10)
                if more is None:
                    break
                lines = more.decode().splitlines()
                highest = max([highest, *(int(line) for line in lines[:-1])])
        with dictsqlite.open(path) as db:
            assert highest <= db.get("sum", 0) <= highest + 8 + 100
        inspector.check(path)
