"""Forks: the child's handles open the file anew, hold locks of their own and commit nothing of the parent's,
and the parent goes on undisturbed."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

import dictsqlite
from processes import PROGRAMS, Inspector, dump, run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
MORE = int(os.environ.get("DICTSQLITE_FORKS", "1"))


def story(name, tmp_path, *arguments):
    out = run("forks.py", name, tmp_path / "store.db", *arguments, timeout=100 * MORE)
    assert out.endswith("good\n")
    return out


@pytest.mark.slow
@pytest.mark.timeout(150 * MORE)
@pytest.mark.parametrize("seed", range(2))
def test_at_random_moments(tmp_path, seed):
    """Writes are pending, readers read, files are opened and closed when the process forks, many times."""
    print(story("moments", tmp_path, 60 * MORE, seed))


@linux
def test_a_childs_snapshot_is_locked(tmp_path):
    """Without a lock of its own, the child's log was cut off under it: its snapshot changed, then IOERR."""
    story("snapshot", tmp_path)


@linux
def test_a_child_keeps_its_log_when_the_parent_leaves(tmp_path):
    """SQLite's inherited table of locks says that the child has one on the file already; it has none."""
    story("parent_leaves", tmp_path)


@linux
def test_a_childs_end_takes_no_lock_of_its_parents(tmp_path):
    """POSIX locks, or descriptors shared with the child, would go or stay with the wrong process."""
    story("parents_lock", tmp_path)


def test_closing_an_unused_handle_in_the_child(tmp_path):
    """Looking how much a handle's store holds opened it anew, and made a file where there was none."""
    story("unused", tmp_path)


def test_a_scan_open_at_the_fork(tmp_path):
    """It belongs to the parent: going on with it in the child is an error that says so."""
    story("scans", tmp_path)


def test_a_scan_in_use_by_another_thread_at_the_fork(tmp_path):
    """The lock around a scan is held by a thread that is not there in the child: it must not wait for it."""
    story("busy_scan", tmp_path)


@linux
def test_children_of_children(tmp_path):
    """Every generation opens anew, also over one that never touched the handle."""
    story("grandchild", tmp_path)


def test_a_store_in_memory(tmp_path):
    """The child sees what was accepted before the fork and has a copy from then on."""
    story("memory", tmp_path)


def test_while_another_process_holds_the_lock(tmp_path):
    """A fork waits for threads that are inside SQLite, but not for locks of others."""
    story("locked", tmp_path)


@linux
def test_subprocess_is_not_a_fork(tmp_path):
    """A program started beside gets no descriptor of ours, and nothing is flushed or lost by starting it."""
    story("plain", tmp_path)


def test_awaiting_in_the_child(tmp_path):
    """The parent's event loop and its workers are not there; a new loop has its own."""
    story("awaits", tmp_path)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing(tmp_path, method):
    """A handle as an argument; children that write lazily and do not close lose nothing, however they end."""
    path = tmp_path / "store.db"
    assert run("workers.py", path, method).endswith("good\n")
    found = dump(path)
    assert found["parent"] == "pending"
    assert all(found[end] == "lazy" for end in ("return", "exit", "raise", "own"))


def test_a_server_that_forks_after_loading(tmp_path):
    """Workers share what the application opened before; one is killed on the way."""
    path = tmp_path / "store.db"
    answers = eval(run("prefork.py", path, 3, 200))
    assert sum(answers.values()) >= 199
    inspector = Inspector()
    with inspector.child:
        inspector.check(path)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_gunicorn_with_preload(tmp_path):
    """The real one, where it is installed: two workers, an application that opened the store before the fork."""
    pytest.importorskip("gunicorn")
    path, port = tmp_path / "store.db", free_port()
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "--bind", f"127.0.0.1:{port}"]
    command += ["--graceful-timeout", "10", "--chdir", str(PROGRAMS), "web:application"]
    environment = {**os.environ, "DICTSQLITE_STORE": str(path), "PYTHONWARNINGS": "ignore", "HOME": str(tmp_path)}
    # Whatever proxy the environment names is not for the loopback.
    client = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    answers, log = [], tmp_path / "log"
    with open(log, "w") as said, subprocess.Popen(command, env=environment, stdout=said, stderr=said) as server:
        try:
            deadline = time.monotonic() + 30
            while len(answers) < 100:
                assert time.monotonic() < deadline and server.poll() is None, log.read_text()
                try:
                    with client.open(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                        answers.append([int(part) for part in answer.read().split()])
                except urllib.error.HTTPError:
                    raise AssertionError(log.read_text()) from None
                except OSError:
                    assert not answers, log.read_text()
                    time.sleep(0.05)
            server.send_signal(signal.SIGTERM)
            assert server.wait(30) == 0, log.read_text()
        finally:
            server.kill()
    assert [count for _, count, _ in answers] == list(range(1, 101))
    assert all(loaded != worker for worker, _, loaded in answers)
    found = dump(path)
    assert found["requests"] == 100
    # Written lazily, not flushed: the exit of a worker did it.
    assert {found[f"lazy{n}"] for n in range(1, 101)} == {worker for worker, _, _ in answers}


class TestPickle:
    """A handle is pickled as where it is and how it was opened."""

    def test_path_and_options_and_no_contents(self, tmp_path):
        path = tmp_path / "store.db"
        with dictsqlite.open(path, storage_mode="json", persist_mode="lazy", ttl=500, timeout=3) as db:
            db["secret value"] = "contents"
            table = db.table("other")
            data = pickle.dumps([db, table])
            assert b"contents" not in data and b"secret value" not in data and str(path).encode() in data
            again, other = pickle.loads(data)
            assert again["secret value"] == "contents"
            assert (again.storage_mode, again.persist_mode, again.table_name) == ("json", "lazy", "main")
            assert other.table_name == "other" and other.storage_mode == "json"
            assert again.entry("secret value").expires_at is not None or again.set("k", "v") is None
            again.close()
            other.close()

    def test_never_a_secret(self, tmp_path):
        """Whatever the options come to hold, a password is not written into a pickle."""
        with dictsqlite.open(tmp_path / "store.db") as db:
            vars(db)["_given"] = {**vars(db)["_given"], "encryption_password": "hunter2"}
            assert b"hunter2" not in pickle.dumps(db)

    def test_a_store_in_memory_is_refused(self):
        with dictsqlite.open(":memory:") as db, pytest.raises(dictsqlite.UnsupportedError, match="in-memory"):
            pickle.dumps(db)
