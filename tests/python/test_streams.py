"""Values by chunks: files over single values, sync and async; nobody sees half of one, nothing stays behind."""

import asyncio
import gc
import hashlib
import io
import os
import shutil
import time
import warnings

import pytest

import dictsqlite
from processes import Child

CHUNK = 256 * 1024
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17]


def data(size, seed=0):
    block = hashlib.sha256(b"%d" % seed).digest()
    return (block * (size // len(block) + 1))[:size]


def open_db(path, **options):
    return dictsqlite.open(path, storage_mode="bytes", **options)


@pytest.fixture
def db(path):
    with open_db(path) as db:
        yield db


def left(sql, path):
    return tuple(sql(path, f"SELECT (SELECT count(*) FROM _dictsqlite_{t}) FROM (SELECT 1)")[0][0] for t in ("chunks", "streams"))


def await_left(sql, path, chunks, streams):
    deadline = time.monotonic() + 30
    while left(sql, path) != (chunks, streams):
        assert time.monotonic() < deadline, left(sql, path)
        time.sleep(0.05)


def put(db, key, value, **options):
    with db.open_value(key, "wb", **options) as file:
        for start in range(0, len(value), 100_000):
            assert file.write(value[start : start + 100_000]) == len(value[start : start + 100_000])
    return file.version


# -- there and back ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("where", ["file", ":memory:"])
def test_what_was_written_is_read(path, where, size):
    value = data(size)
    with open_db(path if where == "file" else where) as db:
        version = put(db, "k", value)
        assert db["k"] == value
        assert db.entry("k") == dictsqlite.Entry(value, version, None)
        assert db.batch_get(["k", "x"]) == [value, None]
        assert list(db.items()) == [("k", value)]
        with db.open_value("k") as file:
            assert file.size == size and file.name == "k" and file.mode == "rb"
            assert file.readable() and file.seekable() and not file.writable()
            assert file.read() == value and file.read() == b"" and file.tell() == size
        assert file.closed
        assert db.pop("k") == value and "k" not in db


@pytest.mark.parametrize("size", SIZES)
def test_the_same_without_blocking(path, size):
    value = data(size)

    async def main():
        async with open_db(path) as db:
            # The handle is not open yet: the first await opens it.
            async with db.aopen_value("k", "wb") as file:
                for start in range(0, size, 70_000):
                    assert await file.awrite(value[start : start + 70_000]) == len(value[start : start + 70_000])
            assert file.closed and (await db.aentry("k")).version == file.version
            assert await db.aget("k") == value
            assert await db.acontains("k") and not await db.acontains("x")
            file = await db.aopen_value("k")
            assert await file.aread(10) == value[:10]
            assert await file.aread() == value[10:]
            await file.aclose()
            async with db.aopen_value("k") as file:
                assert b"".join([part async for part in file]) == value
            task = asyncio.create_task(db.aopen_value("k", "rb"))
            assert (await task).size == size
            with pytest.raises(KeyError):
                await db.aopen_value("x")

    asyncio.run(main())


def test_the_standard_library_takes_it_for_a_file(db, tmp_path):
    value = data(3 * CHUNK + 5)
    plain = tmp_path / "plain"
    plain.write_bytes(value)
    with open(plain, "rb") as source, db.open_value("k", "wb") as sink:
        shutil.copyfileobj(source, sink)
    with db.open_value("k") as source, open(tmp_path / "copy", "wb") as sink:
        shutil.copyfileobj(source, sink)
    assert (tmp_path / "copy").read_bytes() == value
    with io.BufferedReader(db.open_value("k"), 1000) as file:
        file.seek(CHUNK - 10)
        assert file.read(20) == value[CHUNK - 10 : CHUNK + 10]
        assert file.peek(1)[:1] == value[CHUNK + 10 : CHUNK + 11]
    with db.open_value("zip", "wb") as raw, io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", newline="\n") as text:
        for n in range(100_000):
            print(n, file=text)
    with io.TextIOWrapper(io.BufferedReader(db.open_value("zip")), "utf-8") as text:
        assert [int(line) for line in text] == list(range(100_000))


def test_any_place_is_read(db):
    value = data(4 * CHUNK + 99, 3)
    put(db, "k", value)
    db["small"] = value[:500]
    for key, value in [("k", value), ("small", value[:500])]:
        with db.open_value(key) as file:
            for n in range(0, len(value) + 1, max(1, len(value) // 50)):
                place = (n * 7919) % (len(value) + 1)
                assert [file.seek(place), file.seek(place - file.tell(), 1), file.seek(place - len(value), 2)] == [place] * 3
                assert file.read(1000) == value[place : place + 1000]
            into = bytearray(300)
            file.seek(100)
            assert file.readinto(memoryview(into)[:200]) == 200
            assert into == value[100:300] + bytes(100)
            assert file.seek(10, 2) == len(value) + 10 and file.read(5) == b""
            for bad in [(-1, 0), (-1 - len(value), 2), (0, 3)]:
                with pytest.raises(ValueError):
                    file.seek(*bad)


def test_what_is_written_may_be_any_buffer(db):
    import array

    with db.open_value("k", "wb") as file:
        assert file.write(bytearray(b"ab")) == 2
        assert file.write(array.array("I", [1, 2])) == 8
        assert file.write(memoryview(data(5 * CHUNK))) == 5 * CHUNK
        assert file.write(b"") == 0
        assert file.tell() == 10 + 5 * CHUNK
        with pytest.raises(TypeError):
            file.write("text")
    assert db["k"] == b"ab" + array.array("I", [1, 2]).tobytes() + data(5 * CHUNK)


# -- all or nothing ----------------------------------------------------------------------------------


def test_nobody_sees_half_a_value(db, path, sql):
    db["k"] = b"old"
    with db.open_value("k", "wb") as file:
        file.write(data(5 * CHUNK))
        assert left(sql, path)[0] >= 3
        assert db["k"] == b"old" and len(db) == 1
        # For another process too.
        assert sql(path, "SELECT typeof(value), length(value) FROM main") == [["blob", 3]]
    assert db["k"] == data(5 * CHUNK)
    assert sql(path, "SELECT typeof(value) FROM main") == [["integer"]]


@pytest.mark.parametrize("size", [10, 5 * CHUNK])
def test_a_block_left_by_an_exception_stores_nothing(db, path, sql, size):
    db["k"] = b"old"
    with pytest.raises(ZeroDivisionError), db.open_value("k", "wb") as file:
        file.write(data(size))
        1 / 0
    assert file.closed and file.version is None

    async def main():
        async with db.aopen_value("k", "wb") as file:
            await file.awrite(data(size))
            1 / 0

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())
    file = db.open_value("k", "wb")
    file.write(data(size))
    file.discard()
    assert db["k"] == b"old"
    put(db, "other", data(2 * CHUNK))
    await_left(sql, path, 2, 1)


def test_a_dropped_writer_discards_and_warns(db, path, sql):
    db["k"] = b"old"
    put(db, "other", data(2 * CHUNK))
    file = db.open_value("k", "wb")
    file.write(data(5 * CHUNK))
    with pytest.warns(ResourceWarning, match="'k' was dropped"):
        del file
        gc.collect()
    assert db["k"] == b"old"
    await_left(sql, path, 2, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        put(db, "k", data(2 * CHUNK))
        db.open_value("k")
        gc.collect()


def test_a_cancelled_task_leaves_nothing(path, sql):
    async def main():
        async with open_db(path) as db:
            await db.aset("k", b"old")
            reached = asyncio.Event()

            async def write():
                async with db.aopen_value("k", "wb") as file:
                    while True:
                        await file.awrite(data(CHUNK))
                        reached.set()

            for n in range(5):
                reached.clear()
                task = asyncio.create_task(write())
                await reached.wait()
                await asyncio.sleep(n / 500)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert await db.aget("k") == b"old"
            while left(sql, path) != (0, 0):
                await asyncio.sleep(0.05)

    asyncio.run(asyncio.wait_for(main(), 60))


def test_of_two_writers_the_last_to_close_wins(db, path, sql):
    first, second = db.open_value("k", "wb"), db.open_value("k", "wb")
    first.write(data(3 * CHUNK, 1))
    second.write(data(4 * CHUNK, 2))
    second.close()
    first.close()
    assert db["k"] == data(3 * CHUNK, 1)
    await_left(sql, path, 3, 1)


def test_an_expected_version(db):
    version = put(db, "k", data(2 * CHUNK), if_version=0)
    with pytest.raises(dictsqlite.ConflictError) as caught:
        put(db, "k", data(2 * CHUNK, 1), if_version=0)
    assert caught.value.key == "k"
    assert db["k"] == data(2 * CHUNK)
    newer = put(db, "k", data(2 * CHUNK, 2), if_version=version)
    db.set("k", b"plain", if_version=newer)
    assert db["k"] == b"plain"


def test_a_time_to_live(db, path, sql):
    put(db, "k", data(2 * CHUNK), ttl=0.2)
    assert db.entry("k").expires_at == pytest.approx(time.time() + 0.2, abs=5)
    time.sleep(0.25)
    assert "k" not in db and db.get("k") is None
    with pytest.raises(KeyError):
        db.open_value("k")
    await_left(sql, path, 0, 0)


# -- what changes under a reader ---------------------------------------------------------------------


@pytest.mark.parametrize("change", ["set", "delete", "stream", "sql", "clear", "drop"])
def test_a_value_that_is_gone_is_not_read_on(db, path, sql, change):
    put(db, "k", data(3 * CHUNK))
    with db.open_value("k") as file:
        assert file.read(1000) == data(1000)
        if change == "set":
            db["k"] = b"new"
        elif change == "delete":
            db.delete("k")
        elif change == "stream":
            put(db, "k", data(3 * CHUNK, 1))
        elif change == "sql":
            sql(path, "DELETE FROM main", "SELECT 1")
        elif change == "clear":
            db.clear()
        else:
            db.drop_table("main")
        kinds = dictsqlite.ClosedError if change == "drop" else dictsqlite.ConflictError
        with pytest.raises(kinds):
            file.read(10)
        with pytest.raises(kinds):
            asyncio.run(file.aread(10))


def test_a_mix_of_two_values_is_never_read(path, background):
    """Another process replaces the value all the time; a reader gets one of them or is told."""
    writer = """
        import sys, threading
        import dictsqlite
        db = dictsqlite.open(sys.argv[1], storage_mode="bytes")
        go_on = True
        def work():
            n = 0
            while go_on:
                n += 1
                with db.open_value("k", "wb") as file:
                    for _ in range(12):
                        file.write(bytes([n % 251]) * 100_000)
        with db.open_value("k", "wb") as file:
            file.write(bytes(1_200_000))
        thread = threading.Thread(target=work)
        thread.start()
        print("ready", flush=True)
        sys.stdin.readline()
        go_on = False
        thread.join()
        db.close()
    """
    whole, told = [], 0
    with background(writer, path), open_db(path) as db:
        deadline = time.monotonic() + 60
        ended = time.monotonic() + 4
        while time.monotonic() < ended or (not (len(whole) > 3 and told > 3) and time.monotonic() < deadline):
            try:
                with db.open_value("k") as file:
                    parts = []
                    while part := file.read(50_000):
                        parts.append(part)
                        time.sleep(0.001 if len(whole) % 2 else 0)
                value = b"".join(parts)
                whole.append(value[0])
            except dictsqlite.ConflictError:
                told += 1
                value = db["k"]
            assert len(value) == 1_200_000 and value == value[:1] * len(value)
    assert len(set(whole)) > 1 and told, (len(whole), told)


def test_removed_in_sql_it_is_freed(db, path, sql):
    for n in range(4):
        put(db, f"k{n}", data(2 * CHUNK, n))
    sql(path, "DELETE FROM main WHERE key = 'k0'", "SELECT 1")
    sql(path, "UPDATE main SET value = x'00', version = 1000 WHERE key = 'k1'", "SELECT 1")
    sql(path, "INSERT OR REPLACE INTO main(key, value) VALUES('k2', x'01')", "SELECT 1")
    await_left(sql, path, 2, 1)
    assert dict(db) == {"k1": b"\0", "k2": b"\1", "k3": data(2 * CHUNK, 3)}


# -- refusals and ends -------------------------------------------------------------------------------


def test_what_cannot_be_is_refused(db, path):
    for mode in ["r", "w", "ab", "rb+", None]:
        with pytest.raises(ValueError, match="mode"):
            db.open_value("k", mode)
    with pytest.raises(KeyError) as caught:
        db.open_value("absent")
    assert caught.value.args == ("absent",)
    with pytest.raises(TypeError):
        db.open_value(1.5, "wb")
    with pytest.raises(ValueError):
        db.open_value("k", "rb", ttl=5)
    with pytest.raises(dictsqlite.CodecError, match="bytes"):
        db.table("other", "pickle").open_value("k", "wb")
    put(db, "k", data(2 * CHUNK))
    with db.open_value("k") as file:
        with pytest.raises(io.UnsupportedOperation):
            file.write(b"x")
    for call in (file.read, file.tell, lambda: file.seek(0), lambda: file.readinto(bytearray(1))):
        with pytest.raises(ValueError, match="closed"):
            call()
    with db.open_value("k", "wb") as file:
        with pytest.raises(io.UnsupportedOperation):
            file.read(1)
        with pytest.raises(io.UnsupportedOperation):
            file.seek(0)
    with pytest.raises(ValueError, match="closed"):
        file.write(b"x")
    assert db["k"] == b""


def test_a_read_only_store(path):
    with open_db(path) as db:
        put(db, "k", data(3 * CHUNK))
    with open_db(path, read_only=True) as db:
        with pytest.raises(dictsqlite.ReadOnlyError):
            db.open_value("k", "wb")
        with db.open_value("k") as file:
            assert file.read() == data(3 * CHUNK)


def test_the_store_is_closed_meanwhile(path, sql):
    db = open_db(path)
    db["k"] = b"old"
    put(db, "large", data(3 * CHUNK))
    writer, reader = db.open_value("k", "wb"), db.open_value("large")
    writer.write(data(5 * CHUNK))
    reader.read(10)
    db.close()
    with pytest.raises(dictsqlite.ClosedError, match="not stored"):
        writer.write(data(5 * CHUNK))
    with pytest.raises(dictsqlite.ClosedError):
        writer.close()
    with pytest.raises(dictsqlite.ClosedError):
        reader.read(10)
    with open_db(path) as db:
        assert db["k"] == b"old"
        await_left(sql, path, 3, 1)


def test_one_task_at_a_time(path):
    async def main():
        async with open_db(path) as db:
            async with db.aopen_value("k", "wb") as file:
                both = await asyncio.gather(*(file.awrite(data(20 * CHUNK)) for _ in range(2)), return_exceptions=True)
            assert sorted(map(str, both))[0] == str(20 * CHUNK)
            assert isinstance(next(e for e in both if not isinstance(e, int)), RuntimeError)

    asyncio.run(main())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forks(path, run):
    """A value that was open at the fork is the parent's: the child is told, and changes nothing by dropping it."""
    out = run(
        """
        import gc, os, sys
        import dictsqlite
        CHUNK = 256 * 1024
        db = dictsqlite.open(sys.argv[1], storage_mode="bytes")
        with db.open_value("large", "wb") as file:
            file.write(b"x" * 3 * CHUNK)
        writer, reader = db.open_value("k", "wb"), db.open_value("large")
        writer.write(b"y" * 3 * CHUNK)
        reader.read(10)
        pid = os.fork()
        if pid == 0:
            for call in (lambda: writer.write(b"z"), lambda: reader.read(1), writer.close, lambda: reader.seek(0)):
                try:
                    call()
                except dictsqlite.ClosedError as e:
                    assert "fork" in str(e), e
                else:
                    raise AssertionError("it worked")
            del writer, reader
            gc.collect()
            with db.open_value("large") as file:
                assert file.read() == b"x" * 3 * CHUNK
            with db.open_value("child", "wb") as file:
                file.write(b"c" * 2 * CHUNK)
            db.close()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        writer.write(b"y" * CHUNK)
        writer.close()
        assert reader.read() == b"x" * (3 * CHUNK - 10)
        assert db["k"] == b"y" * 4 * CHUNK and db["child"] == b"c" * 2 * CHUNK
        db.close()
        print("good")
        """,
        path,
    )
    assert out == "good"


def test_killed_in_the_middle_of_a_value(path, sql, tmp_path):
    """The old value is there; what was staged is freed once it is old."""
    with open_db(path) as db:
        put(db, "k", data(3 * CHUNK))
    with Child("value_writer.py", path) as child:
        assert child.line() == "writing"
        deadline = time.monotonic() + 60
        while left(sql, path)[0] < 20:
            assert time.monotonic() < deadline
        child.process.kill()
        child.process.wait()
    with open_db(path) as db:
        assert db["k"] == data(3 * CHUNK)
        time.sleep(3)
        # Not before an hour: it might have been a slow writer of another process.
        assert left(sql, path)[0] >= 20
        sql(path, "UPDATE _dictsqlite_streams SET at = 1 WHERE at IS NOT NULL", "SELECT 1")
        await_left(sql, path, 3, 1)
        assert db["k"] == data(3 * CHUNK)
    assert sql(path, "PRAGMA integrity_check") == [["ok"]]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_gigabyte(path, run):
    """Beyond SQLite's own limit of 10^9 bytes a blob; the resident set does not grow with the value."""
    out = run(
        """
        import hashlib, resource, sys
        import dictsqlite

        SIZE, PART = 1 << 30, 1 << 20

        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * resource.getpagesize() >> 20

        def part(n):
            return hashlib.sha256(b"%d" % n).digest() * (PART // 32)

        wanted, highest = hashlib.sha256(), []
        with dictsqlite.open(sys.argv[1], storage_mode="bytes") as db:
            with db.open_value("film", "wb") as file:
                for n in range(SIZE // PART):
                    file.write(part(n))
                    wanted.update(part(n))
                    highest.append(resident())
            early = max(highest[:256])
            found = hashlib.sha256()
            with db.open_value("film") as file:
                assert file.size == SIZE
                while piece := file.read(PART):
                    found.update(piece)
                    highest.append(resident())
                file.seek(-5, 2)
                assert len(file.read()) == 5
            assert found.digest() == wanted.digest()
            try:
                db["film"]
            except dictsqlite.CodecError as e:
                assert "open_value" in str(e), e
            else:
                raise AssertionError("it was read at once")
            assert "film" in db and list(db) == ["film"]
            db.delete("film")
            db.flush()
            highest.append(resident())
            print(early, max(highest))
        """,
        path,
        timeout=500,
    )
    early, highest = map(int, out.split())
    print(f"resident set: {early} MiB while the first quarter was written, {highest} MiB at most")
    assert highest < early + 48
    assert highest < 256
