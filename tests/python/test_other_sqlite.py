"""Another SQLite library in this process: Python's own `sqlite3` opens and closes our live files."""

import os
import sqlite3
import sys

import pytest

import dictsqlite
from processes import Child, Inspector, dump, finish_all, run

MORE = float(os.environ.get("DICTSQLITE_FOREIGN", "1"))
# Only Linux has locks that belong to an open file instead of to the process.
pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(sys.platform != "linux", reason="documented: elsewhere the locks are POSIX's"),
]


def empty_log(path):
    """What a process of its own gets when it asks for the log to be cut off: (busy, frames, moved)."""
    code = "connection.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchone()"
    return eval(run("sql.py", path, code))


def values(path):
    """What a process of its own finds."""
    return eval(run("sql.py", path, "connection.execute('SELECT value FROM main').fetchall()"))


def test_a_foreign_close_does_not_cost_us_our_snapshot(tmp_path):
    """POSIX locks belong to the process: any close of the file drops them all, and then another process may
    cut the log off under our reader."""
    path = str(tmp_path / "store.db")
    with dictsqlite.open(path) as db:
        db.update({n: "before" for n in range(2000)})
        db.flush()
        scan = iter(db.items(consistent=True))
        assert next(scan) == (0, "before")
        for _ in range(3):
            other = sqlite3.connect(path)
            assert other.execute("SELECT count(*) FROM main").fetchone() == (2000,)
            other.close()
            with open(path, "rb") as file, open(f"{path}-shm", "rb") as shared:
                assert file.read(15) == b"SQLite format 3" and shared.read(1)
        db.update({n: "after" for n in range(2000)})
        db.flush()
        assert empty_log(path)[0] == 1, "the log was cut off under a reader"
        assert {value for _, value in scan} == {"before"}
        assert db[5] == "after"


def test_a_foreign_close_is_not_taken_for_the_last_one(tmp_path):
    """A file that is open here keeps its log when the other library, as it believes, closes it last."""
    path = str(tmp_path / "store.db")
    with dictsqlite.open(path) as db:
        for n in range(30):
            db[n] = n
            db.flush()
            sqlite3.connect(path).execute("SELECT * FROM main").fetchall()
            other = sqlite3.connect(path)
            other.execute("UPDATE main SET value = value WHERE key = 0")
            other.close()
            assert os.path.exists(f"{path}-wal")
        assert list(db) == list(range(30))
        assert dump(path) == {n: n for n in range(30)}


def test_our_close_does_not_cost_the_other_library_its_locks(tmp_path):
    """The other way round: we close while it reads. It goes on reading what it read, and what it writes then
    is in the file and not in a log that nobody has any more."""
    path = str(tmp_path / "store.db")
    db = dictsqlite.open(path, storage_mode="json")
    db["k"] = 1
    db.flush()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN")
    assert other.execute("SELECT value FROM main").fetchall() == [("1",)]
    scans = [iter(db.items(consistent=True)) for _ in range(20)]
    for scan in scans:
        next(scan)
    # Most of these connections are closed now.
    del scans, scan
    db["k"] = 2
    db.flush()
    assert empty_log(path)[0] == 1
    assert other.execute("SELECT value FROM main").fetchall() == [("1",)]
    other.execute("COMMIT")
    db.close()
    for value in ("3", "4", "5"):
        other.execute("UPDATE main SET value = ?", (value,))
        # This process is not the last one to close the file, whatever our close has done to the locks.
        assert values(path) == [(value,)]
        assert os.path.exists(f"{path}-wal")
    other.close()
    assert values(path) == [("5",)]


@pytest.mark.slow
@pytest.mark.timeout(60 + 60 * MORE)
def test_stress(tmp_path):
    """Snapshots of ours, transactions of theirs in the same process, and others that write, checkpoint, vacuum."""
    path, seconds = str(tmp_path / "store.db"), 5 * MORE
    with Child("foreign.py", path, seconds) as both:
        assert both.line() == "open"
        others = [Child("meddle.py", path, seconds, what) for what in ("truncate", "vacuum", "write")]
        try:
            finish_all(others)
            snapshots, writes = map(int, both.finish().split())
        finally:
            for other in others:
                with other:
                    pass
    # On a machine that is busy with other things they are few.
    assert snapshots > 0 and writes > 0
    inspector = Inspector()
    with inspector.child:
        inspector.check(path)
    with dictsqlite.open(path, storage_mode="json") as db:
        assert len({value for key, value in db.items() if isinstance(key, int)}) == 1
