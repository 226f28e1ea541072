"""Tables of one store are apart: exact names, own handles, own codecs; dropping one touches no other."""

import pytest

from dictsqlite import ClosedError, CodecError, DictSQLite, InvalidError

ODD_NAMES = [
    "main", "Main", "MAIN", "mAin", "a", "A", "t1", "T1", "users", "users:a", "sqlite_master", "SQLITE_sequence", "sqlite_x",
    "_dictsqlite", "_DictSQLite", "_dictsqlite_expires_main", "select", "table", "order by", "a b", " ", "  ", "a ", " a", "a.b", "a;b",
    "'", '"', "`", "[x]", "--", "a'b\"c", "%", "_", "*", "?1", ":x", "é", "É", "e\u0301", "\u0130", "ß", "日本語", "\U0001f600",
    "\n", "\t", "\\", "x" * 255, "ä" * 127, "1", "0", "-1", "NULL", "rowid", "id", "kv_store", "kv_main", "temp", "temp.a", "main.main",
]  # fmt: skip


@pytest.fixture
def db(path):
    with DictSQLite(path) as db:
        yield db


def test_every_name_is_exact_and_its_table_its_own(path):
    with DictSQLite(path) as db:
        for n, name in enumerate(ODD_NAMES):
            table = db.table(name)
            assert table.table_name == name
            table["name"] = name
            table[n] = n
        assert db.tables() == sorted(ODD_NAMES, key=str.encode)
    with DictSQLite(path) as db:
        for n, name in enumerate(ODD_NAMES):
            assert dict(db.table(name)) == {"name": name, n: n}
    for n, name in enumerate(ODD_NAMES):
        with DictSQLite(path, table_name=name) as table:
            assert dict(table) == {"name": name, n: n}
            assert table.drop_table(name)
    with DictSQLite(path, table_name="left") as db:
        assert db.tables() == ["left"]


@pytest.mark.parametrize("name", ["", "a\0b", "\0", "x" * 256, "ä" * 128])
def test_names_that_cannot_be_are_refused(db, name):
    with pytest.raises(InvalidError, match="255"):
        db.table(name)
    with pytest.raises(InvalidError, match="255"):
        DictSQLite(":memory:", table_name=name)
    assert db.tables() == ["main"]


@pytest.mark.parametrize("name", [None, 5, b"x", "\ud800"])
def test_names_are_text(db, name):
    with pytest.raises((TypeError, ValueError)):
        db.table(name)
    assert db.tables() == ["main"]


def test_every_operation_stays_in_its_table(db):
    # Half of the methods once forgot the table and worked on the main one.
    other = db.table("other")
    for n, table in enumerate((db, other)):
        table.update({"a": n, "b": n, "c": n})
        table.set("d", n)
        table.bulk_insert({"e": n})
        table.batch_set([("f", n)])
        table.setdefault("g", n)
        table.incr("n", n + 1)
    for n, table in enumerate((db, other)):
        assert dict(table) == {**dict.fromkeys("abcdefg", n), "n": n + 1}
        assert table.batch_get(["a", "n", "x"]) == [n, n + 1, None]
        assert table.entry("a").value == n and len(table) == 8
        assert list(table.keys()) == list("abcdefgn") and len(list(table.values())) == 8
    assert other.pop("a") == 1 and other.popitem() == ("n", 2)
    del other["b"]
    other.delete("c")
    other.batch_delete(["d", "e"])
    assert dict(other) == {"f": 1, "g": 1} and len(db) == 8
    other.clear()
    assert len(other) == 0 and len(db) == 8
    db.clear()
    other["x"] = 1
    assert len(db) == 0 and dict(other) == {"x": 1}


def test_a_table_name_is_no_prefix_of_keys(db):
    # The key `users:a` of one table was the key `a` of the table `users`.
    users = db.table("users")
    db["users:a"] = "key"
    users["a"] = "table"
    assert db["users:a"] == "key" and users["a"] == "table"
    assert "a" not in db and "users:a" not in users
    del users["a"]
    assert db["users:a"] == "key"


def test_handles_close_by_themselves(path):
    db = DictSQLite(path)
    table = db.table("other")
    again = db.table("other")
    db["k"], table["k"] = 1, 2
    db.close()
    assert table["k"] == 2 and again["k"] == 2 and not table.closed
    table.close()
    again["k"] = 3
    assert again.table("main")["k"] == 1
    again.close()
    with DictSQLite(path) as db:
        assert db["k"] == 1 and db.table("other")["k"] == 3


