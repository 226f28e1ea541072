"""Transactions: one unit, a snapshot, conflicts that are told, and nothing left behind."""

import datetime
import threading
import time

import pytest

import dictsqlite
from dictsqlite import ClosedError, CodecError, ConflictError, InvalidError, KeyMissingError, ReadOnlyError


@pytest.fixture
def db(path):
    with dictsqlite.open(path) as db:
        yield db


def nothing_left(db):
    """Nobody holds the lock, and a write goes through at once."""
    began = time.monotonic()
    db["after all"] = 1
    db.flush()
    del db["after all"]
    assert time.monotonic() - began < 3


def test_a_block_commits_as_one_unit(path):
    with dictsqlite.open(path) as db:
        db["a"] = 1
        with db.transaction() as tx:
            tx["a"] += 1
            tx["b"] = [1, 2]
            assert "b" in tx and "b" not in db
            assert dict(tx.items()) == {"a": 2, "b": [1, 2]} and len(tx) == 2
        assert not tx.is_open
        assert dict(db.items()) == {"a": 2, "b": [1, 2]}
    with dictsqlite.open(path) as db:
        assert dict(db.items()) == {"a": 2, "b": [1, 2]}


@pytest.mark.parametrize("mode", ["concurrent", "immediate"])
def test_an_exception_rolls_back(db, mode):
    db["a"] = 1
    with pytest.raises(ZeroDivisionError), db.transaction(mode=mode) as tx:
        tx["a"] = 2
        tx["b"] = 1 / 0
    assert dict(db.items()) == {"a": 1}
    nothing_left(db)


def test_it_is_a_mapping(db):
    db.update({"a": 1, "b": 2, "c": 3})
    with db.transaction() as tx:
        assert tx.get("a") == 1 and tx.get("x") is None and tx.get("x", 5) == 5
        with pytest.raises(KeyError) as missing:
            tx["x"]
        assert isinstance(missing.value, KeyMissingError) and missing.value.args == ("x",)
        with pytest.raises(KeyError):
            del tx["x"]
        del tx["a"]
        assert tx.pop("b") == 2 and tx.pop("b", None) is None
        with pytest.raises(KeyError):
            tx.pop("b")
        assert tx.setdefault("c", 9) == 3 and tx.setdefault("d", 4) == 4
        assert tx.incr("n") == 1 and tx.incr("n", 4) == 5
        tx.update({"e": 5}, f=6)
        assert list(tx) == ["c", "d", "n", "e", "f"] and list(reversed(tx))[0] == "f"
        assert list(tx.keys(prefix="d")) == ["d"] and list(tx.values(limit=2)) == [3, 4]
        assert tx == {"c": 3, "d": 4, "n": 5, "e": 5, "f": 6}
        assert tx.popitem() == ("f", 6) and tx.popitem(last=False) == ("c", 3)
        assert tx.entry("d").version == 0 and tx.entry("x") is None
        assert tx.expire("d", 60) and not tx.expire("x", None)
        assert tx.contains("d") and tx.len() == 3
        assert tx.table_name == "main" and tx.storage_mode == "pickle"
    assert dict(db.items()) == {"d": 4, "n": 5, "e": 5}
    assert db.entry("d").expires_at is not None
    with db.transaction() as tx:
        tx.clear()
        assert len(tx) == 0
    assert len(db) == 0
    with pytest.raises(KeyError), db.transaction() as tx:
        tx.popitem()
    assert repr(tx) == "<Transaction not open>"


def test_a_conflict_names_the_key_and_the_first_one_wins(db):
    db["k"] = 1
    with pytest.raises(ConflictError) as conflict, db.transaction() as tx:
        tx["other"] = tx["k"]
        db["k"] = 2
    assert conflict.value.key == "k" and "read again and retry" in str(conflict.value)
    assert dict(db.items()) == {"k": 2}
    with pytest.raises(ConflictError) as conflict, db.transaction() as tx:
        assert list(tx.keys(prefix=("t",))) == []
        tx["x"] = 1
        db[("t", 1)] = "a phantom"
    assert conflict.value.key == ("t", 1)


