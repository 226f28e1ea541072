"""`dictsqlite check`, `backup`, `restore`, `export`, `import` and `bench`: whole files, whole or not at all."""

import gzip
import json
import os
import re
import signal
import time

import pytest

import dictsqlite
from command import PATIENCE, environment, objects, on_terminal, refused, run, said, start, without_rich

pytestmark = pytest.mark.once


@pytest.fixture
def store(path):
    with dictsqlite.open(path, storage_mode="json") as db:
        db.update({"user:1": {"n": 1}, "user:2": [2], 7: "seven", ("a", b"\xff"): None})
        db.table("raw", "bytes")["k"] = b"\x00\xff"
        db.table("things", "pickle").set("k", {1, 2}, ttl=1000)
    return path


def contents(path):
    """Everything that is in a store."""
    found = {}
    for table in objects("tables", path):
        with dictsqlite.open(path, table_name=table["name"], storage_mode=table["codec"]) as db:
            found[table["name"], table["codec"]] = {key: (db[key], db.entry(key).expires_at) for key in db}
    return found


def left(tmp_path):
    return sorted(os.listdir(tmp_path))


class TestCheck:
    def test_sound(self, store):
        assert said("check", store) == b"ok\n"
        assert objects("check", store) == [{"path": str(store), "ok": True, "problems": []}]

    def test_damaged(self, store):
        with dictsqlite.open(store, storage_mode="json") as db:
            db.update((n, "x" * 500) for n in range(1000))
        data = bytearray(store.read_bytes())
        page = len(data) // 4096 // 2
        data[page * 4096 : page * 4096 + 4096] = bytes(4096)
        store.write_bytes(data)
        code, out, err = run("check", store)
        assert (code, err) == (1, b"") and out and b"ok" not in out.splitlines()
        code, out, _ = run("check", "--json", store)
        report = json.loads(out)
        assert code == 1 and not report["ok"] and report["problems"]
        assert store.read_bytes() == data

    def test_what_is_ours_alone_to_know(self, store, sql):
        """SQLite finds nothing wrong with a table that our records do not describe."""
        sql(store, "DROP TABLE things")
        code, out, _ = run("check", store)
        assert code == 1 and b"things" in out


class TestBackup:
    def test_and_restore(self, store, tmp_path):
        before = contents(store)
        assert said("backup", store, tmp_path / "copy.db") == b""
        assert contents(tmp_path / "copy.db") == before
        with dictsqlite.open(store, storage_mode="json") as db:
            db.clear()
        assert said("restore", tmp_path / "copy.db", tmp_path / "new.db") == b""
        assert contents(tmp_path / "new.db") == before
        refused("restore", tmp_path / "copy.db", store, code=14)
        assert said("count", store) == b"0\n"
        (told,) = objects("restore", "--overwrite", tmp_path / "copy.db", store)
        assert told == {"path": str(store), "bytes": os.path.getsize(store)}
        assert contents(store) == before
        assert left(tmp_path) == ["copy.db", "new.db", "store.db"]

    def test_what_is_there_is_kept(self, store, tmp_path):
        (tmp_path / "there").write_bytes(b"mine")
        assert "there" in refused("backup", store, tmp_path / "there", code=14)
        assert (tmp_path / "there").read_bytes() == b"mine"
        said("backup", "--overwrite", store, tmp_path / "there")
        assert contents(tmp_path / "there") == contents(store)
        refused("backup", store, store, code=14)

    def test_beside_a_writer(self, path, tmp_path, background):
        code = """
            import dictsqlite, sys, threading
            db = dictsqlite.open(sys.argv[1], storage_mode="json", persist_mode="durable")
            db["n"] = 0
            print("ready", flush=True)
            stop = []
            threading.Thread(target=lambda: (sys.stdin.readline(), stop.append(1))).start()
            while not stop:
                db.update({"a": db["n"] + 1, "n": db["n"] + 1})
            db.close()
        """
        with background(code, path):
            said("backup", path, tmp_path / "copy.db")
        with dictsqlite.open(tmp_path / "copy.db", storage_mode="json") as db:
            assert db.get("a", 0) == db["n"]
        assert said("check", tmp_path / "copy.db") == b"ok\n"

    def test_what_is_no_backup(self, store, tmp_path):
        (tmp_path / "bad").write_bytes(b"no database" * 100)
        refused("restore", tmp_path / "bad", tmp_path / "new.db", code=9)
        refused("restore", tmp_path / "none", tmp_path / "new.db", code=15)
        refused("backup", tmp_path / "none", tmp_path / "new.db", code=15)
        assert left(tmp_path) == ["bad", "store.db"]

    def test_no_place(self, store, tmp_path):
        code, out, err = run("backup", store, tmp_path / "none" / "copy.db")
        assert code in (14, 15) and out == b"" and b"Traceback" not in err


