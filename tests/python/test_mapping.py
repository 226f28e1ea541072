"""The dict is a dict: the whole mutable-mapping protocol, compared with Python's own."""

import collections
import collections.abc
import types

import pytest

import dictsqlite
from dictsqlite import ClosedError, DictSQLite, KeyMissingError


@pytest.fixture
def db(path):
    with DictSQLite(path) as db:
        yield db


@pytest.fixture
def abc(db):
    db.update({"a": 1, "b": 2, "c": 3})
    return db


def test_an_item_set_is_got_contained_counted_and_deleted(db):
    db["k"] = [1, {"x": None}]
    assert db["k"] == [1, {"x": None}]
    assert "k" in db
    assert len(db) == 1
    assert db.get("k") == [1, {"x": None}]
    del db["k"]
    assert "k" not in db
    assert len(db) == 0


def test_what_is_read_is_a_copy(db):
    db["k"] = [1]
    db["k"].append(2)
    assert db["k"] == [1]


def test_a_missing_key_is_a_key_error_whose_argument_is_the_key(db):
    for key in ("missing", 7, b"x", ("a", 1)):
        for operation in (db.__getitem__, db.__delitem__, db.pop):
            with pytest.raises(KeyError) as caught:
                operation(key)
            assert isinstance(caught.value, KeyMissingError)
            assert caught.value.args == (key,)


def test_get_gives_none_or_the_default(db):
    assert db.get("missing") is None
    assert db.get("missing", 5) == 5
    assert db.get("missing", default=6) == 6
    db["none"] = None
    assert db.get("none", 7) is None
    assert "none" in db


def test_insertion_order_is_kept_when_a_value_is_overwritten(db):
    plain = {}
    for target in (db, plain):
        for key in ("z", 1, "a", b"b", ("t", 2), "m"):
            target[key] = "old"
        target["a"] = "new"
        target["z"] = "new"
        del target[1]
        target[1] = "again"
    assert list(db) == list(plain)
    assert list(db.items()) == list(plain.items())
    assert list(reversed(db)) == list(reversed(list(plain)))
    assert dict(db) == plain


@pytest.mark.parametrize("last", [True, False])
def test_popitem_takes_the_newest_or_the_oldest(db, last):
    plain = collections.OrderedDict((str(n), n) for n in range(10))
    db.update(plain)
    while plain:
        assert db.popitem(last=last) == plain.popitem(last=last)
        assert len(db) == len(plain)
    with pytest.raises(KeyError, match="empty"):
        db.popitem(last)


def test_popitem_is_lifo_like_a_dict(abc):
    assert abc.popitem() == ("c", 3)
    abc["b"] = 20
    assert abc.popitem() == ("b", 20)


def test_pop_with_and_without_a_default(abc):
    assert abc.pop("a") == 1
    assert abc.pop("a", None) is None
    assert abc.pop("a", 5) == 5
    assert abc.pop("a", default=6) == 6
    with pytest.raises(KeyError):
        abc.pop("a")
    with pytest.raises(TypeError):
        abc.pop("a", 1, 2)
    assert abc.pop("b", "unused") == 2
    assert dict(abc) == {"c": 3}


def test_setdefault_sets_only_what_is_missing(db):
    assert db.setdefault("k", [1]) == [1]
    assert db.setdefault("k", [2]) == [1]
    assert db.setdefault("none") is None
    assert db.setdefault("none", 1) is None
    assert dict(db) == {"k": [1], "none": None}


@pytest.mark.parametrize(
    "argument",
    [
        {"a": 1, "b": 2},
        [("a", 1), ("b", 2)],
        [["a", 1], ["b", 2]],
        ["a1"],
        (pair for pair in [("a", 1)]),
        types.MappingProxyType({"a": 1}),
        collections.ChainMap({"a": 1}, {"b": 2}),
        {"a": 1}.items(),
        (),
    ],
    ids=lambda argument: type(argument).__name__,
)
def test_update_takes_what_dict_update_takes(db, argument):
    if isinstance(argument, types.GeneratorType):
        argument = list(argument)
    plain = {"a": 0, "z": 9}
    db.update(plain)
    plain.update(argument)
    db.update(iter(argument) if isinstance(argument, list) else argument)
    assert list(db.items()) == list(plain.items())


