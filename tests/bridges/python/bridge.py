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


def ttl_of(request: dict[str, Any]) -> dict[str, Any]:
    return {"ttl": request["ttl"]} if "ttl" in request else {}


def version_of(request: dict[str, Any]) -> dict[str, Any]:
    return {"if_version": request["if_version"]} if "if_version" in request else {}


def selection(request: dict[str, Any]) -> dict[str, Any]:
    bounds = {name: key_in(request[name]) for name in ("prefix", "start", "end") if name in request}
    names = ("reverse", "limit", "order", "consistent")
    return {**bounds, **{name: request[name] for name in names if name in request}}


class Bridge:
    """The handles the runner opened, and one event loop."""

    def __init__(self) -> None:
        self.handles: dict[int, Any] = {}
        self.loop = asyncio.new_event_loop()

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
        entry = call(db, "entry", key_in(request["key"]))
        if entry is None:
            return None
        at = None if entry.expires_at is None else round(entry.expires_at * 1000)
        return {"value": value_out(db, entry.value), "version": entry.version, "expires_at": at}

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
        if what == "keys":
            return [key_out(key) for key in found]
        if what == "values":
            return [value_out(db, value) for value in found]
        return [[key_out(key), value_out(db, value)] for key, value in found]

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


async def drained(pages: Any) -> list[Any]:
    return [item async for item in pages]


def refusal(error: DictSQLiteError) -> dict[str, Any]:
    answer = {"error": type(error).__name__[: -len("Error")], "message": str(error)}
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
    for db in bridge.handles.values():
        db.close()
    bridge.loop.close()


if __name__ == "__main__":
    main()
