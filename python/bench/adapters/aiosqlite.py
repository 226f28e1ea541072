"""aiosqlite as its pages show it: one connection, WAL, statements prepared by the sqlite3 module's cache."""

import contextlib

import aiosqlite

from .stdlib_sqlite import GET, SET, Sqlite


class Tasks:
    """What tasks may do with a connection."""

    def __init__(self, db):
        self.db = db

    async def aget(self, key):
        async with self.db.execute(GET, (key,)) as cursor:
            return (await cursor.fetchone())[0]

    async def aset(self, key, value):
        # Nobody needs the cursor: its thread is not asked to close it.
        await self.db.execute(SET, (key, value))

    async def aflush(self):
        """Each write was committed when it returned."""


class Shortest(Tasks):
    """With the one call that has a read done in a single hop to the connection's thread."""

    async def aget(self, key):
        return (await self.db.execute_fetchall(GET, (key,)))[0][0]


class Aiosqlite(Sqlite):
    """The file is made by the standard library; only tasks use aiosqlite."""

    made_of = Tasks

    @contextlib.asynccontextmanager
    async def tasks(self):
        async with aiosqlite.connect(self.path, isolation_level=None, timeout=60) as db:
            await db.execute("PRAGMA journal_mode = WAL")
            await db.execute(f"PRAGMA synchronous = {self.synchronous}")
            yield self.made_of(db)

    @classmethod
    def version(cls):
        return f"{aiosqlite.__version__}, {super().version()}"


class AiosqliteShortest(Aiosqlite):
    made_of = Shortest
