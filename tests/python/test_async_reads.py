"""Reads that memory cannot answer: those of one turn of the loop are one batch, and nobody notices."""

import asyncio

import pytest

import dictsqlite
from dictsqlite import AsyncDictSQLite
from loops import every_loop, run

#: More than one job of the engine, and not a multiple of its size.
MANY = 1_500


@pytest.fixture
def filled(path):
    with dictsqlite.open(path) as db:
        db.update({n: str(n) for n in range(MANY)})
        # Closed too, so that what opens the file next decides how much is cached.
        with db.table("other") as other:
            other.update({n: -n for n in range(MANY)})
    return path


@every_loop
@pytest.mark.parametrize("hot_capacity", [0, 1_000_000])
def test_each_task_gets_its_own_answer(filled, kind, hot_capacity):
    async def main():
        async with AsyncDictSQLite(filled, hot_capacity=hot_capacity) as db:
            asked = [*range(MANY), 7, 7, MANY, *range(0, MANY, 3)]
            expected = [str(n) if n < MANY else None for n in asked]
            for _ in range(2):
                assert await asyncio.gather(*(db.aget(n) for n in asked)) == expected
            there = await asyncio.gather(*(db.acontains(n) for n in (3, -1, 3, MANY)))
            assert there == [True, False, True, False]
            assert await asyncio.gather(db.aget(-1, "a"), db.aget(-2, "b"), db.aget(-1)) == ["a", "b", None]

    run(main(), kind)


@every_loop
def test_handles_of_many_tables_and_files_are_read_in_one_turn(filled, tmp_path, kind):
    async def main():
        async with AsyncDictSQLite(filled, hot_capacity=0) as db, AsyncDictSQLite(tmp_path / "b.db", hot_capacity=0) as third:
            other = await db.atable("other")
            await third.aupdate({n: [n] for n in range(MANY)})
            await third.aflush()
            asked = [handle.aget(n) for n in range(100) for handle in (db, other, third)]
            expected = [value for n in range(100) for value in (str(n), -n, [n])]
            assert await asyncio.gather(*asked) == expected

    run(main(), kind)


@every_loop
def test_one_after_the_other_and_in_crowds(filled, kind):
    async def reader(db, first):
        for n in range(first, MANY, 10):
            assert await db.aget(n) == str(n)
            assert await db.acontains(n) is True

    async def main():
        async with AsyncDictSQLite(filled, hot_capacity=0) as db:
            await reader(db, 3)
            await asyncio.gather(*(reader(db, first) for first in range(10)))

    run(main(), kind)


@every_loop
def test_cancelled_reads_leave_the_others_of_their_batch_alone(filled, kind):
    async def main():
        async with AsyncDictSQLite(filled, hot_capacity=0) as db:
            tasks = [asyncio.ensure_future(db.aget(n)) for n in range(600)]
            for task in tasks[::2]:
                task.cancel()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert found[1::2] == [str(n) for n in range(1, 600, 2)]
            # The first one went at once, and may have been answered within the call.
            assert found[0] == "0" or isinstance(found[0], asyncio.CancelledError)
            assert all(isinstance(result, asyncio.CancelledError) for result in found[2::2])
            # And when they are under way.
            tasks = [asyncio.ensure_future(db.aget(n)) for n in range(600)]
            await asyncio.sleep(0)
            for task in tasks[::3]:
                task.cancel()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            for n, result in enumerate(found):
                assert result == str(n) or n % 3 == 0 and isinstance(result, asyncio.CancelledError)
            assert await db.aget(5) == "5"

    run(main(), kind)


@every_loop
def test_closed_in_the_turn_in_which_reads_were_asked_for(filled, kind):
    async def main():
        db = await dictsqlite.open(filled, hot_capacity=0)
        laters = [db.aget(n) for n in range(600)]
        db.close()
        found = await asyncio.wait_for(asyncio.gather(*laters, return_exceptions=True), 30)
        for n, result in enumerate(found):
            assert result == str(n) or isinstance(result, dictsqlite.ClosedError)
        again = await dictsqlite.open(filled, hot_capacity=0)
        assert await asyncio.gather(*(again.aget(n) for n in range(600))) == [str(n) for n in range(600)]
        await again.aclose()

    run(main(), kind)


def test_a_damaged_page_fails_its_own_keys_only(path):
    """Read as one batch, one key's damage would be everybody's."""
    with dictsqlite.open(path, storage_mode="bytes") as db:
        db.update({n: bytes([n % 256]) * 1_000 for n in range(MANY)})
    with open(path, "r+b") as file:
        whole = bytearray(file.read())
        # A page of the table that holds values: only their bytes look like this.
        at = whole.index(bytes([77]) * 1_000) // 4096 * 4096
        whole[at : at + 16] = b"\xff" * 16
        file.seek(0)
        file.write(whole)

    async def main():
        async with AsyncDictSQLite(path, storage_mode="bytes", hot_capacity=0, read_only=True) as db:
            found = await asyncio.gather(*(db.aget(n) for n in range(MANY)), return_exceptions=True)
            damaged = [n for n, result in enumerate(found) if isinstance(result, dictsqlite.CorruptError)]
            assert 0 < len(damaged) <= 10, damaged
            for n in set(range(MANY)) - set(damaged):
                assert found[n] == bytes([n % 256]) * 1_000

    run(main())


def test_writes_of_the_same_turn_are_seen(filled):
    """A read answers with what is there between its call and its answer."""

    async def main():
        async with AsyncDictSQLite(filled, hot_capacity=0) as db:
            before = [db.aget(n) for n in range(300)]
            for n in range(300):
                db[n] = "new"
            after = [db.aget(n) for n in range(300)]
            assert await asyncio.gather(*after) == ["new"] * 300
            for n, value in enumerate(await asyncio.gather(*before)):
                assert value in (str(n), "new")
            await db.aflush()
            assert await asyncio.gather(*(db.aget(n) for n in range(300))) == ["new"] * 300

    run(main())


def test_asked_where_no_loop_runs(filled):
    with dictsqlite.open(filled, hot_capacity=0) as db:
        laters = [db.aget(n) for n in range(5)], db.acontains(3), db.acontains(-1)

        async def main():
            return [await later for later in laters[0]], await laters[1], await laters[2]

        assert run(main()) == (["0", "1", "2", "3", "4"], True, False)
