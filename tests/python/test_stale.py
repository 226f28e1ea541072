"""Never stale: whatever others do to the file, a read here sees it, at once, though everything is cached."""

import contextlib
import os
import shutil
import threading
import time

import pytest

import dictsqlite
from processes import PATIENCE, Child, Inspector, finish_all, run

pytestmark = pytest.mark.once

MORE = int(os.environ.get("DICTSQLITE_STALE", "1"))
KEYS = 50


@contextlib.contextmanager
def cached(tmp_path, **options):
    """A JSON store whose every entry is cached, and the path."""
    path = str(tmp_path / "store.db")
    with dictsqlite.open(path, storage_mode="json") as db:
        db.update({n: 0 for n in range(KEYS)})
    with dictsqlite.open(path, storage_mode="json", **options) as db:
        look(db, 0)
        yield db, path


def look(db, expected, absent=(), extra=0):
    """By cache and page alike, twice, so that the second look is from the cache."""
    for _ in range(2):
        found = [db.get(n) for n in range(KEYS)]
        wanted = [None if n in absent else expected for n in range(KEYS)]
        assert found == wanted, (expected, found)
        assert db.batch_get(list(range(KEYS))) == wanted
    assert len(db) == KEYS - len(absent) + extra


@contextlib.contextmanager
def foreign(path):
    """Asks the standard library's SQLite in a process of its own."""
    with Child("sql.py", path) as child:
        assert child.line() == "open"
        yield lambda sql: child.ask(f"connection.execute({sql!r}).fetchall()")
        child.finish()


@pytest.mark.parametrize("where", ["begun", "committed"])
@pytest.mark.parametrize("read_only", [False, True])
def test_recovery_after_a_killed_writer(tmp_path, where, read_only):
    """kill -9 in mid-commit: whoever comes next recovers the log, which sets SQLite's change counter back."""
    expected = 0
    with cached(tmp_path, read_only=read_only) as (db, path):
        for n in range(1, 6 * MORE):
            with Child("midway.py", path, where) as child:
                assert child.line() == "open"
                child.send(str(n))
                assert child.process.wait(PATIENCE) < 0
            if where == "committed":
                expected = n
            look(db, expected)
            with foreign(path) as sql:
                # Another one has looked at it, and perhaps recovered it.
                sql("SELECT count(*) FROM main")
                look(db, expected)
                assert sql(f"UPDATE main SET value = {n + 1000}") == "[]"
                expected = n + 1000
                look(db, expected)


def test_the_change_counter_comes_back_to_where_it_was(tmp_path):
    """7, 0, 7: a writer was killed while it wrote the index, the next one made it anew, which sets the counter to
    zero, and others committed until it showed the old number again. Other words of the index tell."""
    with cached(tmp_path) as (db, path):
        for n in range(1, 6 * MORE):
            db.update({key: -n for key in range(KEYS)})
            db.flush()
            look(db, -n)
            before, after, commits = eval(run("rewind.py", path, n))
            assert before == after and commits > 0
            look(db, n)
            db["own"] = n
            db.flush()
            look(db, n, extra=1)
            del db["own"]
            db.flush()


@pytest.mark.parametrize("mode", ["PASSIVE", "FULL", "RESTART", "TRUNCATE"])
def test_checkpoints_by_others(tmp_path, mode):
    """The log starts again from its beginning, with other salts and an index that counts anew."""
    with cached(tmp_path) as (db, path), foreign(path) as sql:
        for n in range(1, 20 * MORE):
            sql(f"UPDATE main SET value = {n}")
            look(db, n)
            assert sql(f"PRAGMA wal_checkpoint({mode})").startswith("[(0,")
            look(db, n)
            if n % 2:
                sql(f"UPDATE main SET value = {n + 1000}")
                look(db, n + 1000)
            else:
                db.update({key: -n for key in range(KEYS)})
                db.flush()
                look(db, -n)


def test_closed_and_reopened_by_others(tmp_path):
    """Every close of theirs tries to be the last one; every open of theirs may recover."""
    with cached(tmp_path) as (db, path):
        for n in range(1, 15 * MORE):
            with foreign(path) as sql:
                sql(f"UPDATE main SET value = {n}")
                look(db, n)
            look(db, n)
    # Closed here as well: the log is gone, all words of the index begin at zero.
    for n in range(15):
        with foreign(path) as sql:
            sql(f"UPDATE main SET value = {n}")
        with dictsqlite.open(path, storage_mode="json") as db:
            look(db, n)


def test_vacuum_and_schema_changes(tmp_path):
    """Pages move, columns and tables come and go; statements prepared before are prepared again."""
    with cached(tmp_path) as (db, path), foreign(path) as sql:
        changes = [
            "VACUUM",
            "CREATE TABLE other(x)",
            "ALTER TABLE main ADD COLUMN more",
            "CREATE INDEX of_value ON main(value)",
            "DROP INDEX of_value",
            "ALTER TABLE main DROP COLUMN more",
            "CREATE TRIGGER t AFTER INSERT ON main BEGIN SELECT 1; END",
            "DROP TRIGGER t",
            "PRAGMA incremental_vacuum",
            "VACUUM",
            "ANALYZE",
        ]
        for n, change in enumerate(changes, 1):
            sql(f"UPDATE main SET value = {n}")
            assert sql(change) == "[]"
            look(db, n)
            db[0] = n
            db.flush()
            sql(change) if change == "VACUUM" else None
            look(db, n)
            assert sql("SELECT DISTINCT value FROM main") in (f"[({n},)]", f"[('{n}',)]", f"[({n},), ('{n}',)]", f"[('{n}',), ({n},)]")


