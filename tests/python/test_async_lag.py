"""The loop stays responsive: a ticker beside a million operations in a row, and beside large answers."""

import asyncio
import gc
import time

import pytest

import dictsqlite
from dictsqlite import AsyncDictSQLite
from loops import every_loop, run

#: What the loop's own thread may compute between two ticks: other programs of the machine do not count.
ALLOWED = 0.050
#: What may pass between two ticks in all; waiting for a lock or a commit would take longer.
ALLOWED_IN_ALL = 0.3


class Ticker:
    """A task that wants to run every millisecond, and how late it was at worst."""

    async def tick(self):
        while True:
            wall, own = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.001)
            self.ticks += 1
            self.worst = max(self.worst, time.perf_counter() - wall - 0.001)
            self.own = max(self.own, time.thread_time() - own)

    async def __aenter__(self):
        # What the tests before this one left is no business of the collector's here: looking through
        # it takes longer than anything that is measured.
        gc.collect()
        gc.freeze()
        self.worst, self.own, self.ticks = 0.0, 0.0, 0
        self.began, self.used = time.perf_counter(), time.thread_time()
        self.task = asyncio.create_task(self.tick())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *exc):
        self.took, self.used = time.perf_counter() - self.began, time.thread_time() - self.used
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        gc.unfreeze()

    def told(self, what):
        print(f"{what}: {self.took:.2f} s, worst lag {self.worst * 1e3:.1f} ms, own {self.own * 1e3:.1f} ms, in {self.ticks} ticks")
        assert self.own < ALLOWED, what
        assert self.worst < ALLOWED_IN_ALL, what
        assert self.ticks > self.used / 0.010, what


def again(measure, times=3):
    """A lag of ours is there every time; one of the machine is not."""
    for left in reversed(range(times)):
        try:
            return measure()
        except AssertionError:
            if not left:
                raise


@pytest.mark.slow
@every_loop
@pytest.mark.parametrize("mode", ["lazy", "memory", "writethrough"])
def test_a_million_in_a_row(tmp_path, kind, mode, capsys):
    async def main():
        count = 1_000_000 if mode == "lazy" else 200_000
        path = tmp_path / f"{time.monotonic_ns()}.db"
        async with AsyncDictSQLite(path, persist_mode=mode) as db:
            async with Ticker() as setting:
                for n in range(count):
                    await db.aset(n, n)
            await db.aset("hot", "value")
            async with Ticker() as getting:
                for _ in range(count):
                    await db.aget("hot")
        with capsys.disabled():
            print(f"\n  {kind}, {mode}, {count:,} each")
            setting.told("  aset")
            getting.told("  hot aget")

    again(lambda: run(main(), kind))


@pytest.mark.slow
@every_loop
def test_many_answers_at_once_are_handed_out_in_slices(path, kind, capsys):
    """Everything that arrived was handed out in one turn of the loop, however much it was."""
    with dictsqlite.open(path) as db:
        db.update({n: list(range(50)) for n in range(20_000)})

    async def main():
        async with AsyncDictSQLite(path) as db:
            laters = []
            async with Ticker() as asking:
                for n in range(20_000):
                    laters.append(db.aget(n))
                    if n % 100 == 0:
                        await asyncio.sleep(0)
                for later in laters:
                    assert len(await later) == 50
            with capsys.disabled():
                print()
                asking.told(f"  {kind}: 20,000 cold aget")

    again(lambda: run(main(), kind))


@pytest.mark.slow
@every_loop
def test_a_large_batch_is_decoded_in_slices(path, kind, capsys):
    """All values of a batch were made in one turn of the loop: a tenth of a second for each 100,000."""
    count = 50_000
    value = {"list": list(range(50))}
    with dictsqlite.open(path, storage_mode="json") as db:
        db.batch_set({n: value for n in range(count)})

    async def main():
        async with AsyncDictSQLite(path, storage_mode="json") as db:
            await db.aget(0)
            async with Ticker() as ticker:
                found = await db.abatch_get(range(-1, count), default="none")
            assert found == ["none", *[value] * count]
            cancelled = asyncio.ensure_future(db.abatch_get(range(count)))
            await asyncio.sleep(0.02)
            cancelled.cancel()
            assert await db.aget(1) == value
            with capsys.disabled():
                ticker.told(f"\n  {kind}: abatch_get of {count:,}")

    again(lambda: run(main(), kind))


def test_a_value_that_cannot_be_read_ends_its_batch_only(path):
    with dictsqlite.open(path, trusted=True) as db:
        db.batch_set({n: ValueError(n) if n == 700 else n for n in range(1_000)})

    async def main():
        async with AsyncDictSQLite(path) as db:
            results = await asyncio.gather(
                db.abatch_get(range(1_000)), db.abatch_get(range(700)), return_exceptions=True
            )
            assert isinstance(results[0], dictsqlite.CodecError) and results[0].key == 700
            assert results[1] == list(range(700))

    run(main())


@every_loop
def test_what_blocks_in_sqlite_does_not_block_the_loop(path, kind, hold_lock):
    """An earlier release held the loop for five seconds behind a lock."""
    dictsqlite.open(path).close()

    async def main():
        async with AsyncDictSQLite(path, persist_mode="durable", timeout=0.5) as db:
            await db
            with hold_lock():
                async with Ticker() as ticker:
                    results = await asyncio.gather(
                        db.aset("k", 1), db.aincr("n"), db.aflush(), db.alen(), db.aclear(), db.abatch_set({1: 1}), db.aclose(),
                        return_exceptions=True,
                    )  # fmt: skip
            assert all(isinstance(result, (TimeoutError, asyncio.TimeoutError)) for result in results), results
            assert not db.closed
            assert ticker.took < 5
            ticker.told("behind a lock")

    run(main(), kind)


@every_loop
def test_opening_and_closing_do_not_block_the_loop(path, kind, hold_lock):
    dictsqlite.open(path).close()

    async def main():
        async with Ticker() as ticker:
            with hold_lock():
                db = AsyncDictSQLite(path, table_name="new", timeout=0.5)
                opening = asyncio.create_task(db.aget("k"))
                await asyncio.sleep(0.2)
                assert not opening.done()  # the new table must be written
                with pytest.raises(TimeoutError):
                    await opening
                other = await dictsqlite.open(path, persist_mode="lazy")
                await other.aset("k", 1)
                attaching = asyncio.create_task(other.atable("another"))
                await asyncio.sleep(0.1)
                attaching.cancel()
                await asyncio.gather(attaching, return_exceptions=True)
        await other.aclose()
        ticker.told("opening and closing")

    run(main(), kind)
