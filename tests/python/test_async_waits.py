"""Writes that wait, for room or for their commit: deadlines, cancellation, order, and bounded memory."""

import asyncio
import gc
import random
import threading
import time

import pytest

import dictsqlite
from dictsqlite import AsyncDictSQLite
from loops import every_loop, run

#: A value of which the memtable (64 MiB) holds a few.
LARGE = 15 << 20
LIMIT = 0.4


def threads():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("Threads:"))


def fill_window(db, count):
    return asyncio.gather(*(db.aset(n, n) for n in range(count)))


async def refused(awaitable, *kinds, word=""):
    """The awaitable fails, at the timeout, and says why."""
    began = time.monotonic()
    with pytest.raises(kinds) as error:
        await awaitable
    took = time.monotonic() - began
    assert LIMIT * 0.8 < took < LIMIT + 3, took
    assert word in str(error.value)
    assert isinstance(error.value, TimeoutError)
    return error.value


@every_loop
@pytest.mark.parametrize("operation", ["aset", "aflush", "adurable", "aincr", "apop", "alen", "abatch_set", "akeys", "aentry"])
def test_a_deadline_passes_while_another_process_holds_the_lock(path, hold_lock, kind, operation):
    """Asynchronous waits had no deadline: they waited for ever, and `n = 1; incr(n)` did even in threads."""
    dictsqlite.open(path).close()

    async def first(scan):
        async for key in scan:
            return key

    async def main():
        async with AsyncDictSQLite(path, persist_mode="writethrough", buffer_size=10, timeout=LIMIT) as db:
            await db
            with hold_lock():
                await fill_window(db, 9)
                calls = {
                    "aset": lambda: db.aset("k", 1), "aflush": db.aflush, "adurable": lambda: db.aflush(durable=True),
                    "aincr": lambda: db.aincr(3), "apop": lambda: db.apop(3), "alen": db.alen, "aentry": lambda: db.aentry(3),
                    "abatch_set": lambda: db.abatch_set({"k": 1}), "akeys": lambda: first(db.akeys()),
                }  # fmt: skip
                error = await refused(calls[operation](), dictsqlite.BusyError)
                assert "lock" in str(error)
                words = {"aset": "not accepted", "abatch_set": "not accepted", "aincr": "not begun", "apop": "not begun"}
                assert words.get(operation, "") in str(error)
                assert await db.aget(3) == 3
            await db.aflush()
            assert await db.alen() == 9 and await db.aget(3) == 3

    run(main(), kind)


def test_the_same_deadline_in_a_thread(path, hold_lock):
    dictsqlite.open(path).close()
    with dictsqlite.open(path, persist_mode="writethrough", buffer_size=10, timeout=LIMIT) as db:
        with hold_lock():
            db.update({n: n for n in range(9)})
            for call in (lambda: db.set("k", 1), lambda: db.incr(3), lambda: db.flush(durable=True), lambda: db.update({"k": 1})):
                began = time.monotonic()
                with pytest.raises(dictsqlite.BusyError):
                    call()
                assert time.monotonic() - began < LIMIT + 3
        assert dict(db.items()) == {n: n for n in range(9)}


def test_a_durable_write_that_comes_too_late_is_kept(path, hold_lock):
    dictsqlite.open(path).close()

    async def main():
        async with AsyncDictSQLite(path, persist_mode="durable", timeout=LIMIT) as db:
            await db
            with hold_lock():
                error = await refused(db.aset("k", 1), dictsqlite.BusyError)
                assert "kept" in str(error)
            await db.aflush()
            assert dict(db.items()) == {"k": 1}

    run(main())


@every_loop
def test_a_write_cancelled_while_it_waits_for_room_never_happens(path, hold_lock, kind):
    dictsqlite.open(path).close()

    async def main():
        async with AsyncDictSQLite(path, persist_mode="writethrough", buffer_size=10) as db:
            await db
            with hold_lock():
                accepted = [asyncio.ensure_future(db.aset(n, n)) for n in range(30)]
                batch = asyncio.create_task(db.abatch_set({"b": 1}))
                decided = asyncio.create_task(db.aincr("n"))
                await asyncio.sleep(0.05)
                assert [f.done() for f in accepted] == [True] * 9 + [False] * 21
                for waiting in (*accepted[9:20], batch, decided):
                    assert waiting.cancel()
                await asyncio.sleep(0.05)
                assert batch.cancelled() and decided.cancelled() and all(f.cancelled() for f in accepted[9:20])
                assert not await db.acontains(9)
            await asyncio.gather(*accepted[20:])
            await db.aflush()
            return dict(db.items())

    found = run(main(), kind)
    assert found == {n: n for n in (*range(9), *range(20, 30))}


def test_a_write_cancelled_after_it_was_accepted_happens(path, hold_lock):
    dictsqlite.open(path).close()

    async def main():
        async with AsyncDictSQLite(path, persist_mode="durable") as db:
            await db
            with hold_lock():
                task = asyncio.create_task(db.aset("k", 1))
                await asyncio.sleep(0.05)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert await db.aget("k") == 1
            await db.aflush()

    run(main())
    with dictsqlite.open(path) as db:
        assert db["k"] == 1


@every_loop
def test_a_cancelled_iteration_goes_on_where_it_was(path, hold_lock, kind):
    """The page it waited for was lost, and the scan waited for it for ever."""

    async def main():
        async with AsyncDictSQLite(path, persist_mode="lazy", timeout=20) as db:
            await db
            with hold_lock():
                await db.aupdate({n: n for n in range(1000)})
                keys = db.akeys()
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(keys.__anext__(), 0.1)
                with pytest.raises(RuntimeError, match="already"):
                    await keys.__anext__()
            await db.aflush()
            while True:
                try:
                    found = [await keys.__anext__()]
                    break
                except RuntimeError:
                    await asyncio.sleep(0.01)
            assert found + [key async for key in keys] == list(range(1000))

    dictsqlite.open(path).close()
    run(main(), kind)


