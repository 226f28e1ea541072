"""Views are lazy, live and set-like, and select by prefix, bounds, direction, limit and order."""

import pytest

from dictsqlite import DictSQLite, InvalidError, KeyTypeError

MIXED = ["b", 3, b"\xff", "a", -1, b"a", ("a", 2), "", 2**63 - 1, ("a",), "ä", b"", -(2**63), "a\0b", ("b", 0), (1,)]


def rank(key):
    """The order of keys: integers, text by UTF-8, bytes and tuples."""
    if isinstance(key, int):
        return 0, key
    return (1, key.encode()) if isinstance(key, str) else (2, key)


@pytest.fixture
def db(path):
    with DictSQLite(path) as db:
        yield db


@pytest.fixture
def people(db):
    db.update({"user:2": "b", "user:1": "a", "user:3": "c", "admin": "z", "vser": "y"})
    return db


def test_views_show_later_changes(people):
    keys, values, items = people.keys(), people.values(), people.items()
    people["new"] = "n"
    del people["admin"]
    assert list(keys) == ["user:2", "user:1", "user:3", "vser", "new"]
    assert list(values) == ["b", "a", "c", "y", "n"]
    assert list(items) == list(zip(keys, values))
    assert len(keys) == len(values) == len(items) == 5
    assert list(keys) == list(keys)


def test_views_contain(people):
    assert "admin" in people.keys() and "none" not in people.keys()
    assert "z" in people.values() and "none" not in people.values()
    assert ("admin", "z") in people.items()
    for no in (("admin", "a"), ("none", "z"), "admin", ("admin",), ["admin", "z"], 5):
        assert no not in people.items()
    assert "admin" not in people.keys(prefix="user")
    assert ("admin", "z") not in people.items(prefix="user") and ("user:1", "a") in people.items(prefix="user")


def test_key_views_are_sets(people):
    plain = dict(people)
    for other in ({"admin", "x"}, set(plain), {"admin"}, set(), {"admin", None, 1.5}):
        keys = people.keys()
        assert keys & other == plain.keys() & other
        assert keys | other == plain.keys() | other
        assert keys - other == plain.keys() - other
        assert keys ^ other == plain.keys() ^ other
        assert other - keys == other - plain.keys()
        assert keys.isdisjoint(other) == plain.keys().isdisjoint(other)
        assert (keys == other) == (plain.keys() == other)
        assert (keys <= other) == (plain.keys() <= other)
        assert (keys > other) == (plain.keys() > other)
    assert people.keys() == plain.keys()
    assert people.keys(prefix="user") < plain.keys()


def test_item_views_are_sets(people):
    plain = dict(people)
    for other in ({("admin", "z")}, set(plain.items()), {("admin", "a"), (None, 1)}, set()):
        items = people.items()
        assert items & other == plain.items() & other
        assert items | other == plain.items() | other
        assert items - other == plain.items() - other
        assert (items == other) == (plain.items() == other)
        assert (items >= other) == (plain.items() >= other)


def test_views_of_what_sets_cannot_hold_still_work(people):
    people["list"] = [1]
    assert ("list", [1]) in people.items()
    assert ("list", [2]) not in people.items()
    with pytest.raises(TypeError):
        people.items() | {1}


def test_a_view_goes_both_ways(people):
    for view in (people.keys(), people.values(), people.items(), people.keys(prefix="user:"), people.keys(limit=3)):
        assert list(reversed(view)) == list(view)[::-1]
    assert list(people.keys(reverse=True)) == list(reversed(people))
    assert list(reversed(people.keys(reverse=True))) == list(people)


def test_prefix_and_bounds_give_key_order(people):
    assert list(people.keys(prefix="user:")) == ["user:1", "user:2", "user:3"]
    assert list(people.values(prefix="user:")) == ["a", "b", "c"]
    assert list(people.items(prefix="user:", reverse=True, limit=2)) == [("user:3", "c"), ("user:2", "b")]
    assert list(people.keys(start="user:2")) == ["user:2", "user:3", "vser"]
    assert list(people.keys(end="user:2")) == ["admin", "user:1"]
    assert list(people.keys(start="user:1", end="user:3")) == ["user:1", "user:2"]
    assert list(people.keys(prefix="user:", start="user:2")) == ["user:2", "user:3"]
    assert list(people.keys(start="user:3", end="user:1")) == []
    assert list(people.keys(prefix="user:", order="insertion")) == ["user:2", "user:1", "user:3"]
    assert list(people.keys(order="key")) == sorted(people)
    assert list(people.keys(limit=2)) == ["user:2", "user:1"]
    assert list(people.keys(limit=2, reverse=True)) == ["vser", "admin"]
    assert list(people.keys(limit=0)) == [] and len(people.keys(limit=0)) == 0
    assert len(people.keys(prefix="user:")) == 3 and len(people.items(limit=4)) == 4


def test_none_and_defaults_select_everything(people):
    none = people.keys(prefix=None, start=None, end=None, reverse=False, limit=None, order=None, consistent=False)
    assert list(none) == list(people)
    assert list(people.keys(limit=2**40)) == list(people)


