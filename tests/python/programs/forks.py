"""Forks, one story a run: forks.py STORY PATH [ARGUMENTS]. Every child is ended by an alarm if it hangs."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback

import dictsqlite
from forking import forked, in_child, locks_held, other_process, wait


def moments(path, forks, seed):
    """Forks at random moments, while threads write in two modes, read, scan, and open and close files."""
    rnd, stop, failures = random.Random(int(seed)), threading.Event(), []
    db = dictsqlite.open(path, persist_mode="lazy", flush_interval=0.002)
    tight = dictsqlite.open(path, buffer_size=4)
    db.update({n: 0 for n in range(500)})
    db["sum"] = 0
    db.flush()

    def guarded(body):
        def loop():
            n = 0
            try:
                while not stop.is_set():
                    n += 1
                    body(n)
            except BaseException as e:
                traceback.print_exc()
                failures.append(e)

        return threading.Thread(target=loop, daemon=True)

    def write(n):
        db[n % 500] = n
        tight[f"tight{n % 50}"] = n
        time.sleep(0.0002)

    def read(n):
        assert db[n * 7 % 500] >= 0
        db.get(f"tight{n % 50}")

    def scan(n):
        assert len(dict(db.items(prefix="tight", consistent=n % 2 == 0))) <= 50

    def reopen(n):
        with dictsqlite.open(f"{path}.{n % 3}", persist_mode="lazy") as other:
            other["n"] = n

    threads = [guarded(body) for body in (write, read, scan, reopen)]
    for thread in threads:
        thread.start()
    longest = 0.0
    for n in range(int(forks)):
        time.sleep(rnd.uniform(0, 0.01))
        db["mine"] = n
        sum_before = db.incr("sum")

        def child(n=n, sum_before=sum_before):
            # Pending writes of the parent's are neither seen nor committed here.
            assert db.stats()["pending_writes"] == 0
            assert db["sum"] == sum_before
            assert db.incr("sum") == sum_before + 1
            tight["child"] = n
            tight.flush()
            # Conditional operations are not counted there.
            done = db.stats()["committed_operations"]
            assert done == 1, f"{done} operations committed"
            assert len(dict(db.items(consistent=True))) >= 500
            with dictsqlite.open(f"{path}.{n % 3}") as other:
                other[f"child{n}"] = n

        began = time.monotonic()
        pid = forked(child)
        longest = max(longest, time.monotonic() - began)
        db["mine"] = n + 1_000_000
        db.flush()
        wait(pid)
        assert db["mine"] == n + 1_000_000, "a child committed what its parent had pending"
        assert db["child"] == n
        assert db["sum"] == sum_before + 1
        assert not failures, failures
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures, failures
    assert db["sum"] == 2 * int(forks)
    tight.close()
    db.close()
    assert longest < 3, f"a fork took {longest:.1f} s"
    assert other_process(path, "PRAGMA integrity_check") == [("ok",)]
    print(f"longest {longest:.3f}")


def snapshot(path):
    """A scan of a child holds a lock of its own: the log cannot be cut off under it.

    Its parent reads as well at the fork, which SQLite's inherited table takes for a lock that the child has.
    """
    db = dictsqlite.open(path)
    db.update({n: "before" for n in range(3000)})
    db.flush()
    parents = iter(db.items(consistent=True))
    next(parents)

    def child():
        scan = iter(db.items(consistent=True))
        assert next(scan) == (0, "before")
        held = locks_held(path)
        assert any("READ" in lock for lock in held), held
        busy = other_process(path, "PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
        assert busy == 1, "the log was emptied under a reader"
        other_process(path, "PRAGMA wal_checkpoint(PASSIVE)")
        os.kill(os.getppid(), signal.SIGUSR1)
        time.sleep(0.3)
        other_process(path, "PRAGMA wal_checkpoint(RESTART)")
        assert {value for _, value in scan} == {"before"}
        assert db[5] == "after"
        assert "after" in {value for _, value in db.items()}

    def overwrite(*_):
        nonlocal parents
        del parents
        db.update({n: "after" for n in range(3000)})
        db.flush()

    signal.signal(signal.SIGUSR1, overwrite)
    in_child(child)
    assert db[5] == "after"
    db.close()


def parents_lock(path):
    """The end of a child, and its closing, take nothing of the parent's locks."""
    db = dictsqlite.open(path)
    db.update({n: "before" for n in range(3000)})
    db.flush()
    scan = iter(db.items(consistent=True))
    next(scan)
    assert locks_held(path)

    def child():
        assert db[1] == "before"
        db["child"] = 1
        db.close()
        with dictsqlite.open(path) as again:
            again["again"] = 1

    in_child(child)
    assert locks_held(path)
    assert other_process(path, "PRAGMA wal_checkpoint(TRUNCATE)")[0][0] == 1
    assert len(list(scan)) == 2999
    assert db["again"] == 1
    db.close()


def parent_leaves(path):
    """The parent closes the file, as the last one of its own; the child has it open and keeps its log."""
    db = dictsqlite.open(path)
    db["k"] = 1
    db.flush()
    to_parent, to_child = os.pipe(), os.pipe()

    def child():
        assert db["k"] == 1
        os.write(to_parent[1], b".")
        assert os.read(to_child[0], 1) == b"."
        assert os.path.exists(f"{path}-wal"), "the log of the child is gone"
        for n in range(3):
            db["k"] = n
            db.flush()
            assert other_process(path, "SELECT count(*) FROM main") == [(1,)]
            assert db.entry("k").value == n
        db.close()

    pid = forked(child)
    assert os.read(to_parent[0], 1) == b"."
    db.close()
    os.write(to_child[1], b".")
    wait(pid)
    with dictsqlite.open(path) as db:
        assert db["k"] == 2


