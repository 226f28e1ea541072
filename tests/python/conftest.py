"""What the tests share: a path for a store, and other processes that look at it.

No test opens a live file with the standard library's sqlite3: a process with two SQLite libraries loses the
locks of the file when either closes it. `sql` does it in another process.
"""

import contextlib
import json
import subprocess
import sys
import textwrap

import pytest

SQL = """
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
for statement in json.loads(sys.argv[2]):
    rows = db.execute(statement).fetchall()
db.close()
print(json.dumps([[v.hex() if isinstance(v, bytes) else v for v in row] for row in rows]))
"""

HOLD_LOCK = """
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("ready", flush=True)
sys.stdin.readline()
db.execute("ROLLBACK")
db.close()
"""


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes seconds or a lot of memory")
    config.addinivalue_line("markers", "once: is about the engine or the command, not about the interpreter")


def command(code, args):
    return [sys.executable, "-c", textwrap.dedent(code), *map(str, args)]


def run_code(code, *args, timeout=100):
    """Runs the code in a new process, with the arguments in `sys.argv`, and returns what it printed."""
    done = subprocess.run(command(code, args), capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextlib.contextmanager
def background_code(code, *args):
    """Runs the code in a new process until the block ends; the code prints `ready` and reads a line to end."""
    process = subprocess.Popen(command(code, args), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
        # It may have been told to go on already.
        with contextlib.suppress(ValueError, BrokenPipeError):
            process.stdin.close()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def run_sql(path, *statements):
    """Runs SQL in another process by the standard library, and returns the last one's rows; blobs as hex."""
    return json.loads(run_code(SQL, path, json.dumps(statements)))


@pytest.fixture
def path(tmp_path):
    """Where a store may be made."""
    return tmp_path / "store.db"


@pytest.fixture
def run():
    """See `run_code`."""
    return run_code


@pytest.fixture
def background():
    """See `background_code`."""
    return background_code


@pytest.fixture
def sql():
    """See `run_sql`."""
    return run_sql


@pytest.fixture
def hold_lock(path):
    """A context manager: another process holds the write lock of `path` until its block ends."""
    return lambda: background_code(HOLD_LOCK, path)
