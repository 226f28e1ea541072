"""``get``, ``set`` and ``del``: single entries."""

from __future__ import annotations

import argparse

from ..errors import InvalidError, KeyMissingError
from . import keys, values
from .exits import MISSING, OK
from .files import opened
from .output import Output

__all__ = ["delete", "get", "set_"]


def get(args: argparse.Namespace, out: Output) -> int:
    """Prints one value."""
    key = keys.parsed(args.key, args.key_type)
    with opened(args) as db:
        entry = db.entry(key)
        codec = db.storage_mode
    if entry is None:
        raise KeyMissingError(_named(key))
    if out.json:
        out.object(
            {
                "key": keys.as_json(key),
                **values.fields(entry.value, codec),
                "version": entry.version,
                "expires_at": entry.expires_at,
            }
        )
    elif args.raw or (codec == "bytes" and not out.terminal):
        out.data(values.raw(entry.value, codec))
    else:
        out.line(values.line(entry.value, codec), "" if codec == "bytes" else "json")
    return OK


def set_(args: argparse.Namespace, out: Output) -> int:
    """Sets one value."""
    key = keys.parsed(args.key, args.key_type)
    if args.ttl == 0:
        raise InvalidError("--ttl is 0; give more than 0 seconds, or leave it out for an entry that stays")
    data = values.read(args.value)
    if args.create is not None:
        # What is no value makes no file.
        values.decoded(data, args.create, args.text)
    with opened(args, write=True, create=args.create) as db:
        value = values.decoded(data, db.storage_mode, args.text)
        if args.if_version is None:
            db.set(key, value, ttl=args.ttl)
        else:
            db.set(key, value, ttl=args.ttl, if_version=args.if_version)
    return OK


def delete(args: argparse.Namespace, out: Output) -> int:
    """Deletes entries; those that are not there are told."""
    wanted = [keys.parsed(key, args.key_type) for key in args.key]
    code = OK
    with opened(args, write=True) as db:
        for key in wanted:
            try:
                del db[key]
            except KeyMissingError:
                if not args.missing_ok:
                    out.error(KeyMissingError(_named(key)))
                    code = MISSING
    return code


def _named(key: object) -> str:
    return f"there is no entry with the key {keys.written(key, 'json').decode('utf-8')}"
