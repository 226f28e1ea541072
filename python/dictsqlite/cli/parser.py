"""The arguments of every command."""

from __future__ import annotations

import argparse
import math
from typing import Any, Callable, List, Optional, Sequence

from .. import _dictsqlite
from . import copies, doctor, entries, facts, listing, upkeep
from .keys import KEY_TYPES
from .output import Output

__all__ = ["parse"]

_CODECS = ("json", "jsonb", "bytes", "pickle")

_ABOUT = """\
Looks into and looks after the files of dictsqlite.
"""

_CODES = """\
exit codes: 0 done; 1 no such key, or `check` or `doctor` found something; 2 called wrongly;
3 codec, 4 conflict, 5 busy, 6 timeout, 9 damaged, 10 full, 11 read-only, 13 unsupported, 14 invalid,
15 input or output; 130 Ctrl-C, 141 nobody reads the output.
"""

_KEYS = """\
A KEY is text, as it is, unless --key-type (-k) says otherwise: int, bytes, or json for any key:
"a", 1, {"b": "AP8="} for bytes, ["2024", 7] for a tuple. What begins with - goes behind --.
"""

_VALUES = """\
A VALUE is JSON in json, jsonb and pickle tables, and bytes in bytes tables. @FILE is what is in a
file, - is standard input, @@x is the value @x. --text takes it as a text in any table.
"""

_Run = Callable[[argparse.Namespace, Output], int]


def parse(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """The arguments as they were given, or the exit that `--help` and mistakes end in."""
    return _parser().parse_args(argv)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds") from None
    if not seconds >= 0 or seconds == math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 on")
    return seconds


def _natural(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:30]) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 on")
    return int(text)


