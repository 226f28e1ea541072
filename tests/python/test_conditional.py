"""Conditional writes are decided by the writer, right across handles and processes; versions only rise."""

import threading

import pytest

from dictsqlite import CodecError, ConflictError, DictSQLite, InvalidError

MODES = ["memory", "lazy", "writethrough", "durable"]


@pytest.fixture(params=MODES)
def db(request, path):
    with DictSQLite(path, persist_mode=request.param) as db:
        yield db


def test_a_set_with_the_right_version_is_done_and_gives_the_next(db):
    first = db.set("k", "a", if_version=0)
    second = db.set("k", "b", if_version=first)
    assert 0 < first < second
    assert db.entry("k") == ("b", second, None)
    assert db.set("k", "c") is None
    assert db.entry("k").version > second


@pytest.mark.parametrize("key", ["k", 7, b"k", ("k", 7)])
def test_a_conflict_names_the_key_and_changes_nothing(db, key):
    with pytest.raises(ConflictError) as caught:
        db.set(key, 1, if_version=5)
    assert caught.value.key == key and type(caught.value.key) is type(key)
    version = db.set(key, 1, if_version=0)
    for wrong in (0, version - 1, version + 1, -1, 2**63 - 1, -(2**63)):
        with pytest.raises(ConflictError, match="read again and retry") as caught:
            db.set(key, 2, if_version=wrong)
        assert caught.value.key == key
        with pytest.raises(ConflictError):
            db.delete(key, if_version=wrong)
    assert db.entry(key) == (1, version, None)


def test_versions_that_are_no_64_bit_integers_are_refused(db):
    for bad in (2**63, -(2**63) - 1):
        with pytest.raises(InvalidError, match="64 bits"):
            db.set("k", 1, if_version=bad)
        with pytest.raises(InvalidError, match="64 bits"):
            db.delete("k", if_version=bad)
    for bad in ("1", 1.0):
        for refused in (lambda: db.set("k", 1, if_version=bad), lambda: db.delete("k", if_version=bad)):  # noqa: B023
            with pytest.raises(TypeError, match=f"^if_version is an int, not {type(bad).__name__}"):
                refused()
        with pytest.raises(TypeError, match="^version is an int, not"):
            db.atomic().check("k", bad).commit()
    assert "k" not in db


def test_delete_with_a_version(db):
    version = db.set("k", 1, if_version=0)
    db.delete("k", if_version=version)
    assert "k" not in db
    with pytest.raises(ConflictError):
        db.delete("k", if_version=version)
    db.delete("k")


def test_a_version_is_never_used_again(db):
    seen = []
    for turn in range(20):
        db["k"] = turn
        seen.append(db.entry("k").version)
        db.expire("k", 100)
        seen.append(db.entry("k").version)
        del db["k"]
        db.setdefault("k", turn)
        seen.append(db.entry("k").version)
        db.clear()
        seen.append(db.set("k", turn, if_version=0))
    assert seen == sorted(set(seen))


def test_a_plain_write_makes_an_older_version_stale(db):
    version = db.set("k", 1, if_version=0)
    db["k"] = 2
    with pytest.raises(ConflictError):
        db.set("k", 3, if_version=version)
    db["k"] = 1
    with pytest.raises(ConflictError):
        db.set("k", 3, if_version=version)


def test_a_condition_sees_writes_not_committed_yet(path):
    with DictSQLite(path, persist_mode="lazy", flush_interval=60) as db:
        for n in range(50):
            db["n"] = n
            assert db.incr("n") == n + 1
            db["k"] = n
            assert db.setdefault("k", "no") == n
            assert db.pop("k") == n
            with pytest.raises(KeyError):
                db.pop("k")
            db["x"] = 1
            db.clear()
            db["last"] = n
            assert db.popitem() == ("last", n)


