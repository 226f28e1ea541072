"""Who takes part: every peer in the ways in which it can be used."""

from typing import NamedTuple, Optional

#: When a contender's writes are committed. `never`: nothing outlives the process. `flush`: at the
#: latest by then, and what came before may be lost. `write`: about each write survives the process.
#: `sync`: each write survives the power. Only those of one kind are compared on writes.
COMMITS = ("never", "flush", "write", "sync")


class Contender(NamedTuple):
    name: str
    #: Whose virtual environment it runs in.
    peer: str
    #: `module:Class` of `adapters`.
    adapter: str
    commits: str
    options: dict = {}
    #: Only these families of workloads; all that fit if absent.
    only: Optional[tuple] = None
    #: These too.
    also: tuple = ()
    #: Whether it stands for its peer in workloads that only read, where how it writes makes no
    #: difference.
    reads: bool = True
    #: Writes many rows by `batch_set`, all of them as one.
    bulk: bool = False
    #: More entries than this would take it minutes.
    reach: int = 1 << 62


SUSTAINED = ("sustained_ascending", "sustained_random", "growth_set")
COMMITTED = ("committed_ascending", "committed_random")
NESTED = ("nested_set", "nested_get")
DURABLE = ("durable_1", "durable_64")
ASYNC_HOT = ("async_hot_get", "async_hot_gather")
ASYNC_COLD = ("async_cold_get", "async_cold_gather")
ASYNC_SETS = ("async_set", "async_set_gather")
ASYNC_SYNCED = ("async_durable", "async_durable_gather")
ASYNC_LAGS = ("async_lag_set", "async_lag_get")
ASYNC = (*ASYNC_HOT, *ASYNC_COLD, *ASYNC_SETS)
#: The modes of both generations, and when they commit.
MODES = (("memory", "never"), ("lazy", "flush"), ("writethrough", "write"))
#: What a mode takes part in besides: `lazy` is what both recommend to tasks.
PUBLIC_ALSO = {"memory": ("hot_get",), "lazy": (*ASYNC, *ASYNC_LAGS)}
ALSO = {**PUBLIC_ALSO, "durable": ASYNC_SYNCED}

CONTENDERS = (
    Contender("dict", "dict", "builtin:Dict", "never", also=("empty_loop", *ASYNC_HOT, *ASYNC_SETS, *ASYNC_LAGS)),
    Contender("sqlite3", "sqlite3", "stdlib_sqlite:Sqlite", "write"),
    Contender(
        "sqlite3 executemany", "sqlite3", "stdlib_sqlite:Sqlite", "flush", only=SUSTAINED, bulk=True
    ),
    Contender(
        "sqlite3 full",
        "sqlite3",
        "stdlib_sqlite:Sqlite",
        "sync",
        {"synchronous": "FULL"},
        only=DURABLE,
    ),
    Contender("dbm", "shelve", "stdlib_dbm:Dbm", "flush", reach=10_000),
    Contender("shelve", "shelve", "stdlib_dbm:Shelve", "flush", reach=10_000),
    Contender("sqlitedict", "sqlitedict", "sqlitedict:SqliteDict", "flush", reach=20_000),
    Contender(
        "sqlitedict autocommit",
        "sqlitedict",
        "sqlitedict:SqliteDict",
        "write",
        {"autocommit": True},
        only=COMMITTED,
        reach=10_000,
    ),
    Contender("diskcache", "diskcache", "diskcache:Cache", "write", also=ASYNC, reach=20_000),
    Contender("aiosqlite", "aiosqlite", "aiosqlite:Aiosqlite", "write", only=ASYNC),
    Contender(
        "aiosqlite one hop",
        "aiosqlite",
        "aiosqlite:AiosqliteShortest",
        "write",
        only=(*ASYNC_HOT, *ASYNC_COLD),
    ),
    Contender(
        "aiosqlite full",
        "aiosqlite",
        "aiosqlite:Aiosqlite",
        "sync",
        {"synchronous": "FULL"},
        only=ASYNC_SYNCED,
    ),
    Contender("empty to_thread", "hop", "hops:Thread", "never", only=ASYNC_COLD),
    Contender("empty future_into_py", "hop", "hops:Future", "never", only=ASYNC_COLD),
    Contender("rocksdict", "rocksdict", "rocksdict:Rdict", "write", also=SUSTAINED),
    Contender("lmdb", "lmdb", "lmdb:Lmdb", "write"),
    Contender("lmdb one txn", "lmdb", "lmdb:LmdbTxn", "flush", only=("hot_get", *SUSTAINED)),
    Contender("lmdb sync", "lmdb", "lmdb:Lmdb", "sync", {"sync": True}, only=DURABLE),
    *(
        Contender(
            f"dictsqlite 2.1.3 {mode}",
            "dictsqlite-2.1.3",
            "public_2_1_3:Public",
            commits,
            {"persist_mode": mode},
            also=PUBLIC_ALSO.get(mode, ()),
            reads=mode == "writethrough",
        )
        for mode, commits in MODES
    ),
    *(
        Contender(
            f"dictsqlite {mode}",
            "dictsqlite",
            "ours:Ours",
            commits,
            {"persist_mode": mode},
            also=ALSO.get(mode, ()),
            reads=mode == "writethrough",
        )
        for mode, commits in (*MODES, ("durable", "sync"))
    ),
    Contender(
        "dictsqlite lazy, blocking",
        "dictsqlite",
        "ours:Blocking",
        "flush",
        {"persist_mode": "lazy"},
        only=("async_hot_get", "async_set"),
    ),
    Contender(
        "dictsqlite json",
        "dictsqlite",
        "ours:Ours",
        "write",
        {"persist_mode": "writethrough", "storage_mode": "json"},
        only=NESTED,
    ),
)

#: All names of peers, in order.
PEERS = tuple(dict.fromkeys(contender.peer for contender in CONTENDERS))


def named(name):
    """The contender of that name."""
    return next(contender for contender in CONTENDERS if contender.name == name)
