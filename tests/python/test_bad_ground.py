"""Bad ground: full and broken disks, files that are none, and numbers that do not fit. Nothing accepted is lost
once the ground is good again, and every error is of its kind and says what to do."""

import os
import socket
import sqlite3
import struct
import sys
import threading
import time

import pytest

import dictsqlite
from processes import PATIENCE, Child, dump, run

pytestmark = pytest.mark.once

linux = pytest.mark.skipif(sys.platform != "linux", reason="mounts, limits and /proc of Linux")


def story(name, directory):
    with Child("ground.py", name, directory) as child:
        child.process.stdin.close()
        out = []
        while (more := child.read(PATIENCE)) is not None:
            out.append(more)
        code = child.process.wait(PATIENCE)
        if code == 77:
            pytest.skip("mounting is not allowed here")
        assert code == 0, child.errors()
        assert b"".join(out).endswith(b"good\n")


@linux
@pytest.mark.parametrize("mode", ["lazy", "writethrough", "durable"])
def test_a_full_disk_and_back(tmp_path, mode):
    """Writes are accepted as far as the mode goes, then refused by kind; with room everything is committed."""
    story(f"full-{mode}", tmp_path / "small")


@linux
@pytest.mark.parametrize("mode", ["lazy", "writethrough", "durable"])
def test_a_quota_and_back(tmp_path, mode):
    """The limit comes as another error number, and by a signal that Python ignores."""
    story(f"quota-{mode}", tmp_path)


@linux
def test_opening_on_a_full_disk(tmp_path):
    story("fullopen", tmp_path / "small")


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="no users to be")
def test_no_permission(tmp_path):
    """A file and a directory of somebody else: refused as such, and nothing is left behind."""
    for directory in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        os.chmod(directory, 0o755)
    story("permissions", tmp_path)


