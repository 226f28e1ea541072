"""`dictsqlite ls`, `scan`, `count`, `tables` and `stats`: what is there, in the order and the form asked for."""

import json
import os
import subprocess

import pytest

import dictsqlite
from command import PATIENCE, objects, refused, said, start


@pytest.fixture
def store(path):
    with dictsqlite.open(path, storage_mode="json") as db:
        db.update({"user:2": {"n": 2}, "user:1": {"n": 1}, 7: "seven", b"\xff": None, ("a", 1): [1], "z": "last"})
    return path


def lines(*arguments):
    return said(*arguments).decode().splitlines()


def test_keys_in_every_form(store):
    assert lines("ls", store) == ["user:2", "user:1", "7", '{"b": "/w=="}', '["a", 1]', "z"]
    assert lines("ls", store, "-k", "json") == ['"user:2"', '"user:1"', "7", '{"b": "/w=="}', '["a", 1]', '"z"']
    assert said("ls", store, "-k", "bytes").splitlines()[3] == b"\xff"
    assert objects("ls", store) == [{"key": k} for k in ("user:2", "user:1", 7, {"b": "/w=="}, ["a", 1], "z")]


def test_values_beside_them(store):
    assert lines("ls", store, "--values")[:3] == ['user:2\t{"n": 2}', 'user:1\t{"n": 1}', '7\t"seven"']
    assert said("ls", store, "--values") == said("scan", store)
    assert lines("scan", store, "--values") == ['{"n": 2}', '{"n": 1}', '"seven"', "null", "[1]", '"last"']
    assert objects("scan", store, "--prefix", "user:") == [
        {"key": "user:1", "value": {"n": 1}},
        {"key": "user:2", "value": {"n": 2}},
    ]
    assert objects("scan", store, "--values", "--limit", "1") == [{"value": {"n": 2}}]


def test_selections(store):
    assert lines("ls", store, "--prefix", "user:") == ["user:1", "user:2"]
    assert lines("ls", store, "--prefix", "user:", "--reverse") == ["user:2", "user:1"]
    assert lines("ls", store, "--start", "user:2") == ["user:2", "z", '["a", 1]', '{"b": "/w=="}']
    assert lines("ls", store, "--start", "user:1", "--end", "user:2") == ["user:1"]
    assert lines("ls", store, "--order", "key", "--limit", "2") == ["7", "user:1"]
    assert lines("ls", store, "--reverse", "--limit", "1") == ["z"]
    assert lines("ls", store, "--limit", "0") == []
    assert lines("ls", store, "-k", "json", "--prefix", '["a"]') == ['["a", 1]']
    assert lines("ls", store, "-k", "int", "--start", "7", "--end", "8") == ["7"]
    for bad in ("-1", "x", "1.5", str(2**63)):
        refused("ls", store, f"--limit={bad}", code=2)
    refused("ls", store, "--order", "size", code=2)


def test_counts(store):
    assert said("count", store) == b"6\n"
    assert objects("count", store, "--prefix", "user:") == [{"count": 2}]
    assert said("count", store, "--start", "user:2", "--end", "user:3") == b"1\n"
    assert said("count", store, "--limit", "4") == b"4\n"


def test_ends_of_lines(store):
    with dictsqlite.open(store, storage_mode="json") as db:
        db.clear()
        db.update({"two\nlines": 1, "a\tb": 2})
    assert said("ls", store, "-z") == b"two\nlines\0a\tb\0"
    assert said("scan", store, "--null") == b"two\nlines\t1\0a\tb\t2\0"
    assert lines("ls", store, "-k", "json") == ['"two\\nlines"', '"a\\tb"']


def test_nothing_is_there(path):
    with dictsqlite.open(path):
        pass
    for name in ("ls", "scan"):
        assert said(name, path) == b"" == said(name, path, "--json")
    assert said("count", path) == b"0\n"


def test_a_row_that_cannot_be_read_is_named(path, sql):
    with dictsqlite.open(path) as db:
        db["good"] = 1
    sql(path, "INSERT INTO main(key, value) VALUES('bad', 'hello')")
    assert lines("ls", path) == ["good", "bad"]
    with start("scan", path) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3 and b"bad" in err and out in (b"", b"good\t1\n")


def test_whoever_reads_may_go(store):
    """As with any program in a pipe: it ends, and says nothing."""
    with dictsqlite.open(store, storage_mode="json") as db:
        db.update((n, "x" * 100) for n in range(20_000))
    with start("scan", store) as process:
        assert process.stdout.readline() == b'user:2\t{"n": 2}\n'
        process.stdout.close()
        assert process.wait(PATIENCE) == 141
        assert process.stderr.read() == b""


