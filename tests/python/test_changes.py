"""The change log and its stream, from this process and from others."""

import gc
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import dictsqlite

SHELL = shutil.which("sqlite3")


@pytest.fixture
def db(path):
    with dictsqlite.open(path, storage_mode="json", changes=True) as db:
        yield db


def told(changes, timeout=0):
    """All there is, as (kind, key, old, new)."""
    lines = []
    while page := changes.page(timeout):
        lines += [(change.kind, change.key, change.old, change.new) for change in page]
    return lines


def follow(changes, state):
    """Applies what there is to a dict, and checks every step against it."""
    last = 0
    while page := changes.page(0):
        for change in page:
            assert change.seq > last
            last = change.seq
            assert change.old == state.pop(change.key, None)
            if change.kind in ("insert", "update"):
                state[change.key] = change.new
    return state


def test_a_change_says_what_happened(db):
    before = time.time()
    changes = db.changes()
    db["a"] = {"x": [1]}
    db.flush()
    db.set("a", 2, ttl=1000)
    db.flush()
    db.pop("a")
    first, second, third = next(changes), next(changes), next(changes)
    assert (first.kind, first.table, first.key, first.old, first.new) == ("insert", "main", "a", None, {"x": [1]})
    assert (second.kind, second.old, second.new) == ("update", {"x": [1]}, 2)
    assert second.expires_at == pytest.approx(time.time() + 1000, abs=60)
    assert first.expires_at is None
    assert (third.kind, third.old, third.new) == ("delete", 2, None)
    assert first.seq < second.seq < third.seq == changes.position
    assert before - 1 <= first.at <= time.time() + 1
    assert first.new is first.new, "decoded once"
    assert repr(first) == f"<Change {first.seq} insert 'a' in \"main\">"


@pytest.mark.parametrize("mode", ["pickle", "json", "jsonb", "bytes"])
def test_values_are_decoded_by_their_tables(tmp_path, mode):
    value, other = {"pickle": ((1, "x"), {2}), "bytes": (b"\0", b"")}.get(mode, ([1, {"a": None}], "ä"))
    with dictsqlite.open(tmp_path / "a.db", storage_mode=mode, changes=True) as db:
        for key in ("k", 7, b"\xff", ("t", 1)):
            db[key] = value
        db.flush()
        db["k"] = other
        table = db.table("second", "json", changes=True)
        table["k"] = 1.5
        db.flush()
        expected = [("insert", key, None, value) for key in ("k", 7, b"\xff", ("t", 1))]
        expected += [("update", "k", value, other), ("insert", "k", None, 1.5)]
        assert told(db.changes(since=0)) == expected
        assert told(db.changes(since=0, tables=["second"])) == expected[-1:]
        assert told(db.changes(since=0, prefix=("t",))) == [expected[3]]


def test_it_goes_on_after_a_restart(path):
    with dictsqlite.open(path, storage_mode="json", changes=True) as db:
        db["a"] = 1
    with dictsqlite.open(path, storage_mode="json") as db:
        (change,) = db.changes(since=0).page()
        assert (change.key, change.new) == ("a", 1)
    with dictsqlite.open(path, storage_mode="json") as db:
        changes = db.changes(since=change.seq)
        assert changes.page(0) == []
        db["b"] = 2
        db.flush()
        assert told(changes) == [("insert", "b", None, 2)]
        assert told(db.changes(since=change.seq)) == [("insert", "b", None, 2)]


def test_changes_of_another_process_are_seen_soon(path, background):
    code = """
        import sys, time
        import dictsqlite
        with dictsqlite.open(sys.argv[1], storage_mode="json") as db:
            print("ready", flush=True)
            for line in sys.stdin:
                db["time"] = time.time()
                db.flush()
                print("done", flush=True)
    """
    with dictsqlite.open(path, storage_mode="json", changes=True) as db, background(code, path) as other:
        changes = db.changes()
        delays = []
        for _ in range(40):
            other.stdin.write("go\n")
            other.stdin.flush()
            change = next(changes)
            delays.append(time.time() - change.new)
            assert other.stdout.readline() == "done\n"
            time.sleep(0.03)
        # The bar is 50 ms for 99 of 100, measured apart; here that it is not a matter of seconds.
        assert max(delays) < 1, delays
    assert changes.__class__ is dictsqlite.Changes


