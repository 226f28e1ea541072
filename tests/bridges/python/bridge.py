"""Drives the package for the conformance suite: one JSON request a line in, one JSON answer a line out.

The protocol is described in ``tests/bridges/README.md``. Values cross as what the codec stores, in hex:
in ``json`` and ``jsonb`` tables that is JSON text, which Python's own users never see, so it is read
and written here.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Callable

import dictsqlite
from dictsqlite import DictSQLiteError

#: Stands for "there is none" where ``None`` is a value.
MISSING: Any = object()
#: What there is only without ``await``.
BLOCKING_ONLY = {"remove"}


class Absent(Exception):
    """There is no such operation, or not in this form."""


def key_in(key: dict[str, Any]) -> Any:
    [(kind, value)] = key.items()
    if kind == "b":
        return bytes.fromhex(value)
    if kind == "t":
        return tuple(key_in(item) for item in value)
    return value


def key_out(key: Any) -> dict[str, Any]:
    if isinstance(key, str):
        return {"s": key}
    if isinstance(key, int):
        return {"i": key}
    if isinstance(key, bytes):
        return {"b": key.hex()}
    return {"t": [key_out(item) for item in key]}


def value_in(db: Any, text: str) -> Any:
    data = bytes.fromhex(text)
    return data if db.storage_mode == "bytes" else json.loads(data)


def value_out(db: Any, value: Any) -> Any:
    if value is MISSING:
        return None
    if db.storage_mode != "bytes":
        value = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return value.hex()


def change_out(change: Any) -> dict[str, Any]:
    def out(value: Any) -> str:
        # JSON has no bytes, so bytes are those of a table of bytes.
        if not isinstance(value, bytes):
            value = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        return value.hex()

    at = change.expires_at
    return {
        "seq": change.seq,
        "kind": change.kind,
        "table": change.table,
        "key": key_out(change.key),
        "old": None if change.kind == "insert" else out(change.old),
        "new": None if change.kind in ("delete", "expire") else out(change.new),
        "expires_at": None if at is None else round(at * 1000),
    }


def entry_out(db: Any, entry: Any) -> Any:
    if entry is None:
        return None
    at = None if entry.expires_at is None else round(entry.expires_at * 1000)
    return {"value": value_out(db, entry.value), "version": entry.version, "expires_at": at}


def ttl_of(request: dict[str, Any]) -> dict[str, Any]:
    return {"ttl": request["ttl"]} if "ttl" in request else {}


def version_of(request: dict[str, Any]) -> dict[str, Any]:
    return {"if_version": request["if_version"]} if "if_version" in request else {}


def selection(request: dict[str, Any]) -> dict[str, Any]:
    bounds = {name: key_in(request[name]) for name in ("prefix", "start", "end") if name in request}
    names = ("reverse", "limit", "order", "consistent")
    return {**bounds, **{name: request[name] for name in names if name in request}}


class Owner:
    """A task in which everything of one asynchronous transaction is done: it belongs to its task."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.asked: asyncio.Queue[Any] = asyncio.Queue()
        self.task = loop.create_task(self.work())

    async def work(self) -> None:
        while True:
            begin, answer = await self.asked.get()
            if begin is None:
                return
            try:
                answer.set_result(await begin())
            except Exception as error:  # whoever asked is told
                answer.set_exception(error)

    def run(self, begin: Callable[[], Any]) -> Any:
        """What comes of an awaitable that is made and awaited in the task."""
        answer = self.loop.create_future()
        self.asked.put_nowait((begin, answer))
        return self.loop.run_until_complete(answer)

    def end(self) -> None:
        self.asked.put_nowait((None, None))
        self.loop.run_until_complete(self.task)


