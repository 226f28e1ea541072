"""Values as arguments and as output. The table's codec decides what a value is."""

from __future__ import annotations

import base64
import json
import math
import os
import sys
from typing import Any

from .exits import UsageError

__all__ = ["compact", "decoded", "fields", "line", "raw", "read"]


def read(argument: str) -> bytes:
    """The bytes that an argument stands for: its own, those of ``@FILE``, or for ``-`` those of standard
    input. ``@@`` begins a value that begins with ``@``."""
    if argument == "-":
        if sys.stdin is None:
            raise UsageError("the value is to be read from standard input, which is closed")
        return sys.stdin.buffer.read()
    if argument.startswith("@") and not argument.startswith("@@"):
        with open(argument[1:], "rb") as file:
            return file.read()
    return os.fsencode(argument[1:] if argument.startswith("@@") else argument)


def decoded(data: bytes, codec: str, text: bool) -> Any:
    """The value that the bytes stand for in a table with this codec."""
    if codec == "bytes":
        return data
    try:
        told = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"the value is not UTF-8 ({error}), and a {codec} table takes text") from None
    return told if text else _from_json(told, codec)


def _from_json(text: str, codec: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"the value is no JSON ({error}), which a {codec} table takes; "
            "for a text, say --text"
        ) from None


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def compact(value: Any) -> str:
    """JSON in one line."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _is_json(value: Any) -> bool:
    """True when JSON can hold it exactly."""
    waiting, seen = [value], set()
    while waiting:
        item = waiting.pop()
        kind = type(item)
        if kind in (list, dict):
            # One that contains itself would never end.
            if id(item) in seen:
                continue
            seen.add(id(item))
        if kind is list:
            waiting.extend(item)
        elif kind is dict:
            if any(type(key) is not str for key in item):
                return False
            waiting.extend(item.values())
        elif kind is float:
            if not math.isfinite(item):
                return False
        elif item is not None and kind not in (bool, int, str):
            return False
    return True


def fields(value: Any, codec: str) -> dict[str, Any]:
    """The value for a JSON object: as ``value``, or as ``repr`` when JSON cannot hold it."""
    if codec == "bytes":
        return {"value": {"b": base64.b64encode(value).decode("ascii")}}
    if codec == "pickle" and not _expressible(value):
        return {"repr": _repr(value)}
    return {"value": value}


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except RecursionError:
        return f"<{type(value).__name__} nested too deeply to be shown>"


def _expressible(value: Any) -> bool:
    if not _is_json(value):
        return False
    try:
        json.dumps(value)
    except (ValueError, RecursionError):  # too deep, or it contains itself
        return False
    return True


def line(value: Any, codec: str) -> str:
    """The value in one line: JSON, or ``repr`` when JSON cannot hold it. Bytes that are text are shown
    as it."""
    if codec == "bytes":
        try:
            text = bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            return compact(fields(value, codec)["value"])
        return text if text.isprintable() else compact(fields(value, codec)["value"])
    shown = fields(value, codec)
    return str(shown["repr"]) if "repr" in shown else compact(shown["value"])


def raw(value: Any, codec: str) -> bytes:
    """The bytes of the value: bytes as they are, a text without quotes, others as in ``line``."""
    if isinstance(value, bytes):
        return value
    text = value if isinstance(value, str) else line(value, codec)
    return text.encode("utf-8", "surrogatepass")
