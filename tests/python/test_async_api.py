"""For every blocking method `m` the awaitable `am`: the same answers, the same errors, on every loop."""

import asyncio
import gc
import inspect
import math

import pytest

import dictsqlite
from dictsqlite import AsyncDictSQLite, DictSQLite
from loops import every_loop, run

MODES = ["memory", "lazy", "writethrough", "durable"]

#: The operations of one history, as (method, arguments, keywords); `am` and `m` must agree on each.
HISTORY = [
    ("get", ("a",), {}), ("get", ("a", 1), {}), ("set", ("a", [1, {"x": None}]), {}), ("get", ("a",), {}),
    ("contains", ("a",), {}), ("contains", ("b",), {}), ("len", (), {}), ("set", (1, "int"), {"ttl": 60}),
    ("set", (("t", 1), b"bytes"), {"ttl": math.inf}), ("batch_get", (["a", "no", 1, ("t", 1)],), {}),
    ("batch_get", (["no", "a"], 0), {}), ("batch_get", ([],), {}), ("batch_set", ({"x": 1, "y": 2},), {}),
    ("batch_set", ([("z", 3), ("x", 4)],), {"ttl": 60}), ("update", ({"u": 1},), {"v": 2}), ("update", (), {}),
    ("bulk_insert", ({"w": 1},), {}), ("batch_delete", (["x", "nothing"],), {}), ("delete", ("y",), {}),
    ("delete", ("nothing",), {}), ("len", (), {}), ("pop", ("z",), {}), ("pop", ("z", None), {}), ("pop", ("z",), {}),
    ("pop", ("z", 1, 2), {}), ("setdefault", ("s", 1), {}), ("setdefault", ("s", 2), {}), ("setdefault", ("d",), {"ttl": 5}),
    ("incr", ("n",), {}), ("incr", ("n", 5), {}), ("incr", ("a",), {}), ("incr", ("n", 2**63 - 1), {}), ("get", ("n",), {}),
    ("set", ("n", 1), {"if_version": 0}), ("set", ("new", 1), {"if_version": 0}), ("delete", ("new",), {"if_version": 0}),
    ("expire", ("n", 60), {}), ("expire", ("n", None), {}), ("expire", ("nothing", 1), {}), ("entry", ("nothing",), {}),
    ("popitem", (), {}), ("popitem", (False,), {}), ("tables", (), {}), ("drop_table", ("nothing",), {}),
    ("get", (1.5,), {}), ("set", (None, 1), {}), ("set", ("f", lambda: 0), {}), ("batch_get", ([1.5],), {}),
    ("batch_set", ([1],), {}), ("batch_set", ({"ok": 1, "f": object()},), {}), ("get", ("ok",), {}),
    ("flush", (), {}), ("flush", (), {"durable": True}), ("clear", (), {}), ("len", (), {}), ("popitem", (), {}),
    ("set", ("k", 1), {}), ("set", ("k", 1, 2), {}), ("get", (), {}), ("set", ("k", 1), {"ttl": -1}),
]  # fmt: skip


def outcome(call):
    try:
        return call()
    except Exception as error:
        return told(error)


def told(error):
    # Who was called with the wrong arguments is said in the names of the methods.
    return type(error), None if type(error) is TypeError else str(error), getattr(error, "key", None)


async def awaited(call):
    try:
        return await call()
    except Exception as error:
        return told(error)


@every_loop
@pytest.mark.parametrize("mode", MODES)
def test_the_same_history_gives_the_same_answers(tmp_path, mode, kind):
    async def main():
        with DictSQLite(tmp_path / "sync.db", persist_mode=mode) as sync:
            async with AsyncDictSQLite(tmp_path / "async.db", persist_mode=mode) as db:
                for method, args, kwargs in HISTORY:
                    expected = outcome(lambda: getattr(sync, method)(*args, **kwargs))
                    found = await awaited(lambda: getattr(db, f"a{method}")(*args, **kwargs))
                    assert found == expected, (method, args, kwargs)
                assert dict(db.items()) == dict(sync.items()) == {"k": 1}

    run(main(), kind)


def test_every_blocking_method_has_an_awaitable_one():
    # A transaction, an atomic and a pipeline have awaitable forms of their own; so has what a stream gives.
    without = {"atomic", "transaction", "pipeline", "changes", "watch", "keys", "values", "items", "table", "memoize", "get_or_compute", "flush_write_buffer", "fromkeys", "copy"}
    names = {name for name in dir(DictSQLite) if not name.startswith("_") and callable(getattr(DictSQLite, name))}
    blocking = {name for name in names if not (name.startswith("a") and name[1:] in names) and not name.endswith("_async")}
    for name in blocking - without:
        assert f"a{name}" in names, name
    for name in ("keys", "values", "items", "table", "get_or_compute"):
        assert f"a{name}" in names


def test_entries_versions_and_tables(path):
    async def main():
        async with AsyncDictSQLite(path, storage_mode="json") as db:
            await db.aset("k", {"n": 1}, ttl=60)
            entry = await db.aentry("k")
            assert entry == db.entry("k") and entry.value == {"n": 1}
            version = await db.aset("k", 2, if_version=entry.version)
            assert version > entry.version
            with pytest.raises(dictsqlite.ConflictError) as conflict:
                await db.adelete("k", if_version=entry.version)
            assert conflict.value.key == "k"
            other = await db.atable("other", storage_mode="bytes")
            await other.aset("k", b"1")
            assert await db.atables() == ["main", "other"] and other.storage_mode == "bytes"
            assert await db.adrop_table("other") is True
            with pytest.raises(dictsqlite.ClosedError):
                await other.aget("k")
            assert (await db.astats()).keys() == db.stats().keys()

    run(main())


