"""A program as users write them, for the type checkers: it must be clean under mypy --strict and pyright."""

from __future__ import annotations

import asyncio
import datetime
import pathlib
import tempfile
from collections.abc import Iterable, MutableMapping
from typing import Any, Optional

import dictsqlite
from dictsqlite import ConflictError, DictSQLite, DictSQLiteV4, Entry, Modes


class Settings(DictSQLite):
    """A subclass with a method of its own."""

    def theme(self) -> str:
        return str(self.get("theme", "light"))


def opening(path: pathlib.Path) -> None:
    with dictsqlite.open(path) as db:
        print(db.path, db.table_name, db.storage_mode, db.persist_mode, db.read_only, db.closed)
    with DictSQLite(
        str(path),
        10_000,
        True,
        "lazy",
        "pickle",
        "main",
        None,
        True,
        ["shop.models"],
        50,
        flush_interval=datetime.timedelta(seconds=1),
        cache_bytes=1 << 20,
        timeout=5,
        read_only=False,
        ttl=3600.0,
        adopt=False,
        safe_pickle_allowed_names=[pathlib.PurePosixPath, "shop.models.Order"],
        trusted=False,
    ) as db:
        db["k"] = 1
    old: DictSQLiteV4 = DictSQLiteV4(path, persist_mode=Modes.DURABLE, storage_mode=Modes.PICKLE)
    old.close()


def mapping(db: DictSQLite) -> None:
    db["user:1"] = {"name": "Ada"}
    db[7] = "seven"
    db[b"raw"] = b"bytes"
    db["user", 1, b"x"] = None
    name: str = db["user:1"]["name"]
    present: bool = "user:1" in db and None not in db.keys()
    count: int = len(db) + db.len()
    maybe: Optional[str] = db.get("missing")
    sure: int = db.get("n", 0)
    popped: Any = db.pop("missing", None)
    kept: list[int] = db.setdefault("list", [1, 2])
    key, value = db.popitem()
    db.popitem(last=False)
    del db[7]
    db.delete("gone")
    db.update({"a": 1}, b=2)
    db.update([("c", 3)])
    db |= {"d": 4}
    merged: dict[Any, Any] = db | {"e": 5}
    merged = {"f": 6} | db
    plain = dict(db)
    same: bool = db == plain
    print(name, present, count, maybe, sure, popped, kept, key, value, merged, same)
    db.clear()


def views(db: DictSQLite) -> None:
    for key in db:
        print(key)
    for key in reversed(db):
        print(key)
    for key in db.keys(prefix="user:", reverse=True, limit=10):
        print(key)
    for key, value in db.items(start=0, end="z", order="key", consistent=True):
        print(key, value)
    total = sum(1 for value in db.values(order="insertion") if value is not None)
    both = db.keys() & {"a", "b"}
    print(total, both, len(db.items()), list(reversed(db.values())))


def conditional(db: DictSQLite) -> int:
    hits: int = db.incr("hits")
    db.incr("hits", 5)
    entry: Optional[Entry] = db.entry("hits")
    if entry is None:
        return db.set("hits", 0, if_version=0)
    try:
        version: int = db.set("hits", entry.value + hits, if_version=entry.version, ttl=60)
    except ConflictError as conflict:
        print(conflict.key, conflict.code)
        return 0
    db.set("session", {"id": 1}, ttl=datetime.timedelta(minutes=5))
    if db.expire("session", None) and entry.expires_at is not None:
        print(datetime.datetime.fromtimestamp(entry.expires_at))
    db.delete("hits", if_version=version)
    return version


def batches(db: DictSQLite, names: Iterable[str]) -> list[Any]:
    db.batch_set({"a": 1, "b": 2}, ttl=10)
    db.bulk_insert([("c", 3), (4, "d")])
    db.batch_delete(["a", 4])
    db.flush()
    db.flush(durable=True)
    db.flush_write_buffer()
    return db.batch_get(list(names), default=0)


def tables(db: DictSQLite) -> dict[str, int]:
    users = db.table("users", storage_mode=Modes.JSON)
    users["ada"] = {"born": 1815}
    names: list[str] = db.tables()
    gone: bool = db.drop_table("users")
    print(names, gone, db.contains("x"))
    return db.stats()


