"""Several processes on one file, caches on: nobody ever reads what is stale, and conditional operations are
exact across all of them."""

import json
import os
import sys
import threading
import time

import pytest

import dictsqlite
from processes import PATIENCE, PROGRAMS, Child, dump, finish_all

sys.path.insert(0, str(PROGRAMS))
from turns import play  # noqa: E402

MORE = int(os.environ.get("DICTSQLITE_TURNS", "1"))


@pytest.mark.timeout(60 + 60 * MORE)
@pytest.mark.parametrize(("mode", "turns"), [("lazy", 4000), ("writethrough", 4000), ("durable", 1500)])
def test_turns(tmp_path, mode, turns):
    """Two processes write and read the same forty keys by turns, thousands of times."""
    path, seed, turns = str(tmp_path / "turns.db"), 100 + MORE, turns * MORE
    with dictsqlite.open(path, persist_mode=mode, buffer_size=1, flush_interval=30) as db:
        with Child("turns.py", path, mode, seed, turns) as other:

            def receive(turn):
                got = other.read(PATIENCE)
                assert got, f"turn {turn}: {other.errors() or 'no answer'}"

            play(db, seed, turns, 0, receive, lambda turn: other.process.stdin.write(b"."))
            if turns % 2 == 0:
                receive(turns)
            other.finish()
        stats = db.stats()
        assert stats["cached_entries"] > 0


@pytest.mark.parametrize("mode", ["lazy", "writethrough", "durable"])
def test_counters_never_go_back(tmp_path, mode):
    """Four processes, each with a writer and two readers, and nothing between them but the file."""
    players, path, shared = 4, tmp_path / "counters.db", tmp_path / "announced"
    shared.write_bytes(bytes(8 * players))
    children = [Child("counters.py", path, shared, me, players, 1.5 * MORE, mode) for me in range(players)]
    try:
        for child in children:
            assert child.line() == "open"
        for child in children:
            child.send("go")
        announced = [int(out.split()[-1]) for out in finish_all(children)]
    finally:
        for child in children:
            with child:
                pass
    assert min(announced) > 0
    with dictsqlite.open(path) as db:
        assert [db[f"c{n}"] >= announced[n] for n in range(players)] == [True] * players


@pytest.mark.parametrize("mode", ["lazy", "durable"])
def test_races(tmp_path, mode):
    """incr, setdefault, compare-and-set, pop and popitem of four processes with three threads each."""
    processes, threads, times, path = 4, 3, 25 * MORE, str(tmp_path / "races.db")
    with dictsqlite.open(path) as db:
        db.update({f"token{n}": n for n in range(times)})
        db.table("heap").update({n: n for n in range(200 * MORE)})
    children = [Child("races.py", path, me, threads, times, mode) for me in range(processes)]
    try:
        for child in children:
            assert child.line() == "open"
        for child in children:
            child.send("go")
        answers = [answer for out in finish_all(children) for answer in json.loads(out)]
    finally:
        for child in children:
            with child:
                pass
    total = processes * threads * times
    sums = [n for answer in answers for n in answer[0]]
    assert sorted(sums) == list(range(1, total + 1))
    with dictsqlite.open(path) as db:
        assert db["sum"] == total
        assert db["cas"] == total
        for answer in answers:
            assert all(db[key] == winner for key, winner in answer[1].items())
        taken = sorted(key for answer in answers for key in answer[3])
        assert taken == sorted(f"token{n}" for n in range(times))
        popped = [key for answer in answers for key in answer[2]]
        heap = db.table("heap")
        assert len(set(popped)) == len(popped)
        assert sorted(popped + list(heap)) == list(range(200 * MORE))
        assert len(db) == len(list(db)) == 2 + times + total


def test_many_open_a_new_file_at_once(tmp_path):
    """Making the file, its WAL and its table is a race that everybody survives."""
    for n in range(4):
        path = tmp_path / f"{n}.db"
        children = [Child("races.py", path, me, 1, 2, "writethrough") for me in range(5)]
        try:
            for child in children:
                child.send("go")
            finish_all(children)
        finally:
            for child in children:
                with child:
                    pass
        with dictsqlite.open(path) as db:
            assert db["sum"] == 10