class _Commands:
    """Adds commands to a parser."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._all = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(self, name: str, run: _Run, about: str, epilog: str = "") -> argparse.ArgumentParser:
        """A command with the options that all have, and FILE."""
        command = self._all.add_parser(
            name,
            help=about[0].lower() + about[1:].rstrip("."),
            description=about,
            epilog=f"{epilog}\n{_CODES}".lstrip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.set_defaults(run=run)
        common = command.add_argument_group("what all commands have")
        common.add_argument("--json", action="store_true", help="print JSON, one value a line")
        common.add_argument(
            "--color",
            choices=("auto", "always", "never"),
            default="auto",
            help="colours: on a terminal (auto, unless NO_COLOR is set), always or never; they need "
            "the package rich (pip install 'dictsqlite[cli]')",
        )
        common.add_argument("-q", "--quiet", action="store_true", help="no progress and no remarks")
        common.add_argument(
            "--timeout",
            type=_seconds,
            default=30.0,
            metavar="SECONDS",
            help="how long to wait for a lock (30)",
        )
        return command


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dictsqlite",
        description=_ABOUT,
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"dictsqlite {_dictsqlite.__version__}"
    )
    commands = _Commands(parser)
    _add_entries(commands)
    _add_listings(commands)
    _add_facts(commands)
    _add_copies(commands)
    return parser


def _file(command: argparse.ArgumentParser, about: str = "the store") -> None:
    command.add_argument("file", metavar="FILE", help=about)


def _table(command: argparse.ArgumentParser) -> None:
    command.add_argument("-t", "--table", default="main", metavar="NAME", help="the table (main)")


def _allow(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="MODULE.CLASS",
        help="a class that pickles may build; may be given many times",
    )


def _keys(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-k", "--key-type", choices=KEY_TYPES, default="text", help="how keys are written (text)"
    )


def _add_entries(commands: _Commands) -> None:
    command = commands.add("get", entries.get, "Prints the value of a key.", _KEYS)
    _file(command)
    command.add_argument("key", metavar="KEY", help="the key")
    command.add_argument(
        "--raw", action="store_true", help="the bytes of the value: a text without its quotes, no newline"
    )
    for add in (_table, _keys, _allow):
        add(command)

    command = commands.add(
        "set", entries.set_, "Sets the value of a key, on the disk when it ends.", _KEYS + _VALUES
    )
    _file(command)
    command.add_argument("key", metavar="KEY", help="the key")
    command.add_argument("value", metavar="VALUE", help="the value, @FILE, or - for standard input")
    command.add_argument("--text", action="store_true", help="the value is a text, not JSON")
    command.add_argument(
        "--create",
        choices=_CODECS,
        metavar="MODE",
        help="make the file and the table when they are missing, with this storage mode: "
        + ", ".join(_CODECS),
    )
    command.add_argument(
        "--ttl", type=_seconds, metavar="SECONDS", help="how long the entry lives (for ever)"
    )
    command.add_argument(
        "--if-version",
        type=int,
        metavar="N",
        help="only if the entry has this version (get --json tells it); 0: only if there is none",
    )
    for add in (_table, _keys, _allow):
        add(command)

    command = commands.add("del", entries.delete, "Deletes entries.", _KEYS)
    _file(command)
    command.add_argument("key", metavar="KEY", nargs="+", help="the keys")
    command.add_argument(
        "--missing-ok", action="store_true", help="a key that is not there is no error"
    )
    for add in (_table, _keys, _allow):
        add(command)


def _add_listings(commands: _Commands) -> None:
    listings: List[Any] = [
        ("ls", listing.ls, "Lists the keys of a table.", "values too"),
        ("scan", listing.scan, "Prints the entries of a table.", "only the values"),
        ("count", listing.count, "Counts the entries of a table.", None),
    ]
    for name, run, about, values in listings:
        command = commands.add(name, run, about, _KEYS)
        _file(command)
        command.add_argument("--prefix", metavar="KEY", help="only keys that begin with it")
        command.add_argument("--start", metavar="KEY", help="only keys from this one on")
        command.add_argument("--end", metavar="KEY", help="only keys before this one")
        command.add_argument("--limit", type=_natural, metavar="N", help="only so many")
        command.add_argument("--reverse", action="store_true", help="the last one first")
        command.add_argument(
            "--order",
            choices=("insertion", "key"),
            help="insertion, or the keys' own: integers, text, bytes (with a prefix or a bound)",
        )
        if values is not None:
            command.add_argument("--values", action="store_true", help=values)
            command.add_argument(
                "-z", "--null", action="store_true", help="end lines with a zero byte"
            )
        for add in (_table, _keys, _allow):
            add(command)


def _add_facts(commands: _Commands) -> None:
    command = commands.add("tables", facts.tables, "Lists the tables of a store.")
    _file(command)
    command = commands.add("stats", facts.stats, "Prints figures of a store: sizes, pages, entries.")
    _file(command)


def _add_copies(commands: _Commands) -> None:
    command = commands.add(
        "check", upkeep.check, "Looks for damage: SQLite's own check, and what dictsqlite relies on."
    )
    _file(command)

    command = commands.add(
        "backup", copies.backup, "Copies a store, as of one moment, while it is in use."
    )
    _file(command)
    command.add_argument("dest", metavar="DEST", help="where the copy is put")
    _overwrite(command)

    command = commands.add(
        "restore", copies.restore, "Puts a copy of a backup in its place, checked and whole."
    )
    command.add_argument("source", metavar="BACKUP", help="the backup, which is only read")
    _file(command, "where the store is to be; nobody may have it open")
    _overwrite(command)

    command = commands.add(
        "export",
        copies.export,
        "Writes entries to a file that is no database, as of one moment.",
        _KEYS,
    )
    _file(command)
    command.add_argument("dest", metavar="DEST", help="the file, or - for standard output")
    command.add_argument(
        "--format", choices=("jsonl", "binary"), default="jsonl", help="JSON Lines, or binary"
    )
    _tables(command, "only this table; may be given many times")
    command.add_argument("--prefix", metavar="KEY", help="only keys that begin with it")
    _keys(command)
    _overwrite(command)

    command = commands.add(
        "import", copies.import_, "Reads an export into a store, which is made when missing."
    )
    _file(command)
    command.add_argument("source", metavar="EXPORT", help="the export, or - for standard input")
    _tables(command, "only this table of the export; may be given many times")
    command.add_argument(
        "--on-conflict",
        choices=("replace", "skip", "error"),
        default="replace",
        help="what becomes of an entry whose key is there (replace)",
    )

    command = commands.add(
        "bench",
        upkeep.bench,
        "Measures what reading and writing files costs here: blocking, by threads, by io_uring.",
    )
    command.add_argument(
        "operation",
        metavar="OPERATION",
        nargs="?",
        choices=("read", "write"),
        help="read or write; both when left out",
    )
    for name, about in (
        ("iterations", "operations a round"),
        ("size", "bytes of an operation (4096)"),
        ("concurrency", "operations under way at a time (64)"),
    ):
        command.add_argument(f"--{name}", type=_natural, metavar="N", help=about)
    command.add_argument(
        "--directory", metavar="DIR", help="where (the directory for temporary files)"
    )

    command = commands.add(
        "doctor",
        doctor.doctor,
        "Says what is wrong with a file, and what to do. It changes nothing.",
    )
    _file(command, "the store, or what should be one")
    command.add_argument(
        "--fast", action="store_true", help="do not read the whole file for damage"
    )


def _overwrite(command: argparse.ArgumentParser) -> None:
    command.add_argument("--overwrite", action="store_true", help="replace what is there")


def _tables(command: argparse.ArgumentParser, about: str) -> None:
    command.add_argument("-t", "--table", action="append", default=[], metavar="NAME", help=about)