class TestExport:
    @pytest.mark.parametrize("form", ["jsonl", "binary"])
    def test_and_import(self, store, tmp_path, form):
        assert said("export", store, tmp_path / "all", "--format", form) == b""
        assert said("import", tmp_path / "new.db", tmp_path / "all") == b""
        new, old = contents(tmp_path / "new.db"), contents(store)
        assert new == old
        (told,) = objects("import", tmp_path / "new.db", tmp_path / "all", "--on-conflict", "skip")
        assert told == {"path": str(tmp_path / "new.db"), "read": 6, "written": 0, "skipped": 6, "expired": 0}
        refused("import", tmp_path / "new.db", tmp_path / "all", "--on-conflict", "error", code=4)
        assert objects("export", store, tmp_path / "more", "--format", form) == [{"path": str(tmp_path / "more"), "entries": 6}]

    def test_through_pipes(self, store, tmp_path):
        data = said("export", store, "-")
        assert data == said("export", store, "-", "--format", "jsonl")
        assert json.loads(data.splitlines()[0])["dictsqlite"] == "export"
        said("import", tmp_path / "new.db", "-", stdin=gzip.decompress(gzip.compress(data)))
        assert contents(tmp_path / "new.db") == contents(store)

    def test_tables_and_prefixes(self, store, tmp_path):
        said("export", store, tmp_path / "users", "-t", "main", "--prefix", "user:")
        said("import", tmp_path / "new.db", tmp_path / "users")
        assert said("ls", tmp_path / "new.db") == b"user:1\nuser:2\n"
        assert said("tables", tmp_path / "new.db") == b"main\tjson\t2\t0\t0\n"
        said("export", store, tmp_path / "two", "-t", "raw", "-t", "things")
        said("import", tmp_path / "other.db", tmp_path / "two", "-t", "raw")
        assert said("tables", tmp_path / "other.db") == b"raw\tbytes\t1\t0\t0\n"
        refused("export", store, tmp_path / "x", "-t", "none", code=14)
        refused("import", tmp_path / "other.db", tmp_path / "two", "-t", "main", code=14)
        assert said("export", store, "-", "-t", "main", "-k", "json", "--prefix", '["a"]').count(b"\n") == 3

    def test_an_import_into_a_store_with_another_codec(self, store, tmp_path):
        said("export", store, tmp_path / "all")
        with dictsqlite.open(tmp_path / "new.db"):
            pass
        assert "json" in refused("import", tmp_path / "new.db", tmp_path / "all", code=3)

    @pytest.mark.parametrize("content", [b"", b"x", b"{}\n", b'{"tables": 1}\n', b"[" * 5000, b"DICTSQLX", os.urandom(1000)])
    def test_what_is_no_export_makes_no_file(self, tmp_path, content):
        (tmp_path / "bad").write_bytes(content)
        refused("import", tmp_path / "new.db", tmp_path / "bad", code=9)
        refused("import", tmp_path / "new.db", "-", stdin=content, code=9)
        refused("import", tmp_path / "new.db", tmp_path / "none", code=15)
        assert left(tmp_path) == ["bad"]

    def test_one_that_is_cut_short(self, store, tmp_path):
        said("export", store, tmp_path / "all")
        lines = (tmp_path / "all").read_bytes().splitlines(keepends=True)
        (tmp_path / "cut").write_bytes(b"".join(lines[:-2]))
        with dictsqlite.open(store, storage_mode="json") as db:
            db.clear()
        refused("import", store, tmp_path / "cut", code=9)
        assert said("count", store) == b"0\n"

    def test_nobody_reads_it(self, store):
        with dictsqlite.open(store, storage_mode="json") as db:
            db.update((n, "x" * 1000) for n in range(2000))
        with start("export", store, "-") as process:
            process.stdout.close()
            assert process.wait(PATIENCE) == 141
            assert process.stderr.read() == b""


class TestProgress:
    @pytest.fixture
    def large(self, path):
        with dictsqlite.open(path, storage_mode="bytes") as db:
            for part in range(10):
                db.update((part * 2000 + n, os.urandom(1000)) for n in range(2000))
        return path

    @pytest.mark.parametrize("rich", [True, False])
    def test_on_a_terminal(self, large, tmp_path, rich):
        if rich:
            pytest.importorskip("rich")
        env = environment() if rich else without_rich(tmp_path)
        for command in (["backup", large, tmp_path / "copy.db"], ["export", large, tmp_path / "all"], ["import", tmp_path / "new.db", tmp_path / "all"]):
            code, out = on_terminal(*command, env=env)
            text = out.decode()
            assert code == 0 and command[0] in text, text
            if rich:
                assert "\x1b[" in text and "\N{BOX DRAWINGS HEAVY HORIZONTAL}" in text
            else:
                assert "\x1b" not in text and re.search(r"\r\w+ .* \(\d+ %\)", text)
            # What was done is said in the end.
            assert re.search(r"(MiB|\d+ entries( written)?)\n$", text.replace("\r", "\n"))
            code, out = on_terminal(*command, "--overwrite" if command[0] != "import" else "--quiet", "--quiet", env=env)
            assert (code, out) == (0, b"")

    def test_not_in_a_pipe(self, large, tmp_path):
        assert said("backup", large, tmp_path / "copy.db") == b""

    def test_ctrl_c_leaves_nothing(self, path, tmp_path):
        with dictsqlite.open(path, storage_mode="bytes") as db:
            for part in range(60):
                db.update((part * 2000 + n, os.urandom(1000)) for n in range(2000))
        process = start("export", path, tmp_path / "all")
        ends = time.monotonic() + PATIENCE
        while len(left(tmp_path)) < 2 and process.poll() is None:
            assert time.monotonic() < ends
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130 and out == b"" and b"Traceback" not in err
        assert [name for name in left(tmp_path) if not name.startswith("store.db")] == []


def test_bench():
    compared = objects("bench", "--iterations", "64", "--concurrency", "8", "--size", "512")
    assert [report["operation"] for report in compared] == ["read", "write"]
    for report in compared:
        assert report["iterations"] == 64 and report["size"] == 512 and "blocking" in {way["name"] for way in report["ways"]}
    text = said("bench", "read", "--iterations", "64").decode()
    assert "blocking" in text and "ops/s" in text and "write" not in text
    refused("bench", "erase", code=2)
    refused("bench", "--size", "0", code=14)
    refused("bench", "read", "--directory", "/no/such/directory", code=15)
