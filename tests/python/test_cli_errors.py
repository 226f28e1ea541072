"""How the `dictsqlite` command ends: a stable number for each kind of error, a message that says what to do, never a
traceback."""

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

import dictsqlite
from command import PATIENCE, as_module, as_somebody, refused, run, said, start
from dictsqlite.cli import exits

pytestmark = pytest.mark.once

COMMANDS = [
    "get", "set", "del", "ls", "scan", "count", "tables", "stats", "check", "backup", "restore", "export", "import", "bench", "doctor",
]  # fmt: skip
#: One call of each that opens a file.
CALLS = [
    ("get", "{}", "k"), ("set", "{}", "k", "1"), ("del", "{}", "k"), ("ls", "{}"), ("scan", "{}"), ("count", "{}"),
    ("tables", "{}"), ("stats", "{}"), ("check", "{}"), ("backup", "{}", "{}.copy"), ("export", "{}", "{}.copy"), ("import", "{}", "-"),
]  # fmt: skip
every_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call[0])


def called(call, path):
    return [part.format(os.fspath(path)) for part in call]


@pytest.fixture
def store(path):
    with dictsqlite.open(path, storage_mode="json") as db:
        db["k"] = 1
    return path


def test_the_numbers_are_those_of_the_kinds():
    for name in dictsqlite.errors.__all__:
        kind = getattr(dictsqlite.errors, name)
        if kind is not dictsqlite.DictSQLiteError:
            assert exits.code_of(kind("x")) == kind.code
            assert exits.kind_of(kind("x")) == ("Io" if issubclass(kind, dictsqlite.IoError) else name[:-5])
    assert exits.MISSING == dictsqlite.KeyMissingError.code == 1
    assert exits.USAGE == dictsqlite.KeyTypeError.code == 2
    assert exits.code_of(OSError("x")) == 15 and exits.code_of(exits.UsageError("x")) == 2


@pytest.mark.parametrize("call", CALLS[:-1], ids=lambda call: call[0])
def test_no_file(call, tmp_path):
    assert "there is no file" in refused(*called(call, tmp_path / "none.db"), code=15)
    assert os.listdir(tmp_path) == []


@every_call
def test_a_directory(call, tmp_path):
    assert "not a regular file" in refused(*called(call, tmp_path), code=15)


@pytest.mark.parametrize("call", CALLS[:-1], ids=lambda call: call[0])
def test_an_empty_file(call, path):
    path.touch()
    assert "empty" in refused(*called(call, path), code=13)
    assert path.read_bytes() == b""


@every_call
@pytest.mark.parametrize("content", [b"x", b"no database" * 100])
def test_no_database(call, content, path):
    path.write_bytes(content)
    refused(*called(call, path), code=9)
    assert path.read_bytes() == content


@every_call
def test_a_database_of_something_else(call, path):
    sqlite3.connect(path).executescript("CREATE TABLE x(y)").connection.close()
    before = path.read_bytes()
    assert "something else" in refused(*called(call, path), code=13)
    assert path.read_bytes() == before


