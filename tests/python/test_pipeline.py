"""Operations sent together: their order is kept, and they share commits and wake-ups."""

import asyncio
import sys
import threading

import pytest

import dictsqlite

MODES = ["lazy", "writethrough", "durable"]


def test_each_sees_what_was_before_it(path):
    for mode in MODES:
        with dictsqlite.open(path, persist_mode=mode, storage_mode="json") as db:
            db.clear()
            db["n"] = 40
            p = db.pipeline()
            p.get("n").incr("n").get("n").set("n", 7).get("n").incr("n", 5).delete("n").get("n", "gone")
            p.delete("n").setdefault("n", 1).setdefault("n", 2).expire("n", 60).pop("n").pop("n", "none")
            assert len(p) == 14 and db["n"] == 40
            got = p.execute()
            assert isinstance(got[3], int) and got[3] > 0
            got[3] = "version"
            assert got == [40, 41, 41, "version", 7, 12, True, "gone", False, 1, 1, True, 1, "none"]
            assert len(p) == 0 and p.execute() == []
            assert "n" not in db


def mixed(p, n):
    for i in range(n):
        p.incr("n")
        p.get("n")
        p.set("last", i)
        p.get("last")


def expected(n):
    return [x for i in range(n) for x in (i + 1, i + 1, None, i)]


@pytest.mark.parametrize("mode", MODES)
def test_thousands_keep_their_order_and_share_commits(path, mode):
    with dictsqlite.open(path, persist_mode=mode, storage_mode="json") as db:
        before = db.stats()["commits"]
        with db.pipeline() as p:
            mixed(p, 1000)
        assert db.stats()["commits"] - before <= 20
        assert [None if n % 4 == 2 else x for n, x in enumerate(p.results)] == expected(1000)
        versions = p.results[2::4]
        assert versions == sorted(set(versions))

    async def main():
        async with dictsqlite.open(path, persist_mode=mode, storage_mode="json") as db:
            await db.aclear()
            before = (await db.astats())["commits"]
            async with db.pipeline() as p:
                mixed(p, 1000)
            assert (await db.astats())["commits"] - before <= 20
            assert [None if n % 4 == 2 else x for n, x in enumerate(p.results)] == expected(1000)

    asyncio.run(main())


@pytest.mark.parametrize("mode", MODES)
def test_gathered_writes_keep_their_order_and_share_commits(path, mode):
    """The same without a pipeline: what is called first is done first."""

    async def main():
        async with dictsqlite.open(path, persist_mode=mode, storage_mode="json") as db:
            await db.aset("n", 0)
            before = (await db.astats())["commits"]
            sums = await asyncio.gather(*(db.aincr("n") for _ in range(2000)))
            assert sums == list(range(1, 2001))
            await asyncio.gather(*(db.aset(f"k{i % 10}", i) for i in range(2000)))
            await db.aflush()
            # Of 4,000 operations; how many it is depends on how fast the loop is beside the writer.
            assert (await db.astats())["commits"] - before <= 1000
            assert await db.abatch_get([f"k{i}" for i in range(10)]) == list(range(1990, 2000))

    asyncio.run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="counts a thread's switches")
def test_the_caller_is_woken_once(path):
    """One by one each durable write puts the thread to sleep; together they do so once."""
    import resource

    def switches():
        return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw

    with dictsqlite.open(path, persist_mode="durable", storage_mode="json") as db:
        before = switches()
        for n in range(300):
            db[n] = n
        one_by_one = switches() - before
        p = db.pipeline()
        for n in range(300):
            p.set(n, -n)
        before = switches()
        p.execute()
        together = switches() - before
        assert one_by_one >= 150 and together <= one_by_one / 10, (one_by_one, together)
        assert db[299] == -299


