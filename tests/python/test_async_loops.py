"""Loops come and go: several at once, closed with operations in flight, in children of a fork, at the end of a process."""

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import dictsqlite
from dictsqlite import AsyncDictSQLite
from loops import LOOPS, every_loop, new_loop, run
from processes import PATIENCE, PROGRAMS, dump


@pytest.fixture
def filled(path):
    with dictsqlite.open(path) as db:
        db.update({("cold", n): n for n in range(1000)})
    return path


def descriptors():
    return len(os.listdir("/proc/self/fd"))


async def some(db, name):
    """A bit of everything; raises when an answer is wrong."""
    assert await asyncio.gather(*(db.aget(("cold", n)) for n in range(200))) == list(range(200))
    await asyncio.gather(*(db.aset((name, n), n) for n in range(50)))
    assert await db.abatch_get([(name, n) for n in range(50)]) == list(range(50))
    await db.aincr("sum")
    return len([key async for key in db.akeys(prefix=(name,))])


@every_loop
def test_several_loops_in_several_threads_on_one_handle(filled, kind):
    errors = []
    with AsyncDictSQLite(filled, persist_mode="writethrough", buffer_size=20) as db:

        def work(n):
            try:
                for turn in range(5):  # each of these is another loop
                    assert run(some(db, f"{n}-{turn}"), kind) == 50
            except BaseException as error:
                errors.append(error)

        workers = [threading.Thread(target=work, args=(n,)) for n in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(PATIENCE)
        assert not errors and not any(worker.is_alive() for worker in workers)
        assert db["sum"] == 30 and len(db) == 1001 + 6 * 5 * 50


@every_loop
def test_a_loop_that_closes_with_operations_in_flight_and_another_one_after_it(filled, kind):
    with AsyncDictSQLite(filled, hot_capacity=0) as db:
        for n in range(20):
            loop = new_loop(kind)

            async def begin(n=n):
                for k in range(100):
                    asyncio.ensure_future(db.aget(("cold", k)))
                for operation in (db.aincr("n"), db.aset(n, n), db.aflush(), db.alen(), db.aentry(n)):
                    asyncio.ensure_future(operation).cancel() if n % 3 == 0 else operation
                if n % 3 == 1:
                    await asyncio.sleep(0)

            loop.run_until_complete(begin())
            for task in asyncio.all_tasks(loop):  # as asyncio.run does
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()
            assert run(some(db, f"after {n}"), kind) == 50


@every_loop
def test_loops_leave_no_descriptors_behind(filled, kind):
    with AsyncDictSQLite(filled) as db:
        run(some(db, "a"), kind)
        before = descriptors()
        for n in range(30):
            run(some(db, n), kind)
        assert descriptors() <= before + 4


def test_the_main_loop_again_after_threads_had_theirs(filled):
    """Opening one loop's side looks through all others; it must not lose them."""

    async def main():
        async with AsyncDictSQLite(filled, hot_capacity=0) as db:
            assert await some(db, "main") == 50
            stop = threading.Event()

            def others():
                while not stop.is_set():
                    asyncio.run(some(db, "thread"))

            worker = threading.Thread(target=others)
            worker.start()
            for n in range(20):
                assert await some(db, f"main {n}") == 50
            stop.set()
            worker.join(PATIENCE)

    run(main())


def forked(job):
    """Runs the job in a forked child; what it raises is its exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(30)
            job()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@every_loop
@pytest.mark.parametrize("used", [False, True])
def test_a_forked_child_uses_asyncio(filled, kind, used):
    """pyo3-async-runtimes' global runtime is dead there."""
    with AsyncDictSQLite(filled) as db:
        if used:
            run(some(db, "parent"), kind)
        for n in range(3):
            forked(lambda n=n: run(some(db, f"child {n}"), kind))
            assert len(list(db.keys(prefix=(f"child {n}",)))) == 50
        assert run(some(db, "parent again"), kind) == 50


def in_a_child(db, queue, name):
    queue.put(asyncio.run(some(db, name)))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_of_multiprocessing_use_asyncio(filled, method):
    context = multiprocessing.get_context(method)
    with AsyncDictSQLite(filled) as db:
        run(some(db, "parent"))
        queue = context.Queue()
        children = [context.Process(target=in_a_child, args=(db, queue, f"child {n}")) for n in range(2)]
        for child in children:
            child.start()
        assert [queue.get(timeout=PATIENCE) for _ in children] == [50, 50]
        for child in children:
            child.join(PATIENCE)
            assert child.exitcode == 0
        assert len(list(db.keys(prefix=("child 1",)))) == 50


@pytest.mark.parametrize("kind", LOOPS)
@pytest.mark.parametrize("flags", [["-X", "dev"], ["-X", "dev", "-W", "error"], []], ids=str)
def test_in_debug_mode_nothing_is_complained_about(path, kind, flags):
    environment = {**os.environ, "PYTHONASYNCIODEBUG": "1"}
    command = [sys.executable, *flags, str(PROGRAMS / "every_await.py"), kind, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    # A slow machine is no fault: debug mode tells of every callback that takes 100 ms.
    told = [line for line in done.stderr.splitlines() if not (line.startswith("Executing ") and " seconds" in line)]
    assert done.returncode == 0 and not told, done.stderr


LEAVE = """
import asyncio, sys
from dictsqlite import AsyncDictSQLite

path, how, mode = sys.argv[1:]

async def main():
    global db
    db = AsyncDictSQLite(path, persist_mode=mode, buffer_size=100)
    await db.abatch_set({f"cold {n}": n for n in range(1000)})
    for n in range(90):
        later = db.aset(n, n)
        if how == "awaited":
            await later
    for n in range(200):
        asyncio.ensure_future(db.aget(f"cold {n}"))
    if how == "flight":
        asyncio.ensure_future(db.aflush())
        asyncio.create_task(asyncio.wait_for(db.aincr("n"), 10))
    if how == "raise":
        raise RuntimeError("on purpose")

asyncio.run(main())
"""


@pytest.mark.parametrize("mode", ["lazy", "writethrough", "durable"])
@pytest.mark.parametrize("how", ["awaited", "unawaited", "flight", "raise"])
def test_the_process_ends_promptly_with_a_handle_open_and_keeps_what_was_accepted(tmp_path, how, mode):
    """aiosqlite hangs here."""
    path = tmp_path / "a.db"
    began = time.monotonic()
    command = [sys.executable, "-c", LEAVE, str(path), how, mode]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert time.monotonic() - began < 8
    assert done.returncode == (1 if how == "raise" else 0), done.stderr
    assert "RuntimeError: on purpose" in done.stderr if how == "raise" else not done.stderr
    found = dump(path)
    assert all(found[n] == n for n in range(90))


def test_the_process_ends_while_another_one_holds_the_lock(path, hold_lock):
    """What could not be written is said, within the limit; the loop's own end is not held up."""
    code = LEAVE.replace("import asyncio, sys", "import asyncio, sys\nimport dictsqlite._exit\ndictsqlite._exit.EXIT_LIMIT = 0.5").replace(
        'await db.abatch_set({f"cold {n}": n for n in range(1000)})', "await db"
    )
    dictsqlite.open(path).close()
    with hold_lock():
        began = time.monotonic()
        command = [sys.executable, "-c", code, str(path), "unawaited", "lazy"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        assert time.monotonic() - began < 8
    assert done.returncode == 0 and "90 accepted writes" in done.stderr