def test_len_is_right_after_every_write_of_others(tmp_path):
    path = str(tmp_path / "len.db")
    with dictsqlite.open(path) as db, Child("shell.py", path) as other:
        assert other.line() == "open"
        for n in range(60):
            assert other.ask(f"db[{n}] = {n}; db.flush()") == "None"
            assert len(db) == 2 * n + 1
            db[-n - 1] = n
            assert len(db) == 2 * n + 2
            db.flush()
            assert other.ask("len(db)") == str(2 * n + 2)
        assert other.ask("db.clear()") == "None"
        assert len(db) == 0 and not db and list(db) == []


def test_a_table_dropped_by_another_process_and_made_anew(tmp_path):
    """Handles on a table that is gone are refused; what was cached of it is nowhere to be seen."""
    path = str(tmp_path / "drop.db")
    with dictsqlite.open(path) as db, Child("shell.py", path) as other:
        assert other.line() == "open"
        table = db.table("t")
        table.update({n: f"old{n}" for n in range(50)})
        db.flush()
        assert [table[n] for n in range(50)] == [f"old{n}" for n in range(50)]
        assert other.ask("db.drop_table('t')") == "True"
        for operation in [lambda: table[1], lambda: 1 in table, lambda: len(table), lambda: list(table.items())]:
            with pytest.raises(dictsqlite.ClosedError, match="dropped"):
                operation()
        with pytest.raises(dictsqlite.ClosedError, match="dropped"):
            table.incr("n")
        assert other.ask("db.table('t').update({1: 'new', 'n': 7}); db.flush()") == "None"
        again = db.table("t")
        assert dict(again.items()) == {1: "new", "n": 7}
        assert again.get(2) is None and again[1] == "new"
        again["here"] = "too"
        again.flush()
        assert other.ask("sorted(map(str, db.table('t')))") == "['1', 'here', 'n']"


def test_a_table_made_anew_with_another_codec_is_not_mistaken(tmp_path):
    """A handle from before must not write its codec's bytes into a table that has another one."""
    path = str(tmp_path / "codec.db")
    with dictsqlite.open(path) as db, Child("shell.py", path) as other:
        assert other.line() == "open"
        table = db.table("t", storage_mode="json")
        table["k"] = [1]
        table.flush()
        assert table["k"] == [1]
        assert other.ask("db.drop_table('t')") == "True"
        assert other.ask("db.table('t', storage_mode='pickle').update({'k': b'new'}); db.flush()") == "None"
        with pytest.raises((dictsqlite.ClosedError, dictsqlite.CodecError)):
            table["k"]
        with pytest.raises(dictsqlite.ClosedError, match="dropped"):
            table["k"] = [2]
            table.flush()
        # From then on the handle knows.
        with pytest.raises(dictsqlite.ClosedError, match="dropped"):
            table["k"]
        assert other.ask("dict(db.table('t').items())") == "{'k': b'new'}"
        with pytest.raises(dictsqlite.CodecError):
            db.table("t", storage_mode="json")
        assert db.table("t")["k"] == b"new"


