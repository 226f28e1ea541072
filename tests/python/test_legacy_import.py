"""Files of earlier releases are refused with the importer's name, and the importer copies them."""

import base64
import json
import pickle
import sqlite3

import pytest

import dictsqlite


def make(path, table, columns, rows):
    # Not a file of ours, so the standard library may open it here.
    connection = sqlite3.connect(path)
    connection.execute(f"CREATE TABLE {table} ({columns})")
    marks = ",".join("?" * len(rows[0]))
    connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
    connection.commit()
    connection.close()


TIERED = "key TEXT PRIMARY KEY, value BLOB NOT NULL, tier TEXT, access_count INTEGER, last_access REAL"


def tiered(path, pairs, table="kv_store"):
    make(path, table, TIERED, [(key, value, "warm", 0, 0.0) for key, value in pairs])


def test_an_old_file_is_refused_with_the_importers_name(tmp_path):
    tiered(tmp_path / "old.db", [("k", b"v")])
    with pytest.raises(dictsqlite.UnsupportedError, match="import_legacy"):
        dictsqlite.open(tmp_path / "old.db")


def test_pickles_come_over_and_prefixed_tables_are_separate_again(tmp_path):
    values = {"a": {"x": [1, (2, 3)]}, "b": "text", "users:1": {"name": "Ada"}, "users:x:y": 2, "raw": b"plain"}
    pairs = [(key, value if isinstance(value, bytes) else pickle.dumps(value)) for key, value in values.items()]
    tiered(tmp_path / "old.db", pairs)
    counts = dictsqlite.import_legacy(
        tmp_path / "old.db", tmp_path / "new.db", storage_mode="pickle", prefixed_tables=["users"]
    )
    assert counts == {"main": 3, "users": 2}
    with dictsqlite.open(tmp_path / "new.db") as db:
        assert dict(db) == {"a": {"x": [1, (2, 3)]}, "b": "text", "raw": b"plain"}
        assert dict(db.table("users")) == {"1": {"name": "Ada"}, "x:y": 2}


def test_json_and_separate_tables_come_over(tmp_path):
    tiered(tmp_path / "old.db", [("k", json.dumps({"b": 1, "a": [2]}).encode())])
    connection = sqlite3.connect(tmp_path / "old.db")
    connection.execute(f"CREATE TABLE kv_orders ({TIERED})")
    connection.execute("INSERT INTO kv_orders VALUES ('o', ?, '', 0, 0)", (b"[1]",))
    connection.commit()
    connection.close()
    counts = dictsqlite.import_legacy(tmp_path / "old.db", tmp_path / "new.db", storage_mode="json")
    assert counts == {"main": 1, "orders": 1}
    with dictsqlite.open(tmp_path / "new.db", storage_mode="json") as db:
        assert list(db["k"]) == ["b", "a"] and db.table("orders")["o"] == [1]


def test_files_of_the_first_releases_come_over(tmp_path):
    rows = [("k", base64.b64encode(pickle.dumps({"n": 1})).decode())]
    make(tmp_path / "old.db", "main", "key TEXT PRIMARY KEY, value TEXT", rows)
    dictsqlite.import_legacy(tmp_path / "old.db", tmp_path / "new.db", storage_mode="pickle")
    rows = [("s", json.dumps({"__type__": "set", "value": [1, 2]}))]
    make(tmp_path / "old2.db", "main", "key TEXT PRIMARY KEY, value TEXT", rows)
    dictsqlite.import_legacy(tmp_path / "old2.db", tmp_path / "new2.db", storage_mode="json")
    with dictsqlite.open(tmp_path / "new.db") as db, dictsqlite.open(tmp_path / "new2.db", storage_mode="json") as two:
        assert db["k"] == {"n": 1} and two["s"] == [1, 2]


def test_a_hostile_pickle_is_refused_here_too(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "canary"), "w"))

    tiered(tmp_path / "old.db", [("k", pickle.dumps(Evil()))])
    with pytest.raises(dictsqlite.CodecError):
        dictsqlite.import_legacy(tmp_path / "old.db", tmp_path / "new.db", storage_mode="pickle")
    assert not (tmp_path / "canary").exists()


def test_encrypted_values_need_their_password(tmp_path):
    aead = pytest.importorskip("cryptography.hazmat.primitives.ciphers.aead")
    from dictsqlite import legacy

    secret = legacy.hashlib.pbkdf2_hmac("sha256", b"right", legacy._SALT, legacy._ROUNDS)
    sealed = b"n" * 12 + aead.AESGCM(secret).encrypt(b"n" * 12, pickle.dumps([1]), None)
    tiered(tmp_path / "old.db", [("marked", b"ENC\0" + sealed), ("bare", sealed)])
    make_copy = dict(storage_mode="pickle", password="right")
    dictsqlite.import_legacy(tmp_path / "old.db", tmp_path / "new.db", **make_copy)
    with dictsqlite.open(tmp_path / "new.db") as db:
        assert db["marked"] == db["bare"] == [1]
    with pytest.raises(dictsqlite.PasswordError):
        make_copy["password"] = "wrong"
        dictsqlite.import_legacy(tmp_path / "old.db", tmp_path / "new3.db", **make_copy)
    with pytest.raises(dictsqlite.PasswordError):
        dictsqlite.import_legacy(tmp_path / "old.db", tmp_path / "new4.db", storage_mode="pickle")


def test_bad_arguments_are_refused_by_name(tmp_path):
    tiered(tmp_path / "old.db", [("k", b"v")])
    with pytest.raises(dictsqlite.InvalidError, match="pickle, json, jsonb, bytes"):
        dictsqlite.import_legacy(tmp_path / "old.db", tmp_path / "new.db", storage_mode="x")
    with pytest.raises(dictsqlite.InvalidError, match="no file"):
        dictsqlite.import_legacy(tmp_path / "none.db", tmp_path / "new.db", storage_mode="json")
    (tmp_path / "there").write_text("")
    with pytest.raises(dictsqlite.InvalidError, match="exists"):
        dictsqlite.import_legacy(tmp_path / "old.db", tmp_path / "there", storage_mode="bytes")
    connection = sqlite3.connect(tmp_path / "else.db")
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(dictsqlite.UnsupportedError):
        dictsqlite.import_legacy(tmp_path / "else.db", tmp_path / "new.db", storage_mode="bytes")
