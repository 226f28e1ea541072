"""Entries expire: an expired one is absent for every reader and every condition at once, and is swept."""

import datetime
import math
import time

import pytest

from dictsqlite import ConflictError, DictSQLite, InvalidError

SOON = 0.3


def wait(seconds=SOON):
    time.sleep(seconds + 0.02)


@pytest.fixture(params=["lazy", "durable", "memory"])
def db(request, path):
    with DictSQLite(path, persist_mode=request.param) as db:
        yield db


def test_an_expired_entry_is_absent_for_every_reader(db):
    db["kept"] = 0
    db.set("k", 1, ttl=SOON)
    assert db["k"] == 1 and "k" in db and len(db) == 2
    entry = db.entry("k")
    assert abs(entry.expires_at - time.time()) < SOON + 0.1
    wait()
    with pytest.raises(KeyError):
        db["k"]
    assert db.get("k") is None and "k" not in db and db.entry("k") is None
    assert len(db) == 1 and bool(db) and dict(db) == {"kept": 0} and db == {"kept": 0}
    assert list(db.keys()) == ["kept"] and list(db.keys(prefix="k")) == ["kept"]
    assert list(reversed(db)) == ["kept"] and list(db.values()) == [0]
    assert db.batch_get(["k", "kept"], default="none") == ["none", 0]


def test_an_expired_entry_is_absent_for_every_condition(db):
    for n in range(8):
        db.set(n, 100, ttl=SOON)
    wait()
    assert db.pop(0, None) is None
    assert db.setdefault(1, "new") == "new" and db[1] == "new"
    assert db.incr(2) == 1
    assert db.set(3, "new", if_version=0) > 0 and db[3] == "new"
    with pytest.raises(ConflictError, match="no entry"):
        db.delete(4, if_version=5)
    with pytest.raises(KeyError):
        del db[4]
    assert db.expire(5, 100) is False
    assert dict(db) == {1: "new", 2: 1, 3: "new"}
    assert db.popitem(last=False) == (1, "new")
    assert db.popitem() == (3, "new") and db.popitem() == (2, 1)
    with pytest.raises(KeyError):
        db.popitem()


def test_an_entry_set_again_after_it_expired_is_new_and_last(db):
    db.set("old", 1, ttl=SOON)
    db["other"] = 2
    db.flush()
    wait()
    db["old"] = 3
    assert list(db) == ["other", "old"]


def test_an_entry_that_expired_before_it_was_committed_is_new_as_well(path):
    with DictSQLite(path, persist_mode="lazy", flush_interval=60) as db:
        db.set("old", 1, ttl=SOON)
        db["other"] = 2
        wait()
        db["old"] = 3
        assert list(db) == ["other", "old"]


def test_a_plain_set_clears_the_ttl(db):
    db.set("k", 1, ttl=SOON)
    db["k"] = 2
    db.set("u", 1, ttl=SOON)
    db.update(u=2)
    wait()
    assert dict(db) == {"k": 2, "u": 2}
    assert db.entry("k").expires_at is None


def test_incr_keeps_the_ttl(db):
    db.set("n", 5, ttl=SOON)
    before = db.entry("n").expires_at
    assert db.incr("n", 2) == 7
    assert db.entry("n").expires_at == before
    wait()
    assert "n" not in db
    assert db.incr("n") == 1 and db.entry("n").expires_at is None


def test_expire_changes_and_removes_the_time_and_leaves_the_value(db):
    db["k"] = 1
    assert db.expire("k", SOON) is True
    assert db["k"] == 1 and db.entry("k").expires_at is not None
    assert db.expire("k", None) is True
    assert db.entry("k").value == 1 and db.entry("k").expires_at is None
    assert db.expire("k", math.inf) is True
    db.expire("k", datetime.timedelta(seconds=SOON))
    wait()
    assert "k" not in db
    assert db.expire("k", 5) is False and db.expire("missing", 5) is False


def test_the_ttl_of_a_handle_is_the_default(path):
    with DictSQLite(path, ttl=SOON) as db, DictSQLite(path) as plain:
        db["a"] = 1
        db.update(b=2)
        db.setdefault("c", 3)
        db.incr("d")
        db.batch_set([("e", 5)])
        db.set("f", 6, if_version=0)
        db.set("long", 7, ttl=100)
        db.set("ever", 8, ttl=math.inf)
        db.batch_set({"many": 9}, ttl=100)
        db.setdefault("default", 10, ttl=100)
        plain["plain"] = 11
        assert len(db) == 11
        wait()
        assert list(db) == ["long", "ever", "many", "default", "plain"]
        assert plain.entry("ever").expires_at is None


@pytest.mark.parametrize("ttl", [0, -1, -0.001, float("nan"), "5", 1e13, 10**400, True, [1], datetime.timedelta(0)])
def test_a_ttl_that_makes_no_sense_is_refused(path, ttl):
    with DictSQLite(path) as db:
        for operation in (
            lambda: db.set("k", 1, ttl=ttl), lambda: db.setdefault("k", 1, ttl=ttl), lambda: db.batch_set({"k": 1}, ttl=ttl),
            lambda: db.expire("k", ttl), lambda: db.set("k", 1, ttl=ttl, if_version=0),
            lambda: DictSQLite(":memory:", ttl=ttl),
        ):  # fmt: skip
            with pytest.raises(InvalidError, match="ttl"):
                operation()
        assert len(db) == 0


def test_an_extreme_ttl_is_far_away(db):
    db.set("long", 1, ttl=1e12)
    db.set("short", 1, ttl=1e-9)
    time.sleep(0.01)
    assert list(db) == ["long"]
    assert db.entry("long").expires_at > 1e12


def test_expired_rows_are_swept_from_the_file(path, sql):
    with DictSQLite(path) as db:
        db.batch_set({n: n for n in range(500)}, ttl=SOON)
        db["kept"] = 1
        db.flush()
        assert sql(path, "SELECT count(*) FROM main") == [[501]]
        deadline = time.monotonic() + 20
        while sql(path, "SELECT count(*) FROM main") != [[1]]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert db.stats()["swept_entries"] == 500
        assert dict(db) == {"kept": 1}


def test_entries_expire_while_the_store_is_closed(path):
    with DictSQLite(path) as db:
        db.set("k", 1, ttl=SOON)
        db.set("long", 2, ttl=100)
        at = db.entry("long").expires_at
    wait()
    with DictSQLite(path) as db:
        assert dict(db) == {"long": 2}
        assert db.entry("long").expires_at == at


def test_expiry_is_the_same_for_other_processes(path, run):
    code = """
        import sys, time, dictsqlite
        with dictsqlite.open(sys.argv[1]) as db:
            print(db["k"])
            db.set("theirs", 1, ttl=0.3)
            db.flush()
    """
    with DictSQLite(path) as db:
        db.set("k", 1, ttl=30)
        db.flush()
        assert run(code, path) == "1"
        assert db.get("theirs", 1) == 1
        wait(0.35)
        assert "theirs" not in db
