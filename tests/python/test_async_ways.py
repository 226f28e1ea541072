"""Everything in asyncio that takes an awaitable takes ours, done or pending, with values and with errors."""

import asyncio
import inspect
import sys

import pytest

import dictsqlite
from dictsqlite import AsyncDictSQLite
from loops import every_loop, new_loop, run, since_3_11

#: Each gives an operation of one kind: its awaitable, and what it must come to.
KINDS = {
    "hot": lambda db: (db.aget("hot"), "hot value"),
    "absent": lambda db: (db.aget("absent", 7), 7),
    "cold": lambda db: (db.aget("cold"), "cold value"),
    "accepted": lambda db: (db.aset("new", 1), None),
    "decided": lambda db: (db.asetdefault("given", 5), 5),
    "failed": lambda db: (db.aget(1.5), dictsqlite.KeyTypeError),
    "failing": lambda db: (db.apop("absent"), dictsqlite.KeyMissingError),
}


@pytest.fixture
def db(path):
    """Has one key in memory and one that must be read."""
    with dictsqlite.open(path) as db:
        db["cold"] = "cold value"
    with AsyncDictSQLite(path) as db:
        db["hot"] = "hot value"
        db["absent"] = 0
        del db["absent"]
        yield db


async def in_timeout(later):
    async with asyncio.timeout(20):
        return await later


async def in_group(later):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(later)
    return task.result()


async def by_group(later):
    try:
        return await in_group(later)
    except BaseExceptionGroup as group:  # noqa: F821
        raise group.exceptions[0] from None


async def by_wait(later):
    done, pending = await asyncio.wait([asyncio.create_task(later)])
    assert not pending
    return done.pop().result()


async def by_callback(later):
    future = asyncio.ensure_future(later)
    ended = asyncio.Event()
    future.add_done_callback(lambda got: ended.set() if got is future else None)
    await ended.wait()
    assert future.done() and not future.cancelled()
    return future.result()


async def plainly(later):
    return await later


async def by_gather(later):
    return (await asyncio.gather(later))[0]


async def by_gather_of_errors(later):
    (result,) = await asyncio.gather(later, return_exceptions=True)
    if isinstance(result, BaseException):
        raise result
    return result


async def by_as_completed(later):
    for first in asyncio.as_completed([later]):
        return await first


async def waited_for(later):
    return await asyncio.wait_for(later, 20)


async def waited_for_without_limit(later):
    return await asyncio.wait_for(later, None)


async def shielded(later):
    return await asyncio.shield(later)


async def ensured(later):
    return await asyncio.ensure_future(later)


async def as_task(later):
    return await asyncio.create_task(later)


async def wrapped(later):
    async def outer():
        return await later

    return await asyncio.create_task(outer())


WAYS = [
    plainly, by_gather, by_gather_of_errors, by_as_completed, by_wait, by_callback, waited_for, waited_for_without_limit,
    shielded, ensured, as_task, wrapped,
    pytest.param(in_timeout, marks=since_3_11), pytest.param(by_group, marks=since_3_11),
]  # fmt: skip


@every_loop
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("operation", KINDS)
def test_a_way_of_waiting(db, kind, way, operation):
    async def main():
        later, expected = KINDS[operation](db)
        assert inspect.isawaitable(later) and asyncio.iscoroutine(later)
        if isinstance(expected, type):
            with pytest.raises(expected):
                await way(later)
        else:
            assert await way(later) == expected

    run(main(), kind)


@every_loop
@pytest.mark.parametrize("operation", KINDS)
def test_before_the_loop_runs(db, kind, operation):
    """`run_until_complete` and `asyncio.run` take them as well."""
    loop = new_loop(kind)
    try:
        for _ in range(2):
            later, expected = KINDS[operation](db)
            if isinstance(expected, type):
                with pytest.raises(expected):
                    loop.run_until_complete(later)
            else:
                assert loop.run_until_complete(later) == expected
    finally:
        loop.close()
    later, expected = KINDS[operation](db)
    if isinstance(expected, type):
        with pytest.raises(expected):
            asyncio.run(later)
    else:
        assert asyncio.run(later) == expected


@every_loop
def test_many_kinds_together(db, kind):
    async def main():
        laters = [make(db) for make in KINDS.values() for _ in range(200)]
        results = await asyncio.gather(*(later for later, _ in laters), return_exceptions=True)
        for result, (_, expected) in zip(results, laters):
            assert isinstance(result, expected) if isinstance(expected, type) else result == expected

    run(main(), kind)


@every_loop
def test_one_awaitable_may_be_awaited_by_many(db, kind):
    async def main():
        for later, expected in (KINDS["cold"](db), KINDS["hot"](db)):
            future = asyncio.ensure_future(later)
            assert await asyncio.gather(*(asyncio.shield(future) for _ in range(5))) == [expected] * 5

    run(main(), kind)


@every_loop
def test_a_timeout_in_a_wait_leaves_the_store_as_it_was(db, kind, path, hold_lock):
    async def main():
        with hold_lock():
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(db.aincr("n"), 0.2)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(db.aflush(), 0.1)
            if sys.version_info >= (3, 11):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await db.apop("hot")
        await db.aflush()
        return await db.aget("n"), await db.aget("hot")

    # Cancelled before the writer began them, neither happened.
    assert run(main(), kind) == (None, "hot value")


@since_3_11
@every_loop
def test_a_group_that_fails_cancels_the_rest(db, kind, hold_lock):
    async def main():
        with hold_lock():
            with pytest.raises(BaseExceptionGroup) as group:  # noqa: F821
                async with asyncio.TaskGroup() as tasks:
                    waiting = [tasks.create_task(db.aincr("n")) for _ in range(5)]
                    tasks.create_task(db.aget(1.5))
            assert [type(error) for error in group.value.exceptions] == [dictsqlite.KeyTypeError]
            assert all(task.cancelled() for task in waiting)
        return await db.aincr("n")

    assert run(main(), kind) == 1


@pytest.mark.skipif(sys.version_info < (3, 12), reason="of CPython 3.12")
def test_eager_tasks(db):
    """Not with uvloop, which does not have them."""

    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        for make in KINDS.values():
            later, expected = make(db)
            if isinstance(expected, type):
                with pytest.raises(expected):
                    await asyncio.create_task(later)
            else:
                assert await asyncio.create_task(later) == expected

    run(main())


@every_loop
def test_a_million_awaits_let_others_run(db, kind):
    """Done awaitables that never suspend starved every other task."""

    async def main():
        turns = 0

        async def other():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        await asyncio.sleep(0)
        for _ in range(100_000):
            await db.aget("hot")
        for n in range(20_000):
            await db.aset(n, n)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return turns

    assert run(main(), kind) > 10


def test_an_operation_nobody_awaits_happens_and_its_error_is_told(path, caplog):
    heard = []

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
        db = AsyncDictSQLite(path)
        await db
        db.aset("k", 1)
        db.aincr("n")
        db.apop("nothing")
        db.aset(1.5, 1)
        await db.aflush()
        await db.aclose()

    asyncio.run(main())
    assert sorted(type(context["exception"]).__name__ for context in heard) == ["KeyMissingError", "KeyTypeError"]
    with dictsqlite.open(path) as db:
        assert dict(db.items()) == {"k": 1, "n": 1}
        db.aget(1.5)
        assert "KeyTypeError" in caplog.text and "never awaited" in caplog.text