def test_a_table_has_the_options_of_its_handle(path):
    with DictSQLite(path, storage_mode="json", persist_mode="durable", ttl=100) as db:
        table = db.table("other")
        assert (table.storage_mode, table.persist_mode, table.path) == ("json", "durable", db.path)
        table["k"] = 1
        assert table.entry("k").expires_at is not None
        with pytest.raises(CodecError):
            table["k"] = {1, 2}


def test_each_table_has_its_codec(path):
    with DictSQLite(path) as db:
        pickled, text, raw = db, db.table("text", "json"), db.table("raw", storage_mode="bytes")
        pickled["k"], text["k"], raw["k"] = {1}, {"a": [1]}, b"\x80raw"
        with pytest.raises(CodecError):
            text["k"] = {1}
        with pytest.raises(CodecError):
            raw["k"] = "text"
        assert (pickled["k"], text["k"], raw["k"]) == ({1}, {"a": [1]}, b"\x80raw")
    with DictSQLite(path) as db:
        # Without a mode a table opens with the one it has.
        assert db.table("text").storage_mode == "json" and db.table("raw").storage_mode == "bytes"
        assert db.table("text")["k"] == {"a": [1]} and db.table("raw")["k"] == b"\x80raw"
        with pytest.raises(CodecError, match="json"):
            db.table("text", "pickle")
        with pytest.raises(InvalidError, match="bytes, json, jsonb, pickle"):
            db.table("new", "xml")
        assert db.tables() == ["main", "raw", "text"]
    with pytest.raises(CodecError, match="raw.*bytes"):
        DictSQLite(path, table_name="raw")


def test_many_tables(path):
    with DictSQLite(path, storage_mode="json") as db:
        tables = [db.table(f"t{n}") for n in range(200)]
        for turn in range(3):
            for n, table in enumerate(tables):
                table[turn] = n
        assert [dict(table) for table in tables] == [{0: n, 1: n, 2: n} for n in range(200)]
        assert len(db.tables()) == 201
        assert len(db) == 0
    with DictSQLite(path, storage_mode="json") as db:
        assert all(db.table(f"t{n}")[2] == n for n in range(200))


def test_a_dropped_table_is_gone_and_its_handles_say_so(db):
    table, same = db.table("doomed"), db.table("doomed")
    table["k"] = 1
    db["k"] = 2
    assert db.drop_table("doomed") is True
    assert db.drop_table("doomed") is False
    assert db.drop_table("never") is False
    assert db.tables() == ["main"] and db["k"] == 2
    for handle in (table, same):
        for operation in (lambda h: h["k"], lambda h: h.set("k", 1), len, list, lambda h: h.clear(), lambda h: h.pop("k")):
            with pytest.raises(ClosedError, match="dropped"):
                operation(handle)
        handle.close()
    new = db.table("doomed")
    assert len(new) == 0
    new["k"] = 3
    assert dict(new) == {"k": 3}
    with pytest.raises(ClosedError):
        table["k"]


def test_a_table_dropped_with_writes_pending_takes_them_along(path):
    with DictSQLite(path, persist_mode="lazy", flush_interval=60) as db:
        table = db.table("doomed")
        table.update((n, n) for n in range(1000))
        db["kept"] = 1
        db.drop_table("doomed")
        assert len(db.table("doomed")) == 0
        db.flush()
        assert dict(db) == {"kept": 1}


def test_dropping_the_table_of_the_handle_itself(db):
    db["k"] = 1
    assert db.drop_table("main")
    with pytest.raises(ClosedError, match="dropped"):
        db["k"]
    db.close()


def test_a_table_dropped_by_another_process_is_gone_here(path, run):
    with DictSQLite(path) as db:
        table = db.table("doomed")
        table["k"] = 1
        db["k"] = 2
        db.flush()
        run("import dictsqlite, sys\nwith dictsqlite.open(sys.argv[1]) as db: print(db.drop_table('doomed'))", path)
        with pytest.raises(ClosedError):
            table["k"]
        with pytest.raises(ClosedError):
            table["k"] = 5
            table.flush()
        assert db["k"] == 2
        db["k"] = 3
        db.flush()
        assert db.table("doomed").get("k") is None


def test_tables_made_by_another_process_are_seen(path, run):
    with DictSQLite(path) as db:
        code = "import dictsqlite, sys\nwith dictsqlite.open(sys.argv[1]) as db: db.table('new', 'json')['k'] = [1]"
        run(code, path)
        assert db.tables() == ["main", "new"]
        assert db.table("new")["k"] == [1]


def test_tables_of_a_memory_store_are_apart_from_other_memory_stores():
    with DictSQLite(":memory:") as a, DictSQLite(":memory:") as b:
        a.table("t")["k"] = 1
        assert b.tables() == ["main"] and a.tables() == ["main", "t"]
        assert len(b.table("t")) == 0 and a.table("t")["k"] == 1