class TestNoStore:
    """Whatever is at the path, the error names it; the file is left as it was."""

    def refused(self, path, *kinds, match=None, **options):
        before = path.read_bytes() if path.is_file() else None
        began = time.monotonic()
        with pytest.raises(kinds, match=match) as caught:
            dictsqlite.open(path, timeout=5, **options)
        assert time.monotonic() - began < 3
        assert os.fspath(path) in str(caught.value), caught.value
        assert before is None or path.read_bytes() == before
        assert not os.path.exists(f"{path}-wal")
        return caught.value

    def test_a_directory(self, tmp_path):
        assert isinstance(self.refused(tmp_path, dictsqlite.IoError, match="regular file"), OSError)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")
    def test_a_fifo(self, tmp_path):
        """Opening one would wait for somebody at its other end."""
        os.mkfifo(tmp_path / "fifo")
        self.refused(tmp_path / "fifo", dictsqlite.IoError, match="regular file")

    @pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no sockets in files")
    def test_a_socket_and_a_device(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("socket")
            self.refused(tmp_path / "socket", dictsqlite.IoError, match="regular file")
        with pytest.raises(dictsqlite.IoError, match="regular file"):
            dictsqlite.open("/dev/null")

    def test_no_directory_and_a_dangling_link(self, tmp_path):
        self.refused(tmp_path / "no" / "store.db", dictsqlite.IoError)
        os.symlink(tmp_path / "no" / "where", tmp_path / "link")
        self.refused(tmp_path / "link", dictsqlite.IoError)
        self.refused(tmp_path / "none.db", dictsqlite.IoError, read_only=True)

    @pytest.mark.parametrize("content", [b"x", b"not a database at all, but longer than a header" * 50, b"\0" * 5000])
    def test_not_sqlite(self, tmp_path, content):
        path = tmp_path / "text"
        path.write_bytes(content)
        self.refused(path, dictsqlite.CorruptError, match="not an SQLite database")

    def test_zero_length(self, tmp_path):
        """An empty file is how SQLite begins, and what `touch` and a crash before the first commit leave."""
        path = tmp_path / "empty"
        path.touch()
        self.refused(path, dictsqlite.UnsupportedError, dictsqlite.ReadOnlyError, dictsqlite.IoError, read_only=True)
        with dictsqlite.open(path) as db:
            db["k"] = 1
        assert dump(path) == {"k": 1}

    @pytest.mark.parametrize("left", [20, 100, 4096, 5000, 12288, 40000])
    def test_truncated(self, tmp_path, left):
        """Some of it is gone: opening or reading says so; nothing is made up, nothing hangs."""
        path = tmp_path / "store.db"
        with dictsqlite.open(path, storage_mode="bytes") as db:
            db.update({n: bytes([n % 256]) * 500 for n in range(300)})
        os.truncate(path, left)
        kinds = (dictsqlite.CorruptError, dictsqlite.UnsupportedError, dictsqlite.IoError)
        with pytest.raises(kinds) as caught:
            with dictsqlite.open(path, storage_mode="bytes", timeout=3) as db:
                for n in range(300):
                    assert db[n] == bytes([n % 256]) * 500
        assert "damaged" in str(caught.value) or isinstance(caught.value, dictsqlite.UnsupportedError), caught.value

    def test_newer_formats(self, tmp_path, sql):
        path = tmp_path / "store.db"
        with dictsqlite.open(path) as db:
            db["k"] = 1
        sql(path, "UPDATE _dictsqlite SET value = 99 WHERE name = 'format'")
        with pytest.raises(dictsqlite.UnsupportedError, match="format 99.*newer dictsqlite"):
            dictsqlite.open(path)
        sql(path, "UPDATE _dictsqlite SET value = 1 WHERE name = 'format'")
        assert dump(path) == {"k": 1}

    def test_a_file_of_a_newer_sqlite(self, tmp_path):
        """Its header asks for a version of the file format that this SQLite does not write."""
        path = tmp_path / "store.db"
        with dictsqlite.open(path) as db:
            db["k"] = 1
        data = bytearray(path.read_bytes())
        data[18:20] = b"\x09\x09"
        path.write_bytes(data)
        with pytest.raises((dictsqlite.CorruptError, dictsqlite.ReadOnlyError, dictsqlite.UnsupportedError)):
            dictsqlite.open(path, timeout=3)


class TestNumbers:
    """Times and counters at the end of what 64 bits hold; 32 would have ended in 1970 plus 24 days."""

    @pytest.mark.parametrize("ttl", [1e12, 2**31 / 1000, 2**32 / 1000, 2**41])
    def test_long_lives(self, path, ttl):
        with dictsqlite.open(path) as db:
            before = time.time()
            db.set("k", 1, ttl=min(ttl, 1e12))
            db.flush()
            expires = db.entry("k").expires_at
            expires = expires if isinstance(expires, (int, float)) else expires.timestamp()
            assert abs(expires - before - min(ttl, 1e12)) < 60
            assert db["k"] == 1 and len(db) == 1 and list(db) == ["k"]
            db.expire("k", 1e12)
            assert db["k"] == 1

    @pytest.mark.parametrize("ttl", [2**62 / 1000, 1e300, -1, float("nan")])
    def test_too_long_is_refused_by_value(self, path, ttl):
        with dictsqlite.open(path) as db:
            for call in (lambda: db.set("k", 1, ttl=ttl), lambda: dictsqlite.open(path, ttl=ttl)):
                with pytest.raises(dictsqlite.InvalidError, match="1e12"):
                    call()
            assert "k" not in db

    def test_an_expiry_beyond_all_time_in_the_file(self, path, sql):
        """2**62 ms, and more, written by another tool."""
        with dictsqlite.open(path) as db:
            db.update({"a": 1, "b": 2, "c": 3})
        sql(path, f"UPDATE main SET expires_at = {2**62} WHERE key = 'a'")
        sql(path, f"UPDATE main SET expires_at = {2**63 - 1} WHERE key = 'b'")
        sql(path, f"UPDATE main SET expires_at = {-(2**63)} WHERE key = 'c'")
        with dictsqlite.open(path) as db:
            assert dict(db.items()) == {"a": 1, "b": 2} and len(db) == 2
            assert db.entry("a").value == 1 and db.entry("b").value == 2 and "c" not in db
            db["d"] = 4
        assert dump(path) == {"a": 1, "b": 2, "d": 4}

    def test_an_expiry_that_is_no_integer_in_the_file(self, path, sql):
        """Written by another tool. The first expiry of a table was read as an integer, and the store would not open."""
        with dictsqlite.open(path) as db:
            db.update({"a": 1, "b": 2, "c": 3})
        sql(path, "UPDATE main SET expires_at = 1.5 WHERE key = 'a'")
        sql(path, "UPDATE main SET expires_at = -1e300 WHERE key = 'b'")
        with dictsqlite.open(path) as db:
            assert dict(db.items()) == {"c": 3} and len(db) == 1 and "a" not in db
            db["d"] = 4
        assert dump(path) == {"c": 3, "d": 4}

    def test_incr_at_the_end_of_64_bits(self, path):
        with dictsqlite.open(path, storage_mode="json") as db:
            assert db.incr("n", 2**63 - 1) == 2**63 - 1
            with pytest.raises((dictsqlite.CodecError, dictsqlite.InvalidError)):
                db.incr("n", 1)
            assert db["n"] == 2**63 - 1
            assert db.incr("n", -1) == 2**63 - 2

    def test_the_counter_of_operations_far_on(self, path, sql):
        """Beyond 32 bits everything goes on; at the end of 64 it is refused, not wrapped."""
        with dictsqlite.open(path) as db:
            db["k"] = 0
        sql(path, f"UPDATE _dictsqlite SET value = {2**40} WHERE name = 'counter'")
        with dictsqlite.open(path) as db:
            db["k"] = 1
            db["new"] = 2
            db.flush()
            assert db.entry("k").version == 2**40 + 1 and db.entry("new").version == 2**40 + 2
            assert list(db) == ["k", "new"]


def test_a_path_that_vanishes_while_opening(tmp_path):
    """Directories come and go under it: every open either works or says what is wrong, and none hangs."""
    directory, stop = tmp_path / "now and then", threading.Event()

    def flicker():
        n = 0
        while not stop.is_set():
            n += 1
            directory.mkdir(exist_ok=True)
            time.sleep(0.003)
            directory.rename(tmp_path / f"gone{n}")

    flickering = threading.Thread(target=flicker)
    flickering.start()
    try:
        opened = failed = 0
        ends = time.monotonic() + 2
        while time.monotonic() < ends:
            try:
                db = dictsqlite.open(directory / "store.db", timeout=1)
            except (dictsqlite.IoError, dictsqlite.ReadOnlyError, dictsqlite.BusyError):
                failed += 1
                continue
            opened += 1
            try:
                db["k"] = 1
                db.close()
            except dictsqlite.IoError as e:
                assert "removed or replaced" in str(e), e
    finally:
        stop.set()
        flickering.join()
    assert opened + failed > 5


def test_the_standard_library_sees_a_sound_file_afterwards(tmp_path):
    """What is left after a kill on a full disk is a database."""
    path = tmp_path / "store.db"
    with dictsqlite.open(path) as db:
        db["k"] = 1
    data = path.read_bytes()
    assert data[:16] == b"SQLite format 3\0" and struct.unpack(">I", data[68:72])[0] == 0x64696374
    assert eval(run("sql.py", path, "connection.execute('PRAGMA integrity_check').fetchall()")) == [("ok",)]
    assert sqlite3.sqlite_version