def test_reading_connections_that_are_all_in_use_are_waited_for_no_longer_than_the_timeout(path):
    """A worker waited for one for an hour."""

    async def main():
        async with AsyncDictSQLite(path, timeout=LIMIT, hot_capacity=0) as db:
            await db.aupdate({n: n for n in range(10_000)})
            scans = [iter(db.keys(consistent=True)) for _ in range(32)]
            assert [next(scan) for scan in scans] == [0] * 32
            with pytest.raises(dictsqlite.TimeoutError, match="connections"):
                await db.aget(5)
            for scan in scans:
                scan.close()
            assert await db.aget(5) == 5

    run(main())


def test_room_for_memory_is_waited_for_and_withdrawn_as_well(path, hold_lock):
    dictsqlite.open(path).close()

    async def main():
        async with AsyncDictSQLite(path, persist_mode="lazy", storage_mode="bytes", table_name="b", timeout=LIMIT) as db:
            await db
            with hold_lock():
                value = bytes(LARGE)
                await asyncio.gather(*(db.aset(n, value) for n in range(4)))
                waiting = asyncio.ensure_future(db.aset("cancelled", value))
                await asyncio.sleep(0.05)
                assert waiting.cancel()
                await refused(db.aset("late", value), dictsqlite.BusyError, word="not accepted")
            await db.aset("in time", value)
            return [key async for key in db.akeys()]

    assert run(main()) == [0, 1, 2, 3, "in time"]


@every_loop
def test_waiting_writers_are_served_in_the_order_of_their_calls(path, kind):
    async def main():
        async with AsyncDictSQLite(path, persist_mode="writethrough", buffer_size=5) as db:
            order = []

            async def write(n):
                order.append(n)
                await db.aset(n, n)

            await asyncio.gather(*(write(n) for n in range(2000)))
            # Insertion order is the order in which they were accepted.
            assert [key async for key in db.akeys()] == order == list(range(2000))

    run(main(), kind)


def test_threads_and_tasks_share_the_room_fairly(path):
    """Neither side is kept waiting by the other."""
    db = dictsqlite.open(path, persist_mode="writethrough", buffer_size=3)

    def work(n):
        for k in range(300):
            db.set((n, k), k)

    async def main():
        workers = [threading.Thread(target=work, args=(n,)) for n in range(3)]
        for worker in workers:
            worker.start()
        for k in range(300):
            await db.aset(("task", k), k)
        while any(worker.is_alive() for worker in workers):
            await asyncio.sleep(0.01)

    run(main())
    assert len(db) == 1200
    db.close()


@every_loop
@pytest.mark.parametrize("mode", ["lazy", "writethrough", "durable"])
@pytest.mark.parametrize("seed", range(3))
def test_tasks_cancelled_at_any_moment_leave_nothing_behind(path, kind, mode, seed):
    """No InvalidStateError, no task, thread or permit left; what was awaited to its end is there."""
    dice = random.Random(seed)
    with dictsqlite.open(path) as db:
        db.update({("cold", n): n for n in range(2000)})
    certain = {}

    async def work(db, n):
        for k in range(20):
            key = (n, k)
            await dice.choice([lambda: db.aset(key, k), lambda: db.abatch_set({key: k}), lambda: db.asetdefault(key, k)])()
            certain[key] = k
            await db.aget(("cold", dice.randrange(2000)))
            await db.abatch_get([("cold", dice.randrange(2000)) for _ in range(5)])
            if dice.random() < 0.3:
                await dice.choice([db.aflush, db.alen, lambda: db.aincr("n"), lambda: db.aentry(key), lambda: db.apop("none", 0)])()

    async def main():
        db = AsyncDictSQLite(path, persist_mode=mode, buffer_size=4, hot_capacity=0)
        await db
        for _ in range(4):
            tasks = [asyncio.create_task(work(db, len(certain) + n)) for n in range(40)]
            while not all(task.done() for task in tasks):
                dice.choice(tasks).cancel()
                await asyncio.sleep(dice.choice([0, 0, 0.001]))
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(result) for result in results} <= {asyncio.CancelledError, type(None)}
        await asyncio.wait_for(fill_window(db, 20), 20)
        await db.aflush()
        found = await db.abatch_get(list(certain))
        assert found == list(certain.values())
        await db.aclose()

    gc.collect()
    before = threads()
    run(main(), kind)
    deadline = time.monotonic() + 10
    while threads() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threads() <= before


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["lazy", "writethrough"])
def test_a_flood_of_writes_does_not_grow_memory(tmp_path, run, mode):
    """An awaiting writer is held back at the cap; 600 MB pass through a process of a fraction of that."""
    code = """
    import asyncio, sys
    from dictsqlite import AsyncDictSQLite

    async def main(path, mode):
        async with AsyncDictSQLite(path, persist_mode=mode, storage_mode="bytes", cache_bytes=1 << 20) as db:
            async def flood(n):
                for k in range(150):
                    await db.aset((n, k % 5), bytes(1 << 20))
            await asyncio.gather(*(flood(n) for n in range(4)))
            assert await db.alen() == 20
        with open("/proc/self/status", encoding="ascii") as status:
            print(*(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM:")))

    asyncio.run(main(*sys.argv[1:]))
    """
    most = int(run(code, tmp_path / "a.db", mode))
    print(f"{mode}: at most {most} MiB")
    assert most < 250
