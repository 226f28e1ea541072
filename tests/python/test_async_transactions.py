"""Transactions of asyncio's tasks: each its own, cancelled without a trace, and the loop never waits."""

import asyncio
import random

import pytest

import dictsqlite
from dictsqlite import ClosedError, ConflictError, InvalidError, KeyMissingError
from loops import every_loop, run

ACCOUNTS, EACH = 8, 100


async def nothing_left(db):
    """Nobody holds the lock or a connection: an immediate transaction begins and ends at once."""

    async def one():
        async with db.transaction(mode="immediate") as tx:
            tx["after all"] = 1
        await db.adelete("after all")
        await db.aflush()

    await asyncio.wait_for(one(), 4)


def story(path, body, kind="asyncio", **options):
    async def main():
        async with dictsqlite.open(path, **options) as db:
            await body(db)
            await nothing_left(db)

    run(main(), kind)


@every_loop
def test_a_block_commits_as_one_unit(path, kind):
    async def body(db):
        await db.aset("a", 1)
        async with db.transaction() as tx:
            assert await tx.aget("a") == 1 and await tx.aget("x", 5) == 5
            await tx.aset("a", 2)
            await tx.aupdate({"b": 3}, c=4)
            assert await tx.apop("c") == 4 and await tx.apop("c", None) is None
            with pytest.raises(KeyMissingError):
                await tx.apop("c")
            assert await tx.asetdefault("d", 5) == 5 and await tx.aincr("n", 2) == 2
            assert await tx.aexpire("d", 60) and (await tx.aentry("d")).version == 0
            assert await tx.acontains("b") and not await tx.acontains("c")
            assert await tx.alen() == 4 and [key async for key in tx] == ["a", "b", "d", "n"]
            assert [pair async for pair in tx.aitems(prefix="b")] == [("b", 3)]
            assert await tx.apopitem() == ("n", 2)
            await tx.adelete("d")
            there = await tx.atable("other")
            await there.aset("k", "v")
            async with tx.savepoint() as savepoint:
                await tx.aset("a", 9)
                savepoint.rollback()
            assert await db.aget("b") is None
        assert {key: value async for key, value in db.aitems()} == {"a": 2, "b": 3}
        assert await (await db.atable("other")).aget("k") == "v"
        async with db.transaction() as tx:
            await tx.aclear()
            assert await tx.acommit() > 0
        with pytest.raises(ClosedError):
            await tx.aget("a")
        assert await db.alen() == 0
        version = await db.atomic().check("n", 0).incr("n").acommit()
        assert (await db.aentry("n")).version == version
        await db.aclear()

    story(path, body, kind)


@every_loop
def test_an_exception_and_a_rollback_leave_nothing(path, kind):
    async def body(db):
        for mode in ("concurrent", "immediate"):
            with pytest.raises(ZeroDivisionError):
                async with db.transaction(mode=mode) as tx:
                    tx["a"] = 1 / 1
                    1 / 0
            async with db.transaction(mode=mode) as tx:
                tx["a"] = 1
                await tx.arollback()
        assert await db.alen() == 0

    story(path, body, kind)


@every_loop
def test_tasks_move_money_and_the_sum_stays(path, kind):
    async def body(db):
        await db.aupdate({f"account:{n}": EACH for n in range(ACCOUNTS)})
        dice = random.Random(7)

        async def transfer(tx):
            giver, taker = dice.sample(range(ACCOUNTS), 2)
            amount = min(await tx.aget(f"account:{giver}"), 10)
            await asyncio.sleep(dice.random() * 0.002)
            await tx.aincr(f"account:{giver}", -amount)
            await tx.aincr(f"account:{taker}", amount)

        async def work():
            for _ in range(10):
                await db.arun_transaction(transfer, retries=4)

        async def audit(done):
            while not done.is_set():
                async with db.transaction(mode="read") as tx:
                    assert sum([value async for value in tx.avalues(prefix="account:")]) == ACCOUNTS * EACH
                await asyncio.sleep(0)

        done = asyncio.Event()
        auditing = asyncio.ensure_future(audit(done))
        await asyncio.gather(*[work() for _ in range(10)])
        done.set()
        await auditing
        assert sum([value async for value in db.avalues()]) == ACCOUNTS * EACH
        await db.aclear()

    story(path, body, kind)


def test_a_transaction_belongs_to_its_task(path):
    async def body(db):
        for mode in ("concurrent", "immediate"):
            async with db.transaction(mode=mode) as tx:
                tx["mine"] = 1

                async def other():
                    with pytest.raises(InvalidError, match="belongs to the task"):
                        await tx.aget("mine")
                    with pytest.raises(InvalidError):
                        tx["mine"] = 2
                    return await db.aget("mine")

                assert await asyncio.create_task(other()) is None
                # Its own operations may go at once.
                assert await asyncio.gather(tx.aget("mine"), tx.alen(), tx.aget("cold")) == [1, 1, None]
            await db.adelete("mine")

    story(path, body)


def test_another_tasks_write_survives_a_rollback(path):
    async def body(db):
        for mode in ("concurrent", "immediate"):
            with pytest.raises(ZeroDivisionError):
                async with db.transaction(mode=mode) as tx:
                    tx["mine"] = 1
                    await asyncio.create_task(db.aset("theirs", mode)) if mode == "concurrent" else None
                    theirs = asyncio.create_task(keep(db, mode))
                    await asyncio.sleep(0)
                    raise ZeroDivisionError
            await theirs
            assert await db.aget("theirs") == mode and await db.aget("mine") is None

    async def keep(db, mode):
        await db.aset("theirs", mode)

    story(path, body)


