"""`dictsqlite doctor`: every finding is made for real, said in words with what to do, and nothing is changed."""

import hashlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import textwrap

import pytest

import dictsqlite
from command import PATIENCE, PROGRAM, as_somebody, objects, run, said
from dictsqlite.cli import doctor

pytestmark = pytest.mark.once

linux = pytest.mark.skipif(sys.platform != "linux", reason="locks and mounts of Linux")


@pytest.fixture
def store(path):
    with dictsqlite.open(path, storage_mode="bytes") as db:
        db.update({n: bytes([n % 256]) * 500 for n in range(300)})
    return path


def fingerprint(directory):
    """Names, contents and times of what is in a directory; of shared memory only that it is there."""
    prints = {}
    for entry in os.scandir(directory):
        facts = [entry.stat(follow_symlinks=False).st_mtime_ns if not entry.name.endswith("-shm") else 0]
        if entry.is_file() and not entry.name.endswith("-shm"):
            with open(entry.path, "rb") as file:
                facts.append(hashlib.sha256(file.read()).hexdigest())
        prints[entry.name] = facts
    return prints


def findings(path, *options, code=1):
    """The findings by name; the file and what is beside it are as they were, and the text says the same."""
    before = fingerprint(path.parent) if path.parent.is_dir() else None
    ended, out, err = run("doctor", "--json", path, *options)
    assert (ended, err) == (code, b""), (ended, out, err)
    report = json.loads(out)
    assert report["path"] == str(path) and report["healthy"] == (code == 0)
    ended, out, err = run("doctor", path, *options)
    assert (ended, err) == (code, b"")
    for finding in report["findings"]:
        assert finding["severity"] in ("problem", "note")
        assert f"{finding['severity']}: {finding['name']}\n  {finding['what']}\n  do: {finding['advice']}\n" in out.decode()
    assert before is None or fingerprint(path.parent) == before
    return {finding["name"]: finding for finding in report["findings"]}


def only(name, path, *options, severity="problem"):
    """The one finding there is."""
    found = findings(path, *options, code=1 if severity == "problem" else 0)
    assert list(found) == [name], found
    assert found[name]["severity"] == severity
    assert str(path) in found[name]["what"] or name == "many-names"
    return found[name]


def test_a_healthy_store(store):
    assert findings(store, code=0) == {}
    assert said("doctor", store).decode().startswith(f"{store}: healthy (300 entries, 1 tables, ")
    (report,) = objects("doctor", store)
    assert report == {
        "path": str(store), "healthy": True, "file_bytes": store.stat().st_size, "wal_bytes": 0, "open_in": [], "kind": "ours", "format": 1,
        "tables": 1, "entries": 300, "findings": [],
    }  # fmt: skip


@linux
def test_a_healthy_store_in_use(path, background):
    code = """
        import dictsqlite, sys, os
        db = dictsqlite.open(sys.argv[1], storage_mode="json", persist_mode="durable")
        for n in range(100): db[n] = n
        print("ready", flush=True)
        sys.stdin.readline()
    """
    with background(code, path) as process:
        assert findings(path, code=0) == {}
        (report,) = objects("doctor", path)
        assert report["entries"] == 100 and report["wal_bytes"] > 0
        assert report["open_in"] == [f"process {process.pid} ({name_of(process.pid)})"]


def name_of(pid):
    with open(f"/proc/{pid}/comm") as file:
        return file.read().strip()


WRITER = """
    import dictsqlite, sys, threading
    db = dictsqlite.open(sys.argv[1], storage_mode="json", persist_mode="durable")
    db[0] = 0
    print("ready", flush=True)
    threading.Thread(target=lambda: (sys.stdin.readline(), stop.append(1))).start()
    stop = []
    while not stop:
        db[1] = db.get(1, 0) + 1
    db.close()
"""


@linux
def test_a_busy_store_is_not_a_locked_one(path, background):
    with background(WRITER, path):
        for _ in range(3):
            code, out, err = run("doctor", "--json", path)
            assert code == 0, (out, err)


@linux
def test_commits_between_two_looks_are_not_one_long_one(path, background, monkeypatch):
    # A writer that commits without a pause was taken for a stuck one when every look met one of its commits.
    from dictsqlite.cli.doctor import locks

    with background(WRITER, path) as process:
        monkeypatch.setattr(locks._dictsqlite, "_users", lambda path: {"writing": [str(process.pid)]})
        assert locks.held(str(path)) is None
    monkeypatch.setattr(locks._dictsqlite, "_users", lambda path: {"writing": ["stuck"]})
    assert "stuck" in locks.held(str(path)).what