class TestLock:
    """Another process holds SQLite's write lock."""

    def test_lazy_goes_on_and_flush_waits(self, tmp_path):
        path = str(tmp_path / "lock.db")
        with dictsqlite.open(path, persist_mode="lazy", flush_interval=0.01) as db:
            db["before"] = 1
            db.flush()
            with Child("hold.py", path, 1.0) as holder:
                assert holder.line() == "held"
                began = time.monotonic()
                for n in range(5000):
                    db[n] = n
                    assert db["before"] == 1
                assert time.monotonic() - began < 0.7
                assert db[4999] == 4999 and db.get("absent") is None
                assert "before" in db and 17 in db
                began = time.monotonic()
                db.flush()
                assert 0.1 < time.monotonic() - began < 5
                holder.finish()
            assert len(dump(path)) == 5001

    @pytest.mark.parametrize("timeout", [0.02, 0.3])
    def test_flush_says_busy_and_nothing_is_lost(self, tmp_path, timeout):
        path = str(tmp_path / "busy.db")
        with dictsqlite.open(path, persist_mode="lazy", timeout=timeout) as db:
            with Child("hold.py", path, PATIENCE) as holder:
                assert holder.line() == "held"
                db.update({n: n for n in range(100)})
                db["last"] = "one"
                began = time.monotonic()
                with pytest.raises(dictsqlite.BusyError, match="kept"):
                    db.flush()
                assert time.monotonic() - began < timeout + 0.5
                with pytest.raises(dictsqlite.BusyError):
                    db.incr("n")
                assert db["last"] == "one" and db[99] == 99
                db["later"] = "too"
                holder.finish()
            deadline = time.monotonic() + 10
            while db.stats()["pending_writes"]:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            found = dump(path)
            assert len(found) == 102 and found["last"] == "one" and found["later"] == "too"
            # It was told that it did not begin, so it did not happen.
            assert "n" not in db and db.incr("n") == 1

    def test_writethrough_waits_for_room_only(self, tmp_path):
        path = str(tmp_path / "room.db")
        with dictsqlite.open(path, buffer_size=10, timeout=0.3) as db:
            with Child("hold.py", path, PATIENCE) as holder:
                assert holder.line() == "held"
                for n in range(9):
                    db[n] = n
                with pytest.raises(dictsqlite.BusyError, match="not accepted"):
                    db[9] = 9
                assert 9 not in db and db[8] == 8
                holder.finish()
            db[10] = 10
            db.flush()
            assert sorted(map(int, dict(db.items()))) == [*range(9), 10]

    def test_other_threads_run_meanwhile(self, tmp_path):
        """Waiting for the lock, also of a handle that is dropped, does not hold the interpreter."""
        path = str(tmp_path / "threads.db")
        db = dictsqlite.open(path, persist_mode="durable")
        db["k"] = 1
        longest, stop = [0.0], threading.Event()

        def tick():
            last = time.monotonic()
            while not stop.is_set():
                time.sleep(0.001)
                now = time.monotonic()
                longest[0] = max(longest[0], now - last)
                last = now

        with Child("hold.py", path, 1.2) as holder:
            assert holder.line() == "held"
            ticker = threading.Thread(target=tick)
            ticker.start()
            dropped = dictsqlite.open(path, persist_mode="lazy")
            dropped["lazy"] = 1
            del dropped
            db["k"] = 2
            stop.set()
            ticker.join()
        assert longest[0] < 0.5, f"nothing ran for {longest[0]:.2f} s"
        db.close()
        assert dump(path) == {"k": 2, "lazy": 1}


def test_handles_of_every_mode_on_one_file(tmp_path):
    """They share commits, each at its strongest member's level, and one order of acceptance."""
    path = str(tmp_path / "modes.db")
    modes = [("lazy", 100), ("writethrough", 1), ("writethrough", 50), ("durable", 100)]
    handles = [dictsqlite.open(path, persist_mode=mode, buffer_size=size, flush_interval=30) for mode, size in modes]
    for n in range(400):
        handles[n % 4 if n % 7 else 0][n] = n
        assert handles[(n + 1) % 4][n] == n
        if n % 4 in (1, 3) and n % 7:
            # Committed, and so is everything accepted before it.
            assert handles[0].stats()["pending_writes"] == 0
    tables = [handle.table(f"t{n}") for n, handle in enumerate(handles)]
    for n, table in enumerate(tables):
        table.update({"k": n, n: "own"})
    assert [table["k"] for table in tables] == [0, 1, 2, 3]
    assert list(handles[0]) == list(range(400)) and len(handles[3]) == 400
    tables[1].clear()
    assert len(tables[1]) == 0 and len(tables[2]) == 2
    for handle in [*tables[:2], *handles[1:]]:
        handle.close()
    # Those that are left go on.
    assert handles[0][399] == 399 and tables[3]["k"] == 3
    handles[0]["last"] = 1
    for handle in [handles[0], *tables[2:]]:
        handle.close()
    assert len(dump(path)) == 401 and dump(path, "t3") == {"k": 3, 3: "own"}