def as_mapping(target: MutableMapping[Any, Any]) -> None:
    target["x"] = target.get("y", 0)


async def awaitables(path: pathlib.Path) -> Optional[dictsqlite.Entry]:
    async with dictsqlite.AsyncDictSQLite(path, capacity=10, persist_mode="lazy") as db:
        await db.aset("a", 1, ttl=60)
        found: list[Any] = [*await asyncio.gather(db.aget("a"), db.aget("b", 2))]
        total: int = await asyncio.wait_for(db.aincr("n"), 10)
        task = asyncio.create_task(db.abatch_get(["a"]))
        print(found, total, [key async for key in db.akeys(prefix="a")], await task, await db.alen())
        print(await db.aget_or_compute("c", lambda: 1), db.get_or_compute("c", lambda: 1, ttl=5))

        @db.memoize(ttl=60)
        async def double(n: int) -> int:
            return n * 2

        print(await double(2) + 1, await db.apop(double.key(2)))
        await db.aflush(durable=True)
        return await db.aentry("a")


def streams(path: pathlib.Path) -> None:
    with dictsqlite.open(path, storage_mode="bytes", table_name="films") as db:
        with db.open_value("film", "wb", ttl=60, if_version=0) as sink:
            written: int = sink.write(b"x") + sink.write(bytearray(2))
        version: Optional[int] = sink.version
        with db.open_value("film") as source:
            part: bytes = source.read(1)
            print(part, source.size, source.seek(0, 2), written, version, db.entry("film"))
        scan = iter(db.items(limit=1))
        print(list(scan), list(db.keys(cursor=scan.cursor)))
        with db.pipeline() as p:
            p.set("a", b"1", ttl=5).incr("n").get("a", b"").expire("a", None)
        print(p.results, db.pipeline().get("a").execute(return_exceptions=True))


async def streams_without_blocking(path: pathlib.Path) -> None:
    async with dictsqlite.AsyncDictSQLite(path, storage_mode="bytes", table_name="films") as db:
        async with db.aopen_value("film", "wb") as sink:
            await sink.awrite(b"x")
        source = await db.aopen_value("film")
        print(await source.aread(1), [part async for part in source])
        await source.aclose()
        scan = db.aitems()
        print([item async for item in scan], scan.cursor)
        async with db.pipeline() as p:
            p.incr("n")
        print(await p.aexecute())


def whole_files(db: DictSQLite, folder: str) -> None:
    def told(done: int, total: int) -> None:
        print(done, total)

    copy = pathlib.Path(folder, "copy.db")
    size: int = db.backup(copy, overwrite=True, progress=told)
    entries: int = db.export(pathlib.Path(folder, "e"), format="binary", tables=["main"], prefix="a")
    counts: dict[str, int] = db.import_(pathlib.Path(folder, "e"), on_conflict="skip")
    print(size, entries, counts["read"], db.warm()[0], db.vacuum()[1], db.checkpoint()[0], db.integrity_check())
    print(dictsqlite.restore(copy, pathlib.Path(folder, "restored.db"), timeout=1.0))

    async def awaited() -> int:
        problems: list[str] = await db.aintegrity_check()
        frames, moved = await db.acheckpoint()
        print(problems, frames, moved, await db.awarm(prefix="a"))
        return await db.abackup(copy, overwrite=True, progress=told)

    print(asyncio.run(awaited()))


def errors(db: DictSQLite) -> None:
    try:
        print(db["missing"])
    except dictsqlite.KeyMissingError as missing:
        print(missing.key)
    except (dictsqlite.BusyError, dictsqlite.TimeoutError, dictsqlite.FullError, dictsqlite.IoError) as error:
        print(error.code)
    except dictsqlite.DictSQLiteError:
        raise


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "sample.db")
        opening(path)
        with Settings(path) as settings:
            other: Settings = settings.table("other")
            print(settings.theme(), other.theme())
            mapping(settings)
            views(settings)
            print(conditional(settings), batches(settings, ["a", "b"]), tables(settings))
            errors(settings)
            whole_files(settings, folder)
        print(asyncio.run(awaitables(path)))
        streams(path)
        asyncio.run(streams_without_blocking(path))


if __name__ == "__main__":
    main()