def test_a_loop_is_woken_once(path):
    """A pipeline's answer is one event of the loop, however many operations it has."""
    loop = asyncio.new_event_loop()
    wakes = []
    add_reader = loop.add_reader

    def counted(fd, callback, *args):
        return add_reader(fd, lambda: (wakes.append(fd), callback(*args)))

    loop.add_reader = counted

    async def main():
        async with dictsqlite.open(path, persist_mode="durable", storage_mode="json") as db:
            for n in range(100):
                await db.aincr("one by one")
            one_by_one = len(wakes)
            p = db.pipeline()
            mixed(p, 500)
            assert len(await p.aexecute()) == 2000
            together = len(wakes) - one_by_one
            assert one_by_one >= 100 and together <= 3, (one_by_one, together)

    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


def test_one_that_fails_leaves_the_others(path):
    with dictsqlite.open(path, storage_mode="json") as db:
        p = db.pipeline().set("k", "text").incr("k").set("k", 2, if_version=77).pop("absent").incr("n")
        with pytest.raises(dictsqlite.CodecError) as caught:
            p.execute()
        assert caught.value.key == "k"
        assert [type(x).__name__ for x in p.results[1:]] == ["CodecError", "ConflictError", "KeyMissingError", "int"]
        assert dict(db) == {"k": "text", "n": 1}
        again = db.pipeline().incr("k").incr("n").execute(return_exceptions=True)
        assert isinstance(again[0], dictsqlite.CodecError) and again[1] == 2


def test_nothing_is_done_after_an_exception(path):
    with dictsqlite.open(path, storage_mode="json") as db:
        with pytest.raises(ZeroDivisionError), db.pipeline() as p:
            p.set("k", 1)
            1 / 0
        assert p.results is None and "k" not in db

        async def main():
            async with db.pipeline() as p:
                p.set("k", 1)
                1 / 0

        with pytest.raises(ZeroDivisionError):
            asyncio.run(main())
        assert "k" not in db


def test_what_is_refused_is_refused_when_it_is_given(path):
    with dictsqlite.open(path, storage_mode="json") as db:
        p = db.pipeline()
        with pytest.raises(TypeError):
            p.get(1.5)
        with pytest.raises(dictsqlite.CodecError):
            p.set("k", object())
        with pytest.raises(ValueError):
            p.set("k", 1, ttl=-1)
        assert len(p) == 0
        value = [1]
        p.set("k", value)
        value.append(2)  # too late: it is encoded
        p.execute()
        assert db["k"] == [1]
    with pytest.raises(dictsqlite.ClosedError):
        p.execute()
    with pytest.raises(dictsqlite.ClosedError):
        db.pipeline().get("k").execute()


def test_a_read_only_store_reads_in_a_pipeline_too(path):
    with dictsqlite.open(path, storage_mode="json") as db:
        db["k"] = 1
    with dictsqlite.open(path, storage_mode="json", read_only=True) as db:
        got = db.pipeline().get("k").set("k", 2).execute(return_exceptions=True)
        assert isinstance(got[1], dictsqlite.ReadOnlyError)
        assert db["k"] == 1


def test_pipelines_of_many_threads(path):
    with dictsqlite.open(path, persist_mode="durable", storage_mode="json") as db:
        seen = []

        def work():
            for _ in range(5):
                p = db.pipeline()
                for _ in range(100):
                    p.incr("n")
                seen.extend(p.execute())

        threads = [threading.Thread(target=work) for _ in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert sorted(seen) == list(range(1, 2001)) and db["n"] == 2000


def test_once_it_has_returned_it_is_there(path, run):
    """The process ends right after a durable pipeline has returned, without any goodbye."""
    run(
        """
        import os, sys, dictsqlite
        db = dictsqlite.open(sys.argv[1], persist_mode="durable", storage_mode="json")
        with db.pipeline() as p:
            for n in range(500):
                p.set(n, n).incr("n")
        os._exit(0)
        """,
        path,
    )
    with dictsqlite.open(path, storage_mode="json") as db:
        assert db["n"] == 500 and len(db) == 501