@pytest.mark.parametrize("isolation, both", [("serializable", False), ("snapshot", True)])
def test_write_skew(db, isolation, both):
    db.update(ann="on call", bob="on call")
    first = db.transaction(isolation=isolation).begin()
    second = db.transaction(isolation=isolation).begin()
    assert first["bob"] == second["ann"] == "on call"
    first["ann"] = "off"
    second["bob"] = "off"
    first.commit()
    if both:
        second.commit()
    else:
        with pytest.raises(ConflictError):
            second.commit()
    assert (db["ann"], db["bob"]) == ("off", "off" if both else "on call")


def test_savepoints_nest(db):
    with db.transaction() as tx:
        tx["a"] = 1
        with tx.savepoint() as outer:
            tx["b"] = 2
            with pytest.raises(KeyError), tx.savepoint():
                tx["a"] = 3
                tx["missing"]
            assert tx["a"] == 1 and tx["b"] == 2
            outer.rollback()
            assert "b" not in tx
            tx["c"] = 4
        with pytest.raises(InvalidError):
            outer.rollback()
    assert dict(db.items()) == {"a": 1, "c": 4}


def test_it_is_over_all_tables(db):
    other = db.table("other", "json")
    other["k"] = [1]
    with db.transaction() as tx:
        there = tx.table("other")
        assert there.storage_mode == "json" and there["k"] == [1]
        with pytest.raises(CodecError):
            there["k"] = {1, 2}
        with pytest.raises(CodecError):
            tx.table("other", "bytes")
        there["k"].append(2)
        there["k"] = [*there["k"], 2]
        tx["k"] = {1, 2}
        tx.table("new")["x"] = 1
    assert other["k"] == [1, 2] and db["k"] == {1, 2} and db.table("new")["x"] == 1
    with db.transaction(mode="read") as tx, pytest.raises(InvalidError):
        tx.table("nowhere")


def test_reading_only(db):
    db["k"] = 1
    with db.transaction(mode="read") as tx:
        db["k"] = 2
        db.flush()
        assert tx["k"] == 1
        with pytest.raises(ReadOnlyError):
            tx["k"] = 3
    assert db["k"] == 2


def test_the_dict_is_refused_to_the_owner_of_the_lock(db):
    with db.transaction(mode="immediate") as tx:
        for use in (lambda: db["k"], lambda: len(db), db.flush, lambda: db.set("k", 1), db.close, db.transaction().begin):
            with pytest.raises(InvalidError, match="use the transaction"):
                use()
        seen = []
        other = threading.Thread(target=lambda: seen.append(db.get("k", "nothing")))
        other.start()
        other.join()
        tx["k"] = 1
    assert seen == ["nothing"] and db["k"] == 1


def test_it_belongs_to_its_thread(db):
    raised = []

    def use(tx):
        try:
            tx["k"] = 1
        except InvalidError as e:
            raised.append(str(e))

    with db.transaction() as tx:
        thread = threading.Thread(target=use, args=(tx,))
        thread.start()
        thread.join()
    assert "belongs to the thread" in raised[0] and "k" not in db


def test_another_threads_write_survives_a_rollback(db):
    for mode in ("concurrent", "immediate"):
        with pytest.raises(ZeroDivisionError), db.transaction(mode=mode) as tx:
            tx["mine"] = 1
            thread = threading.Thread(target=db.set, args=("theirs", mode))
            thread.start()
            if mode == "concurrent":
                thread.join()
            raise ZeroDivisionError
        thread.join()
        assert dict(db.items()) == {"theirs": mode}


def test_what_is_over_is_over(db):
    tx = db.transaction()
    with pytest.raises(InvalidError, match="has not begun"):
        tx["k"]
    with tx:
        tx["k"] = 1
        tx.commit()
        for use in (lambda: tx["k"], tx.commit, tx.rollback, tx.savepoint().__enter__, lambda: list(tx)):
            with pytest.raises(ClosedError):
                use()
    assert db["k"] == 1
    with pytest.raises(InvalidError, match="begun already"):
        tx.begin()
    with db.transaction() as tx:
        tx["k"] = 2
        tx.rollback()
    assert db["k"] == 1
    nothing_left(db)