def test_what_sql_does_is_logged(db, path, sql):
    db.update({"a": 1, "b": 2})
    db.flush()
    changes = db.changes()
    sql(
        path,
        "INSERT OR REPLACE INTO main(key, value) VALUES('a', '10')",
        "UPDATE main SET value = '20' WHERE key = 'b'",
        "INSERT INTO main(key, value) VALUES('c', '30')",
        "BEGIN",
        "DELETE FROM main",
        "ROLLBACK",
        "DELETE FROM main",
    )
    assert told(changes) == [
        ("delete", "a", 1, None),
        ("insert", "a", None, 10),
        ("update", "b", 2, 20),
        ("insert", "c", None, 30),
        ("delete", "b", 20, None),
        ("delete", "a", 10, None),
        ("delete", "c", 30, None),
    ]


def test_what_the_sqlite3_shell_does_is_logged(db, path):
    if SHELL is None:
        pytest.skip("there is no sqlite3 shell on this machine")
    db.update({"a": 1, "b": 2, "c": 3})
    db.flush()
    changes = db.changes()
    script = """.timeout 30000
        INSERT OR REPLACE INTO main(key, value) VALUES('a', '10'), ('d', '40');
        REPLACE INTO main(key, value) VALUES('a', '11');
        INSERT OR IGNORE INTO main(key, value) VALUES('a', '12');
        UPDATE main SET value = '20' WHERE key = 'b';
        UPDATE OR REPLACE main SET key = 'b' WHERE key = 'c';
        DELETE FROM main;
    """
    subprocess.run([SHELL, str(path)], input=script, text=True, check=True, capture_output=True, timeout=60)
    assert told(changes) == [
        ("delete", "a", 1, None),
        ("insert", "a", None, 10),
        ("insert", "d", None, 40),
        ("delete", "a", 10, None),
        ("insert", "a", None, 11),
        ("update", "b", 2, 20),
        ("delete", "b", 20, None),
        ("delete", "c", 3, None),
        ("insert", "b", None, 3),
        ("delete", "b", 3, None),
        ("delete", "d", 40, None),
        ("delete", "a", 11, None),
    ]
    with dictsqlite.open(path, storage_mode="json") as second:
        assert follow(second.changes(since=0), {}) == {}


def test_a_writer_killed_at_random_leaves_a_log_that_is_true(path):
    code = """
        import random, sys
        import dictsqlite
        db = dictsqlite.open(sys.argv[1], storage_mode="json", changes=True)
        print("ready", flush=True)
        for n in range(10**9):
            key = random.randrange(50)
            random.choice([lambda: db.set(key, n), lambda: db.delete(key), lambda: db.pop(key, 0), lambda: db.incr("n")])()
    """
    dictsqlite.open(path, storage_mode="json", changes=True).close()
    position, state = 0, {}
    for round in range(5):
        writer = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), str(path)], stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(0.1 + 0.07 * round)
        writer.kill()
        writer.wait()
        writer.stdout.close()
        with dictsqlite.open(path, storage_mode="json") as db:
            changes = db.changes(since=position)
            follow(changes, state)
            assert changes.position > position
            position = changes.position
            assert state == dict(db.items())
            assert follow(db.changes(since=0), {}) == state


def test_history_that_is_gone_is_an_error(db):
    with pytest.raises(dictsqlite.InvalidError):
        db.enable_changes(count=0)
    db.enable_changes(count=5, age=3600)
    changes = db.changes()
    for n in range(50):
        db[n] = n
        db.flush()
    deadline = time.monotonic() + 20
    while len(db.changes(since=0).page()) > 5:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for _ in range(2):
        with pytest.raises(dictsqlite.HistoryTruncatedError, match="removed from the log"):
            changes.page()
    with pytest.raises(dictsqlite.HistoryTruncatedError):
        db.changes(since=1)
    with pytest.raises(ValueError):
        next(changes)


def test_what_makes_no_sense_is_refused(path):
    with dictsqlite.open(path) as db:
        assert not db.has_changes()
        with pytest.raises(dictsqlite.InvalidError, match="enable_changes"):
            db.changes()
        with pytest.raises(dictsqlite.InvalidError, match="enable_changes"):
            db.watch(prefix="a")
        db.enable_changes()
        assert db.has_changes()
        for since in (-1, 10**9):
            with pytest.raises(dictsqlite.InvalidError):
                db.changes(since=since)
        with pytest.raises(dictsqlite.InvalidError):
            db.changes(tables=["nope"])
        with pytest.raises(dictsqlite.KeyTypeError):
            db.changes(prefix=1)
        with pytest.raises(dictsqlite.InvalidError, match="logs its changes"):
            dictsqlite.open(path, changes=False)
        with pytest.raises(dictsqlite.InvalidError):
            dictsqlite.open(path, changes="yes")
    with dictsqlite.open(path, read_only=True) as db:
        assert db.has_changes() and db.changes(since=0).page(0) == []
        with pytest.raises(dictsqlite.ReadOnlyError):
            db.enable_changes()


