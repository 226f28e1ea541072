"""`get_or_compute`, `aget_or_compute` and `memoize`: one computation a key, for threads, tasks and loops together."""

import asyncio
import threading
import time

import pytest

import dictsqlite
from dictsqlite import AsyncDictSQLite, DictSQLite
from loops import every_loop, run
from processes import PATIENCE


@pytest.fixture
def db(path):
    with DictSQLite(path, persist_mode="lazy", storage_mode="json") as db:
        yield db


class Slow:
    """A computation that counts its calls and takes a while."""

    def __init__(self, result="value", seconds=0.05):
        self.calls, self.result, self.seconds = 0, result, seconds

    def finish(self):
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result

    def sync(self):
        self.calls += 1
        time.sleep(self.seconds)
        return self.finish()

    async def later(self):
        self.calls += 1
        await asyncio.sleep(self.seconds)
        return self.finish()


def in_threads(count, call):
    results = [None] * count

    def work(n):
        try:
            results[n] = call()
        except Exception as error:
            results[n] = error

    threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return results


def test_what_is_there_is_not_computed(db):
    db["k"] = None
    slow = Slow()
    assert db.get_or_compute("k", slow.sync) is None
    assert asyncio.run(db.aget_or_compute("k", slow.later)) is None
    assert slow.calls == 0


def test_threads_share_one_computation_and_no_object(db):
    slow = Slow(["value"])
    results = in_threads(20, lambda: db.get_or_compute("k", slow.sync))
    assert results == [["value"]] * 20 and slow.calls == 1
    assert len({id(result) for result in results}) == 20
    assert db["k"] == ["value"]


@every_loop
def test_tasks_share_one_computation(path, kind):
    async def main():
        async with AsyncDictSQLite(path) as db:
            slow = Slow()
            assert await asyncio.gather(*(db.aget_or_compute("k", slow.later) for _ in range(500))) == ["value"] * 500
            assert slow.calls == 1
            # A plain function does as well.
            assert await db.aget_or_compute("plain", lambda: 5) == 5

    run(main(), kind)


def test_handles_threads_and_loops_share_one_computation(db, path):
    slow = Slow(seconds=0.2)
    with DictSQLite(path, storage_mode="json") as other:

        async def tasks():
            return await asyncio.gather(*(other.aget_or_compute("k", slow.later) for _ in range(10)))

        turns = iter(range(8))

        def work():
            n = next(turns)
            return db.get_or_compute("k", slow.sync) if n % 2 else asyncio.run(tasks())[3]

        assert in_threads(8, work) == ["value"] * 8
        assert slow.calls == 1
        # Another table's key of the same name is another key.
        assert other.table("t").get_or_compute("k", lambda: "own") == "own"


def test_an_error_goes_to_everybody_and_is_not_stored(db):
    # Whoever comes when it is over computes anew, so it takes long enough for all to come.
    slow = Slow(ZeroDivisionError("on purpose"), seconds=0.5)
    assert {type(result) for result in in_threads(5, lambda: db.get_or_compute("k", slow.sync))} == {ZeroDivisionError}
    assert slow.calls == 1

    async def main():
        results = await asyncio.gather(*(db.aget_or_compute("k", slow.later) for _ in range(5)), return_exceptions=True)
        assert {type(result) for result in results} == {ZeroDivisionError}

    run(main())
    assert slow.calls == 2 and "k" not in db
    slow.result = "now"
    assert db.get_or_compute("k", slow.sync) == "now"


def test_a_value_that_cannot_be_stored_is_an_error_for_everybody(db):
    slow = Slow({1, 2}, seconds=0.5)
    assert {type(result) for result in in_threads(3, lambda: db.get_or_compute("k", slow.sync))} == {dictsqlite.CodecError}
    with pytest.raises(TypeError, match="aget_or_compute"):
        db.get_or_compute("k", slow.later)
    with pytest.raises(dictsqlite.KeyTypeError):
        db.get_or_compute(1.5, slow.sync)


@every_loop
def test_a_cancelled_waiter_does_not_disturb_the_others(path, kind):
    async def main():
        async with AsyncDictSQLite(path) as db:
            slow = Slow()
            tasks = [asyncio.create_task(db.aget_or_compute("k", slow.later)) for _ in range(6)]
            await asyncio.sleep(0.01)
            tasks[0].cancel()  # the one that began it
            tasks[3].cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(result) for result in results] == [asyncio.CancelledError, str, str, asyncio.CancelledError, str, str]
            assert slow.calls == 1

    run(main(), kind)