class TestNoFile:
    def test_missing(self, tmp_path):
        assert "restore" in only("missing", tmp_path / "none.db")["advice"]

    def test_no_directory(self, tmp_path):
        found = findings(tmp_path / "none" / "a.db")
        assert list(found) == ["missing"] and "no directory" in found["missing"]["what"]

    def test_through_a_file(self, store):
        found = findings(store / "a.db")
        assert list(found) == ["missing"] and "no directory" in found["missing"]["what"]

    def test_a_dangling_link(self, tmp_path):
        os.symlink("gone.db", tmp_path / "link.db")
        assert "gone.db" in only("missing", tmp_path / "link.db")["what"]

    def test_a_directory(self, tmp_path):
        assert "a directory" in only("not-a-file", tmp_path)["what"]

    def test_a_fifo(self, tmp_path):
        os.mkfifo(tmp_path / "fifo")
        assert "a FIFO" in only("not-a-file", tmp_path / "fifo")["what"]

    def test_a_socket_and_a_device(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("socket")
            assert "a socket" in only("not-a-file", tmp_path / "socket")["what"]
        code, out, _ = run("doctor", "/dev/null")
        assert code == 1 and b"a device" in out

    def test_a_log_without_its_file(self, store, run):
        left_by_a_kill(store, run)
        store.unlink()
        assert "side by side" in only("leftover-log", store)["advice"]


class TestWhoseFile:
    def test_empty(self, path):
        path.touch()
        only("empty", path, severity="note")
        sqlite3.connect(path).executescript("CREATE TABLE x(y); DROP TABLE x").connection.close()
        only("empty", path, severity="note")

    def test_no_database(self, path):
        path.write_bytes(b"not a database at all" * 100)
        assert "no SQLite database" in only("not-sqlite", path)["what"]
        path.write_bytes(b"short")
        assert "5 bytes" in only("not-sqlite", path)["what"]

    def test_foreign(self, path):
        sqlite3.connect(path).executescript("CREATE TABLE x(y)").connection.close()
        assert "adopt=True" in only("foreign", path)["advice"]

    def test_an_earlier_release(self, path):
        sqlite3.connect(path).executescript("CREATE TABLE kv_store(key TEXT PRIMARY KEY, value BLOB)").connection.close()
        assert "import_legacy" in only("earlier-release", path)["advice"]

    def test_a_newer_format(self, store, sql):
        sql(store, "UPDATE _dictsqlite SET value = 99 WHERE name = 'format'")
        assert "format 99" in only("newer-format", store)["what"]

    def test_a_newer_sqlite(self, store):
        data = bytearray(store.read_bytes())
        data[18:20] = b"\x09\x09"
        store.write_bytes(data)
        only("newer-sqlite", store)

    def test_not_in_wal_mode(self, store, sql):
        sql(store, "PRAGMA journal_mode = delete")
        assert "open it once for writing" in only("no-log", store)["advice"]
        with dictsqlite.open(store, storage_mode="bytes") as db:
            db["k"] = b"v"
        assert findings(store, code=0) == {}


class TestDamage:
    @pytest.mark.parametrize("left", [1000, 4096, 5000, 40_000])
    def test_truncated(self, store, left):
        os.truncate(store, left)
        assert "cut short" in only("truncated", store)["what"]

    def test_a_page_overwritten(self, store):
        data = bytearray(store.read_bytes())
        for page in range(3, len(data) // 4096, 3):
            data[page * 4096 : page * 4096 + 2000] = os.urandom(2000)
        store.write_bytes(data)
        assert "restore a backup" in only("damaged", store)["advice"]

    def test_damage_that_only_a_whole_reading_finds(self, store):
        data = bytearray(store.read_bytes())
        # A leaf of the table in the middle: counting by the index does not meet it.
        page = len(data) // 4096 // 2
        data[page * 4096 : page * 4096 + 4096] = bytes(4096)
        store.write_bytes(data)
        only("damaged", store)

    def test_the_schema(self, store):
        data = bytearray(store.read_bytes())
        data[100:300] = os.urandom(200)
        store.write_bytes(data)
        only("damaged", store)


def left_by_a_kill(path, run):
    """A store whose process died with the log full, and nobody since."""
    run(
        "import dictsqlite, os, sys\ndb = dictsqlite.open(sys.argv[1], storage_mode='bytes', persist_mode='durable')\n"
        "for n in range(50): db['new', n] = b'x' * 100\nos._exit(0)",
        path,
    )
    assert os.path.getsize(f"{path}-wal") > 32


class TestLogs:
    def test_left_by_a_kill_is_no_problem(self, store, run):
        left_by_a_kill(store, run)
        assert findings(store, code=0) == {}
        assert objects("doctor", store)[0]["entries"] == 350
        # Without the shared memory too: nothing is made beside the file to look into it.
        os.unlink(f"{store}-shm")
        assert findings(store, code=0) == {}
        assert objects("doctor", store)[0]["entries"] == 350

    def test_of_a_database_of_something_else(self, store, tmp_path):
        other = tmp_path / "other.db"
        code = "import sqlite3, os, sys\nc = sqlite3.connect(sys.argv[1])\nc.execute('PRAGMA journal_mode=wal')\nc.execute('PRAGMA application_id=77')\n"
        code += "c.execute('CREATE TABLE x(y)')\nc.commit()\nos._exit(0)"
        subprocess.run([sys.executable, "-c", code, str(other)], check=True)
        os.rename(f"{other}-wal", f"{store}-wal")
        assert "another application" in only("leftover-log", store)["what"]

    def test_with_other_pages(self, store, tmp_path):
        other = tmp_path / "other.db"
        code = "import sqlite3, os, sys\nc = sqlite3.connect(sys.argv[1])\nc.execute('PRAGMA page_size=1024')\nc.execute('PRAGMA journal_mode=wal')\n"
        code += "c.execute('CREATE TABLE x(y)')\nc.commit()\nos._exit(0)"
        subprocess.run([sys.executable, "-c", code, str(other)], check=True)
        os.rename(f"{other}-wal", f"{store}-wal")
        assert "1024 bytes" in only("leftover-log", store)["what"]

    def test_that_is_none(self, store):
        with open(f"{store}-wal", "wb") as file:
            file.write(b"no log" * 100)
        assert "it is no log" in only("leftover-log", store)["what"]

    def test_beside_an_empty_file(self, store, run):
        left_by_a_kill(store, run)
        os.truncate(store, 0)
        assert "discard" in only("leftover-log", store)["advice"]

    def test_too_large_and_left(self, store):
        large_log(store, "os._exit(0)")
        assert "nobody has the file open" in only("large-log", store, "--fast")["what"]
        with dictsqlite.open(store, storage_mode="bytes") as db:
            assert len(db) == 300
        assert findings(store, "--fast", code=0) == {}

    @linux
    def test_too_large_by_an_open_reader(self, store, background):
        reader = """
            import dictsqlite, sys
            db = dictsqlite.open(sys.argv[1], storage_mode="bytes", read_only=True)
            scan = iter(db.items(consistent=True))
            next(scan)
            print("ready", flush=True)
            sys.stdin.readline()
        """
        with background(reader, store) as process:
            large_log(store, "c.close()")
            found = only("large-log", store, "--fast")
            assert f"process {process.pid}" in found["what"] and "consistent=True" in found["advice"]

    @linux
    def test_too_large_by_an_open_writer(self, store, background):
        writer = "import sqlite3, sys\n" + LARGE + "print('ready', flush=True)\nsys.stdin.readline()\nc.close()"
        with background(writer, store) as process:
            found = only("large-log", store, "--fast")
            assert f"Open in: process {process.pid}" in found["what"]


#: 130 MiB in the log, by a program that never checkpoints.
LARGE = """
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute('PRAGMA wal_autocheckpoint=0')
c.execute('PRAGMA synchronous=off')
c.execute('CREATE TABLE large(x)')
for n in range(9):
    c.execute('INSERT INTO large VALUES(zeroblob(15 << 20))')
    c.execute('DELETE FROM large')
"""


def large_log(path, end):
    subprocess.run([sys.executable, "-c", f"import os, sqlite3, sys\n{LARGE}\n{end}", str(path)], check=True)
    assert os.path.getsize(f"{path}-wal") > 128 << 20


@linux
class TestLocks:
    def test_by_a_transaction_of_another_program(self, path, hold_lock):
        with dictsqlite.open(path, storage_mode="bytes") as db:
            db["k"] = b"v"
        with hold_lock() as process:
            found = only("locked", path)
            assert f"process {process.pid} (" in found["what"] and "COMMIT or ROLLBACK" in found["advice"]
        assert findings(path, code=0) == {}

    def test_by_one_that_has_the_file_for_itself(self, path, background):
        with dictsqlite.open(path, storage_mode="bytes") as db:
            db["k"] = b"v"
        code = """
            import sqlite3, sys
            c = sqlite3.connect(sys.argv[1], isolation_level=None)
            c.execute("PRAGMA locking_mode = exclusive")
            c.execute("BEGIN IMMEDIATE")
            c.execute("CREATE TABLE x(y)")
            print("ready", flush=True)
            sys.stdin.readline()
        """
        with background(code, path) as process:
            code, out, err = run("doctor", "--json", path)
            (found,) = json.loads(out)["findings"]
            assert code == 1 and found["name"] == "locked" and f"process {process.pid} (" in found["what"]


def test_two_names(store, tmp_path):
    os.link(store, tmp_path / "second.db")
    only("many-names", store)


class TestPlace:
    """By another user, or in a mount of its own; what is not allowed here is skipped."""

    def as_somebody(self, path):
        code, out, err = as_somebody(path, "doctor", "--json", path)
        assert (code, err) == (1, b""), (code, out, err)
        return {finding["name"]: finding for finding in json.loads(out)["findings"]}

    def test_a_file_and_a_directory_of_somebody_else(self, store):
        os.chmod(store, 0o644)
        os.chmod(store.parent, 0o755)
        found = self.as_somebody(store)
        assert list(found) == ["read-only-file", "read-only-directory"]
        assert "chmod" in found["read-only-file"]["advice"] and str(store.parent) in found["read-only-directory"]["what"]

    def test_a_directory_of_somebody_else(self, store):
        os.chmod(store, 0o666)
        os.chmod(store.parent, 0o755)
        assert list(self.as_somebody(store)) == ["read-only-directory"]

    def test_unreadable(self, store):
        os.chmod(store, 0o600)
        os.chmod(store.parent, 0o755)
        assert list(self.as_somebody(store)) == ["unreadable"]
        os.chmod(store.parent, 0o700)
        assert "entered" in self.as_somebody(store)["unreadable"]["what"]

    @linux
    def test_a_small_disk_and_a_read_only_one(self, tmp_path):
        place = tmp_path / "small"
        place.mkdir()
        code = """
            import ctypes, json, subprocess, sys, dictsqlite
            place, program = sys.argv[1:]
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.unshare(0x20000) or libc.mount(b"none", b"/", None, (1 << 18) | (1 << 14), None):
                print("skip"); sys.exit()
            if libc.mount(b"none", place.encode(), b"tmpfs", 0, b"size=2m"):
                print("skip"); sys.exit()
            with dictsqlite.open(place + "/a.db") as db:
                db["k"] = 1
            ask = lambda: json.loads(subprocess.run([program, "doctor", "--json", place + "/a.db"], capture_output=True).stdout)["findings"]
            small = ask()
            assert libc.mount(b"none", place.encode(), None, 32 | 1, b"size=2m") == 0
            print(json.dumps([small, ask()]))
        """
        done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(place), PROGRAM], capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        if done.stdout == "skip\n":
            pytest.skip("mounting is not allowed here")
        small, fixed = json.loads(done.stdout)
        assert [finding["name"] for finding in small] == ["low-disk-space"] and "MiB are free" in small[0]["what"]
        assert [finding["name"] for finding in fixed] == ["read-only-file", "read-only-directory", "low-disk-space"]

    @pytest.mark.parametrize("ground, name, severity", [("NFS", "network-drive", "problem"), ("fuse.sshfs", "network-drive", "problem"), ("doubtful", "doubtful-drive", "note")])
    def test_drives_of_other_machines(self, store, monkeypatch, ground, name, severity):
        """There is none to be had in a test; which is one is the engine's to know, and tested there."""
        assert dictsqlite._dictsqlite._ground(store) in ("local", "doubtful")
        monkeypatch.setattr(dictsqlite._dictsqlite, "_ground", lambda path: ground)
        found, _ = doctor.examined(str(store))
        assert [(finding.name, finding.severity) for finding in found] == [(name, severity)]
        assert ground == "doubtful" or ground in found[0].what


def test_a_log_too_large_for_a_copy(store, run, monkeypatch):
    left_by_a_kill(store, run)
    os.unlink(f"{store}-shm")
    monkeypatch.setattr(dictsqlite.cli.doctor.inside, "_MOST_COPIED", 1000)
    found, facts = doctor.examined(str(store))
    assert [(finding.name, finding.severity) for finding in found] == [("not-looked-into", "note")] and "kind" not in facts

