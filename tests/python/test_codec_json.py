"""JSON modes: what goes in comes back exactly, and what JSON cannot hold is refused by name and place."""

import collections
import datetime as dt
import decimal
import enum
import json
import subprocess
import sys
import typing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dictsqlite

INJECT = """
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=30)
for key, value in json.load(sys.stdin):
    db.execute("INSERT INTO main(key, value) VALUES (?, ?)", (key, value))
db.commit()
db.close()
"""


def inject(path, rows):
    """Writes rows from another process: a second SQLite in this one would break the locks of the file."""
    subprocess.run([sys.executable, "-c", INJECT, str(path)], input=json.dumps(rows), text=True, check=True)


@pytest.fixture(params=["json", "jsonb"])
def db(request, tmp_path):
    with dictsqlite.DictSQLite(str(tmp_path / "store.db"), storage_mode=request.param) as db:
        yield db


def exactly(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(exactly, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(exactly(a[key], b[key]) for key in a)
    return repr(a) == repr(b)


def nested(levels):
    value = []
    for _ in range(levels - 1):
        value = [value]
    return value


VALUES = [
    None, True, False, 0, -1, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64, -(10**300), 10**4000, 0.0, -0.0, 1.0, 0.1, 1e16, 1e-7,
    1.7976931348623157e308, 5e-324, 123456789.123456789, "", "text", 'quote " back \\ slash /', "tab\tline\nreturn\r", "\0\x1f\x7f",
    "é\u20ac\U0001f600\u2028", [], {}, [[]], [1, [2.5, [None, "x"]]], {"b": 1, "a": 2, "": 3}, {"a b": {"c": [{"d": True}]}},
    {"z": 1, "y": 2, "x": 3, "10": 4, "9": 5}, nested(127), [True, 1, 1.0],
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_values_come_back_exactly(db, value):
    db["k"] = value
    assert exactly(db["k"], value)


def test_json_is_stored_compact_and_in_order(tmp_path):
    path = tmp_path / "store.db"
    with dictsqlite.DictSQLite(str(path), storage_mode="json") as db:
        db["k"] = {"b": [1, 2.5, None], "a": "é"}
        db.flush()
    code = "import sqlite3, sys; print(ascii(sqlite3.connect(sys.argv[1]).execute('SELECT value FROM main').fetchone()[0]))"
    out = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout
    assert eval(out) in ('{"b":[1,2.5,null],"a":"é"}', b'{"b":[1,2.5,null],"a":"\xc3\xa9"}')


class Mine:
    def __repr__(self):
        raise AssertionError("a refusal runs no code of the value")

    __str__ = __repr__


class Level(enum.IntEnum):
    LOW = 1


class Pair(typing.NamedTuple):
    left: int


class Text(str):
    pass


class MyList(list):
    pass


REFUSED = [
    ((1, 2), "tuple"), ({1}, "set"), (frozenset(), "frozenset"), (b"x", "bytes"), (bytearray(), "bytearray"), (1j, "complex"),
    (dt.datetime(2024, 1, 1), "datetime.datetime"), (decimal.Decimal(1), "decimal.Decimal"), (Mine(), "Mine"),
    (collections.OrderedDict(), "OrderedDict.*dict"), (collections.Counter(), "Counter.*dict"), (Level.LOW, "Level.*int"),
    (Pair(1), "Pair"), (Text("x"), "Text.*text"), (MyList(), "MyList.*list"), (float("nan"), "(?i)nan"), (float("inf"), "(?i)inf"),
    (float("-inf"), "(?i)-inf"), ("\ud800", "surrogate"), (nested(128), "127"), (10**5000, "digits"), (range(3), "range"),
    ({1: 2}, "key 1"), ({None: 2}, "key None"), ({True: 2}, "key True"), ({(1,): 2}, "key a tuple"), ({Mine(): 1}, "key a .*Mine"),
    ({Text("x"): 1}, "key a .*Text"), ({"\ud800": 1}, "surrogate"), (int, "type"), (print, "builtin"),
]  # fmt: skip


@pytest.mark.parametrize("value, name", REFUSED, ids=range(len(REFUSED)))
def test_what_json_cannot_hold_is_refused_by_name(db, value, name):
    db["k"] = "before"
    for wrapped in (value, [value], {"x": value}, {"x": [1, {"y": value}]}):
        with pytest.raises(dictsqlite.CodecError, match=name):
            db["k"] = wrapped
        assert db["k"] == "before"


def test_a_refusal_names_the_place(db):
    users = [{"name": "a"}, {"name": "b"}, {"name": "c"}, {"name": "d", "when": dt.datetime(2024, 1, 1)}]
    with pytest.raises(dictsqlite.CodecError, match=r"\$\.users\[3\]\.when is a datetime\.datetime"):
        db["k"] = {"users": users}
    with pytest.raises(dictsqlite.CodecError, match=r'\$\["odd key"\]\[0\] is a set'):
        db["k"] = {"odd key": [set()]}
    with pytest.raises(dictsqlite.CodecError, match=r"value at \$ is a set"):
        db["k"] = set()


def test_cycles_are_refused(db):
    loop = {}
    loop["me"] = [loop]
    with pytest.raises(dictsqlite.CodecError, match="contains itself"):
        db["k"] = loop


def test_stored_text_that_is_no_strict_json_is_refused(tmp_path):
    path = tmp_path / "store.db"
    rows = [
        ["a", "NaN"], ["b", "[Infinity]"], ["c", "-Infinity"], ["d", "[1,"], ["e", ""], ["f", "{'a': 1}"], ["g", "1 2"],
        ["h", "9" * 5000], ["i", "[" * 100_000],
    ]  # fmt: skip
    with dictsqlite.DictSQLite(str(path), storage_mode="json") as db:
        db["good"] = [1]
        db.flush()
        inject(path, [*rows, ["spaced", ' {"a" : [1 , 2] } ']])
        for key, _ in rows:
            for read in (lambda: db[key], lambda: db.get(key), lambda: db.batch_get([key])):
                with pytest.raises(dictsqlite.CodecError):
                    read()
        with pytest.raises(dictsqlite.CodecError):
            list(db.values())
        assert db["spaced"] == {"a": [1, 2]}
        assert db["good"] == [1]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda part: st.lists(part) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), part),
    max_leaves=40,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=json_values)
def test_nested_values_come_back(db, value):
    db["k"] = value
    assert exactly(db["k"], value)
