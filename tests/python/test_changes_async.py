"""Changes and watches from asyncio."""

import asyncio
import datetime
import threading
import time

import pytest

import dictsqlite


@pytest.fixture
def looped(path):
    """Runs a coroutine function with an open handle, and asks afterwards that nothing is left."""

    def runner(main, **options):
        async def body():
            async with dictsqlite.open(path, storage_mode="json", changes=True, **options) as db:
                await asyncio.wait_for(main(db), 60)
                await asyncio.sleep(0)
                others = asyncio.all_tasks() - {asyncio.current_task()}
                assert not others

        asyncio.run(body())

    return runner


def test_a_loop_over_changes(looped):
    async def main(db):
        changes = db.changes()

        async def consume():
            seen = []
            async for change in changes:
                seen.append((change.kind, change.key, change.new))
                if len(seen) == 3:
                    return seen

        task = asyncio.create_task(consume())
        await asyncio.sleep(0.05)
        await db.aset("a", 1)
        await db.aset("b", [2])
        await db.apop("a")
        assert await task == [("insert", "a", 1), ("insert", "b", [2]), ("delete", "a", None)]

    looped(main)


def test_cancelling_loses_nothing_and_leaves_nothing(looped):
    async def main(db):
        changes, watch = db.changes(), db.watch("k")
        assert (await watch.apage())[0] == ("k", None)
        for n in range(30):
            waits = [asyncio.ensure_future(stream.__anext__()) for stream in (changes, watch)]
            await asyncio.sleep(0.001 * (n % 3))
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(changes.apage(), 0.002)
        for n in range(50):
            wait = asyncio.ensure_future(changes.__anext__())
            await db.aset("k", n)
            flush = asyncio.ensure_future(db.aflush())
            await asyncio.sleep(0.0005 * (n % 4))
            if not wait.done():
                wait.cancel()
                await flush
                wait = asyncio.ensure_future(changes.__anext__())
            await flush
            change = await wait
            assert change.new == n
        assert (await watch.__anext__()).entry.value == 49

    looped(main)


def test_the_loop_turns_while_it_waits(looped):
    async def main(db):
        waits = [asyncio.ensure_future(db.changes().__anext__()) for _ in range(20)]
        longest, last = 0.0, time.perf_counter()
        for _ in range(100):
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        assert longest < 0.5
        await db.aset("a", 1)
        await db.aflush()
        assert {change.key for change in await asyncio.gather(*waits)} == {"a"}

    looped(main)


def test_closing_ends_the_loops_of_other_tasks(path):
    async def main():
        db = await dictsqlite.open(path, storage_mode="json", changes=True)

        async def consume(stream):
            return [item.key async for item in stream]

        tasks = [asyncio.create_task(consume(db.changes())), asyncio.create_task(consume(db.watch("k")))]
        await asyncio.sleep(0.02)
        await db.aset("k", 1)
        await db.aflush()
        await asyncio.sleep(0.1)
        await db.aclose()
        changes, watched = await asyncio.wait_for(asyncio.gather(*tasks), 20)
        assert (changes, watched) == (["k"], ["k", "k"])

    asyncio.run(main())


def test_enabling_and_options_without_blocking(path):
    async def main():
        async with dictsqlite.open(path, storage_mode="json") as db:
            assert not await db.ahas_changes()
            await db.aenable_changes(count=100, age=60)
            assert await db.ahas_changes()
            other = await db.atable("other", changes=True)
            assert await other.ahas_changes()
            await other.aset("k", 1)
            await other.aflush()
            changes = db.changes(since=0, tables=["other"])
            assert [change.key for change in await changes.apage()] == ["k"]
            await changes.aclose()
            assert [change async for change in changes] == []
            await other.aclose()

    asyncio.run(main())


def test_a_handle_that_is_not_open_yet(path):
    async def main():
        db = dictsqlite.open(path, storage_mode="json", changes=True)
        changes = db.changes()
        await db.aset("k", 1)
        await db.aflush()
        assert (await changes.__anext__()).key == "k"
        await db.aclose()

    asyncio.run(main())


def test_a_page_that_has_just_been_read(looped):
    """Between the reading and the loop's hearing of it nobody read any more, and `apage(0)` gave nothing."""

    async def main(db):
        changes, watch, ended = db.changes(since=0), db.watch("a"), threading.Event()

        def disturb():
            while not ended.is_set():
                sum(range(1000))

        # The loop hears late while another thread has the interpreter.
        disturber = threading.Thread(target=disturb)
        disturber.start()
        try:
            await watch.apage(0)
            for n in range(300):
                await db.aset("a", n)
                await db.aflush()
                assert [change.new for change in await changes.apage(0)] == [n]
                assert [watched.entry.value for watched in await watch.apage(0)] == [n]
        finally:
            ended.set()
            disturber.join()

    looped(main)


def test_a_page_with_a_timeout(looped):
    async def main(db):
        await db.aset("a", 1)
        await db.aflush()
        # However short the time, it is looked once.
        changes, watch = db.changes(since=0), db.watch("a")
        assert [change.key for change in await changes.apage(0)] == ["a"]
        assert [watched.key for watched in await watch.apage(0)] == ["a"]
        for stream in (changes, watch):
            began = time.monotonic()
            assert await stream.apage(timeout=datetime.timedelta(seconds=0.2)) == []
            assert 0.15 < time.monotonic() - began < 10
            assert await stream.apage(0) == []
        waits = [asyncio.ensure_future(stream.apage(30)) for stream in (changes, watch)]
        await asyncio.sleep(0.01)
        await db.aset("a", 2)
        await db.aflush()
        (change,), (watched,) = await asyncio.gather(*waits)
        assert change.new == watched.entry.value == 2
        # What came between is there, whenever it came.
        for n in range(100):
            await db.aset("a", n)
            flush, seen = asyncio.ensure_future(db.aflush()), []
            while not seen:
                seen = await changes.apage(0.0005 * (n % 4))
            assert [change.new for change in seen] == [n]
            await flush
        while await watch.apage(0):
            pass
        for stream in (changes, watch):
            waiting = asyncio.ensure_future(stream.apage(30))
            await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await stream.aclose()
            with pytest.raises(dictsqlite.ClosedError):
                await stream.apage(1)

    looped(main)