def test_update_takes_keywords_and_both(db):
    db.update(a=1, self=2, other=3)
    db.update({"a": 10}, b=4)
    db.update([("c", 5)], d=6)
    db.update()
    assert dict(db) == {"a": 10, "self": 2, "other": 3, "b": 4, "c": 5, "d": 6}


@pytest.mark.parametrize("bad", [5, None, [5], ["abc"], [("a",)], [("a", 1, 2)], [(None, 1)], [("a", 1), (1.5, 2)]])
def test_an_update_that_cannot_be_done_changes_nothing(abc, bad):
    with pytest.raises((TypeError, ValueError)):
        abc.update(bad)
    with pytest.raises((TypeError, ValueError)):
        abc.update(bad, new=1)
    assert dict(abc) == {"a": 1, "b": 2, "c": 3}


def test_update_from_another_dict_of_ours(abc, tmp_path):
    with DictSQLite(tmp_path / "other.db") as other:
        other.update(abc)
        assert other == abc
        other |= {"d": 4}
        assert other != abc
        abc |= other
        assert other == abc
        abc.update(abc)
        assert other == abc


def test_clear_empties_and_leaves_a_dict_that_works(abc):
    abc.clear()
    assert list(abc) == [] and len(abc) == 0 and not abc
    abc.clear()
    abc["a"] = 5
    assert dict(abc) == {"a": 5}


def test_truth_is_having_items(db):
    assert not db
    db["k"] = None
    assert db
    del db["k"]
    assert not db


def test_the_union_operators(abc):
    plain = {"b": 20, "d": 4}
    assert abc | plain == {"a": 1, "b": 20, "c": 3, "d": 4}
    assert plain | abc == {"b": 2, "d": 4, "a": 1, "c": 3}
    assert list(plain | abc) == ["b", "d", "a", "c"]
    assert type(abc | plain) is dict and type(plain | abc) is dict
    assert abc | abc == dict(abc)
    same = abc
    same |= plain
    assert same is abc
    same |= [("e", 5)]
    assert dict(abc) == {"a": 1, "b": 20, "c": 3, "d": 4, "e": 5}
    for bad in (5, [("a", 1)], None):
        with pytest.raises(TypeError):
            abc | bad
        with pytest.raises(TypeError):
            bad | abc


def test_equality_with_dicts_and_other_handles(abc, path):
    assert abc == {"c": 3, "b": 2, "a": 1} and {"a": 1, "b": 2, "c": 3} == abc
    assert not abc != {"a": 1, "b": 2, "c": 3}
    assert abc == abc
    assert abc == collections.OrderedDict(abc)
    assert abc != {"a": 1, "b": 2}
    assert abc != {"a": 1, "b": 2, "c": 4}
    assert abc != {"a": 1, "b": 2, "d": 3}
    assert abc != {"a": 1, "b": 2, None: 3}
    assert abc != {}
    assert abc != [("a", 1), ("b", 2), ("c", 3)]
    assert abc != 5
    with DictSQLite(path) as again, DictSQLite(":memory:") as memory:
        assert again == abc
        assert memory != abc
        memory.update(abc)
        assert memory == abc and abc == memory
        assert memory.table("other") != abc


def test_a_dict_is_unhashable(db):
    with pytest.raises(TypeError, match="unhashable"):
        hash(db)


def test_it_is_a_mutable_mapping(db):
    assert isinstance(db, collections.abc.MutableMapping)
    assert isinstance(db, collections.abc.Mapping)
    assert issubclass(DictSQLite, collections.abc.MutableMapping)
    assert isinstance(db.keys(), collections.abc.KeysView)
    assert isinstance(db.items(), collections.abc.ItemsView)
    assert isinstance(db.values(), collections.abc.ValuesView)
    for name in collections.abc.MutableMapping.__abstractmethods__:
        assert hasattr(db, name)


def test_the_mapping_may_be_used_as_one(abc):
    assert dict(**abc) == {"a": 1, "b": 2, "c": 3}
    assert collections.ChainMap({"a": 0}, abc)["b"] == 2
    assert "{a}-{b}".format_map(abc) == "1-2"
    assert sorted(abc) == ["a", "b", "c"] and max(abc) == "c"
    assert [*abc] == ["a", "b", "c"] and {**abc} == dict(abc)