def test_a_full_place_for_the_output(store):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    with open("/dev/full", "wb") as full:
        process = start("ls", store, stdout=full)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 15 and b"No space left" in err and b"Traceback" not in err


def test_output_is_utf_8_whatever_the_locale(path):
    with dictsqlite.open(path, storage_mode="json") as db:
        db["é日"] = "ü"
    for name in ("C", "POSIX", "en_US.ISO-8859-1"):
        environment = {**os.environ, "LC_ALL": name, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        assert said("scan", path, env=environment) == 'é日\t"ü"\n'.encode()


def test_tables_and_stats(store):
    with dictsqlite.open(store, storage_mode="json") as db:
        db.table("Main", "pickle").set("k", 1, ttl=1000)
        db.table("a b", "bytes")
    assert lines("tables", store) == ["Main\tpickle\t1\t1\t0", "a b\tbytes\t0\t0\t0", "main\tjson\t6\t0\t0"]
    assert objects("tables", store)[0] == {"name": "Main", "codec": "pickle", "entries": 1, "expiring": 1, "expired": 0}
    (told,) = objects("stats", store)
    assert told["tables"] == objects("tables", store)
    assert told["file_bytes"] == store.stat().st_size == told["pages"] * told["page_bytes"]
    assert (told["format"], told["wal_bytes"], told["entries"], told["expiring"], told["expired"]) == (1, 0, 7, 1, 0)
    assert told["operations"] > 7 and told["free_pages"] == 0 and told["path"] == str(store)
    shown = dict(line.split("\t") for line in lines("stats", store))
    assert shown == {**{name: str(figure) for name, figure in told.items()}, "tables": "3"}


def test_an_expired_entry_is_no_entry(path, sql):
    with dictsqlite.open(path, storage_mode="json") as db:
        db["a"] = 1
        db.set("b", 1, ttl=1000)
    sql(path, "UPDATE main SET expires_at = 1 WHERE key = 'b'")
    assert said("count", path) == b"1\n" and said("ls", path) == b"a\n"
    assert lines("tables", path) == ["main\tjson\t1\t0\t1"]
    refused("get", path, "b", code=1)


def test_beside_a_process_that_writes(path, background):
    """Reading waits for nobody, sees each commit, and is seen by nobody."""
    code = """
        import dictsqlite, sys
        db = dictsqlite.open(sys.argv[1], storage_mode="json", persist_mode="durable")
        for n in range(500):
            db[n] = n
        print("ready", flush=True)
        sys.stdin.readline()
        db.close()
    """
    with background(code, path):
        assert path.with_name("store.db-wal").stat().st_size > 0
        assert said("count", path) == b"500\n"
        assert lines("ls", path, "--reverse", "--limit", "1") == ["499"]
        assert lines("tables", path) == ["main\tjson\t500\t0\t0"]
        (told,) = objects("stats", path)
        assert told["wal_bytes"] > 0 and told["entries"] == 500
        said("set", path, "k", "1")
        assert said("count", path) == b"501\n"
    assert said("count", path) == b"501\n"


def test_reading_does_not_change_the_file(store):
    before = store.read_bytes()
    for arguments in (("ls", store), ("scan", store), ("count", store), ("tables", store), ("stats", store), ("get", store, "z")):
        said(*arguments)
    assert store.read_bytes() == before


def test_a_store_that_a_killed_process_left(path, run):
    """What was committed and is only in the log is read from there."""
    run(
        "import dictsqlite, os, sys\ndb = dictsqlite.open(sys.argv[1], storage_mode='json', persist_mode='durable')\n"
        "db['k'] = 1\nos._exit(0)",
        path,
    )
    assert os.path.getsize(f"{path}-wal") > 0
    os.unlink(f"{path}-shm")
    assert said("get", path, "k") == b"1\n" and said("count", path) == b"1\n"
    (told,) = objects("stats", path)
    assert told["entries"] == 1


def test_json_lines_go_through_a_pipe(store):
    with start("scan", store, "--json") as one:
        code = "import json, sys\nprint(sum(1 for line in sys.stdin if json.loads(line)))"
        import sys

        done = subprocess.run([sys.executable, "-c", code], stdin=one.stdout, capture_output=True, timeout=PATIENCE)
    assert done.stdout == b"6\n"
    assert [json.loads(line)["key"] for line in said("scan", store, "--json").splitlines()][0] == "user:2"
