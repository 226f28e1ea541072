"""`dictsqlite get`, `set` and `del`: keys and values of every kind, exactly as they are."""

import json
import os
import time

import pytest

import dictsqlite
from command import objects, refused, run, said

pytestmark = pytest.mark.once


@pytest.fixture(params=["json", "jsonb", "pickle"])
def codec(request):
    return request.param


def test_a_value_goes_in_and_comes_out(path, codec):
    value = {"name": "Ada é 日本", "n": [1, 2.5, None, True], "big": 2**70}
    assert said("set", "--create", codec, path, "user:1", json.dumps(value)) == b""
    assert said("get", path, "user:1") == json.dumps(value, ensure_ascii=False).encode() + b"\n"
    with dictsqlite.open(path, storage_mode=codec) as db:
        assert db["user:1"] == value
        version = db.entry("user:1").version
    (told,) = objects("get", path, "user:1")
    assert told == {"key": "user:1", "value": value, "version": version, "expires_at": None}


def test_the_codec_need_not_be_said(path):
    said("set", "--create", "pickle", path, "k", "[1]")
    said("set", "--create", "bytes", path, "k", "raw", "--table", "blobs")
    said("set", "--create", "jsonb", path, "k", '{"a": 1}', "-t", "docs")
    said("set", path, "k2", "[2]")
    said("set", path, "k2", "raw2", "-t", "blobs")
    said("set", path, "k2", '{"a": 2}', "-t", "docs")
    assert said("get", path, "k2") == b"[2]\n"
    assert said("get", path, "k2", "-t", "blobs") == b"raw2"
    assert said("get", path, "k2", "-t", "docs") == b'{"a": 2}\n'
    with dictsqlite.open(path) as db:
        assert db["k2"] == [2] and db.table("blobs")["k2"] == b"raw2" and db.table("docs")["k2"] == {"a": 2}


def test_set_makes_nothing_without_create(path):
    assert "there is no file" in refused("set", path, "k", "1", code=15)
    assert not path.exists()
    said("set", "--create", "json", path, "k", "1")
    assert "there is no table 'x'" in refused("set", path, "k", "1", "-t", "x", code=14)
    with dictsqlite.open(path, storage_mode="json") as db:
        assert db.tables() == ["main"]
    # With another codec than the table has, it is refused as by the engine.
    told = refused("set", "--create", "pickle", path, "k", "1", code=3)
    assert "stores its values as json, not pickle; leave `--create` out" in told and "storage_mode" not in told


def test_what_is_no_value_makes_no_file(path):
    refused("set", "--create", "json", path, "k", "hello", code=2)
    refused("set", "--create", "json", path, "k", f"@{path}.none", code=15)
    refused("set", "--create", "json", path, "-k", "int", "x", "1", code=2)
    error = json.loads(refused("set", "--json", "--create", "json", path / "no" / "x.db", "k", "1", code=15))["error"]
    assert error["kind"] == "Io" and "make it first" in error["message"]
    assert not path.exists()


@pytest.mark.parametrize("value", ["hello", "", "{", "NaN", "[Infinity]", "'a'", "1 2", "\ufeff1", "[" * 100_000, "1" * 5000 + "e"])
def test_values_that_are_no_json_are_refused(path, codec, value):
    said("set", "--create", codec, path, "k", "1")
    message = refused("set", path, "k", "-", code=2, stdin=value.encode())
    assert "no JSON" in message and "--text" in message
    assert said("get", path, "k") == b"1\n"


def test_too_deep_for_the_codec(path):
    said("set", "--create", "json", path, "k", "1")
    assert "127 levels" in refused("set", path, "k", "[" * 200 + "]" * 200, code=3)


def test_text_is_taken_as_it_is(path, codec):
    for text in ('hello "you"', "", "1", "@x", "日本語\n"):
        said("set", "--create", codec, path, "k", "--text", "-", stdin=text.encode())
        assert said("get", path, "k") == json.dumps(text, ensure_ascii=False).encode() + b"\n"
        assert said("get", "--raw", path, "k") == text.encode()