@every_call
def test_a_file_of_an_earlier_release(call, path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE kv_store(key TEXT PRIMARY KEY, value BLOB NOT NULL)")
    connection.close()
    assert "import_legacy" in refused(*called(call, path), code=13)


@every_call
def test_a_newer_format(call, store, sql):
    sql(store, "UPDATE _dictsqlite SET value = 99 WHERE name = 'format'")
    assert "newer dictsqlite" in refused(*called(call, store), code=13)


@pytest.mark.parametrize("call", CALLS[:6], ids=lambda call: call[0])
def test_a_table_that_is_not_there(call, store):
    message = refused(*called(call, store), "--table", "Main", code=14)
    assert "'Main'" in message and "'main'" in message
    with dictsqlite.open(store, storage_mode="json") as db:
        assert db.tables() == ["main"]


@pytest.mark.parametrize("call", [CALLS[0], CALLS[3], CALLS[5]], ids=lambda call: call[0])
def test_a_file_that_cannot_be_made_wal_by_reading(call, store, sql):
    sql(store, "PRAGMA journal_mode = delete")
    assert "WAL" in refused(*called(call, store), code=11)
    # Writing makes it so.
    said("set", store, "k", "2")
    assert said("get", store, "k") == b"2\n"


def test_a_locked_file(store, hold_lock):
    with hold_lock():
        began = time.monotonic()
        message = refused("set", store, "k", "2", "--timeout", "0.3", code=5)
        assert time.monotonic() - began < 20
        if sys.platform == "linux":
            assert "process" in message
        # Reading waits for nobody.
        assert said("get", store, "k") == b"1\n"
    said("set", store, "k", "2")


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
def test_a_full_disk(store):
    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-m", "dictsqlite", "set", str(store), "big", "-", "--timeout", "0.5"]
    with subprocess.Popen(command, preexec_fn=limited, **pipes) as process:
        out, err = process.communicate(b'"' + b"x" * 200_000 + b'"', timeout=PATIENCE)
    assert process.returncode in (10, 15), (out, err)
    assert out == b"" and b"Traceback" not in err and b"dictsqlite: error:" in err
    assert said("get", store, "k") == b"1\n"


def test_no_permission(store):
    os.chmod(store, 0o644)
    os.chmod(store.parent, 0o755)
    code, out, err = as_somebody(store, "set", store, "k", "2")
    assert code in (11, 15) and out == b"" and b"Traceback" not in err and b"permission" in err.lower()
    os.chmod(store, 0o600)
    code, out, err = as_somebody(store, "get", store, "k")
    assert code == 15 and out == b"" and b"Traceback" not in err
    assert said("get", store, "k") == b"1\n"


class TestCtrlC:
    def stopped(self, process):
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        assert time.monotonic() - began < 10
        assert process.returncode == 130, err
        assert out == b"" and b"Traceback" not in err and b"interrupted" in err
        return err

    def test_while_it_waits_for_a_lock(self, store, hold_lock):
        with hold_lock():
            process = start("set", store, "k", "2", "--timeout", "60")
            time.sleep(1.5)
            assert process.poll() is None
            self.stopped(process)
        assert said("get", store, "k") == b"1\n"

    def test_while_it_reads_a_value(self, store):
        process = start("set", store, "k", "-")
        time.sleep(1.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
        process.communicate()
        assert said("get", store, "k") == b"1\n"


class TestUsage:
    @pytest.mark.parametrize(
        "arguments",
        [
            (), ("nothing",), ("get",), ("get", "f"), ("get", "f", "k", "more"), ("set", "f", "k"), ("del", "f"), ("ls",), ("ls", "f", "--prefx", "a"),
            ("ls", "f", "--pre", "a"), ("set", "f", "k", "1", "--create", "xml"), ("get", "f", "k", "--timeout", "soon"), ("get", "f", "k", "--color", "red"),
            ("set", "f", "k", "1", "--if-version", "x"), ("--json", "get", "f", "k"),
        ],
    )  # fmt: skip
    def test_what_makes_no_sense(self, arguments, tmp_path):
        message = refused(*arguments, code=2, cwd=tmp_path)
        assert message.startswith("usage: dictsqlite")
        assert os.listdir(tmp_path) == []

    @pytest.mark.parametrize("name", COMMANDS)
    def test_help(self, name):
        text = said(name, "--help").decode()
        assert text.startswith(f"usage: dictsqlite {name}") and ("FILE" in text or name == "bench")
        for option in ("--json", "--color", "--timeout", "exit codes"):
            assert option in text, option
        # One line of it in the list of all.
        assert f"\n    {name} " in said("--help").decode()

    def test_every_command_is_tested_here(self):
        text = said("--help").decode()
        listed = [line.split()[0] for line in text.splitlines() if line.startswith("    ") and not line.startswith("     ")]
        assert listed == COMMANDS

    def test_the_version(self):
        assert said("--version").decode() == f"dictsqlite {dictsqlite.__version__}\n"

    def test_as_a_module(self, store):
        assert as_module("get", store, "k") == (0, b"1\n", b"")
        code, out, err = as_module("get", store, "x")
        assert (code, out) == (1, b"") and b"dictsqlite: error" in err
        assert as_module("--version")[1] == f"dictsqlite {dictsqlite.__version__}\n".encode()
        assert as_module("--help")[1] == said("--help")


def test_errors_as_json(store, tmp_path):
    error = json.loads(refused("get", "--json", tmp_path / "none", "k", code=15))["error"]
    assert (error["kind"], error["code"]) == ("Io", 15) and "none" in error["message"]
    assert json.loads(refused("set", "--json", store, "k", "x", code=2))["error"]["kind"] == "Usage"


def test_stdout_may_be_closed(store):
    command = f'exec "$0" -m dictsqlite "$@" >&-'
    done = subprocess.run(["sh", "-c", command, sys.executable, "set", str(store), "k", "3"], capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    done = subprocess.run(["sh", "-c", command, sys.executable, "get", str(store), "k"], capture_output=True, timeout=PATIENCE)
    assert done.returncode == 15 and b"stdout is closed" in done.stderr and b"Traceback" not in done.stderr
    assert run("get", store, "k")[1] == b"3\n"
