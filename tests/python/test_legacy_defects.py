"""Defects that were measured in earlier DictSQLite releases; each test's first line says what used to happen."""

import os
import pickle
import threading
import time

import pytest

from dictsqlite import ConflictError, CorruptError, DictSQLite, UnsupportedError

# A program that writes and ends; the next one reads what is left.
LEAVE = """
    import sys, dictsqlite
    db = dictsqlite.DictSQLite(sys.argv[1], persist_mode=sys.argv[2])
    for n in range(99):
        db[n] = n
"""


def reopened(path, **options):
    with DictSQLite(path, **options) as db:
        return dict(db)


@pytest.mark.parametrize("cache", [1_000_000, 0])
def test_a_number_and_its_text_are_two_keys(path, cache):
    # `d[1]` and `d["1"]` were one key: keys were turned into text.
    with DictSQLite(path, hot_capacity=cache) as db:
        db[1], db["1"] = "number", "text"
        assert (db[1], db["1"], len(db)) == ("number", "text", 2)
    assert reopened(path) == {1: "number", "1": "text"}


@pytest.mark.parametrize("mode", ["lazy", "writethrough", "durable"])
def test_a_normal_exit_keeps_everything(path, run, mode):
    # 99 writethrough sets and then a normal exit left 0 rows in the file.
    run(LEAVE, path, mode)
    assert reopened(path) == {n: n for n in range(99)}


@pytest.mark.parametrize("mode", ["lazy", "writethrough", "durable"])
def test_a_dropped_handle_keeps_everything(path, run, mode):
    # Lazy writes were lost when the handle was dropped without close().
    run(LEAVE + "    import os, time\n    del db\n    time.sleep(0.5)\n    os._exit(0)", path, mode)
    assert reopened(path) == {n: n for n in range(99)}


@pytest.mark.parametrize("mode", ["lazy", "writethrough", "durable"])
def test_update_and_batch_set_are_persisted(path, mode):
    # `update` and `batch_set` filled the cache only; nothing of theirs reached the file.
    with DictSQLite(path, persist_mode=mode) as db:
        db.update({"a": 1}, b=2)
        db.batch_set({"c": 3})
        db.bulk_insert({"d": 4})
    assert reopened(path) == {"a": 1, "b": 2, "c": 3, "d": 4}


@pytest.mark.parametrize("mode", ["lazy", "writethrough"])
def test_a_failed_flush_drops_nothing(path, hold_lock, mode):
    # A flush that failed emptied the buffer: what had been acknowledged was gone.
    with DictSQLite(path, persist_mode=mode, timeout=0.2) as db:
        with hold_lock():
            db["k"] = 1
            with pytest.raises(TimeoutError):
                db.flush()
            assert db["k"] == 1
        db.flush()
        assert db["k"] == 1
    assert reopened(path) == {"k": 1}


@pytest.mark.parametrize("mode", ["memory", "lazy", "writethrough", "durable"])
def test_a_failed_set_leaves_no_trace(path, mode):
    # A set that raised stayed in memory and was read back until the process ended.
    with DictSQLite(path, persist_mode=mode, storage_mode="json") as db:
        db["k"] = "old"
        for operation in (
            lambda: db.__setitem__("k", {1, 2}),
            lambda: db.set("k", object()),
            lambda: db.update({"k": "new", "x": object()}),
            lambda: db.setdefault("x", object()),
        ):
            with pytest.raises((TypeError, ValueError)):
                operation()
        with pytest.raises(ConflictError):
            db.set("k", "new", if_version=12345)
        assert dict(db) == {"k": "old"} and "x" not in db


def test_a_durable_set_that_could_not_be_committed_says_what_becomes_of_it(path, hold_lock):
    # A set that raised stayed in memory; here the error says whether the write was accepted, and so it is.
    with DictSQLite(path, persist_mode="durable", timeout=0.2) as db:
        db["k"] = "old"
        with hold_lock():
            with pytest.raises(TimeoutError) as caught:
                db["k"] = "new"
            seen = db["k"]
        db.flush()
        assert seen == db["k"]
        assert any(word in str(caught.value) for word in ("accepted", "kept", "still"))


@pytest.mark.parametrize("cache", [{"hot_capacity": 1}, {"hot_capacity": 3}, {"cache_bytes": 400}, {"hot_capacity": 0}])
def test_no_stale_value_after_eviction(path, cache):
    # An evicted entry came back from the file as it was before its last write.
    with DictSQLite(path, persist_mode="lazy", **cache) as db:
        latest = {}
        for n in range(2000):
            db[n % 7] = latest[n % 7] = n
            key = (n * 5) % 7
            assert db.get(key) == latest.get(key)
        assert dict(db) == latest