class TestBytes:
    """Bytes tables take and give bytes, whatever they are."""

    @pytest.fixture(autouse=True)
    def table(self, path):
        with dictsqlite.open(path, storage_mode="bytes"):
            pass

    def test_from_an_argument_a_file_and_standard_input(self, path, tmp_path):
        every = bytes(range(256)) * 3
        (tmp_path / "in").write_bytes(every)
        said("set", path, "file", f"@{tmp_path / 'in'}")
        said("set", path, "stdin", "-", stdin=every)
        assert said("get", path, "file") == every == said("get", path, "stdin", "--raw")
        said("set", path, "argument", b"\xff\x80 no UTF-8")
        assert said("get", path, "argument") == b"\xff\x80 no UTF-8"
        said("set", path, "at", "@@home")
        assert said("get", path, "at") == b"@home"
        said("set", path, "empty", "")
        assert said("get", path, "empty") == b""
        with dictsqlite.open(path, storage_mode="bytes") as db:
            assert db["stdin"] == every and db["at"] == b"@home"

    def test_as_json(self, path):
        said("set", path, "k", b"\xff\x01")
        assert objects("get", path, "k")[0]["value"] == {"b": "/wE="}
        assert objects("scan", path) == [{"key": "k", "value": {"b": "/wE="}}]

    def test_a_file_that_is_not_there(self, path, tmp_path):
        assert "nothing" in refused("set", path, "k", f"@{tmp_path / 'nothing'}", code=15)
        assert refused("get", path, "k", code=1)

    def test_huge(self, path):
        huge = os.urandom(1 << 20) * 24
        said("set", path, "k", "-", stdin=huge)
        assert said("get", path, "k") == huge


class TestPickles:
    """What JSON can hold is printed as JSON; nothing is taken for what it is not."""

    @pytest.mark.parametrize("value", [(1, 2), {1, 2}, b"raw", {1: 2}, {"a": (1,)}, 1j, float("nan"), [float("inf")], "\ud800"])
    def test_what_json_cannot_hold_is_printed_as_repr(self, path, value):
        with dictsqlite.open(path) as db:
            db["k"] = value
        if value == "\ud800":
            assert said("get", path, "k") == b'"\\ud800"\n'
            return
        assert said("get", path, "k") == repr(value).encode() + b"\n"
        assert objects("scan", path) == [{"key": "k", "repr": repr(value)}]

    def test_what_contains_itself(self, path):
        value = [1]
        value.append({"self": value})
        with dictsqlite.open(path) as db:
            db["k"] = value
        assert said("get", path, "k") == repr(value).encode() + b"\n"

    def test_raw(self, path):
        with dictsqlite.open(path) as db:
            db.update({"bytes": b"\0\xff", "text": "é", "list": [1]})
        assert said("get", path, "bytes", "--raw") == b"\0\xff"
        assert said("get", path, "text", "--raw") == "é".encode()
        assert said("get", path, "list", "--raw") == b"[1]"

    def test_classes_are_allowed_by_name(self, path, tmp_path):
        (tmp_path / "shop.py").write_text("class Order:\n    def __init__(self): self.n = 5\n    def __repr__(self): return f'Order {self.n}'\n")
        import sys

        sys.path.insert(0, str(tmp_path))
        try:
            import shop

            with dictsqlite.open(path, safe_pickle_allowed_names=[shop.Order]) as db:
                db["k"] = shop.Order()
        finally:
            sys.path.remove(str(tmp_path))
            sys.modules.pop("shop", None)
        assert "shop.Order" in refused("get", path, "k", code=3)
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        assert said("get", path, "k", "--allow", "shop.Order", env=environment) == b"Order 5\n"
        # The key can be seen and deleted all the same.
        assert said("ls", path) == b"k\n"
        said("del", path, "k")
        assert said("count", path) == b"0\n"


class TestKeys:
    """A key is text unless something else is said."""

    KEYS = [
        (("1",), "1"),
        (("-k", "int", "1"), 1),
        (("-k", "int", "--", "-7"), -7),
        (("-k", "bytes", b"\xff\x00"[:1]), b"\xff"),
        (("-k", "json", '"a"'), "a"),
        (("-k", "json", "1"), 1),
        (("-k", "json", '{"b": "AP8="}'), b"\x00\xff"),
        (("-k", "json", '["2024", 7, {"b": ""}]'), ("2024", 7, b"")),
        (("-k", "json", "[]"), ()),
        (("",), ""),
        (("é\n日本 \t'\"",), "é\n日本 \t'\""),
        (("--", "--dashes"), "--dashes"),
    ]

    def test_each_is_its_own(self, path):
        with dictsqlite.open(path, storage_mode="json") as db:
            db.update((key, n) for n, (_, key) in enumerate(self.KEYS))
            entries = dict(db.items())
        for arguments, key in self.KEYS:
            (*options, text) = arguments
            options = [o for o in options if o != "--"]
            tail = ["--", path, text]
            assert said("get", *options, *tail) == f"{entries[key]}\n".encode()
        # All of them in the form that goes back in.
        for line in said("ls", path, "-k", "json").decode().splitlines():
            assert said("get", "-k", "json", "--", path, line) == f"{entries.pop(_key(json.loads(line)))}\n".encode()
        assert entries == {}

    def test_set_and_delete_of_each(self, path):
        with dictsqlite.open(path, storage_mode="json"):
            pass
        for arguments, key in self.KEYS:
            (*options, text) = arguments
            options = [o for o in options if o != "--"]
            said("set", *options, "--", path, text, "[1]")
            with dictsqlite.open(path, storage_mode="json") as db:
                assert list(db) == [key]
            said("del", *options, "--", path, text)

    @pytest.mark.parametrize(
        "arguments",
        [
            ("-k", "int", "x"), ("-k", "int", "1.5"), ("-k", "int", ""), ("-k", "int", "٣"), ("-k", "int", str(2**63)), ("-k", "int", "9" * 5000),
            ("-k", "json", "a"), ("-k", "json", "1.5"), ("-k", "json", "null"), ("-k", "json", "true"), ("-k", "json", "[[1]]"),
            ("-k", "json", '{"b": "*"}'), ("-k", "json", '{"b": 1}'), ("-k", "json", '{"a": 1}'), ("-k", "json", "[" * 5000),
            (b"\xff",), ("-k", "float", "1"),
        ],
    )  # fmt: skip
    def test_what_is_no_key_is_refused(self, path, arguments):
        with dictsqlite.open(path, storage_mode="json"):
            pass
        (*options, text) = arguments
        message = refused("get", *options, path, text, code=2)
        assert "key" in message


