"""Opening: v4.2's constructor and names, options that make no sense, and files that are not ours."""

import errno
import inspect
import math
import os
import pathlib

import pytest

import dictsqlite
from dictsqlite import (
    CodecError,
    CorruptError,
    DictSQLite,
    FileMissingError,
    InvalidError,
    IoError,
    UnsupportedError,
)

V4_OPTIONS = {
    "hot_capacity": 1_000_000, "enable_async": True, "persist_mode": "writethrough", "storage_mode": "pickle", "table_name": "main",
    "encryption_password": None, "enable_safe_pickle": None, "safe_pickle_allowed_modules": None, "buffer_size": 100,
}  # fmt: skip
NEW_OPTIONS = {
    "flush_interval": 0.2, "cache_bytes": 256 << 20, "timeout": 30, "read_only": False, "changes": None, "ttl": None, "adopt": False,
    "safe_pickle_allowed_names": None, "trusted": False,
}  # fmt: skip


@pytest.mark.parametrize("make", [DictSQLite, dictsqlite.open])
def test_the_constructor_is_v4s_with_its_defaults(make):
    parameters = list(inspect.signature(make).parameters.values())
    assert parameters[0].name == "db_path"
    assert {p.name: p.default for p in parameters[1:10]} == V4_OPTIONS
    assert [p.name for p in parameters[1:10]] == list(V4_OPTIONS)
    assert {p.name: p.default for p in parameters[10:]} == NEW_OPTIONS
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters[10:])


def test_the_docstring_lists_every_option_with_its_default():
    lines = [line.strip() for line in DictSQLite.__doc__.splitlines()]
    for name in {**V4_OPTIONS, **NEW_OPTIONS}:
        assert any(line.startswith(f"``{name}`` (") for line in lines), name


def test_v4s_options_may_be_given_by_position(path):
    with DictSQLite(path, 10, False, "lazy", "json", "mine", None, True, None, 5) as db:
        assert (db.persist_mode, db.storage_mode, db.table_name) == ("lazy", "json", "mine")
    with DictSQLite(str(path), 10, persist_mode="durable", table_name="mine", storage_mode="json") as db:
        assert db.persist_mode == "durable"
    with pytest.raises(TypeError, match="at most 9"):
        DictSQLite(path, *V4_OPTIONS.values(), 0.2)
    with pytest.raises(TypeError, match="'hot_capacity' is given twice"):
        DictSQLite(path, 10, hot_capacity=10)


def test_all_defaults_given_aloud_are_the_defaults(path):
    with DictSQLite(path, **V4_OPTIONS, **NEW_OPTIONS) as db:
        assert (db.persist_mode, db.storage_mode, db.table_name, db.read_only) == ("writethrough", "pickle", "main", False)
        assert db.path == str(path)


@pytest.mark.parametrize("make", [DictSQLite, dictsqlite.open])
def test_an_unknown_option_is_refused_with_the_valid_ones(path, make):
    with pytest.raises(TypeError) as caught:
        make(path, buffersize=10)
    message = str(caught.value)
    assert "'buffersize'" in message and "Did you mean 'buffer_size'?" in message
    for name in {**V4_OPTIONS, **NEW_OPTIONS}:
        assert name in message
    assert not path.exists()


HUGE = 10**400
ABSURD = {
    "hot_capacity": [-1, 1.5, "10", None, True, HUGE, [1]],
    "buffer_size": [0, -1, 1.5, "10", None, True, 2**40, HUGE],
    "cache_bytes": [-1, 1.5, "1MB", None, HUGE],
    "flush_interval": [0, -1, 1e-9, 4000, math.nan, math.inf, "1", None, HUGE, True],
    "timeout": [-1, math.nan, "1", None, 1e300, HUGE, True],
    "ttl": [0, -1, math.nan, "1", HUGE, True],
    "persist_mode": ["", "fast", "LAZY", 1, None, b"lazy"],
    "storage_mode": ["", "xml", "JSON", 1, None],
    "table_name": ["", "a\0b", 1, None, b"main", "\ud800"],
    "read_only": [1, "yes", None],
    "adopt": [1, "yes", None],
    "trusted": [1, "yes", None],
    "enable_async": [1, "yes", None],
    "enable_safe_pickle": [1, "yes"],
    "safe_pickle_allowed_modules": [1, "os", [1]],
    "safe_pickle_allowed_names": [1, "os.system", [1]],
}


