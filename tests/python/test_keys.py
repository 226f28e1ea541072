"""Keys are text, 64-bit integers, bytes and tuples of these; each is its own, and anything else is a TypeError."""

import decimal
import enum
import fractions
import itertools

import pytest

from dictsqlite import DictSQLite, KeyTypeError

KEYS = [
    "", "1", "a", "a\0b", "\0", "ä", "\U0001f600", "A", " a", "a ", "NULL", "x" * 5000, "users:a", "'; DROP TABLE main; --",
    0, 1, -1, 2**63 - 1, -(2**63), 2**53 + 1, 10,
    b"", b"1", b"a", b"\0", b"a\0b", b"\xff", b"\xff" * 300, bytes(range(256)),
    (), (1,), ("1",), (b"1",), ("a", 1), ("a", "1"), ("a\0", "b"), ("a", "\0b"), (1, 2, 3), (-1, 0),
    (2**63 - 1, -(2**63)), ("",), (b"",), ("a", ""), (b"\xff", b""),
]  # fmt: skip


class Word(str):
    pass


class Color(enum.IntEnum):
    RED = 3


@pytest.fixture(params=["file", "memory"])
def db(request, path):
    with DictSQLite(path if request.param == "file" else ":memory:") as db:
        yield db


def test_every_key_is_its_own_and_comes_back_with_its_type(db):
    for n, key in enumerate(KEYS):
        db[key] = n
    assert len(db) == len(KEYS)
    for get in (db.__getitem__, db.get, lambda key: db.entry(key).value, lambda key: db.batch_get([key])[0]):
        for n, key in enumerate(KEYS):
            assert get(key) == n
    assert [(type(key), key) for key in db] == [(type(key), key) for key in KEYS]
    assert [type(item) for item in next(iter(db.keys(prefix=("a",))))] == [str, int]
    for n, key in enumerate(KEYS):
        assert db.pop(key) == n
    assert len(db) == 0


def test_every_key_survives_reopening(path):
    with DictSQLite(path) as db:
        db.update((key, n) for n, key in enumerate(KEYS))
    with DictSQLite(path, hot_capacity=0) as db:
        assert list(db.items()) == [(key, n) for n, key in enumerate(KEYS)]
        for n, key in enumerate(KEYS):
            assert db[key] == n


def test_the_number_and_its_text_are_two_keys(db):
    db[1], db["1"], db[b"1"], db[(1,)] = "int", "str", "bytes", "tuple"
    assert (db[1], db["1"], db[b"1"], db[(1,)]) == ("int", "str", "bytes", "tuple")
    assert len(db) == 4


def test_true_is_one_and_false_is_zero(db):
    db[1] = "one"
    assert db[True] == "one" and True in db
    db[True] = "true"
    db[False] = "false"
    assert dict(db) == {1: "true", 0: "false"}
    assert [type(key) for key in db] == [int, int]
    db[(True,)] = 5
    assert db[(1,)] == 5


def test_subclasses_of_key_types_are_their_values(db):
    db[Word("w")] = 1
    db[Color.RED] = 2
    assert db["w"] == 1 and db[3] == 2
    assert [type(key) for key in db] == [str, int]


def test_tuples_are_in_the_order_of_tuples(db):
    elements = [-5, 0, 7, 2**40]
    tuples = [t for size in range(4) for t in itertools.product(elements, repeat=size)]
    db.update((t, None) for t in reversed(tuples))
    assert list(db.keys(order="key")) == sorted(tuples)
    db.clear()
    texts = ["", "\0", "\0\xff", "a", "a\0", "a\0b", "ab", "b"]
    tuples = [t for size in range(3) for t in itertools.product(texts, repeat=size)]
    db.update((t, None) for t in reversed(tuples))
    assert list(db.keys(order="key")) == sorted(tuples)


def test_bytes_that_look_like_a_stored_tuple_stay_bytes(db, path, sql):
    tuples = [("a", 1), (), (b"x",)]
    with DictSQLite(path.with_name("other.db")) as other:
        other.update((t, None) for t in tuples)
        other.flush()
        stored = [bytes.fromhex(row[0]) for row in sql(other.path, "SELECT key FROM main ORDER BY id")]
    for key in [*tuples, *stored]:
        db[key] = key
    assert list(db) == [*tuples, *stored]
    assert [type(key) for key in db] == [tuple] * 3 + [bytes] * 3
    for key in stored:
        assert db[key] == key


BAD = [
    None, 1.0, float("nan"), 1j, [], ["a"], {}, set(), frozenset({1}), object(), object, bytearray(b"a"), memoryview(b"a"), ...,
    decimal.Decimal(1), fractions.Fraction(1), range(3), "\ud800", "a\udfffb", 2**63, -(2**63) - 1, 10**40,
    (None,), (1.0,), ([],), ("\ud800",), (2**63,), ("a", (None,)), ((1, 2), 3), ((),),
]  # fmt: skip


