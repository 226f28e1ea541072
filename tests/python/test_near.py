"""Objects that are given out again are those of now: whatever ends their moment is seen by the next read."""

import os
import random
import sys
import threading
import time

import pytest

import dictsqlite
from processes import PATIENCE, Child

#: Reads after which a value is given out again as it is.
OFTEN = 80
#: Objects kept by a handle, and the largest of them.
MOST, LARGEST = 2048, 1024


def often(db, key):
    """A key read again and again."""
    found = {repr(db.get(key)) for _ in range(OFTEN)}
    assert len(found) == 1
    return db.get(key)


@pytest.fixture(params=["file", "memory"])
def db(request, tmp_path):
    path = tmp_path / "store.db" if request.param == "file" else ":memory:"
    with dictsqlite.open(str(path), persist_mode="lazy") as db:
        yield db


def test_it_is_given_out_again(db):
    """Else the other tests would test nothing."""
    values = {"bytes": b"x" * 100, "text": "\u00e9" * 100, "int": 10**30, "float": 0.5}
    db.update({**values, "list": [1], "large": b"x" * (LARGEST + 1)})
    db.flush()
    for key, value in values.items():
        assert often(db, key) == value and db[key] is db[key]
    assert often(db, "large") is not db["large"]
    db["list"].append(2)
    assert often(db, "list") == [1] and db["list"] is not db["list"]


def test_every_way_to_change_an_entry(db):
    table = db.table("other", storage_mode="bytes")

    def in_a_transaction():
        with db.transaction() as tx:
            tx["k"] = "transaction"

    changes = [
        (lambda: db.set("k", "set"), "set"),
        (lambda: db.update({"k": "update", "more": 1}), "update"),
        (in_a_transaction, "transaction"),
        (lambda: db.pop("k"), None),
        (lambda: db.setdefault("k", "default"), "default"),
        (lambda: db.set("k", "version", if_version=db.entry("k").version), "version"),
        (lambda: db.expire("k", 0.05) and time.sleep(0.1), None),
        (lambda: db.incr("k"), 1),
        (db.clear, None),
        (lambda: db.set("k", "again"), "again"),
        (lambda: db.delete("k"), None),
    ]
    db["k"] = "first"
    for change, value in changes:
        db.flush()
        often(db, "k")
        change()
        assert db.get("k") == value, "pending"
        db.flush()
        assert db.get("k") == value == often(db, "k"), "committed"
    table["k"] = b"1"
    db.flush()
    assert often(table, "k") == b"1"
    db.drop_table("other")
    with pytest.raises(dictsqlite.ClosedError):
        table["k"]
    assert db.table("other", storage_mode="bytes").get("k") is None
    often(db, "k")
    db.close()
    with pytest.raises(dictsqlite.ClosedError):
        db["k"]
    # A key that can be none is told first, as everywhere.
    for key in (1.5, "\ud800"):
        with pytest.raises(dictsqlite.KeyTypeError):
            db[key]


@pytest.mark.once
def test_an_entry_that_expires_is_not_given_out_again(tmp_path):
    """Nobody can remove it from the file meanwhile, which would end the moment as well."""
    path = str(tmp_path / "store.db")
    with dictsqlite.open(path, storage_mode="json") as db:
        with Child("sql.py", path) as child:
            assert child.line() == "open"
            db.set("k", "v", ttl=2.0)
            expires = time.monotonic() + 2.0
            db.flush()
            child.ask("connection.execute('BEGIN IMMEDIATE').fetchall()")
            assert often(db, "k") == "v"
            while time.monotonic() < expires:
                db.get("k")
            assert db.get("k") is None
            child.ask("connection.execute('ROLLBACK').fetchall()")
            child.finish()


def test_threads_beside_a_writer(tmp_path):
    """One handle for all: a reader never sees less than what was written before it began to read."""
    with dictsqlite.open(str(tmp_path / "store.db"), persist_mode="lazy") as db:
        db["k"] = written = 0
        wrong, ended = [], threading.Event()

        def read():
            while not ended.is_set():
                least = written
                found = db["k"]
                if found < least:
                    wrong.append((least, found))

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for n in range(1, 100):
            db["k"] = n
            written = n
            if n % 2:
                db.flush()
            time.sleep(0.002)
        ended.set()
        for reader in readers:
            reader.join(PATIENCE)
        assert wrong == [] and db["k"] == 99


def test_other_handles(tmp_path):
    path = str(tmp_path / "store.db")
    with dictsqlite.open(path) as one, dictsqlite.open(path) as two:
        for n in range(300):
            two["k"] = n
            if n % 3 == 0:
                two.flush()
            assert one["k"] == n and often(one, "k") == n


@pytest.mark.once
def test_another_process(tmp_path):
    """Each of its commits is seen by the very next read."""
    path = str(tmp_path / "store.db")
    with dictsqlite.open(path, storage_mode="json") as db:
        db["k"] = 0
        db.flush()
        with Child("sql.py", path) as child:
            assert child.line() == "open"
            for n in range(1, 200):
                assert often(db, "k") == n - 1
                child.ask(f"connection.execute(\"UPDATE main SET value = '{n}'\").fetchall()")
                assert db["k"] == n
            child.finish()


def test_keys_that_are_equal_and_not_the_same(db):
    class Odd(str):
        def __eq__(self, other):
            return True

        def __hash__(self):
            return hash("k")

    db.update({"k": "text", b"k": "bytes", 1: "int", "1": "digit", "odd": "odd"})
    db.flush()
    for key, value in {"k": "text", b"k": "bytes", 1: "int", "1": "digit"}.items():
        assert often(db, key) == value
    assert often(db, True) == "int"
    assert often(db, Odd("odd")) == "odd"
    with pytest.raises(dictsqlite.KeyTypeError):
        db[1.0]
    with pytest.raises(KeyError):
        db[Odd("nothing")]


@pytest.mark.parametrize("keys", [10, MOST, 3 * MOST])
def test_like_a_dict(tmp_path, keys):
    """Few writes and many reads, of more or fewer keys than are kept, through two handles."""
    draw, model = random.Random(keys), {f"key {n}": n for n in range(keys)}
    path = str(tmp_path / "store.db")
    with dictsqlite.open(path) as one, dictsqlite.open(path) as two:
        one.update(model)
        one.flush()
        for step in range(40_000):
            db = one if draw.random() < 0.5 else two
            key = f"key {draw.randrange(keys)}"
            if draw.random() < 0.002:
                model[key] = db[key] = draw.random() if step % 2 else str(step)
            else:
                assert db[key] == model[key]
        assert dict(one) == model


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_child_of_a_fork(tmp_path):
    with dictsqlite.open(str(tmp_path / "store.db")) as db:
        db["k"] = "parent"
        db.flush()
        often(db, "k")
        child = os.fork()
        if child == 0:
            try:
                assert often(db, "k") == "parent"
                db["k"] = "child"
                assert db["k"] == "child"
                db.flush()
                assert often(db, "k") == "child"
            except BaseException as error:
                print(repr(error), file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert db["k"] == "child" == often(db, "k")


def test_awaited(tmp_path):
    import asyncio

    async def main():
        async with dictsqlite.open(str(tmp_path / "store.db")) as db:
            for n in range(100):
                await db.aset("k", str(n))
                await db.aflush()
                assert {await db.aget("k") for _ in range(OFTEN)} == {str(n)}
            assert await db.aget("k") is await db.aget("k")

    asyncio.run(asyncio.wait_for(main(), PATIENCE))
