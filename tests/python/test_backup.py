"""Backups and restores: beside writers, cancelled, killed, on a full disk."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

import dictsqlite
from conftest import command

pytestmark = pytest.mark.once

WRITER = """
import sys, dictsqlite
db = dictsqlite.open(sys.argv[1], persist_mode="lazy", flush_interval=0.005)
print("ready", flush=True)
import select
n = 0
while not select.select([sys.stdin], [], [], 0.001)[0]:
    db.batch_set({("p", n, "a"): n, ("p", n, "b"): n})
    n += 1
db.close()
"""

BACKUPS = """
import sys, dictsqlite
db = dictsqlite.open(sys.argv[1])
print("ready", flush=True)
while True:
    db.backup(sys.argv[2], overwrite=True)
"""


def fill(path, entries=20_000, size=500):
    db = dictsqlite.open(path, persist_mode="lazy", storage_mode="pickle")
    for start in range(0, entries, 1000):
        db.batch_set({n: b"v" * size for n in range(start, start + 1000)})
    db.flush()
    return db


def strangers(tmp_path):
    known = {"store.db", "store.db-wal", "store.db-shm"}
    return sorted(name for name in os.listdir(tmp_path) if name not in known)


def whole_batches(db, writer):
    """How many batches of a writer are there; each is whole, and none before the last is missing."""
    found = sorted(key[1:] for key in db.keys(prefix=(writer,)))
    count = len(found) // 2
    assert found == [(n, side) for n in range(count) for side in "ab"]
    assert all(db[(writer, n, side)] == n for n, side in found)
    return count


def test_a_backup_beside_threads_and_another_process(path, tmp_path, background):
    db = fill(path)
    acknowledged = [0, 0]
    stop = threading.Event()

    def write(me):
        n = 0
        while not stop.is_set():
            db.batch_set({(f"t{me}", n, "a"): n, (f"t{me}", n, "b"): n})
            n += 1
            acknowledged[me] = n
            time.sleep(0.001)

    threads = [threading.Thread(target=write, args=(me,)) for me in (0, 1)]
    for thread in threads:
        thread.start()
    try:
        with background(WRITER, path):
            seen = 0
            for round in range(4):
                before = list(acknowledged)
                copy_path = tmp_path / f"copy{round}.db"
                size = db.backup(copy_path)
                assert os.path.getsize(copy_path) == size
                with dictsqlite.open(copy_path) as copy:
                    for me in (0, 1):
                        assert whole_batches(copy, f"t{me}") >= before[me]
                    now = whole_batches(copy, "p")
                    assert now >= seen
                    seen = now
                    assert copy[19_999] == b"v" * 500
                    assert copy.integrity_check() == []
            assert seen > 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    db.close()


def test_progress_is_told_and_what_it_raises_cancels(path, tmp_path):
    db = fill(path)
    told = []
    size = db.backup(tmp_path / "copy.db", progress=lambda done, total: told.append((done, total)))
    assert told[0] == (0, 0) and told[-1] == (size // 4096, size // 4096)
    assert told == sorted(told)

    class Enough(Exception):
        pass

    def raising(done, total):
        raise Enough

    for operation in (
        lambda: db.backup(tmp_path / "no.db", progress=raising),
        lambda: db.export(tmp_path / "no.jsonl", progress=raising),
        lambda: db.warm(progress=raising),
    ):
        with pytest.raises(Enough):
            operation()
    assert strangers(tmp_path) == ["copy.db"]
    with pytest.raises(dictsqlite.InvalidError):
        db.backup(tmp_path / "no.db", progress=5)
    with pytest.raises(dictsqlite.InvalidError):
        db.backup("")
    db.close()


def test_what_the_last_call_raises_leaves_the_result(path, tmp_path, monkeypatch):
    """It was raised in the place of a result that was there: who made room and tried again found the file in the way."""
    db = fill(path)
    shown = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: shown.append(unraisable.exc_type))

    def at_the_end(error):
        def progress(done, total):
            if total and done == total:
                raise error

        return progress

    assert db.backup(tmp_path / "copy.db", progress=at_the_end(ZeroDivisionError)) > 0
    assert shown == [ZeroDivisionError]
    with pytest.raises(KeyboardInterrupt):
        db.export(tmp_path / "all.jsonl", progress=at_the_end(KeyboardInterrupt))
    db.close()

    async def main():
        told = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(type(context["exception"])))
        async with dictsqlite.AsyncDictSQLite(path) as db:
            assert await db.abackup(tmp_path / "other.db", progress=at_the_end(ZeroDivisionError)) > 0
        assert told == [ZeroDivisionError]

    asyncio.run(main())
    assert strangers(tmp_path) == ["all.jsonl", "copy.db", "other.db"]


def test_awaited_forms_do_the_same_and_tell_on_the_loop(tmp_path):
    async def main():
        async with dictsqlite.AsyncDictSQLite(tmp_path / "store.db") as db:
            await db.abatch_set({n: "v" * 1000 for n in range(20_000)})
            told, turns = [], 0

            def progress(done, total):
                assert threading.current_thread() is threading.main_thread()
                asyncio.get_running_loop()
                told.append((done, total))

            async def turn():
                nonlocal turns
                while True:
                    await asyncio.sleep(0)
                    turns += 1

            turning = asyncio.create_task(turn())
            size = await db.abackup(tmp_path / "copy.db", progress=progress)
            assert turns > 10 and told[-1] == (size // 4096, size // 4096)
            assert await db.aexport(tmp_path / "e.jsonl", progress=progress) == 20_000
            turning.cancel()
            assert await db.aintegrity_check() == []
            frames, moved = await db.acheckpoint()
            assert frames >= moved
            assert await dictsqlite.arestore(tmp_path / "copy.db", tmp_path / "restored.db", progress=progress) == size
            async with dictsqlite.AsyncDictSQLite(tmp_path / "restored.db") as copy:
                assert await copy.alen() == 20_000
                assert await copy.awarm() == (20_000, 20_000)
                await copy.aclear()
                before, after = await copy.avacuum()
                assert after < before
                done = await copy.aimport_(tmp_path / "e.jsonl", progress=progress)
                assert done == {"read": 20_000, "written": 20_000, "skipped": 0, "expired": 0}
            with pytest.raises(dictsqlite.InvalidError):
                await db.abackup(tmp_path / "copy.db")
            with pytest.raises(TypeError):
                await db.abackup(tmp_path / "new.db", progress=5)

    asyncio.run(main())


def test_a_cancelled_task_leaves_nothing(path, tmp_path):
    fill(path).close()

    async def main():
        async with dictsqlite.AsyncDictSQLite(path) as db:
            for n in range(12):
                for make in (lambda: db.abackup(tmp_path / "copy.db"), lambda: db.aexport(tmp_path / "copy.jsonl")):
                    task = asyncio.create_task(make())
                    await asyncio.sleep(n * 0.003)
                    task.cancel()
                    try:
                        await task
                    except asyncio.CancelledError:
                        if strangers(tmp_path):
                            # It was too late; then all of it is there.
                            assert strangers(tmp_path) in (["copy.db"], ["copy.jsonl"])
                    for name in strangers(tmp_path):
                        os.remove(tmp_path / name)

            def raising(done, total):
                raise ZeroDivisionError

            with pytest.raises(ZeroDivisionError):
                await db.abackup(tmp_path / "copy.db", progress=raising)
            assert strangers(tmp_path) == []

    asyncio.run(main())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills")
def test_kill_during_a_backup_leaves_the_one_before(path, tmp_path):
    fill(path, 10_000).close()
    copy_path = tmp_path / "copy.db"
    moments = random.Random(7)
    for _ in range(8):
        child = subprocess.Popen(command(BACKUPS, [path, copy_path]), stdout=subprocess.PIPE, text=True)
        try:
            assert child.stdout.readline() == "ready\n"
            time.sleep(moments.uniform(0.0, 0.15))
        finally:
            child.kill()
            child.wait()
            child.stdout.close()
        with dictsqlite.open(path) as db:
            assert len(db) == 10_000
        if copy_path.exists():
            with dictsqlite.open(copy_path) as copy:
                assert len(copy) == 10_000 and copy.integrity_check() == []
        left = [name for name in strangers(tmp_path) if not name.startswith("copy.db")]
        assert left == []
    assert copy_path.exists()
    # What is left of those that were killed goes when it is an hour old.
    for name in strangers(tmp_path):
        if ".tmp-" in name:
            os.utime(tmp_path / name, (time.time() - 3600,) * 2)
    with dictsqlite.open(path) as db:
        db.backup(copy_path, overwrite=True)
    assert strangers(tmp_path) == ["copy.db"]


def test_a_full_disk_is_told_and_left_as_it_was(path, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        db = fill(path, 10_000)
        for operation in (
            lambda: db.backup(small / "copy.db"),
            lambda: db.export(small / "copy.jsonl"),
            lambda: db.export(small / "copy.bin", format="binary"),
        ):
            with pytest.raises(dictsqlite.FullError):
                operation()
            assert os.listdir(small) == []
        db.backup(tmp_path / "copy.db")
        with pytest.raises(dictsqlite.FullError):
            dictsqlite.restore(tmp_path / "copy.db", small / "restored.db")
        assert os.listdir(small) == []
        db.close()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_restore_refuses_what_is_open_in_another_process(path, tmp_path, background):
    with dictsqlite.open(path) as db:
        db["k"] = 1
        db.backup(tmp_path / "copy.db")
        db["k"] = 2
        with pytest.raises(dictsqlite.BusyError):
            dictsqlite.restore(tmp_path / "copy.db", path, overwrite=True, timeout=0.2)
    other = "import sys, dictsqlite; db = dictsqlite.open(sys.argv[1]); print('ready', flush=True); sys.stdin.readline(); db.close()"
    with background(other, path):
        with pytest.raises(dictsqlite.BusyError, match="another process"):
            dictsqlite.restore(tmp_path / "copy.db", path, overwrite=True)
    with pytest.raises(dictsqlite.InvalidError, match="turn overwriting on"):
        dictsqlite.restore(tmp_path / "copy.db", path)
    dictsqlite.restore(tmp_path / "copy.db", path, overwrite=True)
    with dictsqlite.open(path) as db:
        assert db["k"] == 1


def test_memory_goes_to_a_file_and_back(tmp_path):
    with dictsqlite.open(":memory:") as db:
        db.update({"a": [1], (1, "x"): {2}})
        db.table("other")["o"] = None
        db.backup(tmp_path / "copy.db")
    with dictsqlite.open(tmp_path / "copy.db", read_only=True) as copy:
        assert dict(copy) == {"a": [1], (1, "x"): {2}} and copy.table("other")["o"] is None
        copy.backup(tmp_path / "again.db")
    with dictsqlite.open(tmp_path / "again.db") as again:
        assert dict(again) == {"a": [1], (1, "x"): {2}}


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_a_backup(path, tmp_path):
    db = fill(path)
    timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT))

    def slow(done, total):
        time.sleep(0.05)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            for n in range(100):
                db.backup(tmp_path / "copy.db", overwrite=True, progress=slow)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert [name for name in strangers(tmp_path) if ".tmp-" in name] == []
    db.close()