def test_key_order_is_integers_text_bytes(db):
    db.update((key, None) for key in MIXED)
    ordered = list(db.keys(order="key"))
    plain = [key for key in ordered if not isinstance(key, tuple)]
    assert plain == sorted((key for key in MIXED if not isinstance(key, tuple)), key=rank)
    tuples = [key for key in ordered if isinstance(key, tuple)]
    assert tuples == [(1,), ("a",), ("a", 2), ("b", 0)]
    assert list(db.keys(order="key", reverse=True)) == ordered[::-1]
    for at, bound in enumerate(ordered):
        assert list(db.keys(start=bound)) == ordered[at:]
        assert list(db.keys(end=bound)) == ordered[:at]


def test_falsy_bounds_are_bounds(db):
    db.update((key, None) for key in (-1, 0, 1, "", "a", b"", b"a"))
    assert list(db.keys(start=0)) == [0, 1, "", "a", b"", b"a"]
    assert list(db.keys(end=0)) == [-1]
    assert list(db.keys(start="")) == ["", "a", b"", b"a"]
    assert list(db.keys(end=b"")) == [-1, 0, 1, "", "a"]


def test_a_prefix_selects_keys_of_its_own_type(db):
    db.update((key, None) for key in [*MIXED, b"ab", "ab", b"a\xff", b"b", "\U0010ffff", b"\xff\xff"])
    plain = list(db)
    for prefix in ("a", "", "\U0010ffff", "ab"):
        want = sorted((k for k in plain if isinstance(k, str) and k.startswith(prefix)), key=rank)
        assert list(db.keys(prefix=prefix)) == want
        assert list(db.keys(prefix=prefix, reverse=True)) == want[::-1]
    for prefix in (b"a", b"", b"\xff"):
        want = sorted(k for k in plain if isinstance(k, bytes) and k.startswith(prefix))
        assert list(db.keys(prefix=prefix)) == want
    assert list(db.keys(prefix=("a",))) == [("a",), ("a", 2)]
    assert list(db.keys(prefix=())) == [(1,), ("a",), ("a", 2), ("b", 0)]
    assert list(db.keys(prefix=("c",))) == []


def test_a_tuple_prefix_is_of_whole_elements(db):
    db.update((key, None) for key in [("ab", 1), ("a", "x"), ("a", "xy", 2), ("a",), "a"])
    assert list(db.keys(prefix=("a",))) == [("a",), ("a", "x"), ("a", "xy", 2)]
    assert list(db.keys(prefix=("a", "x"))) == [("a", "x")]


def test_prefix_characters_mean_themselves(db):
    # A prefix that became a LIKE or GLOB pattern found what it should not.
    db.update((key, None) for key in ("a%b", "a_b", "axb", "a*", "A%b", "[a]"))
    assert list(db.keys(prefix="a%")) == ["a%b"]
    assert list(db.keys(prefix="a_")) == ["a_b"]
    assert list(db.keys(prefix="a*")) == ["a*"]
    assert list(db.keys(prefix="[a")) == ["[a]"]


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"prefx": "a"}, TypeError, "prefix, start, end, reverse, limit, order, consistent"),
        ({"limit": -1}, InvalidError, "limit is -1"),
        ({"limit": 1.5}, InvalidError, "limit"),
        ({"limit": 2**63}, InvalidError, "limit"),
        ({"limit": True}, InvalidError, "limit"),
        ({"order": "random"}, InvalidError, "insertion, key"),
        ({"order": 1}, InvalidError, "insertion, key"),
        ({"reverse": "yes"}, InvalidError, "reverse"),
        ({"consistent": 1}, InvalidError, "consistent"),
    ],
)
def test_bad_options_are_refused_when_the_view_is_made(db, options, error, words):
    for view in (db.keys, db.values, db.items):
        with pytest.raises(error, match=words):
            view(**options)


@pytest.mark.parametrize("options", [{"prefix": 1.5}, {"prefix": 5}, {"start": [1]}, {"end": 2**63}, {"start": "\ud800"}])
def test_bounds_that_are_no_keys_are_refused(db, options):
    with pytest.raises(KeyTypeError):
        list(db.keys(**options))


def test_a_scan_sees_all_that_was_written_before_it(path):
    with DictSQLite(path, persist_mode="lazy", flush_interval=60) as db:
        for n in range(3000):
            db[n] = n
            if n % 500 == 0:
                assert list(db) == list(range(n + 1))
        assert list(db.items(start=2990)) == [(n, n) for n in range(2990, 3000)]


def test_a_consistent_scan_is_of_one_moment(db):
    db.update((n, "old") for n in range(5000))
    scan = iter(db.items(consistent=True))
    assert next(scan) == (0, "old")
    db.update((n, "new") for n in range(10000))
    db.flush()
    rest = list(scan)
    assert len(rest) == 4999 and {value for _, value in rest} == {"old"}
    assert len(db) == 10000


def test_an_idle_scan_does_not_keep_the_log_from_being_emptied(path):
    # A cursor that held its read transaction made the write-ahead log grow without bound.
    with DictSQLite(path, storage_mode="bytes") as db:
        db.update((n, bytes(100)) for n in range(2000))
        scan = iter(db)
        next(scan)
        for turn in range(60):
            db.update((n, bytes([turn]) * 1000) for n in range(2000))
        log = path.with_name(path.name + "-wal")
        assert log.stat().st_size < 80 << 20
        assert len(list(scan)) == 1999


def test_an_iterator_is_exhausted_for_good(people):
    scan = iter(people)
    assert iter(scan) is scan
    assert len(list(scan)) == 5
    people["more"] = 1
    assert list(scan) == []