def test_the_dict_is_refused_to_the_owner_of_the_lock_and_to_no_other_task(path):
    async def body(db):
        async with db.transaction(mode="immediate") as tx:
            for use in (
                lambda: db.aget("k"),
                lambda: db.aset("k", 1),
                lambda: db.alen(),
                lambda: db.aflush(),
                lambda: db.aclose(),
                lambda: db.transaction().abegin(),
                lambda: db.atomic().set("k", 1).acommit(),
            ):
                with pytest.raises(InvalidError, match="use the transaction"):
                    await use()

            async def other():
                assert await db.aget("k", "nothing") == "nothing"
                await db.aset("theirs", 1)

            await asyncio.create_task(other())
            tx["k"] = 1
        assert await db.aget("k") == 1 and await db.aget("theirs") == 1

    story(path, body, persist_mode="lazy")


def test_immediate_ones_wait_in_a_fair_queue_and_the_loop_turns(path):
    async def body(db):
        order = []

        async def one(n):
            async with db.transaction(mode="immediate") as tx:
                order.append(n)
                value = await tx.aget("n", 0)
                await asyncio.sleep(0.002)
                tx["n"] = value + 1

        await asyncio.gather(*[one(n) for n in range(20)])
        assert order == list(range(20)) and await db.aget("n") == 20

    story(path, body)


@pytest.mark.parametrize("mode", ["concurrent", "immediate"])
@pytest.mark.parametrize("seed", range(3))
def test_a_cancelled_task_leaves_nothing(path, mode, seed):
    """At whatever point it is cancelled: all of it was written, or nothing, and nobody is kept waiting."""
    dice = random.Random(seed)

    async def body(db):
        async def work(n):
            async with db.transaction(mode=mode) as tx:
                await tx.aset(f"a{n}", n)
                await tx.aget(f"cold{n}")
                await asyncio.sleep(dice.random() * 0.001)
                await tx.aset(f"b{n}", n)

        for n in range(60):
            task = asyncio.create_task(work(n))
            for _ in range(dice.randrange(12)):
                await asyncio.sleep(dice.choice([0, 0, 0.0005]))
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
            if n % 20 == 0:
                await nothing_left(db)
        await db.aflush()
        keys = {key async for key in db.akeys()}
        assert {key[1:] for key in keys if key[0] == "a"} == {key[1:] for key in keys if key[0] == "b"}

    story(path, body, persist_mode="durable")


def test_one_that_waits_in_the_queue_can_be_cancelled(path):
    async def body(db):
        async def wait():
            async with db.transaction(mode="immediate"):
                pass

        async with db.transaction(mode="immediate") as tx:
            waiting = [asyncio.create_task(wait()) for _ in range(3)]
            await asyncio.sleep(0.02)
            waiting[1].cancel()
            tx["k"] = 1
        with pytest.raises(asyncio.CancelledError):
            await waiting[1]
        await waiting[0]
        await waiting[2]

    story(path, body)


def test_who_holds_it_for_too_long_is_rolled_back_and_told(path):
    async def body(db):
        for mode in ("concurrent", "immediate"):
            with pytest.raises(dictsqlite.TimeoutError, match="max_hold"):
                async with db.transaction(mode=mode, max_hold=0.05) as tx:
                    tx["k"] = 1
                    await asyncio.sleep(0.2)
                    await asyncio.create_task(others(db))
            assert await db.aget("k") is None

    async def others(db):
        await db.aset("others", 1)
        await db.aflush()

    story(path, body)


def test_run_transaction_wins_in_the_end(path):
    async def body(db):
        calls = []

        async def count(tx):
            calls.append(1)
            value = await tx.aget("n", 0)
            await asyncio.sleep(0.001)
            tx["n"] = value + 1
            return value

        async def work():
            for _ in range(5):
                await db.arun_transaction(count, retries=2)

        await asyncio.gather(*[work() for _ in range(8)])
        assert await db.aget("n") == 40 and len(calls) > 40
        assert await db.arun_transaction(lambda tx: tx.aget("n")) == 40
        assert await db.arun_transaction(lambda tx: 7) == 7
        with pytest.raises(ConflictError) as conflict:
            async with db.transaction() as tx:
                tx["x"] = tx["n"]
                await db.aset("n", 0)
        assert conflict.value.key == "n"

    story(path, body)


def test_many_tasks_wait_their_turn_for_a_snapshot(path):
    """There are connections for 64; the others wait without keeping anybody from reading."""

    async def body(db):
        await db.aset("k", 1)

        async def work(n):
            async with db.transaction() as tx:
                assert await tx.aget("k") == 1
                await asyncio.sleep(0.01)
                assert await tx.aget(f"cold {n}") is None
                tx[n] = n

        await asyncio.gather(*[work(n) for n in range(150)])
        assert await db.alen() == 151

    story(path, body)


def test_it_opens_what_is_not_open_yet(path):
    async def main():
        db = dictsqlite.open(path)
        async with db.transaction() as tx:
            tx["k"] = 1
        assert await db.atomic().incr("n").acommit() > 0
        assert await db.aget("k") == 1
        await db.aclose()

    run(main())
