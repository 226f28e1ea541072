"""Pickle mode: what goes in comes back exactly, what could not is refused, and a hostile file runs nothing."""

import collections
import datetime as dt
import decimal
import fractions
import ipaddress
import json
import math
import os
import pathlib
import pickle
import re
import struct
import subprocess
import sys
import typing
import uuid
import zoneinfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dictsqlite

INJECT = """
import json, sqlite3, sys
rows = json.load(sys.stdin)
db = sqlite3.connect(sys.argv[1], timeout=30)
for table, key, value in rows:
    db.execute(f"INSERT INTO {table}(key, value) VALUES (?, ?)", (key, bytes.fromhex(value)))
db.commit()
db.close()
"""


def inject(path, rows):
    """Writes rows from another process: a second SQLite in this one would break the locks of the file."""
    text = json.dumps([[table, key, value.hex()] for table, key, value in rows])
    subprocess.run([sys.executable, "-c", INJECT, str(path)], input=text, text=True, check=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


def opened(path, **options):
    return dictsqlite.DictSQLite(str(path), storage_mode="pickle", **options)


def same(a, b):
    """Equal, and of the same types all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, (list, tuple, collections.deque)):
        if isinstance(a, collections.deque) and a.maxlen != b.maxlen:
            return False
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, dict):
        if isinstance(a, collections.defaultdict) and a.default_factory is not b.default_factory:
            return False
        return same(list(a), list(b)) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (dt.datetime, dt.time)):
        return a.isoformat() == b.isoformat() and a.fold == b.fold and same(a.tzinfo, b.tzinfo)
    if isinstance(a, zoneinfo.ZoneInfo):
        return a is b
    return a == b


counts = collections.Counter("abracadabra")
groups = collections.defaultdict(list, {"a": [1], "b": []})
SAFE = [
    None, True, False, 0, 1, -1, 255, 256, 65535, 65536, 2**31, -(2**31), 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 2**2000,
    -(10**100), 0.0, -0.0, 1.5, float("inf"), float("nan"), 5e-324, "", "text", "é\u20ac\U0001f600", "\ud800", "a\0b",
    "x" * 300, "x" * 70000, b"", b"bytes", bytes(range(256)), b"y" * 300, b"z" * 70000,
    [], [1, [2, [3]]], (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {}, {"a": {"b": [1, (2, b"3")]}},
    {1: 2, None: 3, (1, (2, "x")): 4, b"k": 5, 1.5: 6, True: 7}, list(range(1000)), {str(i): i for i in range(1000)},
    complex(1.5, -2), {1, 2, 3}, set(), frozenset(), frozenset({"a", (1, 2)}), bytearray(), bytearray(b"abc\xff"),
    range(10), range(5, 0, -2), slice(1, None, 2), Ellipsis, NotImplemented, int, str, dict, dt.date, decimal.Decimal,
    collections.OrderedDict([("b", 1), ("a", {"x": 1})]), collections.OrderedDict(), collections.deque([1, 2]),
    collections.deque([1, 2], maxlen=5), collections.deque(), groups, collections.defaultdict(int, x=1),
    collections.defaultdict(), collections.defaultdict(collections.OrderedDict, a=collections.OrderedDict()), counts,
    dt.date(2024, 2, 29), dt.time(1, 2, 3, 4), dt.time(1, 2, tzinfo=dt.timezone.utc), dt.datetime(1, 1, 1),
    dt.datetime(2024, 5, 6, 7, 8, 9, 10), dt.datetime(2024, 5, 6, tzinfo=dt.timezone.utc),
    dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")), dt.timedelta(-5, 3, 1),
    dt.timezone.utc, dt.timezone(dt.timedelta(hours=-3)), dt.timezone(dt.timedelta(hours=2), "two"),
    zoneinfo.ZoneInfo("UTC"), zoneinfo.ZoneInfo("America/Argentina/Buenos_Aires"), decimal.Decimal("1.2300"),
    decimal.Decimal("-Infinity"), decimal.Decimal("1E+400"), fractions.Fraction(-7, 3), fractions.Fraction(5),
    uuid.UUID(int=0), uuid.UUID("12345678123456781234567812345678"), uuid.UUID(int=2**128 - 1),
    uuid.UUID(int=7, is_safe=uuid.SafeUUID.safe), uuid.SafeUUID.unknown, ipaddress.ip_address("10.0.0.1"),
    ipaddress.ip_address("::1"), ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32"),
    ipaddress.ip_interface("10.0.0.1/8"), ipaddress.ip_interface("2001:db8::1/64"), pathlib.PurePosixPath("/a/b"),
    pathlib.PureWindowsPath("C:/a/b"), pathlib.Path("a/b"), pathlib.PurePath(), pathlib.Path("/"),
    {"when": dt.datetime(2024, 5, 6), "price": decimal.Decimal("1.5"), "id": uuid.UUID(int=5), "tags": {"a"}},
    [dt.timedelta(1)] * 3, (dt.date(2024, 1, 1), [range(3), {"x": frozenset({1})}]),
]  # fmt: skip


def test_safe_types_come_back_exactly(path):
    with opened(path) as db:
        for index, value in enumerate(SAFE):
            db[f"k{index}"] = value
            assert same(db[f"k{index}"], value), value
        db.flush()
    with opened(path) as db:
        for index, value in enumerate(SAFE):
            assert same(db[f"k{index}"], value), value


def test_pickles_of_every_protocol_are_read(path):
    streams = []
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for index, value in enumerate(SAFE):
            streams.append((f"p{protocol}-{index}", value, pickle.dumps(value, protocol)))
    with opened(path) as db:
        db["x"] = 1
        db.flush()
        inject(path, [("main", key, data) for key, _, data in streams])
        for key, value, data in streams:
            # Stock pickle itself forgets `fold` below protocol 4.
            assert same(db[key], pickle.loads(data)), (key, value, data[:200])


def test_what_is_stored_is_a_pickle_that_stock_python_reads(path):
    with opened(path) as db:
        for index, value in enumerate(SAFE):
            db[f"k{index}"] = value
        db.flush()
    code = (
        "import pickle, sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1])\n"
        "rows = db.execute('SELECT key, value FROM main').fetchall()\n"
        "pickle.dump({k: pickle.loads(v) for k, v in rows}, sys.stdout.buffer)\n"
    )
    out = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=True).stdout
    stock = pickle.loads(out)
    assert all(same(stock[f"k{index}"], value) for index, value in enumerate(SAFE))


@pytest.mark.parametrize("mode", ["pickle", "bytes"])
def test_values_may_begin_with_any_byte(path, mode):
    with dictsqlite.DictSQLite(str(path), storage_mode=mode) as db:
        for byte in range(256):
            for rest in (b"", b"\x05.", b"rest", b"\x04K\x01."):
                value = bytes([byte]) + rest
                db[byte] = value
                assert db[byte] == value
                if mode == "pickle":
                    db[byte] = text = value.decode("latin-1")
                    assert db[byte] == text


def test_identity_inside_a_value_is_kept(path):
    with opened(path) as db:
        shared = [1]
        db["k"] = {"a": shared, "b": shared, "t": (shared,)}
        back = db["k"]
        assert back["a"] is back["b"] is back["t"][0]
        loop = []
        loop.append(loop)
        db["loop"] = loop
        back = db["loop"]
        assert back[0] is back
        ring = {"x": 1}
        ring["me"] = [ring]
        db["ring"] = ring
        back = db["ring"]
        assert back["me"][0] is back


def test_every_width_of_length_and_integer(path):
    """Each is written by another opcode."""
    with opened(path) as db:
        for size in (0, 1, 30, 33, 254, 255, 256, 257, 65535, 65536, 65537):
            for value in ("s" * size, b"b" * size, [0] * size, (0,) * size, dict.fromkeys(range(size), 0)):
                db["k"] = value
                assert same(db["k"], value)
        for bits in range(0, 130):
            for value in (2**bits - 1, 2**bits, -(2**bits), -(2**bits) - 1):
                db["k"] = value
                assert db["k"] == value


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary()
keys = st.recursive(
    st.none() | st.integers() | st.text() | st.binary(), lambda part: st.tuples(part, part) | st.frozensets(part)
)
plain = st.recursive(
    scalars | st.dates() | st.decimals(allow_nan=False) | st.uuids() | st.timedeltas(),
    lambda part: st.lists(part)
    | st.tuples(part, part)
    | st.dictionaries(keys, part)
    | st.sets(keys)
    | st.builds(collections.deque, st.lists(part))
    | st.builds(lambda items: [items, items], st.lists(part)),
    max_leaves=30,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=plain)
def test_nested_values_come_back(tmp_path, value):
    with opened(tmp_path / "any.db") as db:
        db["k"] = value
        assert same(db["k"], value)


def test_keys_of_dicts_that_come_again(path):
    """Keys that were read before are used again, whatever they collide with where they are kept."""
    names = [letter * length for letter in "ab\u00e9\u6c49\U0001f600" for length in range(40)]
    # Equal where it is looked: the length, the first and the last bytes.
    names += [f"12345678{middle:05d}12345678" for middle in range(300)]
    names += [f"1234{middle}1234" for middle in range(10)] + ["\ud800", "x\udfff"]
    values = [{name: name, "again": {name: [name], other: 1}} for name in names for other in ("a", "id")]
    with opened(path, hot_capacity=0) as first, opened(path, hot_capacity=0) as second:
        for number, value in enumerate(values):
            first[number] = value
        for number, value in enumerate(values):
            for db in (first, second):
                got = db[number]
                assert got == value and same(got, value)
                # What a program does with its value stays there.
                got["again"].clear()
                got["new"] = got.pop("again")
        key = next(iter(first[0]["again"]))
        assert type(key) is str and hash(key) == hash("".join(list(key)))


def test_what_cannot_be_read_back_is_refused_when_written(path):
    class Local:
        pass

    marked = collections.OrderedDict(a=1)
    marked.note = "an attribute of its own"
    values = [
        lambda: 0, object(), os.system, print, Local, Local(), ValueError("x"), re.compile("a"), sys, type, type(None),
        open(os.devnull), iter([]), (i for i in ()), memoryview(b""), os.stat("."), marked, typing.Any,
        collections.defaultdict(os.getcwd), collections.ChainMap({}), [1, {"x": object()}], "a".upper, dt.datetime.now,
    ]  # fmt: skip
    with opened(path) as db:
        for value in values:
            with pytest.raises(dictsqlite.CodecError):
                db["k"] = value
            assert "k" not in db
            with pytest.raises(dictsqlite.CodecError):
                db["k"] = {"deep": [value]}
            assert "k" not in db


def test_too_deep_is_refused(path):
    deep = []
    for _ in range(200_000):
        deep = [deep]
    with opened(path) as db:
        with pytest.raises(dictsqlite.CodecError):
            db["k"] = deep
        assert "k" not in db
    while deep:
        deep = deep.pop()