def test_a_full_cache_takes_new_keys_and_lets_old_ones_go(path):
    # The least recently used key stayed for ever and the newest was dropped, so a hot key was never cached.
    with DictSQLite(path, hot_capacity=10) as db:
        db.update((n, n) for n in range(1000))
        db.flush()
        for _ in range(5):
            for n in range(990, 995):
                assert db[n] == n
        before = db.stats()["misses"]
        for _ in range(20):
            for n in range(990, 995):
                assert db[n] == n
        assert db.stats()["misses"] - before < 50
        assert db.stats()["cached_entries"] <= 20


@pytest.mark.parametrize("mode", ["lazy", "writethrough", "durable"])
def test_clear_and_pop_do_not_resurrect(path, mode):
    # What `clear` and `pop` had removed came back from the write buffer, or from the file after reopening.
    with DictSQLite(path, persist_mode=mode) as db:
        db.update((n, n) for n in range(50))
        assert db.pop(7) == 7 and 7 not in db
        db["pending"] = 1
        assert db.pop("pending") == 1
        db.flush()
        assert 7 not in db and "pending" not in db and len(db) == 49
        db["pending"] = 2
        db.clear()
        assert len(db) == 0 and list(db) == []
        db.flush()
        assert len(db) == 0 and db.get(3) is None and db.get("pending") is None
        db["after"] = 1
    assert reopened(path) == {"after": 1}


def test_every_method_honours_the_table_name(path):
    # Half of the methods worked on the main table, whatever `table_name` said.
    with DictSQLite(path, table_name="users") as db, DictSQLite(path) as main:
        db["a"] = 1
        db.set("b", 2)
        db.update(c=3)
        db.batch_set({"d": 4})
        db.bulk_insert({"e": 5})
        db.setdefault("f", 6)
        db.incr("g")
        assert len(main) == 0 and main.get("a") is None and main.batch_get(list("abcdefg")) == [None] * 7
        assert list(main.items()) == [] and "c" not in main and main.pop("d", None) is None
        main.clear()
        assert len(db) == 7
        db.clear()
        main["x"] = 1
        assert len(db) == 0 and dict(main) == {"x": 1}


def test_a_key_with_a_colon_is_not_in_another_table(path):
    # The key `users:a` was the key `a` of the table `users`.
    with DictSQLite(path) as db:
        db["users:a"] = "main"
        users = db.table("users")
        assert "a" not in users and len(users) == 0
        users["a"] = "users"
        assert db["users:a"] == "main"
        users.clear()
        assert db["users:a"] == "main"


@pytest.mark.parametrize("mode", ["pickle", "bytes"])
def test_bytes_that_begin_with_any_byte_are_read_back(path, mode):
    # Bytes that begin with 0x00 or 0x80 could not be read in pickle mode: they were taken for pickles.
    values = {n: bytes([n]) + rest for n in range(256) for rest in (b"",)}
    values.update({f"{n}+": bytes([n]) + b"\x04\x95 tail" for n in range(256)})
    values["pickle"] = pickle.dumps([1])
    values["zstd"], values["enc"] = b"ZSTD\x28\xb5\x2f\xfd", b"ENC\0secret"
    with DictSQLite(path, storage_mode=mode) as db:
        db.update(values)
        assert dict(db) == values
    assert reopened(path, storage_mode=mode, hot_capacity=0) == values


@pytest.mark.parametrize("options", [{"hot_capacity": 0}, {"hot_capacity": 1}, {"cache_bytes": 0}, {"buffer_size": 1}])
def test_the_smallest_sizes_work(path, options):
    # A capacity of 0, or a machine with one processor, aborted the interpreter.
    with DictSQLite(path, **options) as db:
        db.update((n, n) for n in range(100))
        for n in range(100):
            db[n] += 1
        assert dict(db) == {n: n + 1 for n in range(100)}


def test_one_processor_is_enough(path, run):
    # One CPU aborted the interpreter.
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("needs sched_setaffinity")
    code = """
        import os, sys
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        import dictsqlite
        with dictsqlite.open(sys.argv[1]) as db:
            db.update((n, n) for n in range(500))
            print(len(db), db[499], db.incr("n"))
    """
    assert run(code, path) == "500 499 1"


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil was here",)