class Bridge:
    """The handles the runner opened, and one event loop."""

    def __init__(self) -> None:
        self.handles: dict[int, Any] = {}
        self.loop = asyncio.new_event_loop()
        #: Transactions with their owners, which blocking ones have not.
        self.transactions: dict[int, tuple[Any, Any]] = {}
        self.owners: list[Owner] = []
        self.savepoints: dict[tuple[int, int], Any] = {}
        self.streams: dict[int, Any] = {}
        #: Watches with their dicts.
        self.watches: dict[int, tuple[Any, Any]] = {}

    def answer(self, request: dict[str, Any]) -> Any:
        op, later = request["op"], request.get("async", False)
        if op == "hello":
            return {
                "protocol": 1,
                "language": "python",
                "version": dictsqlite.__version__,
                "forms": ["sync", "async"],
                "lacks": ["raw_json"],
            }
        if op == "open":
            self.handles[request["h"]] = self.open(request, later)
            return True
        if op == "restore":
            return self.restore(request, later)
        if "tx" in request and op != "begin":
            return self.in_transaction(op, request, later)
        db = self.handles[request["h"]]
        if op == "table":
            self.handles[request["as"]] = self.table(db, request, later)
            return True
        method: Callable[..., Any] = getattr(self, f"op_{op}", None) or unknown
        if later and op in BLOCKING_ONLY:
            raise Absent
        return method(db, request, self.awaited if later else blocking)

    def awaited(self, db: Any, name: str, *args: Any, **options: Any) -> Any:
        """The awaitable method, run by the loop."""

        async def run() -> Any:
            return await getattr(db, "a" + name)(*args, **options)

        return self.loop.run_until_complete(run())

    def open(self, request: dict[str, Any], later: bool) -> Any:
        options = {"storage_mode": "bytes", **request.get("options", {})}
        if "table" in options:
            options["table_name"] = options.pop("table")

        async def opened() -> Any:
            return await dictsqlite.open(request["path"], **options)

        if later:
            return self.loop.run_until_complete(opened())
        return dictsqlite.open(request["path"], **options)

    def table(self, db: Any, request: dict[str, Any], later: bool) -> Any:
        options = request.get("options", {})
        if later:
            return self.awaited(db, "table", request["name"], **options)
        return db.table(request["name"], **options)

    def op_get(self, db: Any, request: Any, call: Any) -> Any:
        return value_out(db, call(db, "get", key_in(request["key"]), MISSING))

    def op_contains(self, db: Any, request: Any, call: Any) -> Any:
        return call(db, "contains", key_in(request["key"]))

    def op_len(self, db: Any, request: Any, call: Any) -> Any:
        return call(db, "len")

    def op_entry(self, db: Any, request: Any, call: Any) -> Any:
        return entry_out(db, call(db, "entry", key_in(request["key"])))

    def op_set(self, db: Any, request: Any, call: Any) -> Any:
        options = {**ttl_of(request), **version_of(request)}
        key, value = key_in(request["key"]), value_in(db, request["value"])
        version = call(db, "set", key, value, **options)
        return True if version is None else version

    def op_delete(self, db: Any, request: Any, call: Any) -> Any:
        call(db, "delete", key_in(request["key"]), **version_of(request))
        return True

    def op_remove(self, db: Any, request: Any, call: Any) -> Any:
        try:
            del db[key_in(request["key"])]
        except dictsqlite.KeyMissingError:
            return False
        return True

    def op_pop(self, db: Any, request: Any, call: Any) -> Any:
        return value_out(db, call(db, "pop", key_in(request["key"]), MISSING))

    def op_popitem(self, db: Any, request: Any, call: Any) -> Any:
        try:
            key, value = call(db, "popitem", request.get("last", True))
        except dictsqlite.KeyMissingError:
            return None
        return [key_out(key), value_out(db, value)]

    def op_setdefault(self, db: Any, request: Any, call: Any) -> Any:
        key, value = key_in(request["key"]), value_in(db, request["value"])
        return value_out(db, call(db, "setdefault", key, value, **ttl_of(request)))

    def op_incr(self, db: Any, request: Any, call: Any) -> Any:
        return call(db, "incr", key_in(request["key"]), request["by"])

    def op_expire(self, db: Any, request: Any, call: Any) -> Any:
        return call(db, "expire", key_in(request["key"]), request["ttl"])

    def op_clear(self, db: Any, request: Any, call: Any) -> Any:
        call(db, "clear")
        return True

    def op_get_many(self, db: Any, request: Any, call: Any) -> Any:
        keys = [key_in(key) for key in request["keys"]]
        return [value_out(db, value) for value in call(db, "batch_get", keys, MISSING)]

    def op_set_many(self, db: Any, request: Any, call: Any) -> Any:
        items = [(key_in(key), value_in(db, value)) for key, value in request["items"]]
        call(db, "batch_set", items, **ttl_of(request))
        return True

    def op_delete_many(self, db: Any, request: Any, call: Any) -> Any:
        call(db, "batch_delete", [key_in(key) for key in request["keys"]])
        return True

    def op_page(self, db: Any, request: Any, call: Any) -> Any:
        what, options = request["what"], selection(request)
        if call is blocking:
            found = list(getattr(db, what)(**options))
        else:
            found = self.loop.run_until_complete(drained(getattr(db, "a" + what)(**options)))
        return shaped(db, what, found)

    # -- transactions ------------------------------------------------------------------------------

    def op_begin(self, db: Any, request: Any, call: Any) -> Any:
        if not hasattr(db, "transaction"):
            raise Absent
        names = ("mode", "isolation", "timeout", "max_hold")
        tx = db.transaction(**{name: request[name] for name in names if name in request})
        owner = None
        if call is blocking:
            tx.begin()
        else:
            owner = Owner(self.loop)
            self.owners.append(owner)
            owner.run(tx.abegin)
        self.transactions[request["tx"]] = (tx, owner)
        return True

    def in_transaction(self, op: str, request: Any, later: bool) -> Any:
        number = request["tx"]
        tx, owner = self.transactions[number]

        def run(begin: Callable[[], Any]) -> Any:
            """In the transaction's own task, if it has one."""
            if owner is None:
                return begin()

            async def done() -> Any:
                return begin()

            return owner.run(done)

        def called(tx: Any, name: str, *args: Any, **options: Any) -> Any:
            if later:
                return owner.run(lambda: getattr(tx, "a" + name)(*args, **options))
            return getattr(tx, name)(*args, **options)

        if op == "table":
            table = called(tx, "table", request["name"], **request.get("options", {}))
            self.transactions[request["as"]] = (table, owner)
            return True
        if op in ("savepoint", "rollback_to", "release"):
            place = (number, request["savepoint"])
            if op == "savepoint":
                savepoint = tx.savepoint()
                run(savepoint.__enter__)
                self.savepoints[place] = savepoint
            elif op == "rollback_to":
                run(self.savepoints[place].rollback)
            else:
                run(lambda: self.savepoints[place].__exit__(None, None, None))
            return True
        if op == "commit":
            return called(tx, "commit")
        if op == "rollback":
            called(tx, "rollback")
            return True
        if op == "page":
            return self.page_of_transaction(tx, owner, request, later)
        method: Callable[..., Any] = getattr(self, f"op_{op}", None) or unknown
        return method(tx, request, called)

    def page_of_transaction(self, tx: Any, owner: Any, request: Any, later: bool) -> Any:
        what, options = request["what"], selection(request)
        if later:
            found = owner.run(lambda: drained(getattr(tx, "a" + what)(**options)))
        else:
            found = list(getattr(tx, what)(**options))
        return shaped(tx, what, found)

    def op_atomic(self, db: Any, request: Any, call: Any) -> Any:
        if not hasattr(db, "atomic"):
            raise Absent
        atomic = db.atomic()
        for key, version in request["checks"]:
            atomic.check(key_in(key), version)
        for write in request["writes"]:
            if "set" in write:
                atomic.set(key_in(write["set"]), value_in(db, write["value"]), **ttl_of(write))
            elif "incr" in write:
                atomic.incr(key_in(write["incr"]), write["by"])
            else:
                atomic.delete(key_in(write["delete"]))
        return call(atomic, "commit")

    # -- changes and watches -----------------------------------------------------------------------

    def op_enable_changes(self, db: Any, request: Any, call: Any) -> Any:
        limits = {name: request[name] for name in ("count", "age") if name in request}
        call(db, "enable_changes", **limits)
        return True

    def op_has_changes(self, db: Any, request: Any, call: Any) -> Any:
        return call(db, "has_changes")

    def op_changes(self, db: Any, request: Any, call: Any) -> Any:
        options = {name: request[name] for name in ("since", "tables") if name in request}
        if "prefix" in request:
            options["prefix"] = key_in(request["prefix"])
        self.streams[request["stream"]] = db.changes(**options)
        return True

    def op_next_changes(self, db: Any, request: Any, call: Any) -> Any:
        stream, found = self.streams[request["stream"]], []
        while len(found) < request["count"]:
            found += call(stream, "page")
        return [change_out(change) for change in found]

    def op_position(self, db: Any, request: Any, call: Any) -> Any:
        return self.streams[request["stream"]].position

    def op_close_changes(self, db: Any, request: Any, call: Any) -> Any:
        call(self.streams[request["stream"]], "close")
        return True

    def op_watch(self, db: Any, request: Any, call: Any) -> Any:
        keys = [key_in(key) for key in request.get("keys", [])]
        prefix = {"prefix": key_in(request["prefix"])} if "prefix" in request else {}
        self.watches[request["watch"]] = (db, db.watch(*keys, **prefix))
        return True

    def op_next_watched(self, _db: Any, request: Any, call: Any) -> Any:
        (db, watch), found = self.watches[request["watch"]], []
        while len(found) < request["count"]:
            found += call(watch, "page")
        return [[key_out(one.key), entry_out(db, one.entry)] for one in found]

    def op_close_watch(self, db: Any, request: Any, call: Any) -> Any:
        call(self.watches[request["watch"]][1], "close")
        return True

    # -- the store ---------------------------------------------------------------------------------

    def op_tables(self, db: Any, request: Any, call: Any) -> Any:
        return sorted(call(db, "tables"))

    def op_drop_table(self, db: Any, request: Any, call: Any) -> Any:
        return call(db, "drop_table", request["name"])

    def op_info(self, db: Any, request: Any, call: Any) -> Any:
        return {
            "table": db.table_name,
            "storage_mode": db.storage_mode,
            "persist_mode": db.persist_mode,
            "path": db.path,
            "read_only": db.read_only,
            "closed": db.closed,
        }

    def op_flush(self, db: Any, request: Any, call: Any) -> Any:
        call(db, "flush", durable=request.get("durable", False))
        return True

    # -- whole files -------------------------------------------------------------------------------

    def restore(self, request: dict[str, Any], later: bool) -> Any:
        given = (request["source"], request["path"])
        options = {"overwrite": request.get("overwrite", False)}
        if later:
            return self.loop.run_until_complete(dictsqlite.arestore(*given, **options))
        return dictsqlite.restore(*given, **options)

    def op_backup(self, db: Any, request: Any, call: Any) -> Any:
        return call(db, "backup", request["dest"], overwrite=request.get("overwrite", False))

    def op_export(self, db: Any, request: Any, call: Any) -> Any:
        names = ("format", "tables", "all_tables", "overwrite")
        options = {name: request[name] for name in names if name in request}
        if "prefix" in request:
            options["prefix"] = key_in(request["prefix"])
        return call(db, "export", request["dest"], **options)

    def op_import_export(self, db: Any, request: Any, call: Any) -> Any:
        names = ("tables", "on_conflict")
        options = {name: request[name] for name in names if name in request}
        return call(db, "import_", request["source"], **options)

    def op_warm(self, db: Any, request: Any, call: Any) -> Any:
        prefix = {"prefix": key_in(request["prefix"])} if "prefix" in request else {}
        return call(db, "warm", **prefix)

    def op_vacuum(self, db: Any, request: Any, call: Any) -> Any:
        return call(db, "vacuum")

    def op_checkpoint(self, db: Any, request: Any, call: Any) -> Any:
        return call(db, "checkpoint")

    def op_integrity_check(self, db: Any, request: Any, call: Any) -> Any:
        return call(db, "integrity_check")

    def op_stats(self, db: Any, request: Any, call: Any) -> Any:
        return call(db, "stats")

    def op_close(self, db: Any, request: Any, call: Any) -> Any:
        call(db, "close")
        return True