@every_loop
@pytest.mark.parametrize("consistent", [False, True])
def test_iteration(path, kind, consistent):
    async def collect(iterator):
        return [item async for item in iterator]

    async def main():
        async with AsyncDictSQLite(path) as db:
            await db.aupdate({("t", n): n for n in range(3000)})
            await db.aset("last", "x")
            for options in [{}, {"reverse": True}, {"prefix": ("t",)}, {"start": ("t", 5), "end": ("t", 700)}, {"limit": 3}, {"limit": 0}]:
                options = {**options, "consistent": consistent}
                assert await collect(db.akeys(**options)) == list(db.keys(**options))
                assert await collect(db.avalues(**options)) == list(db.values(**options))
                assert await collect(db.aitems(**options)) == list(db.items(**options))
            assert await collect(db) == list(db)
            seen = 0
            async for key in db.akeys():  # changed while it is iterated
                await db.adelete(key)
                seen += 1
            assert seen == 3001 and await db.alen() == 0
            with pytest.raises(TypeError):
                db.akeys(nonsense=1)
            scan = db.akeys()
            await scan.aclose()
            assert await collect(scan) == []

    run(main(), kind)


@every_loop
def test_opening_inside_a_loop_happens_with_the_first_await(path, kind):
    async def main():
        db = AsyncDictSQLite(path)
        assert "not open yet" in repr(db) and not path.exists()
        await asyncio.gather(*(db.aset(n, n) for n in range(50)))
        assert [key async for key in db.akeys()] == list(range(50))
        other = await dictsqlite.open(path)
        assert await other.aget(7) == 7 and (await other) is other
        third = AsyncDictSQLite(path)
        assert third[7] == 7 and len(third) == 50  # at once, for what is not awaited
        for handle in (db, other, third):
            await handle.aclose()
            await handle.aclose()
            assert handle.closed

    run(main(), kind)
    with dictsqlite.open(path) as db:
        assert len(db) == 50


def test_v4_2_constructor(tmp_path):
    async def main():
        db = AsyncDictSQLite(tmp_path / "a.db", 10_000, "writethrough", "json", "users", 20)
        assert await db.aset("k", {"n": 1}) is None
        assert (db.persist_mode, db.storage_mode, db.table_name) == ("writethrough", "json", "users")
        assert await db.atables() == ["users"]
        await db.aclose()
        assert AsyncDictSQLite(tmp_path / "b.db", hot_capacity=5) is not None
        with pytest.raises(TypeError, match="twice"):
            AsyncDictSQLite(tmp_path / "c.db", capacity=5, hot_capacity=6)
        with pytest.raises(TypeError, match="capacty"):
            AsyncDictSQLite(tmp_path / "c.db", capacty=5)

    run(main())


def test_what_is_never_awaited_on_a_handle_that_is_not_open_is_named(path):
    async def main():
        db = AsyncDictSQLite(path)
        with pytest.warns(RuntimeWarning, match="AsyncDictSQLite.aset"):
            db.aset("k", 1)
            gc.collect()
        assert await db.aget("k") is None  # nothing begins before the handle is open
        db.aset("k", 2)
        assert await db.aget("k") == 2
        await db.aclose()

    run(main())


def test_what_cannot_be_opened_says_so_in_every_await(tmp_path):
    async def main():
        db = AsyncDictSQLite(tmp_path / "no such" / "a.db")
        for _ in range(2):
            with pytest.raises(OSError):
                await db.aget("k")
        with pytest.raises(OSError):
            db["k"]
        results = await asyncio.gather(db.aget(1), db.aset(1, 2), return_exceptions=True)
        assert [isinstance(result, OSError) for result in results] == [True, True]

    run(main())


def test_all_of_it_on_the_ordinary_class_outside_and_inside_of_a_loop(path):
    with DictSQLite(path, persist_mode="lazy") as db:

        async def main():
            await db.aset("k", 1)
            assert db["k"] == await db.aget("k") == 1
            async with db:
                db["k"] = 2
            with pytest.raises(dictsqlite.ClosedError):
                await db.aget("k")

        run(main())


def test_awaitables_are_awaitable_and_errors_come_with_the_await(path):
    async def main():
        async with AsyncDictSQLite(path) as db:
            await db.aset("k", 1)
            await db.aflush()
            for later in (db.aget("k"), db.aget("no"), db.aget(1.5), db.aclear(), db.acontains("no"), db.alen()):
                assert inspect.isawaitable(later)
                await asyncio.gather(later, return_exceptions=True)
        closed = db.aget("k"), db.aset("k", 1), db.alen(), db.aincr("k")
        results = await asyncio.gather(*closed, return_exceptions=True)
        assert {type(result) for result in results} == {dictsqlite.ClosedError}

    run(main())


def test_names_of_v4_1_warn_and_work(path):
    async def main():
        async with AsyncDictSQLite(path) as db:
            with pytest.warns(DeprecationWarning, match="aset"):
                await db.set_async("k", 1)
            with pytest.warns(DeprecationWarning, match="aget"):
                assert await db.get_async("k") == 1

    run(main())


def test_none_tuples_and_exceptions_are_values_as_others(path):
    async def main():
        async with AsyncDictSQLite(path, trusted=True) as db:
            for value in (None, (), (1, 2), StopIteration(3), ValueError("x"), [], False):
                await db.aset("k", value)
                assert repr(await db.aget("k", "default")) == repr(value)
                assert repr((await asyncio.gather(db.aget("k")))[0]) == repr(value)
                assert repr(await asyncio.create_task(db.aget("k"))) == repr(value)

    run(main())
