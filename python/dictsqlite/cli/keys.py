"""Keys as arguments and as output.

A key argument is text, as it is, unless ``--key-type`` says otherwise. The type ``json`` writes any
key: ``"a"``, ``1``, ``{"b": "..."}`` for bytes, and a list of these for a tuple.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from typing import Any

from .exits import UsageError

__all__ = ["KEY_TYPES", "as_json", "parsed", "written"]

#: What ``--key-type`` may be.
KEY_TYPES = ("text", "int", "bytes", "json")

_INTEGER = re.compile(r"[+-]?[0-9]+")
_SHAPES = 'a text, an integer, {"b": "..."}, or a list of these'


def parsed(argument: str, kind: str) -> Any:
    """The key that an argument stands for."""
    if kind == "bytes":
        return os.fsencode(argument)
    try:
        argument.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(
            f"the key {argument!r} is not UTF-8, and a text key is; use --key-type bytes"
        ) from None
    if kind == "int":
        if not _INTEGER.fullmatch(argument) or len(argument) > 40:
            raise UsageError(f"the key {argument[:60]!r} is no integer, and --key-type is int")
        return int(argument)
    return _from_json(argument) if kind == "json" else argument


def _from_json(argument: str) -> Any:
    try:
        key = json.loads(argument)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"the key {argument[:60]!r} is no JSON ({error}), and --key-type is json: {_SHAPES}"
        ) from None
    if isinstance(key, list):
        return tuple(_element(item, argument) for item in key)
    return _element(key, argument)


def _element(item: Any, argument: str) -> Any:
    if isinstance(item, str) or (isinstance(item, int) and not isinstance(item, bool)):
        return item
    if isinstance(item, dict) and item.keys() == {"b"} and isinstance(item["b"], str):
        try:
            return base64.b64decode(item["b"], validate=True)
        except (binascii.Error, ValueError) as error:
            raise UsageError(f"the key {argument[:60]!r}: no base64 ({error})") from None
    raise UsageError(f"{argument[:60]!r} is no key; in JSON a key is {_SHAPES}")


def as_json(key: Any) -> Any:
    """The key in the form of ``--key-type json``, as JSON's values."""
    if isinstance(key, bytes):
        return {"b": base64.b64encode(key).decode("ascii")}
    return [as_json(item) for item in key] if isinstance(key, tuple) else key


def written(key: Any, kind: str) -> bytes:
    """The key as it is printed: text as it is (bytes, with ``--key-type bytes``), the others, and
    all of them with ``--key-type json``, in the form of that type."""
    if isinstance(key, str) and kind != "json":
        return key.encode("utf-8", "backslashreplace")
    if isinstance(key, bytes) and kind == "bytes":
        return key
    return json.dumps(as_json(key), ensure_ascii=False).encode("utf-8", "backslashreplace")
