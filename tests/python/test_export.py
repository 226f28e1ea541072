"""Exports and imports: every kind of key and value, and files that are damaged."""

import json
import random

import pytest

import dictsqlite

KEYS = [1, "1", b"1", "", b"", -(2**63), "ключ\n", b"\xff\x00", (), (1, "a", b"\xff"), ("t", -5)]
VALUES = {
    "pickle": [None, {"a": {1, 2}}, (1, b"\0"), "text", 2**70],
    "json": [None, {"b": 1, "a": [1.5, "x\n"]}, [], "text", 12345678901234567890],
    "jsonb": [None, {"b": 1, "a": [1.5, "x\n"]}, [], "text", 7],
    "bytes": [b"", b"\0\xff\n", b"x" * 10_000],
}


@pytest.mark.parametrize("format", ["jsonl", "binary"])
def test_every_kind_comes_back(path, tmp_path, format):
    with dictsqlite.open(path, storage_mode="json", table_name="json") as db:
        for mode, values in VALUES.items():
            table = db.table(mode, storage_mode=mode)
            for n, key in enumerate(KEYS):
                table.set(key, values[n % len(values)], ttl=3600 if n % 2 else None)
        assert db.export(tmp_path / "e", format=format, all_tables=True) == len(VALUES) * len(KEYS)
        with dictsqlite.open(tmp_path / "copy.db", storage_mode="json", table_name="json") as copy:
            copy.import_(tmp_path / "e")
            assert copy.tables() == db.tables()
            for mode in VALUES:
                old, new = db.table(mode), copy.table(mode)
                assert list(old.items()) == list(new.items())
                assert [old.entry(key).expires_at for key in KEYS] == [new.entry(key).expires_at for key in KEYS]


def test_lines_are_for_people(path, tmp_path):
    with dictsqlite.open(path, storage_mode="json") as db:
        db.update({"user:1": {"n": 1}, (1, b"\0"): [None]})
        db.table("raw", storage_mode="bytes")[5] = b"hi"
        db.export(tmp_path / "e.jsonl", tables=["main", "raw"])
    lines = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    assert lines == [
        {"dictsqlite": "export", "format": 1, "tables": {"main": "json", "raw": "bytes"}},
        {"t": "main", "k": "user:1", "v": {"n": 1}},
        {"t": "main", "k": [1, {"b": "AA=="}], "v": [None]},
        {"t": "raw", "k": 5, "v": "aGk="},
        {"end": 3},
    ]


def test_a_damaged_export_is_refused_with_its_place(path, tmp_path):
    text = (
        '{"dictsqlite":"export","format":1,"tables":{"main":"json"}}\n'
        '{"t":"main","k":"a","v":1}\n{"t":"main","k":{},"v":1}\n{"end":2}\n'
    )
    (tmp_path / "e").write_text(text)
    with dictsqlite.open(path, storage_mode="json") as db:
        with pytest.raises(dictsqlite.CorruptError, match="line 3.*nothing was imported"):
            db.import_(tmp_path / "e")
        assert len(db) == 0
        for wrong in ({"on_conflict": "ignore"}, {"tables": "main"}, {"tables": []}, {"tables": [1]}):
            with pytest.raises(dictsqlite.InvalidError):
                db.import_(tmp_path / "e", **wrong)
        with pytest.raises(dictsqlite.InvalidError):
            db.export(tmp_path / "f", format="csv")
        with pytest.raises(dictsqlite.IoError):
            db.import_(tmp_path / "none")


@pytest.mark.parametrize("format", ["jsonl", "binary"])
def test_random_stores_come_back(tmp_path, format):
    chance = random.Random(3)

    def key():
        kind = chance.randrange(4)
        if kind == 0:
            return chance.randrange(-(2**63), 2**63)
        if kind == 1:
            return "".join(chr(chance.choice([0, 10, 34, 92, 65, 0x439, 0x1F600])) for _ in range(chance.randrange(8)))
        if kind == 2:
            return bytes(chance.randrange(256) for _ in range(chance.randrange(8)))
        return tuple(item for item in (key() for _ in range(chance.randrange(4))) if not isinstance(item, tuple))

    def value(depth=0):
        kind = chance.randrange(8 if depth < 3 else 5)
        plain = [None, True, chance.random(), chance.randrange(-(10**30), 10**30), chance.choice(["", "\n\\\"", "ü"])]
        if kind < 5:
            return plain[kind]
        if kind == 5:
            return [value(depth + 1) for _ in range(chance.randrange(4))]
        return {str(n): value(depth + 1) for n in range(chance.randrange(4))}

    for round in range(5):
        with dictsqlite.open(tmp_path / f"{round}.db", storage_mode="json", persist_mode="lazy") as db:
            db.update({key(): value() for _ in range(chance.randrange(3000))})
            count = db.export(tmp_path / f"{round}.e", format=format)
            with dictsqlite.open(tmp_path / f"{round}.copy.db", storage_mode="json", persist_mode="lazy") as copy:
                done = copy.import_(tmp_path / f"{round}.e", on_conflict=chance.choice(["replace", "skip", "error"]))
                assert done["written"] == count
                assert list(copy.items()) == list(db.items())
                again = copy.import_(tmp_path / f"{round}.e", on_conflict="skip")
                assert (again["written"], again["skipped"]) == (0, count)


def test_upkeep(path):
    with dictsqlite.open(path, persist_mode="lazy") as db:
        db.update({n: "v" * 500 for n in range(5000)})
        db.flush()
        db.batch_delete(range(4500))
        before, after = db.vacuum()
        assert after < before / 2
        assert db.checkpoint()[0] >= 0 and db.checkpoint() == (0, 0)
        assert db.warm() == (500, 500)
        db.update({("a", n): n for n in range(10)})
        assert db.warm(prefix=("a",)) == (10, 10)
        assert db.integrity_check() == []