def scans(path):
    """A scan that was open at the fork is an error in the child, at once, and goes on in the parent."""
    db = dictsqlite.open(path)
    db.update({n: n for n in range(2000)})
    plain, pinned = iter(db.items()), iter(db.items(consistent=True))
    assert next(plain) == next(pinned) == (0, 0)

    def child():
        for scan in (plain, pinned):
            try:
                next(scan)
            except dictsqlite.ClosedError as e:
                assert "fork" in str(e), e
            else:
                raise AssertionError("a scan went on in the child")
        assert len(list(db.items())) == 2000

    in_child(child)
    assert len(list(plain)) == len(list(pinned)) == 1999
    db.close()


def unused(path):
    """Closing a handle in the child that never used it opens nothing: there may be no file any more."""
    db = dictsqlite.open(path)
    for n in range(40):
        db[n] = bytes(1 << 20)
    db.flush()
    assert sum(len(db[n]) for n in range(40)) == 40 << 20
    kept = path + ".kept"

    def child():
        os.rename(path, kept)
        db.close()
        assert not os.path.exists(path)
        os.rename(kept, path)

    in_child(child)
    assert len(db) == 40
    db.close()


def busy_scan(path):
    """Another thread is inside a scan, waiting for its page, when the process forks: the child is told."""
    db = dictsqlite.open(path, persist_mode="lazy", flush_interval=100)
    db[0] = 0
    db.flush()
    with subprocess.Popen(
        [sys.executable, os.path.join(os.path.dirname(__file__), "hold.py"), path, "60"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        db[1] = 1
        scan = iter(db.items())
        thread = threading.Thread(target=lambda: next(scan))
        thread.start()
        time.sleep(0.2)

        def child():
            try:
                next(scan)
            except dictsqlite.ClosedError:
                pass
            else:
                raise AssertionError("a scan went on in the child")
            # What the parent has pending is not here.
            assert dict(db.items()) == {0: 0}

        began = time.monotonic()
        pid = forked(child)
        took = time.monotonic() - began
        assert took < 2, f"the fork took {took:.1f} s"
        wait(pid)
        holder.stdin.close()
    thread.join()
    db.close()


def grandchild(path):
    """Children of children, each with handles from further back."""
    db = dictsqlite.open(path)
    db["depth"] = 0
    db.flush()

    def deeper(depth):
        if depth == 4:
            return
        if depth != 2:
            # One generation does not touch it at all.
            assert db.incr("depth") == (depth if depth < 2 else depth - 1)
        in_child(lambda: deeper(depth + 1))
        db[f"back{depth}"] = depth
        db.flush()

    in_child(lambda: deeper(1))
    assert db["depth"] == 2
    assert [db[f"back{n}"] for n in (1, 2, 3)] == [1, 2, 3]
    assert locks_held(path)
    db.close()


def memory(path):
    """A store in memory: the child has a copy of its own, of the moment of the fork."""
    db = dictsqlite.open(":memory:", flush_interval=1000)
    db.update({n: "before" for n in range(1000)})
    scan = iter(db.items(consistent=True))
    next(scan)
    # Nothing but the fork has a reason to commit this.
    db[0] = "pending"
    db[0] = "before"
    db["late"] = "accepted"
    assert db.stats()["pending_writes"] > 0

    def child():
        assert dict(db.items()) == {**{n: "before" for n in range(1000)}, "late": "accepted"}
        del db["late"]
        db["child"] = 1
        db[0] = "child's"
        assert db.incr("n") == 1
        assert db[0] == "child's" and len(db) == 1002
        db.close()

    for _ in range(5):
        in_child(child)
    assert "child" not in db and db[0] == "before" and len(list(scan)) == 999
    db.close()


def locked(path):
    """Other threads wait for a lock that another process holds: to write, and to open. A fork waits for none."""
    with dictsqlite.open(path) as db:
        db["k"] = "v"
    db = dictsqlite.open(path, timeout=10)
    with subprocess.Popen(
        [sys.executable, os.path.join(os.path.dirname(__file__), "hold.py"), path, "60"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        threads = [threading.Thread(target=db.incr, args=(f"n{n}",)) for n in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.1)
        longest = 0.0
        for _ in range(5):
            began = time.monotonic()
            pid = forked(lambda: db["k"])
            longest = max(longest, time.monotonic() - began)
            wait(pid)
        holder.stdin.close()
    for thread in threads:
        thread.join()
    assert [db[f"n{n}"] for n in range(3)] == [1, 1, 1]
    db.close()
    assert longest < 1.5, f"a fork took {longest:.1f} s"


def plain(path):
    """`subprocess` starts nothing anew and takes nothing along."""
    db = dictsqlite.open(path, persist_mode="lazy", flush_interval=1000)
    db["k"] = 1
    scan = iter(db.items(consistent=True))
    next(scan)
    held = locks_held(path)
    for preexec in (None, lambda: None):
        code = "import os; print([os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if n != '3'])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, preexec_fn=preexec)
        assert "store" not in done.stdout, done.stdout
    assert locks_held(path) == held
    db["later"] = 1
    assert db.stats()["pending_writes"] == 1
    db.close()


def awaits(path):
    """A loop of its own in the child, on the parent's handle."""
    import asyncio

    db = dictsqlite.open(path)
    db.update({n: n for n in range(300)})

    async def reads():
        return await asyncio.gather(*(db.aget(n) for n in range(300)))

    assert asyncio.run(reads()) == list(range(300))
    in_child(lambda: asyncio.run(reads()) == list(range(300)) or sys.exit(1))
    assert asyncio.run(reads()) == list(range(300))
    db.close()


globals()[sys.argv[1]](*sys.argv[2:])
print("good")
