"""Pickle mode and the classes of the user: what is allowed comes back, what is not is refused when written."""

import collections
import datetime as dt
import enum
import os
import typing
from dataclasses import dataclass

import pytest
from test_codec_pickle import inject, opened, path, same  # noqa: F401

import dictsqlite


@dataclass
class Point:
    x: int
    y: object = None


@dataclass(frozen=True)
class Frozen:
    x: int


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a):
        self.a = a

    def __eq__(self, other):
        return self.a == other.a


class Stateful:
    def __init__(self, n):
        self.n = n

    def __getstate__(self):
        return ("state", self.n)

    def __setstate__(self, state):
        assert state[0] == "state"
        self.n = state[1]

    def __eq__(self, other):
        return self.n == other.n


class Pair(typing.NamedTuple):
    left: int
    right: object


class Color(enum.Enum):
    RED = 1
    BLUE = "blue"


class Bits(enum.IntFlag):
    A = 1
    B = 2


class MyDict(dict):
    pass


class MyList(list):
    pass


class MySet(set):
    pass


class MyDate(dt.datetime):
    pass


class WithNew:
    def __new__(cls, *, size):
        self = object.__new__(cls)
        self.size = size
        return self

    def __getnewargs_ex__(self):
        return (), {"size": self.size}

    def __eq__(self, other):
        return self.size == other.size


class Outer:
    class Inner:
        def __eq__(self, other):
            return type(self) is type(other)


def rebuild(n):
    return Rebuilt(n)


class Rebuilt:
    def __init__(self, n):
        self.n = n

    def __reduce__(self):
        return rebuild, (self.n,)

    def __eq__(self, other):
        return self.n == other.n


class Broken:
    def __reduce__(self):
        return Broken, ()

    def __init__(self, n=None):
        if n is None:
            raise RuntimeError("no")


MINE = [
    Point(1, [dt.date(2024, 1, 1)]), Frozen(2), Slotted(3), Stateful(4), Pair(1, "x"), Color.RED, Color.BLUE, Bits.A | Bits.B,
    MyDict(a=1), MyList([1, 2]), MySet({1}), MyDate(2024, 1, 2), WithNew(size=7), Outer.Inner(),
    collections.defaultdict(Slotted), [Point(1), Point(2, Color.RED)],
]  # fmt: skip
CLASSES = [
    Point, Frozen, Slotted, Stateful, Pair, Color, Bits, MyDict, MyList, MySet, MyDate, WithNew, Outer.Inner,
]  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        {"safe_pickle_allowed_names": CLASSES},
        {"safe_pickle_allowed_names": (f"{c.__module__}.{c.__qualname__}" for c in CLASSES)},
        {"safe_pickle_allowed_names": [f"{c.__module__}:{c.__qualname__}" for c in CLASSES]},
        {"safe_pickle_allowed_modules": {__name__}},
        {"trusted": True},
    ],
    ids=["classes", "dotted", "colon", "modules", "trusted"],
)
def test_allowed_classes_come_back(path, options):  # noqa: F811
    with opened(path, **options) as db:
        for value in MINE:
            db["k"] = value
            assert same(db["k"], value), value


def test_classes_not_allowed_are_refused_when_written(path):  # noqa: F811
    with opened(path) as db:
        db["k"] = "before"
        for value in MINE:
            with pytest.raises(dictsqlite.CodecError, match="refused to store .*safe_pickle_allowed_names"):
                db["k"] = value
            assert db["k"] == "before"


def test_what_a_class_raises_is_raised(path):  # noqa: F811
    with opened(path, safe_pickle_allowed_names=[Broken]) as db:
        with pytest.raises((dictsqlite.CodecError, RuntimeError), match="no"):
            db["k"] = Broken(1)
        assert "k" not in db


def test_a_function_needs_its_own_name(path):  # noqa: F811
    with opened(path, safe_pickle_allowed_modules=[__name__]) as db:
        with pytest.raises(dictsqlite.CodecError, match="rebuild"):
            db["k"] = Rebuilt(1)
    with opened(path, safe_pickle_allowed_names=[f"{__name__}.rebuild"]) as db:
        db["k"] = Rebuilt(1)
        assert db["k"] == Rebuilt(1)


def test_a_module_allows_only_what_it_defines(path):  # noqa: F811
    """`decimal` and `os` are visible in this module; allowing it must not allow them."""
    with opened(path, safe_pickle_allowed_modules=[__name__]) as db:
        db["x"] = 1
        db.flush()
        rows = [
            ("main", "a", f"c{__name__}\nos.system\n.".encode()),
            ("main", "b", f"c{__name__}\ninject\n.".encode()),
            ("main", "c", f"c{__name__}\nsubprocess.Popen\n.".encode()),
            ("main", "d", f"c{__name__}\nPoint.__init__\n.".encode()),
            ("main", "e", f"c{__name__}.os\nsystem\n.".encode()),
        ]
        inject(path, rows)
        for _, key, _ in rows:
            with pytest.raises(dictsqlite.CodecError):
                db[key]


@pytest.mark.parametrize(
    "options, error",
    [
        ({"safe_pickle_allowed_modules": "shop.models"}, TypeError),
        ({"safe_pickle_allowed_modules": [os]}, TypeError),
        ({"safe_pickle_allowed_modules": [""]}, ValueError),
        ({"safe_pickle_allowed_modules": ["a..b"]}, ValueError),
        ({"safe_pickle_allowed_modules": ["a/b"]}, ValueError),
        ({"safe_pickle_allowed_modules": 5}, TypeError),
        ({"safe_pickle_allowed_names": "shop.models.Order"}, TypeError),
        ({"safe_pickle_allowed_names": Point}, TypeError),
        ({"safe_pickle_allowed_names": Color}, TypeError),
        ({"safe_pickle_allowed_names": [5]}, TypeError),
        ({"safe_pickle_allowed_names": ["Order"]}, ValueError),
        ({"safe_pickle_allowed_names": ["a.*"]}, ValueError),
        ({"safe_pickle_allowed_names": ["a:"]}, ValueError),
        ({"safe_pickle_allowed_names": [type("L", (), {"__qualname__": "f.<locals>.L"})]}, ValueError),
    ],
)
def test_bad_allowances_say_so(path, options, error):  # noqa: F811
    with pytest.raises(error):
        opened(path, **options)
