"""A writer that is stuck inside SQLite: deadlines pass all the same, and nothing that was accepted is lost."""

import asyncio
import time

import pytest

import dictsqlite

pytestmark = pytest.mark.once

#: A row that keeps whoever inserts it busy for some seconds.
SLOW = """CREATE TRIGGER slow BEFORE INSERT ON main WHEN new.key = 'slow' BEGIN
    SELECT count(*) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {rows}) SELECT i FROM n);
END"""
TIMEOUT = 0.3


def seconds_of(sql, path, rows):
    began = time.perf_counter()
    sql(path, f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {rows}) SELECT count(*) FROM n")
    return time.perf_counter() - began


def make_slow(sql, path, seconds):
    """As long as that on this machine, about."""
    pace = seconds_of(sql, path, 2_000_000) - seconds_of(sql, path, 1)
    sql(path, SLOW.format(rows=int(2_000_000 * seconds / max(pace, 0.01))))


def test_deadlines_pass_while_the_writer_is_stuck(path, sql):
    """The writer, which tells whose time is up, could not: awaiting callers waited for as long as it was stuck."""

    async def main():
        async with dictsqlite.AsyncDictSQLite(path, persist_mode="lazy", flush_interval=0.01, timeout=TIMEOUT) as db:
            await db.aset("before", 1)
            await db.aflush()
            make_slow(sql, path, 12)
            await db.aset("slow", 1)
            await asyncio.sleep(0.3)
            began = time.monotonic()
            await db.aset("after", 1)
            calls = [db.aincr("n"), db.apop("before"), db.aflush(), db.aflush(durable=True), db.alen()]
            answers = await asyncio.gather(*calls, return_exceptions=True)
            took = time.monotonic() - began
            for answer in answers:
                assert isinstance(answer, TimeoutError), answer
            assert TIMEOUT * 0.9 < took < 5, took
            # Reads of what is committed, and of what is pending, go on meanwhile.
            assert await db.aget("before") == 1 and await db.aget("slow") == 1 and await db.aget("after") == 1
            assert db.stats()["pending_writes"] >= 1
            deadline = time.monotonic() + 90
            while True:
                try:
                    await db.aflush()
                    break
                except TimeoutError:
                    assert time.monotonic() < deadline
            assert await db.alen() == 3 and await db.aget("n") is None

    asyncio.run(main())
    with dictsqlite.open(path) as db:
        assert dict(db.items()) == {"before": 1, "slow": 1, "after": 1}
