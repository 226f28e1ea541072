"""The options of the constructor and of views: spelled out once, and checked by name."""

from __future__ import annotations

import difflib
import os
from typing import Any, Iterable, Optional, Union

from .errors import InvalidError
from .modes import ORDERS

__all__ = ["check_function", "given", "scan_options", "selection", "spelled_out"]


def spelled_out(
    self: Any,
    db_path: Union[str, "os.PathLike[str]"],
    hot_capacity: int = 1_000_000,
    enable_async: bool = True,
    persist_mode: str = "writethrough",
    storage_mode: str = "pickle",
    table_name: str = "main",
    encryption_password: Optional[str] = None,
    enable_safe_pickle: Optional[bool] = None,
    safe_pickle_allowed_modules: Optional[Iterable[str]] = None,
    buffer_size: int = 100,
    *,
    flush_interval: float = 0.2,
    cache_bytes: int = 256 * 1024 * 1024,
    timeout: float = 30.0,
    read_only: bool = False,
    changes: Optional[bool] = None,
    ttl: Optional[float] = None,
    adopt: bool = False,
    safe_pickle_allowed_names: Optional[Iterable[Any]] = None,
    trusted: bool = False,
) -> None:
    """The constructor's options: those of v4.2 in their order, then by name only. Never called."""


#: Those that may be given by position, in v4.2's order.
_POSITIONAL = spelled_out.__code__.co_varnames[2 : spelled_out.__code__.co_argcount]
#: The options and their defaults.
_DEFAULTS: dict[str, Any] = {
    **dict(zip(_POSITIONAL, spelled_out.__defaults__ or ())),
    **(spelled_out.__kwdefaults__ or {}),
}


def selection(
    self: Any,
    *,
    prefix: Any = None,
    start: Any = None,
    end: Any = None,
    reverse: bool = False,
    limit: Optional[int] = None,
    order: Optional[str] = None,
    consistent: bool = False,
    cursor: Optional[str] = None,
) -> Any:
    """The options of a view. Never called."""


SCAN: dict[str, Any] = selection.__kwdefaults__ or {}


def given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """All options by name; unknown ones are refused with the valid ones."""
    if len(args) > len(_POSITIONAL):
        raise TypeError(
            f"at most {len(_POSITIONAL)} options may be given by position: {', '.join(_POSITIONAL)}"
        )
    options = dict(zip(_POSITIONAL, args))
    for name, value in kwargs.items():
        if name not in _DEFAULTS:
            near = difflib.get_close_matches(name, _DEFAULTS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise TypeError(
                f"unknown option {name!r}.{hint} The options are: {', '.join(_DEFAULTS)}"
            )
        if name in options:
            raise TypeError(f"option {name!r} is given twice")
        options[name] = value
    for name, value in options.items():
        if value is None and _DEFAULTS[name] is not None:
            raise InvalidError(f"{name} is None; leave it out for {_DEFAULTS[name]!r}")
    if not isinstance(options.get("enable_async", True), bool):
        raise InvalidError("enable_async must be True or False")
    return {**_DEFAULTS, **options}


def check_function(fn: Any, does: str) -> None:
    """Refuses what cannot be called."""
    if not callable(fn):
        raise TypeError(f"fn is a function that {does}, not {type(fn).__name__}")


def scan_options(options: dict[str, Any], known: dict[str, Any] = SCAN) -> dict[str, Any]:
    """The options of a view, checked now rather than when it is iterated."""
    for name in options:
        if name not in known:
            raise TypeError(f"unknown option {name!r}; the options are: {', '.join(known)}")
    limit, order = options.get("limit"), options.get("order")
    if limit is not None and not (type(limit) is int and 0 <= limit < 2**63):
        raise InvalidError(f"limit is {limit!r}; it must be an int from 0 on, or None")
    if order is not None and order not in ORDERS:
        raise InvalidError(f"order is {order!r}; it must be one of: {', '.join(ORDERS)}")
    cursor = options.get("cursor")
    if cursor is not None and not isinstance(cursor, str):
        raise InvalidError(f"cursor is {type(cursor).__name__}; it must be the str that a scan gave, or None")
    for name in ("reverse", "consistent"):
        if not isinstance(options.get(name, False), bool):
            raise InvalidError(f"{name} is {options[name]!r}; it must be True or False")
    return options