def test_a_table_that_another_process_makes_again(tmp_path):
    """Dropped and made under the same name, with the same codec: the old handle went on with the new one's rows."""
    path = str(tmp_path / "store.db")
    with dictsqlite.open(path) as db, db.table("t") as old, Child("shell.py", path) as other:
        old.update({n: "old" for n in range(KEYS)})
        old.flush()
        assert old[0] == "old" and len(old) == KEYS
        assert other.line() == "open"
        other.ask("db.drop_table('t'); t = db.table('t'); t.update({0: 'new', 'more': 'new'}); t.flush()")
        for use in (lambda: old[0], lambda: len(old), lambda: list(old), lambda: old.incr("n"), lambda: old.set(0, "mine")):
            with pytest.raises(dictsqlite.ClosedError, match="was dropped; open it again"):
                use()
        with db.table("t") as new:
            assert dict(new.items()) == {0: "new", "more": "new"}
        other.finish()


@pytest.mark.parametrize("read_only", [False, True])
def test_inserts_updates_and_deletes_by_others(tmp_path, read_only):
    """With and without WHERE, and REPLACE: SQLite tells nobody of some of these."""
    with cached(tmp_path, read_only=read_only) as (db, path), foreign(path) as sql:
        for n in range(1, 6 * MORE):
            sql(f"UPDATE main SET value = {n} WHERE key >= 0")
            look(db, n)
            sql("DELETE FROM main WHERE key = 7")
            look(db, n, absent={7})
            sql(f"INSERT INTO main(key, value) VALUES (7, {n})")
            look(db, n)
            sql(f"REPLACE INTO main(key, value) SELECT key, {-n} FROM main")
            look(db, -n)
            sql("DELETE FROM main")
            look(db, 0, absent=set(range(KEYS)))
            assert 3 not in db and list(db) == [] and not db
            sql(f"WITH RECURSIVE c(n) AS (VALUES(0) UNION ALL SELECT n + 1 FROM c WHERE n < {KEYS - 1}) "
                f"INSERT INTO main(key, value) SELECT n, {n} FROM c")
            look(db, n)
            sql("BEGIN")
            sql("DELETE FROM main")
            look(db, n)
            sql("ROLLBACK")
            look(db, n)


class TestReplaced:
    """The file is not in its place any more: told, never silently followed."""

    def replace(self, path, how):
        if how == "removed":
            os.unlink(path)
        elif how == "renamed":
            os.rename(path, f"{path}.away")
        else:
            # As `cp` and editors do, and as a restored backup does.
            shutil.copy(path, f"{path}.new")
            os.replace(f"{path}.new", path)

    @pytest.mark.parametrize("how", ["removed", "renamed", "replaced"])
    def test_reads_tell_within_two_seconds(self, tmp_path, how):
        path = str(tmp_path / "store.db")
        db = dictsqlite.open(path)
        db.update({n: n for n in range(KEYS)})
        db.flush()
        assert db[1] == 1
        self.replace(path, how)
        began = time.monotonic()
        with pytest.raises(dictsqlite.IoError, match="removed or replaced.*open it again"):
            while time.monotonic() < began + 10:
                db[1]
                time.sleep(0.01)
        # Two seconds, and what a busy machine adds.
        assert time.monotonic() - began < 3
        began = time.monotonic()
        for operation in (lambda: db[2], lambda: len(db), lambda: list(db), lambda: db.incr("n"), db.flush):
            with contextlib.suppress(TypeError), pytest.raises(dictsqlite.IoError, match="removed or replaced"):
                if operation == db.flush:
                    db[3] = 3
                operation()
        # It does not pass by itself, so nobody waits for that.
        assert time.monotonic() - began < 5
        with contextlib.suppress(dictsqlite.IoError):
            db.close()

    @pytest.mark.parametrize("how", ["removed", "renamed", "replaced"])
    @pytest.mark.parametrize("mode", ["lazy", "writethrough", "durable"])
    def test_writes_tell_at_once(self, tmp_path, how, mode):
        path = str(tmp_path / "store.db")
        db = dictsqlite.open(path, persist_mode=mode, timeout=5)
        db["k"] = 1
        db.flush()
        self.replace(path, how)
        began = time.monotonic()
        with pytest.raises(dictsqlite.IoError, match="removed or replaced"):
            db["k"] = 2
            db.flush()
        assert time.monotonic() - began < 1
        if how == "replaced":
            # The new file has nothing of it, and can be opened beside.
            with dictsqlite.open(path) as other:
                assert other["k"] == 1
        with contextlib.suppress(dictsqlite.IoError):
            db.close()


@pytest.mark.slow
@pytest.mark.timeout(60 + 30 * MORE)
def test_many_at_once(tmp_path):
    """Two of ours and two of the standard library's write a number that only grows; four more threads here read,
    and none ever sees it go back, while the log is cut off and the file vacuumed."""
    path, seconds = str(tmp_path / "store.db"), 4 * MORE
    with dictsqlite.open(path, storage_mode="json") as db:
        db["n"] = 0
        db.flush()
        ends, failures = time.monotonic() + seconds, []

        def watch():
            seen = 0
            while time.monotonic() < ends:
                n = db["n"]
                if n < seen:
                    failures.append((seen, n))
                seen = n

        watchers = [threading.Thread(target=watch) for _ in range(3)]
        for watcher in watchers:
            watcher.start()
        others = [Child("grow.py", path, seconds, how) for how in ("ours", "ours", "sql", "sql")]
        others += [Child("meddle.py", path, seconds, how) for how in ("truncate", "vacuum")]
        try:
            sums = [int(out) for out in finish_all(others)]
        finally:
            for other in others:
                with other:
                    pass
        for watcher in watchers:
            watcher.join()
        assert not failures, failures[:5]
        assert db["n"] == sum(sums[:4])
    inspector = Inspector()
    with inspector.child:
        inspector.check(path)