def test_closing_ends_the_loops_of_other_threads(path):
    db = dictsqlite.open(path, storage_mode="json", changes=True)
    seen = []

    def loop(stream):
        seen.append([item.key for item in stream])

    threads = [threading.Thread(target=loop, args=(stream,)) for stream in (db.changes(), db.watch("k"))]
    for thread in threads:
        thread.start()
    closed = db.changes()
    ended = threading.Thread(target=loop, args=(closed,))
    ended.start()
    db["k"] = 1
    db.flush()
    time.sleep(0.1)
    closed.close()
    ended.join(20)
    db.close()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in [*threads, ended])
    assert sorted(seen) == [["k"], ["k"], ["k", "k"]] or sorted(seen) == [["k"], ["k"], ["k"]]
    with pytest.raises(dictsqlite.ClosedError):
        db.changes()
    with pytest.raises(dictsqlite.ClosedError):
        closed.page()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_the_child_of_a_fork_begins_its_own(path, run):
    code = """
        import os, sys
        import dictsqlite
        db = dictsqlite.open(sys.argv[1], storage_mode="json", changes=True)
        changes, watch = db.changes(since=0), db.watch("a")
        db["a"] = 1
        db.flush()
        assert changes.page()[0].key == "a"
        child = os.fork()
        if child == 0:
            for stream in (changes, watch):
                try:
                    stream.page(0)
                    os._exit(1)
                except dictsqlite.ClosedError:
                    pass
            mine = db.changes()
            db["b"] = 2
            db.flush()
            ok = mine.page()[0].key == "b"
            del changes, watch, mine
            os._exit(0 if ok else 2)
        assert os.waitpid(child, 0)[1] == 0
        assert next(changes).key == "b"
        assert next(watch).key == "a"
        print("fine")
    """
    assert run(code, path) == "fine"


def test_watching_gives_state(db, path, sql):
    db["a"] = 1
    watch = db.watch("a", "b")
    assert [(w.key, w.entry and w.entry.value) for w in watch.page()] == [("a", 1), ("b", None)]
    for n in range(100):
        db["a"] = n
        db.flush()
    key, entry = next(watch)
    assert (key, entry.value, entry.version) == ("a", 99, db.entry("a").version)
    sql(path, "DELETE FROM main")
    assert next(watch) == ("a", None)
    assert watch.page(0.05) == []
    with pytest.raises(dictsqlite.InvalidError):
        db.watch("a", prefix="b")


def test_watching_a_prefix(db):
    db.batch_set({f"user:{n:04}": n for n in range(2500)})
    db["other"] = 1
    watch = db.watch(prefix="user:")
    first = []
    while len(first) < 2500:
        first += watch.page()
    assert [w.key for w in first] == [f"user:{n:04}" for n in range(2500)]
    db["user:0000"] = "new"
    del db["user:0001"]
    db["other"] = 2
    db.flush()
    assert [(w.key, w.entry and w.entry.value) for w in watch.page()] == [("user:0000", "new"), ("user:0001", None)]


def test_a_slow_consumer_costs_no_memory(path, run):
    code = """
        import resource, sys
        import dictsqlite
        with dictsqlite.open(sys.argv[1], storage_mode="bytes", changes=True, cache_bytes=0) as db:
            changes = db.changes()
            db["first"] = bytes(1000)
            db.flush()
            next(changes)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for n in range(100):
                db.batch_set({n * 1000 + m: bytes(1000) for m in range(1000)})
            db.flush()
            assert sum(1 for _ in zip(range(100_000), changes)) == 100_000
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            assert grown < 150_000, grown  # KiB; the values alone have 100 MB, and the page caches are 64 MiB
            print("fine")
    """
    assert run(code, path) == "fine"


def test_a_stream_keeps_its_handle_open(path):
    changes = dictsqlite.open(path, storage_mode="json", changes=True).changes(since=0)
    watch = dictsqlite.open(path, storage_mode="json").watch("a")
    gc.collect()
    with dictsqlite.open(path, storage_mode="json") as db:
        assert next(watch) == ("a", None)
        db["a"] = 1
        db.flush()
        assert next(changes).key == "a"
        assert next(watch).entry.value == 1