def test_options_that_make_no_sense(db):
    for options in ({"mode": "fast"}, {"isolation": "dirty"}, {"max_hold": 0}, {"timeout": -1}, {"max_hold": "long"}):
        with pytest.raises(InvalidError):
            db.transaction(**options).begin()
    with pytest.raises(TypeError):
        db.transaction(hurry=True)
    for retries in (-1, 1.5, True, None):
        with pytest.raises(InvalidError):
            db.run_transaction(lambda tx: None, retries=retries)
    with db.transaction(timeout=datetime.timedelta(seconds=5), max_hold=float("inf")) as tx:
        tx["k"] = 1
    nothing_left(db)


@pytest.mark.parametrize("mode", ["concurrent", "immediate"])
def test_who_holds_it_for_too_long_is_rolled_back_and_told(db, mode):
    with pytest.raises(dictsqlite.TimeoutError, match="max_hold"), db.transaction(mode=mode, max_hold=0.05) as tx:
        tx["k"] = 1
        time.sleep(0.2)
    assert "k" not in db
    nothing_left(db)


def test_a_dropped_one_is_rolled_back(db):
    for mode in ("concurrent", "immediate"):
        tx = db.transaction(mode=mode).begin()
        tx["k"] = 1
        del tx
        assert "k" not in db
    nothing_left(db)


def test_run_transaction_wins_in_the_end(path):
    with dictsqlite.open(path, persist_mode="durable") as db:
        calls = []

        def count(tx):
            calls.append(1)
            value = tx.get("n", 0)
            time.sleep(0.001)
            tx["n"] = value + 1
            return value

        def work():
            for _ in range(15):
                db.run_transaction(count, retries=2)

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert db["n"] == 90 and len(calls) >= 90
        with pytest.raises(ConflictError):
            db.run_transaction(lambda tx: (tx["n"], tx.set("x", 1), db.set("n", 0)), retries=0)
        with pytest.raises(ZeroDivisionError):
            db.run_transaction(lambda tx: 1 / 0)
        nothing_left(db)


def test_atomic(db):
    db["stock"] = 3
    version = db.entry("stock").version
    atomic = db.atomic().check("stock", version).check("order", 0)
    written = atomic.set("order", "Ada", ttl=60).incr("stock", -1).delete("nothing").commit()
    assert db["stock"] == 2 and db["order"] == "Ada" and db.entry("stock").version <= written
    with pytest.raises(ConflictError) as conflict:
        db.atomic().check("stock", version).set("order", "Bob").commit()
    assert conflict.value.key == "stock" and db["order"] == "Ada"
    with pytest.raises(CodecError):
        db.atomic().set("stock", 0).incr("order").commit()
    assert db["stock"] == 2


def test_an_async_function_needs_the_async_call(db):
    """It would have done nothing yet, and been told to have succeeded."""
    tries = []

    async def later(tx):
        tx["k"] = 1

    def half(tx):
        tries.append(tx)
        tx["k"] = 1
        return later(tx)

    for fn in (later, half):
        with pytest.raises(TypeError, match="fn gave an awaitable; use arun_transaction"):
            db.run_transaction(fn)
    assert dict(db) == {} and len(tries) == 1 and not tries[0].is_open
    nothing_left(db)


def test_a_conflict_says_what_happened(db):
    """A check names versions; a transaction is told of the dict that was used inside it."""
    version = db.set("k", 1, if_version=0)
    for key, expected, found in [("k", 0, f"version {version}"), ("k", version + 5, f"version {version}"), ("no", 7, "no entry")]:
        with pytest.raises(ConflictError, match=f"^expected version {expected} and found {found}; ") as caught:
            db.atomic().check(key, expected).set("k", 2).commit()
        assert caught.value.key == key
    assert db.entry("k") == (1, version, None)

    def put(tx):
        db["k"] = 3

    def remove(tx):
        del db["k"]

    def none(tx):
        db["new"] = 4

    for act, key, what in [(put, "k", "was changed"), (remove, "k", "was removed, or has expired,"), (none, "new", "was put there")]:
        words = f"^the key {what} outside this transaction after it began; read again and retry .*not the dict"
        with pytest.raises(ConflictError, match=words) as caught, db.transaction() as tx:
            tx.get(key)
            act(tx)
            tx["other"] = 1
        assert caught.value.key == key
    with pytest.raises(ConflictError, match="^the key was written outside this transaction"), db.transaction() as tx:
        tx["blind"] = 1
        db["blind"] = 2