def test_repr_is_short_and_reads_nothing(db, path):
    db.update((n, "x" * 1000) for n in range(1000))
    assert len(repr(db)) < 100 + len(str(path))
    assert str(path) in repr(db) and "'main'" in repr(db)
    assert len(repr(db.keys())) < 130 + len(str(path))
    db.close()
    assert repr(db) == "<DictSQLite closed>"
    with DictSQLite(":memory:") as memory:
        assert ":memory:" in repr(memory)


def test_the_dict_may_be_changed_while_it_is_iterated(db):
    db.update((n, n) for n in range(1000))
    for key in db:
        del db[key]
    assert len(db) == 0
    db.update((n, n) for n in range(1000))
    for key, value in db.items():
        db[key] = -value
    assert all(db[n] == -n for n in range(1000))
    for key in db.keys(order="key"):
        db.clear()
    assert list(db) == []
    # A dict that grows under a loop gives at least what was there, each once.
    db.update((n, n) for n in range(10))
    seen = []
    for key in db:
        seen.append(key)
        if len(seen) < 50:
            db[f"more {key}"] = 0
    assert seen[:10] == list(range(10)) and len(seen) == len(set(seen))


def test_a_closed_handle_says_so(abc):
    views = abc.keys(), abc.values(), abc.items()
    abc.close()
    abc.close()
    assert abc.closed
    operations = [
        lambda: abc["a"], lambda: abc.get("a"), lambda: "a" in abc, lambda: len(abc), lambda: list(abc),
        lambda: list(reversed(abc)), lambda: abc.pop("a"), lambda: abc.popitem(), lambda: abc.setdefault("a", 1),
        lambda: abc.update(a=1), lambda: abc.clear(), lambda: abc.batch_get(["a"]), lambda: abc.batch_set({"a": 1}),
        lambda: abc.batch_delete(["a"]), lambda: abc.incr("n"), lambda: abc.expire("a", 5), lambda: abc.entry("a"),
        lambda: abc.set("a", 1), lambda: abc.set("a", 1, if_version=1), lambda: abc.delete("a"), lambda: abc.flush(),
        lambda: abc.stats(), lambda: abc.tables(), lambda: abc.table("x"), lambda: abc.drop_table("x"),
        lambda: abc.__setitem__("a", 1), lambda: abc.__delitem__("a"), lambda: abc | {}, lambda: abc == {},
        lambda: bool(abc), *(lambda view=view: list(view) for view in views),
    ]  # fmt: skip
    for operation in operations:
        with pytest.raises(ClosedError, match="closed") as caught:
            operation()
        assert isinstance(caught.value, ValueError)


def test_closing_in_the_middle_of_a_scan_ends_it_cleanly(db):
    db.update((n, n) for n in range(5000))
    scan = iter(db)
    assert next(scan) == 0
    db.close()
    with pytest.raises((ClosedError, StopIteration)):
        for _ in range(5001):
            next(scan)


def test_the_with_block_closes_even_after_an_error(path):
    with pytest.raises(RuntimeError, match="mine"), DictSQLite(path) as db:
        db["k"] = 1
        raise RuntimeError("mine")
    assert db.closed
    with dictsqlite.open(path) as db:
        assert dict(db) == {"k": 1}


def test_after_the_last_close_the_file_alone_is_the_store(path, tmp_path):
    with DictSQLite(path) as db:
        db["k"] = 1
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert db.closed


def test_a_handle_that_was_never_opened_does_not_crash():
    db = DictSQLite.__new__(DictSQLite)
    assert db.closed
    db.close()
    assert "closed" in repr(db)
    with pytest.raises(ClosedError):
        db["k"]


def test_a_subclass_works_and_its_tables_are_of_it(path):
    class Mine(DictSQLite):
        def __getitem__(self, key):
            return "mine", super().__getitem__(key)

    with Mine(path) as db:
        db["k"] = 1
        assert db["k"] == ("mine", 1)
        assert type(db.table("other")) is Mine