@pytest.mark.parametrize("name, value", [(name, value) for name, values in ABSURD.items() for value in values])
def test_an_absurd_value_is_refused_before_anything_is_touched(path, name, value):
    with pytest.raises((InvalidError, TypeError)) as caught:
        DictSQLite(path, **{name: value})
    if name not in ("persist_mode", "storage_mode", "table_name") or not isinstance(value, str):
        assert name in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "name, valid",
    [("persist_mode", "memory, lazy, writethrough, durable"), ("storage_mode", "bytes, json, jsonb, pickle")],
)
def test_a_wrong_mode_is_refused_with_the_valid_ones(path, name, valid):
    with pytest.raises(InvalidError, match=valid):
        DictSQLite(path, **{name: "fast"})


@pytest.mark.parametrize(
    "options",
    [
        {"hot_capacity": 0}, {"hot_capacity": 1}, {"hot_capacity": 2**63}, {"cache_bytes": 0}, {"cache_bytes": 2**63},
        {"buffer_size": 1}, {"buffer_size": 10**9}, {"flush_interval": 0.001}, {"flush_interval": 3600}, {"timeout": math.inf},
        {"timeout": 1}, {"ttl": math.inf}, {"ttl": 1e12}, {"enable_async": False}, {"safe_pickle_allowed_modules": []},
    ],
    ids=str,
)  # fmt: skip
def test_extreme_values_that_make_sense_work(path, options):
    with DictSQLite(path, **options) as db:
        db.update((n, str(n)) for n in range(200))
        db[5] = "five"
        db.flush()
        assert db[5] == "five" and len(db) == 200 and db.get(199) == "199"
    with DictSQLite(path) as db:
        assert db[5] == "five"


@pytest.mark.parametrize("password", ["secret", "", b"x"])
def test_a_password_is_unsupported_rather_than_ignored(path, password):
    with pytest.raises(UnsupportedError, match="encrypt"):
        DictSQLite(path, encryption_password=password)
    assert not path.exists()


@pytest.mark.parametrize("bad", [None, 5, "", "a\0b", b"bytes", "\ud800", [], object()])
def test_a_path_that_is_none_is_refused(bad):
    with pytest.raises(InvalidError, match="db_path"):
        DictSQLite(bad)


def test_paths_of_every_kind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    for name in ("a.db", "with space", "ünïcode", "q?x=1#y", "file:x", "sub/../b.db", "%41", "'"):
        with DictSQLite(name) as db:
            db["k"] = name
        with DictSQLite(pathlib.Path(tmp_path, name)) as db:
            assert db["k"] == name
        assert os.path.exists(name)
    os.symlink("a.db", "link.db")
    with DictSQLite("link.db") as link, DictSQLite("a.db") as db:
        link["k"] = "by the link"
        assert db["k"] == "by the link"


def test_directories_and_missing_parents_are_said(tmp_path):
    with pytest.raises(IoError, match="not a regular file"):
        DictSQLite(tmp_path)
    nowhere, nothing = tmp_path / "no" / "such" / "store.db", tmp_path / "no.db"
    for path, options, words in [
        (nowhere, {}, f"cannot open {nowhere}: there is no directory {nowhere.parent}; make it first"),
        (nowhere, {"read_only": True}, f"cannot open {nowhere}: there is no directory {nowhere.parent}; make it first"),
        (nothing, {"read_only": True}, f"there is no file {nothing}, and read_only makes none"),
    ]:
        with pytest.raises(FileNotFoundError) as caught:
            DictSQLite(path, **options)
        error = caught.value
        assert type(error) is FileMissingError and isinstance(error, IoError) and str(error) == words
        assert (error.errno, error.filename, error.code) == (errno.ENOENT, str(path), IoError.code)
    assert isinstance(IoError(), OSError)
    assert list(tmp_path.iterdir()) == []