def test_safe_pickle_holds_in_every_table_and_on_every_path(path, tmp_path, monkeypatch, run):
    # Safe pickle was bypassed through `table()`: a hostile value ran its code.
    monkeypatch.chdir(tmp_path)
    with DictSQLite(path) as db:
        db["k"] = db.table("users")["k"] = 1
    code = """
        import sqlite3, sys
        db = sqlite3.connect(sys.argv[1])
        for table in ("main", "users"):
            db.execute(f"UPDATE {table} SET value = ?", (bytes.fromhex(sys.argv[2]),))
        db.commit()
    """
    run(code, path, pickle.dumps(Evil()).hex())
    with DictSQLite(path) as main, DictSQLite(path, table_name="users") as users:
        for db in (main, users, main.table("users"), main.table("users").table("main")):
            for read in (
                lambda d: d["k"], lambda d: d.get("k"), lambda d: list(d.values()), lambda d: dict(d.items()),
                lambda d: d.batch_get(["k"]), lambda d: d.entry("k"), lambda d: d.setdefault("k", 1), lambda d: d == {"k": 1}, lambda d: d | {},
                lambda d: d.incr("k"),
            ):  # fmt: skip
                with pytest.raises(ValueError):
                    read(db)
    assert not (tmp_path / "evil was here").exists()


def test_a_password_is_never_ignored(path):
    # A wrong password returned ciphertext as if it were the value; until there is encryption it is refused.
    DictSQLite(path).close()
    with pytest.raises(UnsupportedError):
        DictSQLite(path, encryption_password="wrong")


def test_an_error_while_reading_is_not_a_missing_key(path):
    # A damaged file, and any other read error, was reported as "no such key".
    def fill():
        with DictSQLite(path, storage_mode="bytes") as db:
            db.update((n, bytes([n % 256]) * 500) for n in range(4000))

    fill()
    size = path.stat().st_size
    with path.open("r+b") as file:
        for at in range(16 * 4096, size, 4096):
            file.seek(at)
            file.write(b"\xa5" * 4096)
    errors = 0
    with DictSQLite(path, storage_mode="bytes") as db:
        for n in range(0, 4000, 100):
            for read in (lambda n=n: db.get(n, "missing"), lambda n=n: db.batch_get([n], "missing")[0], lambda n=n: n in db):
                try:
                    assert read() in (True, bytes([n % 256]) * 500)
                except CorruptError as error:
                    assert "damaged" in str(error)
                    errors += 1
        with pytest.raises(CorruptError):
            list(db.items())
    assert errors > 0


def test_the_interpreter_runs_while_a_lock_is_waited_for(path, hold_lock):
    # The GIL was held for the whole 5 s that SQLite waited for a lock.
    ticks = []
    with DictSQLite(path, timeout=10) as db:
        db["k"] = 1
        db.flush()
        with hold_lock() as holder:
            waiter = threading.Thread(target=lambda: db.incr("n"))
            waiter.start()
            began = time.monotonic()
            while time.monotonic() - began < 2:
                ticks.append(time.monotonic())
                time.sleep(0.005)
                assert db["k"] == 1
            assert waiter.is_alive()
            holder.stdin.write("\n")
            holder.stdin.flush()
            waiter.join(30)
        assert db["n"] == 1
    assert max(b - a for a, b in zip(ticks, ticks[1:])) < 1


def test_len_does_not_read_every_key(path):
    # `len()` copied all keys: it took as long as reading them.
    with DictSQLite(path, storage_mode="bytes", hot_capacity=0) as db:
        db.update((f"key {n:030}", b"") for n in range(100_000))
        db.flush()
        assert len(db) == 100_000
        began = time.perf_counter()
        for _ in range(100):
            len(db)
        lens = (time.perf_counter() - began) / 100
        began = time.perf_counter()
        assert sum(1 for _ in db) == 100_000
        assert lens * 20 < time.perf_counter() - began


def test_a_second_handle_and_a_second_process_are_never_stale(path, run):
    # A second handle, and a second process, went on reading what they had cached.
    code = """
        import sys, dictsqlite
        with dictsqlite.open(sys.argv[1]) as db:
            assert db["k"] == int(sys.argv[2]), db["k"]
            db["k"] = int(sys.argv[2]) + 1
    """
    with DictSQLite(path) as a, DictSQLite(path) as b:
        a["k"] = 0
        for n in range(1, 9, 2):
            assert a["k"] == b["k"] == n - 1
            b["k"] = n
            assert a["k"] == n
            a.flush()
            run(code, path, n)
            assert a["k"] == b["k"] == n + 1
            del a["k"]
            assert "k" not in b
            b["k"] = n + 1


@pytest.mark.parametrize("mode", ["json", "jsonb", "pickle"])
def test_values_keep_the_order_of_their_keys(path, mode):
    # JSON lost the order of keys.
    value = {"z": 1, "a": {"y": 1, "b": 2, "10": 3, "9": 4}, "m": [{"q": 1, "c": 2}]}
    with DictSQLite(path, storage_mode=mode) as db:
        db["k"] = value
        assert repr(db["k"]) == repr(value)
    with DictSQLite(path, storage_mode=mode) as db:
        assert repr(db["k"]) == repr(value) and repr(list(db.values())) == repr([value])
