"""Wrong arguments are refused where they are given, by name, and with advice that is right."""

import asyncio
import datetime
import math
import re

import pytest

import dictsqlite
from dictsqlite import DictSQLite, InvalidError


@pytest.fixture
def db(path):
    with DictSQLite(path, changes=True) as db:
        yield db


def refused(kind, words, call, *args, **options):
    """The call is refused, blocking or when its awaitable is made or awaited."""

    async def awaited():
        await call(*args, **options)

    with pytest.raises(kind, match="^" + re.escape(words)):
        asyncio.run(awaited())


@pytest.mark.parametrize("key", ["abc", b"abc"])
def test_one_key_is_no_batch_of_its_characters(db, key):
    there = dict.fromkeys(["a", "b", "c", "abc", *b"abc"], 1)
    db.update(there)
    words = "keys takes a list; put the one item into [...]"
    for call in (db.batch_get, db.batch_delete, db.abatch_get, db.abatch_delete):
        refused(TypeError, words, call, key)
    assert dict(db) == there
    assert db.batch_get([key, "a"]) == [there.get(key), 1] and db.batch_get(("a", "b")) == [1, 1]
    db.batch_delete(iter(["a"]))
    assert "a" not in db


def test_one_table_is_no_list_of_tables(db, tmp_path):
    for tables in ("main", [], [5], 5):
        for call in (db.changes, lambda tables: db.export(tmp_path / "out", tables=tables)):
            with pytest.raises(InvalidError, match="^tables is a list of names of tables, or None"):
                call(tables=tables)
    db["k"] = 1
    assert [change.key for change in db.changes(since=0, tables=("main",)).page()] == ["k"]


@pytest.mark.parametrize("ttl", [0, -1, math.nan, 1e13, 1e-12, -0.0, datetime.timedelta(0)])
def test_a_time_to_live_has_one_range(db, path, ttl):
    seconds = ttl.total_seconds() if isinstance(ttl, datetime.timedelta) else float(ttl)
    shown = "NaN" if math.isnan(seconds) else f"{seconds}"
    words = f"ttl is {shown}; it is a number of seconds, above 0 and up to 1e12, or "
    for call in (db.set, db.aset, db.setdefault, db.expire, db.aexpire, db.atomic().set):
        with pytest.raises(InvalidError, match="^" + re.escape(words + "math.inf for no expiry")):
            done = call("k", ttl) if "expire" in call.__name__ else call("k", 1, ttl=ttl)
            if call.__name__.startswith("a"):
                asyncio.run(_awaited(done))
            done.commit()
    assert "k" not in db
    with pytest.raises(InvalidError, match="^" + re.escape(words + "None for no expiry")):
        DictSQLite(path, ttl=ttl)


async def _awaited(awaitable):
    return await awaitable


def test_the_advice_on_times_to_live_is_right(path):
    with DictSQLite(path, ttl=None) as db:
        db["k"] = 1
        assert db.entry("k").expires_at is None
    with DictSQLite(path, ttl=100) as db:
        db.set("given", 1, ttl=None)
        db.set("k", 1, ttl=math.inf)
        assert db.entry("given").expires_at is not None and db.entry("k").expires_at is None


@pytest.mark.parametrize("timeout", [-1, math.nan, 1e9, 1_000_001])
def test_a_timeout_has_one_range(path, timeout):
    words = "it is a number of seconds, from 0 to 1000000, or math.inf for no limit"
    with pytest.raises(InvalidError, match=f"^timeout is .*; {words}$"):
        DictSQLite(path, timeout=timeout)
    with pytest.raises(InvalidError, match="^timeout is seconds .from 0 to 1000000, or math.inf"):
        DictSQLite(path, timeout="soon")
    for good in (0, 1_000_000, math.inf):
        DictSQLite(path, timeout=good).close()
    with pytest.raises(InvalidError, match="^flush_interval is -1.0; .* from 0.001 to 3600"):
        DictSQLite(path, flush_interval=-1)


def test_the_argument_that_is_wrong_is_named(db):
    db["n"] = 1
    for call in (db.incr, db.aincr, lambda *args: db.atomic().incr(*args).commit()):
        refused(TypeError, "delta is an int, not float", call, "n", 1.5)
        refused(InvalidError, "delta is an integer that must fit 64 bits", call, "n", 2**63)
    with db.transaction() as tx:
        for call in (db.popitem, db.apopitem, tx.popitem):
            refused(TypeError, "last is True or False, not str", call, last="x")
        with pytest.raises(TypeError, match="^delta is an int, not str"):
            tx.incr("n", "1")
    refused(TypeError, "if_version is an int, not str", db.aset, "n", 2, if_version="1")
    refused(InvalidError, "if_version is an integer that must fit 64 bits", db.adelete, "n", if_version=2**63)
    for stream in (db.changes(), db.watch("n")):
        for call in (stream.page, stream.apage):
            refused(InvalidError, "timeout is seconds (from 0 to 1e12) or a timedelta, not str", call, "x")
            refused(InvalidError, "timeout is -1.0; it is a number of seconds, from 0 to 1e12", call, -1)
    assert dict(db) == {"n": 1}


def test_what_is_no_function_is_refused(db):
    db["there"] = 1
    for key in ("k", "there"):
        for call in (db.get_or_compute, db.aget_or_compute):
            refused(TypeError, "fn is a function that computes the value, not int", call, key, 5)
    for call in (db.run_transaction, db.arun_transaction):
        refused(TypeError, "fn is a function that takes the transaction, not int", call, 5)


def test_memoize_is_written_with_parentheses(db):
    with pytest.raises(TypeError, match=r"write @db.memoize\(\)"):

        @db.memoize
        def function():
            return 1

    @db.memoize()
    def right():
        return 2

    assert right() == 2


def test_a_view_in_a_transaction_has_no_cursor(db):
    with db.transaction() as tx:
        for view in (tx.keys, tx.values, tx.items, tx.akeys, tx.avalues, tx.aitems):
            with pytest.raises(TypeError, match="^unknown option 'cursor'; the options are: prefix, .*consistent$"):
                view(cursor="x")


def test_the_options_of_a_transaction_are_looked_at_at_once(db, path):
    for options, words in [
        ({"mode": "fast"}, "'fast' is not a transaction mode; use one of: concurrent, immediate, read"),
        ({"isolation": "none"}, "'none' is not an isolation; use one of: serializable, snapshot"),
        ({"mode": 5}, "mode is 5; it must be a str"),
        ({"timeout": -1}, "timeout is -1.0"),
        ({"max_hold": "x"}, "max_hold is seconds"),
    ]:
        with pytest.raises(InvalidError, match="^" + re.escape(words).replace("'", "[\"']")):
            db.transaction(**options)
    other = DictSQLite(path)
    other.close()
    with pytest.raises(dictsqlite.ClosedError, match="this handle is closed"):
        other.transaction()

    async def unopened():
        # A handle that is not open yet is not a closed one.
        async with dictsqlite.open(path).transaction() as tx:
            tx["k"] = 1

    asyncio.run(unopened())
    assert db["k"] == 1