def _key(told):
    if isinstance(told, list):
        return tuple(_key(item) for item in told)
    return bytes.fromhex({"AP8=": "00ff", "/w==": "ff", "": ""}[told["b"]]) if isinstance(told, dict) else told


def test_a_key_that_is_not_there(path):
    said("set", "--create", "json", path, "k", "1")
    assert refused("get", path, "x", code=1) == 'dictsqlite: error: there is no entry with the key "x"\n'
    error = json.loads(refused("get", "--json", path, "x", "-k", "bytes", code=1))["error"]
    assert error == {"kind": "KeyMissing", "code": 1, "message": 'there is no entry with the key {"b": "eA=="}'}


def test_delete_goes_on_after_a_key_that_is_not_there(path):
    with dictsqlite.open(path, storage_mode="json") as db:
        db.update({"a": 1, "b": 2, "c": 3})
    assert '"x"' in refused("del", path, "a", "x", "b", code=1)
    assert said("ls", path) == b"c\n"
    said("del", "--missing-ok", path, "a", "c")
    assert said("ls", path) == b""


def test_ttl_and_versions(path):
    said("set", "--create", "json", path, "k", "1", "--ttl", "1000")
    (told,) = objects("get", path, "k")
    assert abs(told["expires_at"] - time.time() - 1000) < 100
    said("set", path, "k", "2", "--if-version", str(told["version"]))
    (again,) = objects("get", path, "k")
    assert again["value"] == 2 and again["version"] > told["version"] and again["expires_at"] is None
    refused("set", path, "k", "3", "--if-version", str(told["version"]), code=4)
    refused("set", path, "k", "3", "--if-version", "0", code=4)
    said("set", path, "new", "1", "--if-version", "0")
    said("set", path, "brief", "1", "--ttl", "0.001")
    time.sleep(0.05)
    refused("get", path, "brief", code=1)
    assert "--ttl is 0; give more than 0 seconds, or leave it out" in refused("set", path, "k", "1", "--ttl", "0", code=14)
    for ttl in ("-1", "x", "nan", "inf"):
        refused("set", path, "k", "1", f"--ttl={ttl}", code=2)


def test_what_was_set_is_on_the_disk(path):
    """The write is committed and synced when the command ends; nothing is left beside the file."""
    said("set", "--create", "json", path, "k", "1")
    assert sorted(os.listdir(path.parent)) == ["store.db"]
    said("set", path, "k", "2")
    assert sorted(os.listdir(path.parent)) == ["store.db"]


def test_paths_of_every_kind(tmp_path):
    for name in (b"caf\xe9.db", "日本.db".encode(), b"a b?#%41.db", b"-x.db"):
        place = os.path.join(os.fsencode(tmp_path), name)
        said("set", "--create", "json", place, "k", "1")
        assert said("get", place, "k") == b"1\n"
        assert said("tables", place) == b"main\tjson\t1\t0\t0\n"
        assert os.path.exists(place)
        code, out, _ = run("doctor", place)
        assert code == 0 and b"healthy" in out
        assert objects("stats", place)[0]["entries"] == 1


@pytest.mark.parametrize("name", ["", "-", ":memory:"])
def test_paths_that_make_no_sense(name, tmp_path):
    refused("get", name, "k", code=2, cwd=tmp_path)
    refused("set", "--create", "json", name, "k", "1", code=2, cwd=tmp_path)
    refused("import", name, "-", code=2, cwd=tmp_path)
    refused("restore", "x", name, code=2, cwd=tmp_path)
    assert os.listdir(tmp_path) == []