@pytest.mark.parametrize("key", BAD, ids=repr)
def test_other_keys_are_a_type_error_everywhere(path, key):
    with DictSQLite(path) as db:
        db["kept"] = 1
        operations = [
            lambda: db[key], lambda: db.__setitem__(key, 1), lambda: db.__delitem__(key), lambda: key in db,
            lambda: db.get(key), lambda: db.get(key, 1), lambda: db.set(key, 1), lambda: db.set(key, 1, if_version=0),
            lambda: db.delete(key), lambda: db.pop(key), lambda: db.pop(key, None), lambda: db.setdefault(key, 1),
            lambda: db.incr(key), lambda: db.expire(key, 5), lambda: db.entry(key), lambda: db.contains(key),
            lambda: db.update([("new", 1), (key, 1)]), lambda: db.batch_set([(key, 1)]), lambda: db.batch_get(["kept", key]),
            lambda: db.batch_delete(["kept", key]), lambda: db.bulk_insert([("new", 1), (key, 1)]),
            lambda: list(db.keys(start=key)),
        ]  # fmt: skip
        for n, operation in enumerate(operations):
            # None is "no bound".
            if key is None and n == len(operations) - 1:
                continue
            with pytest.raises(KeyTypeError) as caught:
                operation()
            assert isinstance(caught.value, TypeError) and not isinstance(caught.value, KeyError)
        assert dict(db) == {"kept": 1}


def test_the_message_says_what_a_key_is(db):
    with pytest.raises(KeyTypeError, match="str, int, bytes or a tuple of these, not float"):
        db[1.5] = 1
    with pytest.raises(KeyTypeError, match="64 bits"):
        db[2**63] = 1
    with pytest.raises(KeyTypeError, match="surrogate"):
        db["\ud800"] = 1


def test_a_deep_tuple_is_refused_and_does_not_crash(run):
    # Inner tuples were walked by recursion: a hundred thousand levels overran the native stack.
    code = """
        import dictsqlite
        key = ()
        for _ in range(100_000):
            key = (key,)
        with dictsqlite.open(":memory:") as db:
            for operation in (db.__contains__, db.get, lambda k: db.set(k, 1), lambda k: list(db.keys(prefix=k))):
                try:
                    operation(key)
                except dictsqlite.KeyTypeError:
                    print("refused")
        while key:
            key, = key
    """
    assert run(code).split() == ["refused"] * 4


def test_megabyte_keys_work(db):
    text, data, many = "ä" * 500_000, b"\0\xff" * 500_000, tuple(range(100_000))
    for key in (text, data, many):
        db[key] = len(key)
        db[key[:-1]] = "shorter"
        assert db[key] == len(key) and key in db and db.pop(key[:-1]) == "shorter"
    db.flush()
    assert list(db) == [text, data, many]
    assert list(db.keys(prefix=text)) == [text] and list(db.keys(prefix=data[:-1])) == [data]
    assert [db.pop(key) for key in (text, data, many)] == [1_000_000 // 2, 1_000_000, 100_000]


def test_a_key_beyond_the_limit_is_refused_by_size(db):
    key = "x" * (17 << 20)
    with pytest.raises(KeyTypeError, match="bytes"):
        db[key] = 1
    assert len(db) == 0


def test_text_keys_are_found_by_any_sqlite_tool(path, sql):
    with DictSQLite(path, storage_mode="json") as db:
        db["user:1"], db[7], db[b"\x01"] = {"n": 1}, "seven", None
        db.flush()
        assert sql(path, "SELECT value FROM main WHERE key = 'user:1'") == [['{"n":1}']]
        assert sql(path, "SELECT value FROM main WHERE key = 7") == [['"seven"']]
        assert sql(path, "SELECT typeof(key) FROM main ORDER BY id") == [["text"], ["integer"], ["blob"]]


def test_values_keep_nul_and_empty(path):
    with DictSQLite(path) as db:
        values = ["", b"", "a\0b", b"a\0b", "\0", [], {}, (), None, 0, False, "ä\0\U0001f600"]
        for n, value in enumerate(values):
            db[n] = value
    for mode in (256 << 20, 0):
        with DictSQLite(path, cache_bytes=mode) as db:
            assert [db[n] for n in range(len(values))] == values
            assert [type(v) for v in db.values()] == [type(v) for v in values]


@pytest.mark.slow
@pytest.mark.parametrize("persist_mode", ["writethrough", "durable", "memory"])
@pytest.mark.parametrize("kind", ["bytes", "pickle"])
def test_hundred_megabyte_values(path, kind, persist_mode):
    size = 100_000_000
    value = bytes(range(250)) * (size // 250)
    if kind == "pickle":
        value = {"data": value, "text": "ä" * 1000}
    with DictSQLite(path, storage_mode=kind, persist_mode=persist_mode) as db:
        db["big"] = value
        assert db["big"] == value
        db["small"] = value if kind == "pickle" else b"x"
        db["small"] = b"x"
        db.flush()
        assert db["big"] == value and db["small"] == b"x"
        assert [key for key, item in db.items() if item == value] == ["big"]
    if persist_mode != "memory":
        with DictSQLite(path, storage_mode=kind) as db:
            assert db.pop("big") == value
            assert list(db) == ["small"]


@pytest.mark.slow
def test_a_value_that_sqlite_could_never_hold_is_refused_when_it_is_set(path):
    with DictSQLite(path, storage_mode="bytes") as db:
        value = bytes(1_000_000_000)
        with pytest.raises(ValueError, match="bytes"):
            db["k"] = value
        with pytest.raises(ValueError, match="bytes"):
            db.update({"a": b"", "k": value})
        assert len(db) == 0
        db.flush()