def test_incr_counts_from_nothing_by_any_step(db):
    assert db.incr("n") == 1
    assert db.incr("n", 41) == 42
    assert db.incr("n", -100) == -58
    assert db.incr("n", delta=0) == -58
    assert db["n"] == -58 and type(db["n"]) is int
    assert db.incr("big", 2**63 - 1) == 2**63 - 1
    with pytest.raises(InvalidError, match="64 bits"):
        db.incr("big")
    assert db.incr("big", -(2**63)) == -1
    for bad in (2**63, -(2**63) - 1):
        with pytest.raises(InvalidError, match="64 bits"):
            db.incr("n", bad)
    for bad in (1.5, "1", None):
        with pytest.raises(TypeError):
            db.incr("n", bad)
    assert db["n"] == -58


@pytest.mark.parametrize("storage_mode", ["pickle", "json", "jsonb"])
def test_incr_of_what_python_set(path, storage_mode):
    with DictSQLite(path, storage_mode=storage_mode) as db:
        for value in (0, 1, -1, 255, 256, 65535, 65536, -(2**31), 2**31, 2**53 + 1, 2**63 - 2, -(2**63)):
            db["n"] = value
            assert db.incr("n") == value + 1 == db["n"]
        for value in ("1", 1.5, [1], None, 2**63, {}):
            db["n"] = value
            with pytest.raises((CodecError, InvalidError)) as caught:
                db.incr("n")
            assert caught.value.key == "n" and db["n"] == value


def test_incr_of_raw_bytes_says_what_it_needs(path):
    with DictSQLite(path, storage_mode="bytes") as db:
        db["k"] = b"text"
        with pytest.raises(CodecError):
            db.incr("k")
        assert db["k"] == b"text"


def test_one_of_many_threads_wins_each_version(db):
    db["k"] = 0
    barrier, wins = threading.Barrier(8), []

    def worker(name):
        for _ in range(10):
            barrier.wait()
            version = db.entry("k").version
            barrier.wait()
            try:
                db.set("k", name, if_version=version)
                wins.append(version)
            except ConflictError:
                pass

    threads = [threading.Thread(target=worker, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wins) == len(set(wins)) == 10


def test_pop_and_popitem_give_each_item_to_one_thread(db):
    db.update((n, n) for n in range(400))
    taken, lock = [], threading.Lock()

    def worker(by_key):
        for n in range(400):
            try:
                value = db.pop(n) if by_key else db.popitem()[1]
            except KeyError:
                continue
            with lock:
                taken.append(value)

    threads = [threading.Thread(target=worker, args=(n % 2 == 0,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(400)) and len(db) == 0


WORKER = """
    import sys, dictsqlite
    path, name, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with dictsqlite.open(path, persist_mode="lazy") as db:
        print("ready", flush=True)
        sys.stdin.readline()
        for n in range(rounds):
            db.incr("count")
            while True:
                entry = db.entry("log")
                try:
                    version = db.set("log", entry.value + [(name, n)], if_version=entry.version)
                    break
                except dictsqlite.ConflictError as conflict:
                    assert conflict.key == "log"
            print(version, flush=True)
"""


def test_conditions_hold_across_processes_and_versions_rise(path, background):
    rounds = 60
    with DictSQLite(path) as db:
        db["log"] = []
        db["count"] = 0
        db.flush()
        with background(WORKER, path, "a", rounds) as a, background(WORKER, path, "b", rounds) as b:
            for process in (a, b):
                process.stdin.write("go\n")
                process.stdin.flush()
            seen = [db.entry("log").version for _ in range(50)]
            assert seen == sorted(seen)
            versions = [[int(process.stdout.readline()) for _ in range(rounds)] for process in (a, b)]
        assert all(mine == sorted(set(mine)) for mine in versions)
        assert not set(versions[0]) & set(versions[1])
        log = db["log"]
        assert db["count"] == 2 * rounds == len(log) == len(set(log))
        assert [n for name, n in log if name == "a"] == list(range(rounds))
        assert db.entry("log").version == max(map(max, versions))
