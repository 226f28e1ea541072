"""Ending without close(): what was accepted is there afterwards, quickly, silently, or said and bounded."""

import time

import pytest

import dictsqlite
from processes import PATIENCE, Child, dump, run

FILES = ["lazy", "writethrough", "durable"]


def leave(*arguments, code=0):
    """Runs the program that does not close; gives what it said on stderr, and how long it took to end."""
    with Child("leave.py", *arguments) as child:
        began = time.monotonic()
        child.process.stdin.close()
        while child.read(PATIENCE) is not None:
            pass
        assert child.process.wait(PATIENCE) == code, child.errors()
        return child.errors(), time.monotonic() - began


def there(path, count):
    assert dump(path) == {n: n for n in range(count)}


def test_99_writethrough_sets_and_a_normal_exit(tmp_path):
    """Of these, an earlier release of the package kept none."""
    path = tmp_path / "a.db"
    errors, took = leave(path, "writethrough", 99, "global-")
    assert errors == "" and took < 2
    there(path, 99)


@pytest.mark.parametrize("held", ["global", "cycle", "local", "scan", "threads"])
@pytest.mark.parametrize("end", ["end", "exit", "function"])
def test_10_000_lazy_sets(tmp_path, held, end):
    path = tmp_path / "a.db"
    errors, took = leave(path, "lazy", 10_000, f"{held}-{end}", code=3 if end == "exit" else 0)
    assert errors == "" and took < 2
    there(path, 10_000)


@pytest.mark.parametrize("held", ["global", "cycle", "local"])
@pytest.mark.parametrize("mode", FILES)
def test_an_unhandled_exception(tmp_path, mode, held):
    path = tmp_path / "a.db"
    errors, took = leave(path, mode, 150, f"{held}-raise", code=1)
    assert errors.splitlines()[-1] == "RuntimeError: on purpose"
    assert "dictsqlite: " not in errors and took < 2
    there(path, 150)


@pytest.mark.parametrize("mode", FILES)
def test_dropped_and_reopened_at_once(tmp_path, mode):
    """The new handle finds all of it, whether the store is still open, being closed, or closed."""
    path = tmp_path / "a.db"
    errors, took = leave(path, mode, 120, "again-")
    assert errors == "" and took < 10
    there(path, 120)


@pytest.mark.parametrize("mode", FILES)
def test_an_exit_handler_that_writes_after_the_flush(tmp_path, mode):
    """Handlers registered before the import run after the package's own: their writes count as well."""
    path = tmp_path / "a.db"
    errors, took = leave(path, mode, 10, "global-late")
    assert errors == "" and took < 2
    assert dump(path) == {**{n: n for n in range(10)}, "late": "written by an exit handler"}


@pytest.mark.parametrize("mode", FILES)
def test_a_finalizer_that_writes_at_exit(tmp_path, mode):
    path = tmp_path / "a.db"
    errors, took = leave(path, mode, 10, "del-")
    assert errors == "" and took < 2
    found = dump(path)
    assert {n: found[n] for n in range(10)} == {n: n for n in range(10)}
    assert found.get("del") == "written in __del__"


def test_exit_while_another_process_holds_the_lock(tmp_path):
    """Bounded; what was lost is counted and told, and a second file, not locked, loses nothing."""
    path = tmp_path / "a.db"
    with dictsqlite.open(path) as db:
        db["before"] = 1
    with Child("hold.py", path, PATIENCE) as holder:
        assert holder.line() == "held"
        with Child("leave.py", path, "lazy", 500, "hold-", 0.7) as child:
            assert child.line() == "filled"
            began = time.monotonic()
            child.send("")
            child.finish()
            took = time.monotonic() - began
            (line,) = child.errors().splitlines()
        assert 0.5 < took < 3
        assert "500 accepted writes" in line and str(path) in line and "lock" in line
        holder.finish()
    assert dump(path) == {"before": 1}
    there(f"{path}.other", 500)


def test_exit_waits_for_a_lock_that_comes_free(tmp_path):
    path = tmp_path / "a.db"
    with dictsqlite.open(path) as db:
        db[0] = "before"
    with Child("hold.py", path, 0.8) as holder:
        assert holder.line() == "held"
        errors, took = leave(path, "lazy", 500, "global-")
        assert errors == "" and took < 5
        holder.finish()
    there(path, 500)


@pytest.mark.parametrize("mode", ["memory", *FILES])
def test_one_cpu(tmp_path, mode):
    assert float(run("smoke.py", tmp_path / "a.db", mode)) < 10


@pytest.mark.parametrize("mode", ["lazy", "writethrough"])
@pytest.mark.parametrize(
    ("story", "code"),
    [("thread", 0), ("running", 0), ("handler", 0), ("interrupt", -2), ("again", 0), ("fresh", 0)],
)
def test_other_ways_to_end(tmp_path, story, code, mode):
    """sys.exit in a thread, threads that still write, signals with a handler, a notebook that runs cells again."""
    path = tmp_path / "a.db"
    with Child("depart.py", story, path, mode) as child:
        assert child.line() == "90"
        began = time.monotonic()
        while child.read(PATIENCE) is not None:
            pass
        assert child.process.wait(PATIENCE) == code, child.errors()
        assert time.monotonic() - began < 3
        assert "dictsqlite:" not in child.errors() and "Fatal" not in child.errors()
    found = dump(path)
    assert {n: found[n] for n in range(90)} == {n: n for n in range(90)}


@pytest.mark.parametrize("mode", FILES)
def test_daemon_threads_that_write_at_exit(tmp_path, mode):
    """They are frozen wherever they are: nothing hangs or crashes, and what they had acknowledged is there."""
    path = tmp_path / "a.db"
    with Child("depart.py", "daemons", path, mode) as child:
        written = int(child.line())
        began = time.monotonic()
        child.process.stdin.close()
        while child.read(PATIENCE) is not None:
            pass
        assert child.process.wait(PATIENCE) == 0, child.errors()
        assert child.errors() == "" and time.monotonic() - began < 12
    found = dump(path)
    assert all(found[k] == k for k in range(written)), (written, len(found))


@pytest.mark.parametrize("mode", FILES)
def test_sigterm_by_default_is_like_kill(tmp_path, mode):
    """Python runs nothing then: it ends at once, and what is lost is no more than the mode says of kill -9."""
    path = tmp_path / "a.db"
    with Child("depart.py", "default", path, mode) as child:
        assert child.line() == "490"
        began = time.monotonic()
        assert child.process.wait(PATIENCE) == -15
        assert time.monotonic() - began < 2
    found = dump(path)
    least = {"durable": 490, "writethrough": 490 - 99, "lazy": 0}[mode]
    assert len(found) >= least
    assert found == {n: n for n in range(len(found))}
