"""Names that programs for v4.2 use, errors that programs catch, and what a read-only handle does."""

import builtins
import importlib
import inspect
import pathlib
import pickle
import subprocess
import sys

import pytest

import dictsqlite
from dictsqlite import DictSQLite, InvalidError, Modes, ReadOnlyError, errors

BASES = {
    "KeyMissingError": KeyError, "KeyTypeError": TypeError, "CodecError": ValueError, "ConflictError": Exception,
    "BusyError": TimeoutError, "TimeoutError": TimeoutError, "CancelledError": Exception, "ClosedError": ValueError,
    "CorruptError": OSError, "FullError": OSError, "ReadOnlyError": PermissionError, "PasswordError": ValueError,
    "UnsupportedError": ValueError, "InvalidError": ValueError, "IoError": OSError, "InternalError": RuntimeError,
}  # fmt: skip


def test_every_error_is_what_a_programmer_catches_and_has_its_code():
    for code, (name, base) in enumerate(BASES.items(), 1):
        error = getattr(dictsqlite, name)
        assert getattr(errors, name) is error
        assert issubclass(error, base) and issubclass(error, dictsqlite.DictSQLiteError)
        assert error.code == code
        assert inspect.getdoc(error)
    # A kind of its own it is not, but a class.
    assert errors.HistoryTruncatedError.code == InvalidError.code
    assert issubclass(dictsqlite.HistoryTruncatedError, InvalidError)
    assert set(errors.__all__) - {"DictSQLiteError", "FileMissingError", "HistoryTruncatedError"} == set(BASES)


def test_an_error_can_be_pickled_with_its_message(path):
    with DictSQLite(path) as db:
        for operation in (lambda: db["missing"], lambda: db.set("k", 1, if_version=3), lambda: db.get(None)):
            with pytest.raises(dictsqlite.DictSQLiteError) as caught:
                operation()
            again = pickle.loads(pickle.dumps(caught.value))
            assert type(again) is type(caught.value) and str(again) == str(caught.value)
            assert again.key == caught.value.key


def test_the_names_of_the_package():
    for name in dictsqlite.__all__:
        assert hasattr(dictsqlite, name)
    assert dictsqlite.DictSQLiteV4 is DictSQLite
    assert isinstance(dictsqlite.__version__, str)


def test_the_old_module_name_is_an_alias():
    old = importlib.import_module("dictsqlite_v4")
    assert old.DictSQLiteV4 is old.DictSQLite is DictSQLite
    assert old.Modes is Modes and old.__version__ == dictsqlite.__version__
    assert set(dictsqlite.__all__) <= set(dir(old))


def test_modes_are_the_names_that_options_take(path):
    persist = [Modes.MEMORY, Modes.LAZY, Modes.WRITETHROUGH, Modes.DURABLE]
    storage = [Modes.PICKLE, Modes.JSON, Modes.JSONB, Modes.BYTES]
    for p in persist:
        for s in storage:
            with DictSQLite(path, persist_mode=p, storage_mode=s, table_name=s) as db:
                assert (db.persist_mode, db.storage_mode) == (p, s)
    assert persist == ["memory", "lazy", "writethrough", "durable"] and storage == ["pickle", "json", "jsonb", "bytes"]


VALUES = {
    "pickle": {"a": [1, (2, {3}), None], "b": b"\x80\x00"},
    "json": {"b": [1, 2.5, None], "a": "ä\0"},
    "jsonb": [{"z": 1, "a": [True]}],
    "bytes": b"\x00\x80\xff raw",
}


@pytest.mark.parametrize("table", ["main", "other"])
@pytest.mark.parametrize("mode", VALUES)
def test_v4s_methods_are_all_there_and_speak_values_through_the_codec(path, mode, table):
    # Half of them took raw bytes, and half forgot the table.
    value = VALUES[mode]
    with DictSQLite(path, storage_mode=mode) as base:
        db = base.table(table)
        assert db.set("set", value) is None and db.get("set") == value
        db.bulk_insert({"bulk 1": value, "bulk 2": value})
        db.bulk_insert([("bulk 3", value)])
        db.batch_set({"batch 1": value})
        db.batch_set([("batch 2", value)])
        db.update({"update": value})
        assert db.setdefault("default", value) == value
        db["item"] = value
        names = ["set", "bulk 1", "bulk 2", "bulk 3", "batch 1", "batch 2", "update", "default", "item"]
        for flushed in (False, True):
            assert list(db.keys()) == names and list(db.values()) == [value] * 9
            assert list(db.items()) == [(name, value) for name in names]
            assert db.batch_get(names) == [value] * 9 and all(db[name] == value for name in names)
            assert db.len() == len(db) == 9 and db.contains("set") and not db.contains("no")
            if not flushed:
                db.flush_write_buffer()
        assert db.batch_get(["no", "set"], None) == [None, value]
        assert db.batch_get([]) == [] and db.batch_get(iter(["set"])) == [value]
        assert db.pop("set") == value and db.popitem() == ("item", value)
        assert db.delete("bulk 1") is None and db.delete("no") is None
        db.batch_delete(["bulk 2", "bulk 3", "no"])
        assert list(db) == ["batch 1", "batch 2", "update", "default"]
        assert set(base.tables()) == {"main", table}
        db.flush()
        db.flush(durable=True)
        assert (len(base) == 0) == (table == "other")
    with DictSQLite(path, storage_mode=mode) as base:
        db = base.table(table)
        assert dict(db) == dict.fromkeys(["batch 1", "batch 2", "update", "default"], value)
        db.clear()
        assert db.len() == 0


