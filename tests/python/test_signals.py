"""Signals that come while a call waits: they are handled at once, not when the lock comes free."""

import signal
import sys
import time

import pytest

from processes import PATIENCE, Child, dump

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
CALLS = ["db.incr('n')", "db.pop('k')", "db.flush()", "db.flush(durable=True)", "db.table('new')", "len(db)", "db.close()"]


def waiting(child):
    """The child is about to wait, and then has done so for a moment."""
    assert child.line() == "waiting"
    time.sleep(0.3)


def make(path):
    with Child("shell.py", path) as child:
        assert child.line() == "open"
        child.ask("db.update({'k': 1})")
        child.finish()


@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c_ends_the_wait(tmp_path, call):
    """It was answered when the wait ended, after the whole timeout. What was not begun does not happen, and what
    was accepted does; the handle goes on."""
    path = tmp_path / "store.db"
    make(path)
    with Child("hold.py", path, PATIENCE) as holder, Child("signals.py", path, "lazy", call) as child:
        assert holder.line() == "held"
        waiting(child)
        began = time.monotonic()
        child.process.send_signal(signal.SIGINT)
        assert child.line() == "interrupted"
        assert time.monotonic() - began < 2
        holder.finish()
        assert child.ask("go on") == "{'k': 1, 'pending': 1}"
        child.finish()
    assert dump(path) == {"k": 1, "pending": 1}


def test_ctrl_c_during_a_durable_write(tmp_path):
    """It was accepted, so it happens."""
    path = tmp_path / "store.db"
    make(path)
    with Child("hold.py", path, PATIENCE) as holder:
        assert holder.line() == "held"
        with Child("signals.py", path, "durable", "db.set('new', 2)") as child:
            waiting(child)
            child.process.send_signal(signal.SIGINT)
            began = time.monotonic()
            assert child.line() == "interrupted"
            assert time.monotonic() - began < 2
            holder.finish()
            assert child.ask("go on") == "{'k': 1, 'new': 2}"
            child.finish()


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal here")
def test_a_handler_runs_during_the_wait(tmp_path):
    """And the call goes on waiting when the handler raises nothing."""
    path = tmp_path / "store.db"
    make(path)
    with Child("hold.py", path, PATIENCE) as holder, Child("signals.py", path, "lazy", "db.incr('n', 5)") as child:
        assert holder.line() == "held"
        waiting(child)
        for _ in range(3):
            began = time.monotonic()
            child.process.send_signal(signal.SIGUSR1)
            assert child.line() == "handled"
            assert time.monotonic() - began < 2
        holder.finish()
        assert child.line() == "5"
        assert child.ask("go on") == "{'k': 1, 'pending': 1, 'n': 5}"
        child.finish()
