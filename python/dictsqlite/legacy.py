"""Copying the files of earlier DictSQLite releases (1.x, 2.x, 4.x) into new ones.

Nothing in those files says how their values are encoded, so the caller does.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import itertools
import json
import os
import sqlite3
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, Optional, Sequence, Tuple, Union

from ._dict import DictSQLite
from .errors import CodecError, InvalidError, PasswordError, UnsupportedError

__all__ = ["import_legacy"]

_MODES = ("pickle", "json", "jsonb", "bytes")
#: Entries copied as one unit.
_BATCH = 10_000
#: How the earlier releases made a key of a password.
_SALT = b"DictSQLite_v4_default_salt_16b"
_ROUNDS = 100_000
_NONCE = 12

_Row = Tuple[str, Any]


def import_legacy(
    old_path: Union[str, "os.PathLike[str]"],
    new_path: Union[str, "os.PathLike[str]"],
    *,
    storage_mode: str,
    password: Optional[str] = None,
    prefixed_tables: Sequence[str] = (),
    **options: Any,
) -> dict[str, int]:
    """Copies a file of an earlier release into a new one and returns the entries of each table.

    ``storage_mode`` is the mode the old file was written in: ``"pickle"``, ``"json"``, ``"jsonb"``
    (which was MessagePack then, and needs the ``msgpack`` package) or ``"bytes"``. The new tables have
    the same mode. ``password`` is that of the old values, if they were encrypted (needs the
    ``cryptography`` package). The 2.x and 4.x releases put further tables into one as the key prefix
    ``name:``; name such tables in ``prefixed_tables`` to have them separate again. ``options`` are
    those of :class:`dictsqlite.DictSQLite` for the new file, for example
    ``safe_pickle_allowed_names``. The old file is only read. The new one must not exist yet.
    """
    if storage_mode not in _MODES:
        raise InvalidError(f"storage_mode is {storage_mode!r}; it must be one of: {', '.join(_MODES)}")
    if not os.path.isfile(old_path):
        raise InvalidError(f"{os.fspath(old_path)} is no file")
    if os.path.exists(new_path):
        raise InvalidError(f"{os.fspath(new_path)} exists; give the path of a new file")
    uri = Path(old_path).resolve().as_uri() + "?mode=ro"
    old = sqlite3.connect(uri, uri=True)
    try:
        tables = _tables(old)
        with DictSQLite(new_path, storage_mode=storage_mode, **options) as main:
            decode = _decoder(storage_mode, password, main)
            counts: dict[str, int] = {}
            for physical, name in tables:
                for key, value in _batched(old, physical, decode):
                    _copy(main, name, prefixed_tables, key, value, counts)
            return counts
    finally:
        old.close()


def _copy(
    main: DictSQLite,
    table: str,
    prefixed: Sequence[str],
    keys: list[str],
    values: list[Any],
    counts: dict[str, int],
) -> None:
    parts: dict[str, dict[str, Any]] = {}
    for key, value in zip(keys, values):
        name, rest = table, key
        for candidate in prefixed:
            if table == "main" and key.startswith(candidate + ":"):
                name, rest = candidate, key[len(candidate) + 1 :]
        parts.setdefault(name, {})[rest] = value
    for name, items in parts.items():
        if name == main.table_name:
            main.batch_set(items)
        else:
            with main.table(name) as handle:
                handle.batch_set(items)
        counts[name] = counts.get(name, 0) + len(items)


def _tables(old: sqlite3.Connection) -> list[Tuple[str, str]]:
    """The tables of an old file, each with the name it is to have."""
    names = [row[0] for row in old.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = []
    for name in names:
        columns = {row[1] for row in old.execute(f"PRAGMA table_info({_quoted(name)})")}
        if not {"key", "value"} <= columns:
            continue
        known_as = name
        if name.startswith("kv_"):
            known_as = "main" if name == "kv_store" else name[3:]
        found.append((name, known_as))
    if not found:
        raise UnsupportedError("the file has no table with the columns key and value")
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _batched(
    old: sqlite3.Connection, table: str, decode: Callable[[str, Any], Any]
) -> Iterator[Tuple[list[str], list[Any]]]:
    rows: Iterable[_Row] = old.execute(f"SELECT key, value FROM {_quoted(table)} ORDER BY rowid")
    rows = iter(rows)
    while True:
        batch = list(itertools.islice(rows, _BATCH))
        if not batch:
            return
        yield [key for key, _ in batch], [decode(key, value) for key, value in batch]


def _decoder(
    mode: str, password: Optional[str], main: DictSQLite
) -> Callable[[str, Any], Any]:
    decrypt = _decrypter(password)
    unpack = _needed("msgpack", "values that are MessagePack").unpackb if mode == "jsonb" else None

    def decode(key: str, stored: Any) -> Any:
        if isinstance(stored, str) and mode == "pickle":  # 1.x
            return main._decode(base64.b64decode(stored))
        data = stored.encode() if isinstance(stored, str) else bytes(stored)
        data = _decompressed(decrypt(key, data))
        if mode == "bytes":
            return data
        if mode == "json":
            return _without_markers(json.loads(data))
        if unpack is not None:
            return unpack(data, raw=False, strict_map_key=False)
        # Bytes values were stored as they were when they looked like no pickle, or like one.
        if data[:1] != b"\x80":
            return data
        try:
            return main._decode(data)
        except CodecError:
            if data.endswith(b"."):
                raise
            return data

    return decode


def _without_markers(value: Any) -> Any:
    """JSON of 1.x spelled sets as objects; JSON tables hold lists."""
    if isinstance(value, dict):
        if value.keys() == {"__type__", "value"} and value["__type__"] == "set":
            return [_without_markers(item) for item in value["value"]]
        return {name: _without_markers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_markers(item) for item in value]
    return value


def _decrypter(password: Optional[str]) -> Callable[[str, bytes], bytes]:
    marker = b"ENC\0"
    if password is None:

        def plain(key: str, data: bytes) -> bytes:
            if data.startswith(marker):
                raise PasswordError(f"the value of {key!r} is encrypted; give password=")
            return data

        return plain
    ciphers = _needed("cryptography.hazmat.primitives.ciphers.aead", "encrypted values")
    secret = hashlib.pbkdf2_hmac("sha256", password.encode(), _SALT, _ROUNDS)
    cipher = ciphers.AESGCM(secret)

    def decrypt(key: str, data: bytes) -> bytes:
        data = data[len(marker) :] if data.startswith(marker) else data
        try:
            return bytes(cipher.decrypt(data[:_NONCE], data[_NONCE:], None))
        except Exception as failure:
            raise PasswordError(f"the value of {key!r} does not open with this password") from failure

    return decrypt


def _decompressed(data: bytes) -> bytes:
    marker = b"ZSTD"
    if not data.startswith(marker):
        return data
    zstandard = _needed("zstandard", "compressed values")
    return bytes(zstandard.ZstdDecompressor().decompress(data[len(marker) :]))


def _needed(module: str, what: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise UnsupportedError(f"the file has {what}; install the package {package!r}") from None