def test_stats_are_numbers_by_name(path):
    with DictSQLite(path) as db:
        db.update((n, n) for n in range(100))
        db.flush()
        assert db[5] == 5
        stats = db.stats()
        assert all(isinstance(name, str) and isinstance(figure, int) and figure >= 0 for name, figure in stats.items())
        assert stats["committed_operations"] >= 100 and stats["commits"] >= 1 and stats["pending_writes"] == 0


def test_a_read_only_handle_reads_and_refuses_to_write(path):
    with pytest.raises(OSError):
        DictSQLite(path, read_only=True)
    assert not path.exists()
    with DictSQLite(path) as db:
        db.update(a=1, b=2)
    with DictSQLite(path, read_only=True) as db:
        assert db.read_only and dict(db) == {"a": 1, "b": 2} and len(db) == 2
        assert db.entry("a").value == 1 and db.get("no") is None and db == {"a": 1, "b": 2}
        operations = [
            lambda: db.__setitem__("a", 5), lambda: db.__delitem__("a"), lambda: db.set("a", 5), lambda: db.delete("a"),
            lambda: db.update(a=5), lambda: db.clear(), lambda: db.pop("a"), lambda: db.popitem(), lambda: db.setdefault("c", 1),
            lambda: db.incr("n"), lambda: db.expire("a", 5), lambda: db.batch_delete(["a"]), lambda: db.set("a", 5, if_version=1),
            lambda: db.drop_table("main"),
        ]  # fmt: skip
        for operation in operations:
            with pytest.raises(ReadOnlyError, match="read-only"):
                operation()
        with pytest.raises(InvalidError, match="read-only; it has: main"):
            db.table("new")
        db.flush()
        assert db.tables() == ["main"] and dict(db) == {"a": 1, "b": 2}
        with pytest.raises(InvalidError, match="read.only"):
            DictSQLite(path)
    with DictSQLite(path) as db, pytest.raises(InvalidError, match="read.only"):
        DictSQLite(path, read_only=True)
    for options in ({}, {"persist_mode": "memory"}):
        with pytest.raises(InvalidError, match="read_only"):
            DictSQLite(":memory:", read_only=True, **options)
    with pytest.raises(InvalidError, match="read-only; it has: main"):
        DictSQLite(path, read_only=True, table_name="new")


def test_a_read_only_handle_sees_what_another_process_writes(path, run):
    DictSQLite(path).close()
    with DictSQLite(path, read_only=True) as db:
        for n in range(3):
            run(f"import dictsqlite, sys\nwith dictsqlite.open(sys.argv[1]) as db: db['k'] = {n}", path)
            assert db["k"] == n and len(db) == 1


def test_memory_stores_touch_no_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with DictSQLite(":memory:") as a, DictSQLite("unused.db", persist_mode="memory") as b:
        a["k"], b["k"] = 1, 2
        assert a["k"] == 1 and b["k"] == 2
        assert a.path is None and b.path is None
        assert "k" not in DictSQLite(":memory:")
    assert list(tmp_path.iterdir()) == []


def test_the_program_that_the_type_checkers_read_also_runs():
    program = pathlib.Path(__file__).with_name("typing_sample.py")
    subprocess.run([sys.executable, str(program)], check=True, stdout=subprocess.DEVNULL, timeout=60)


def test_every_public_member_has_a_docstring():
    for name, member in inspect.getmembers(DictSQLite):
        if not name.startswith("_"):
            assert inspect.getdoc(member), name
    assert builtins.open is not dictsqlite.open and dictsqlite.open.__doc__