def test_a_fifo_is_refused_and_does_not_block(path):
    os.mkfifo(path)
    with pytest.raises(IoError, match="not a regular file"):
        DictSQLite(path)


@pytest.mark.parametrize(
    "content",
    [b"hello, world\n" * 100, bytes(range(256)) * 50, b"xy", b"SQLite format 3\0" + b"\xff" * 4096, b"\0" * 4096],
)
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path, content):
    path.write_bytes(content)
    for options in ({}, {"adopt": True}, {"read_only": True}):
        with pytest.raises((CorruptError, UnsupportedError)) as caught:
            DictSQLite(path, **options)
        assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_a_file_of_no_bytes_is_a_new_store(path):
    path.touch()
    with DictSQLite(path) as db:
        db["k"] = 1
    with DictSQLite(path) as db:
        assert db["k"] == 1


def test_another_programs_database_is_refused_unless_adopted(path, sql):
    make = "CREATE TABLE notes(id INTEGER PRIMARY KEY, text)"
    sql(path, make, "INSERT INTO notes VALUES (1, 'mine')", "PRAGMA application_id = 77")
    before = path.read_bytes()
    with pytest.raises(UnsupportedError, match="adopt=True"):
        DictSQLite(path)
    assert path.read_bytes() == before
    with DictSQLite(path, adopt=True) as db:
        db["k"] = 1
        assert db.tables() == ["main"]
    with DictSQLite(path) as db, DictSQLite(path, adopt=True) as again:
        assert db["k"] == again["k"] == 1
        assert db.table("notes").storage_mode == "pickle"
        db.table("notes")["n"] = 2
        assert sql(path, "SELECT * FROM notes") == [[1, "mine"]]
    assert sql(path, "PRAGMA application_id") == [[77]]


EARLIER = {
    "4.2": "CREATE TABLE kv_store(key TEXT PRIMARY KEY, value BLOB NOT NULL, tier, access_count, last_access)",
    "2.1.3, separate": "CREATE TABLE kv_users(key TEXT PRIMARY KEY, value BLOB NOT NULL, tier, access_count, last_access)",
    "1.8.8": "CREATE TABLE main(key TEXT PRIMARY KEY, value TEXT)",
}


@pytest.mark.parametrize("release", EARLIER)
def test_files_of_earlier_releases_are_refused_naming_the_importer(path, sql, release):
    sql(path, EARLIER[release])
    before = path.read_bytes()
    for options in ({}, {"adopt": True}, {"read_only": True}):
        with pytest.raises(UnsupportedError, match="import"):
            DictSQLite(path, **options)
    assert path.read_bytes() == before


def test_a_newer_format_is_refused(path, sql):
    with DictSQLite(path) as db:
        db["k"] = 1
    sql(path, "UPDATE _dictsqlite SET value = 999 WHERE name = 'format'")
    for options in ({}, {"read_only": True}):
        with pytest.raises(UnsupportedError, match="999"):
            DictSQLite(path, **options)


@pytest.mark.parametrize("made", ["pickle", "json", "jsonb", "bytes"])
def test_another_codec_is_refused_naming_both(path, made):
    DictSQLite(path, storage_mode=made).close()
    for other in {"pickle", "json", "jsonb", "bytes"} - {made}:
        with pytest.raises(CodecError) as caught:
            DictSQLite(path, storage_mode=other)
        assert f'as {made}, not {other}; open it with storage_mode="{made}"' in str(caught.value)
    with DictSQLite(path, storage_mode=made) as db:
        assert db.storage_mode == made