@every_loop
def test_with_its_last_waiter_a_computation_is_cancelled(path, kind):
    async def main():
        async with AsyncDictSQLite(path) as db:
            slow = Slow(seconds=30)
            tasks = [asyncio.create_task(db.aget_or_compute("k", slow.later)) for _ in range(3)]
            await asyncio.sleep(0.01)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0.01)
            assert not [task for task in asyncio.all_tasks() if "_compute" in repr(task)]
            slow.seconds = 0
            assert await db.aget_or_compute("k", slow.later) == "value"
            assert slow.calls == 2

    run(main(), kind)


@pytest.mark.parametrize("cancelled", [True, False])
def test_a_loop_that_ends_hands_the_computation_over(db, cancelled):
    slow = Slow(seconds=30)
    begun = threading.Event()

    def end_early():
        loop = asyncio.new_event_loop()

        async def begin():
            loop.task = asyncio.ensure_future(db.aget_or_compute("k", slow.later))
            await asyncio.sleep(0.05)
            begun.set()
            await asyncio.sleep(0.2)

        loop.run_until_complete(begin())
        if cancelled:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=end_early)
    thread.start()
    assert begun.wait(PATIENCE)
    if not cancelled:
        thread.join(PATIENCE)  # left behind by a closed loop, it is found out by whoever comes next
    assert db.get_or_compute("k", lambda: "mine") == "mine"
    thread.join(PATIENCE)
    assert slow.calls == 1


def test_a_computation_that_asks_for_itself_says_so(db):
    with pytest.raises(RuntimeError, match="own result"):
        db.get_or_compute("k", lambda: db.get_or_compute("k", lambda: 1))
    with pytest.raises(RuntimeError, match="own result"):
        asyncio.run(db.aget_or_compute("k", lambda: db.aget_or_compute("k", lambda: 1)))
    assert db.get_or_compute("a", lambda: db.get_or_compute("b", lambda: 1) + 1) == 2

    async def blocking():
        task = asyncio.create_task(db.aget_or_compute("slow", Slow().later))
        await asyncio.sleep(0.01)
        with pytest.raises(RuntimeError, match="aget_or_compute"):
            db.get_or_compute("slow", lambda: 1)
        return await task

    assert run(blocking()) == "value"


def test_a_value_stored_meanwhile_is_not_overwritten(db):
    """moka's own single-flight leaves the stale one."""

    def compute():
        db["k"] = "newer"
        return "older"

    assert db.get_or_compute("k", compute) == "newer" == db["k"]


def test_ttl(db):
    slow = Slow(seconds=0)
    for _ in range(3):
        assert db.get_or_compute("k", slow.sync, ttl=0.15) == "value"
    time.sleep(0.2)
    assert db.get_or_compute("k", slow.sync, ttl=60) == "value"
    assert slow.calls == 2 and db.entry("k").expires_at > time.time() + 50


def test_memoize(db):
    calls = []

    @db.memoize(ttl=60)
    def add(a, b=1, *more, **named):
        """Adds."""
        calls.append((a, b, more, named))
        return [a, b]

    assert add(1) == add(1) == [1, 1] and add(1, 2) == [1, 2] and add.__doc__ == "Adds." and add.__name__ == "add"
    assert add("1") == ["1", 1] and add(True) == [True, 1] and add(1, b=2) == [1, 2]
    assert len(calls) == 5
    assert db[add.key(1, 2)] == [1, 2] and list(db.keys(prefix=(add.key(1)[0],)))
    del db[add.key(1)]
    add(1)
    assert len(calls) == 6
    with pytest.raises(TypeError, match="key="):
        add([1])
    assert add.__wrapped__(3) == [3, 1]
    assert len(add.key("x" * 10_000)[1]) == 64


def test_memoize_with_a_key_and_with_coroutines(path):
    async def main():
        async with AsyncDictSQLite(path) as db:
            calls = 0

            @db.memoize(key=lambda user: f"user:{user['id']}")
            async def load(user):
                nonlocal calls
                calls += 1
                await asyncio.sleep(0.01)
                return user["id"] * 2

            assert asyncio.iscoroutinefunction(load)
            assert await asyncio.gather(*(load({"id": 4, "n": n}) for n in range(50))) == [8] * 50
            assert calls == 1 and db["user:4"] == 8

    run(main())


def test_memoize_before_anything_is_open_opens_with_the_first_call(path):
    async def main():
        db = AsyncDictSQLite(path)

        @db.memoize()
        async def twice(n):
            return n * 2

        assert not path.exists()
        assert await twice(4) == 8 == await twice(4)
        await db.aclose()

    run(main())