def unknown(*_: Any) -> Any:
    raise Absent


def blocking(db: Any, name: str, *args: Any, **options: Any) -> Any:
    """The blocking method."""
    return getattr(db, name)(*args, **options)


def shaped(db: Any, what: str, found: list[Any]) -> list[Any]:
    """What a scan gave."""
    if what == "keys":
        return [key_out(key) for key in found]
    if what == "values":
        return [value_out(db, value) for value in found]
    return [[key_out(key), value_out(db, value)] for key, value in found]


async def drained(pages: Any) -> list[Any]:
    return [item async for item in pages]


def refusal(error: DictSQLiteError) -> dict[str, Any]:
    kind = dictsqlite.IoError if isinstance(error, dictsqlite.IoError) else type(error)
    answer = {"error": kind.__name__[: -len("Error")], "message": str(error)}
    if error.key is not None:
        answer["key"] = key_out(error.key)
    return answer


def main() -> None:
    bridge = Bridge()
    for line in sys.stdin.buffer:
        answer: dict[str, Any]
        try:
            answer = {"ok": bridge.answer(json.loads(line))}
        except Absent:
            answer = {"absent": True}
        except DictSQLiteError as error:
            answer = refusal(error)
        except Exception as error:  # whatever it is, the runner must hear of it
            answer = {"bug": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
    for owner in bridge.owners:
        owner.end()
    for db in bridge.handles.values():
        db.close()
    bridge.loop.close()


if __name__ == "__main__":
    main()
