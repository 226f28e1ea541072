"""The `dictsqlite` command on a terminal: colours and columns for people, and nothing that a terminal would obey."""

import json
import os
import re
import subprocess
import sys

import pytest

import dictsqlite
from command import PROGRAM, environment, on_terminal, run, said, without_rich

pytest.importorskip("rich", reason="rich has no version for this interpreter")

ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def store(path):
    with dictsqlite.open(path, storage_mode="json") as db:
        db.update({"user:1": {"name": "Ada", "n": 1}, "two": [True, None]})
    return path


def plain(data):
    return ESCAPE.sub(b"", data)


def test_values_are_coloured_and_the_same_text(store):
    code, out = on_terminal("get", store, "user:1")
    assert code == 0 and b"\x1b[" in out
    assert plain(out) == b'{"name": "Ada", "n": 1}\n'
    code, out = on_terminal("scan", store, "--json")
    assert b"\x1b[" in out and plain(out) == said("scan", store, "--json")


def test_a_long_value_is_one_line(store):
    long = {"text": "word " * 100, "n": list(range(200))}
    with dictsqlite.open(store, storage_mode="json") as db:
        db["long"] = long
    code, out = on_terminal("get", store, "long", env=environment(COLUMNS="40"))
    assert code == 0 and json.loads(plain(out)) == long and plain(out).count(b"\n") == 1


def test_tables_are_in_columns(store):
    code, out = on_terminal("tables", store)
    assert code == 0 and b"\x1b[1m" in out
    assert plain(out).decode().splitlines() == ["name  codec  entries  expiring  expired", "main  json   2        0         0"]
    code, out = on_terminal("stats", store)
    assert re.search(r"^file_bytes +\d+ \(\d+\.\d KiB\)$", plain(out).decode(), re.MULTILINE)


@pytest.mark.parametrize("how", ["NO_COLOR", "dumb", "never", "no rich"])
def test_without_colours(store, tmp_path, how):
    options = {"env": environment()}
    arguments = []
    if how == "NO_COLOR":
        options["env"] = environment(NO_COLOR="1")
    elif how == "dumb":
        options["env"] = environment(TERM="dumb")
    elif how == "never":
        arguments = ["--color", "never"]
    else:
        options["env"] = without_rich(tmp_path)
    for command in (["get", store, "user:1"], ["tables", store], ["scan", store], ["doctor", store], ["get", store, "none"]):
        code, out = on_terminal(*command, *arguments, **options)
        assert code == (1 if "none" in command else 0)
        assert b"\x1b" not in out and out
    code, out = on_terminal("tables", store, *arguments, **options)
    assert out.startswith(b"name  codec")


def test_an_empty_no_color_is_none(store):
    assert b"\x1b[" in on_terminal("get", store, "user:1", env=environment(NO_COLOR=""))[1]


def test_a_pipe_has_no_colours_unless_asked_for(store):
    for command in (["get", store, "user:1"], ["scan", store], ["tables", store], ["doctor", store]):
        assert b"\x1b" not in said(*command)
    assert b"\x1b[" in said("get", store, "user:1", "--color", "always")
    assert b"\x1b[" in said("get", store, "user:1", "--color", "always", env=environment(NO_COLOR="1"))
    code, _, err = run("get", store, "none")
    assert code == 1 and b"\x1b" not in err
    assert b"\x1b[" in run("get", store, "none", "--color", "always")[2]


def test_only_stderr_is_a_terminal(store):
    """Data goes into a pipe as it is, while errors are coloured."""
    command = f'"{PROGRAM}" scan "{store}" | cat; "{PROGRAM}" get "{store}" none | cat'
    script = f"import os, pty, sys\nsys.exit(os.waitstatus_to_exitcode(pty.spawn(['sh', '-c', {command!r}])))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, env=environment(), timeout=60)
    assert done.returncode == 0
    assert b'user:1\t{"name": "Ada", "n": 1}' in done.stdout and b"\x1b[1;31merror:" in done.stdout


NASTY = "\x1b[31mred\x1b]0;title\x07 \x9b2J \u202eabc\r\b\x7f"


@pytest.mark.parametrize("mode", ["json", "bytes", "pickle"])
def test_what_a_terminal_would_obey_is_spelled_out(path, tmp_path, mode):
    with dictsqlite.open(path, storage_mode=mode) as db:
        db[NASTY] = NASTY.encode() if mode == "bytes" else NASTY
        db[(NASTY,)] = db[NASTY]
        db.table(NASTY.replace("\0", ""))
    for env in (environment(), without_rich(tmp_path)):
        for command in (["ls"], ["scan"], ["scan", "--json"], ["tables"], ["stats"], ["ls", "--values"], ["doctor"]):
            code, out = on_terminal(*command, path, env=env)
            assert code == 0
            _harmless(out)
        code, out = on_terminal("get", path, NASTY, env=env)
        assert code == 0
        _harmless(out)
        for arguments in (["get", path, "none", "-t", NASTY], ["del", path, NASTY + "2"], ["get", NASTY, "k"]):
            code, out = on_terminal(*arguments, env=env)
            assert code != 0
            _harmless(out)
    # In a pipe it is what it is.
    if mode == "json":
        assert said("ls", path).startswith(NASTY.encode())


def _harmless(out):
    text = plain(out).decode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text), text


def test_bytes_on_a_terminal(path):
    with dictsqlite.open(path, storage_mode="bytes") as db:
        db.update({"text": "é".encode(), "raw": b"\xff\x00"})
    assert plain(on_terminal("get", path, "text")[1]).decode() == "é\n"
    assert json.loads(plain(on_terminal("get", path, "raw")[1])) == {"b": "/wA="}
    # Unless they are asked for.
    assert on_terminal("get", path, "raw", "--raw")[1] == b"\xff\x00"


def test_the_doctor_in_colours(store):
    os.truncate(store, 5000)
    code, out = on_terminal("doctor", store)
    assert code == 1 and b"\x1b[1;31mproblem: truncated" in out
