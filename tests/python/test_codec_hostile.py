"""Pickle mode against hostile files: nothing of theirs runs, and every way to read them refuses."""

import collections
import datetime
import fractions
import os
import pickle
import struct
import sys
import threading
import time
import uuid

import pytest
from test_codec_allowed import Point, Slotted
from test_codec_pickle import inject, opened

import dictsqlite

CANARY = "DICTSQLITE_CANARY"


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def call(module, name, *args):
    """A stream that calls module.name(*args), args given as streams."""
    return f"c{module}\n{name}\n(".encode() + b"".join(args) + b"tR"


def tower(name, put):
    """A hundred thousand containers, each put into the next: freeing them would overrun the C stack."""
    key = b"K\x00" if put == b"s" else b""
    return (
        b"ccollections\n" + name + b"\np0\n)Rp1\n0" + (b"g0\n)R" + key + b"g1\n" + put + b"p1\n0") * 100_000 + b"g1\n"
    )


def twins():
    """Two equal sets that share nothing: comparing them takes 2**60 steps."""
    step = b"p1\n0((g1\nK\x00t(g1\nK\x01t\x91"
    return b"\x8f(" + b"(K\x05\x91" + step * 60 + b"(K\x05\x91" + step * 60 + b"\x90"


class Evil:
    def __init__(self, function, *args):
        self.how = function, args

    def __reduce__(self):
        return self.how


def hostile(canary):
    """Name -> stream. Each would leave the canary file or variable behind, change a class, hang or eat memory."""
    touch, code = f"touch {canary}", f"open({str(canary)!r}, 'w')"
    t, c, p = text(touch), text(code), text(str(canary))
    huge = struct.pack("<Q", 1 << 60)
    streams = {
        "os.system": pickle.dumps(Evil(os.system, touch)),
        "os.system, protocol 0": pickle.dumps(Evil(os.system, touch), 0),
        "posix.system": call("posix", "system", t),
        "nt.system": call("nt", "system", t),
        "eval": call("builtins", "eval", c),
        "exec": call("builtins", "exec", c),
        "python 2 eval": call("__builtin__", "eval", c),
        "python 2 names": b"\x80\x02" + call("__builtin__", "execfile", p),
        "open": call("builtins", "open", p, text("w")),
        "io.open": call("io", "open", p, text("w")),
        "compile": call("builtins", "compile", c, text("x"), text("exec")),
        "import": call("builtins", "__import__", text("antigravity")),
        "importlib": call("importlib", "import_module", text("antigravity")),
        "Popen": call("subprocess", "Popen", b"(" + text("touch") + p + b"l"),
        "putenv": call("os", "putenv", text(CANARY), text("1")),
        "environ": call("os", "environ.__setitem__", text(CANARY), text("1")),
        "pathlib touch": b"cpathlib\nPath.touch\n(" + call("pathlib", "Path", p) + b"tR",
        "getattr of a path": call("builtins", "getattr", call("pathlib", "Path", p), text("touch")) + b")R",
        "getattr of a module": b"cbuiltins\ngetattr\n(cos\nenviron\n" + text("clear") + b"tR)R",
        "getattr of a zone": call("builtins", "getattr", b"czoneinfo\nZoneInfo\n", text("from_file")) + b"(" + p + b"tR",
        "getattr of an enum": call("builtins", "getattr", b"cuuid\nSafeUUID\n", text("mro")) + b")R",
        "getattr as a value": b"cbuiltins\ngetattr\n",
        "getattr in a list": b"](cbuiltins\ngetattr\ne",
        "getattr as a factory": call("collections", "defaultdict", b"cbuiltins\ngetattr\n"),
        "dotted name": b"ccollections\nOrderedDict.fromkeys\n" + b"(]tR",
        "dotted dunder": b"\x80\x04" + text("datetime") + text("datetime.__reduce__.__self__") + b"\x93",
        "dotted subclasses": b"\x80\x04" + text("builtins") + text("object.__subclasses__") + b"\x93)R",
        "dotted module": b"\x80\x04" + text("fractions") + text("re.sys.exit") + b"\x93)R",
        "module through module": b"\x80\x04" + text("uuid") + text("os.system") + b"\x93" + t + b"\x85R",
        "name from a number": b"\x80\x04K\x01K\x02\x93",
        "name by memo": b"\x80\x04" + text("os") + b"\x94" + text("system") + b"\x94h\x00h\x01\x93" + t + b"\x85R",
        "map": call("builtins", "map", b"cos\nsystem\n", b"(" + t + b"l"),
        "partial": call("functools", "partial", b"cos\nsystem\n", t) + b")R",
        "operator": call("operator", "methodcaller", text("system"), t),
        "type": call("builtins", "type", text("X"), b")", b"}"),
        "object.__new__": b"cbuiltins\nobject\n)\x81",
        "INST": b"(" + t + b"ios\nsystem\n",
        "OBJ": b"(cos\nsystem\n" + t + b"o",
        "INST of a safe type": b"(icollections\nOrderedDict\n",
        "EXT1": b"\x82\x01",
        "EXT2": b"\x83\x01\x00",
        "EXT4": b"\x84\x01\x00\x00\x00",
        "add_extension": call("copyreg", "add_extension", text("os"), text("system"), b"K\x01") + b"\x82\x01",
        "extension cache": call("copyreg", "_extension_cache.__setitem__", b"K\x01", b"N"),
        "PERSID": b"Pid\n",
        "BINPERSID": b"NQ",
        "NEXT_BUFFER": b"\x97",
        "READONLY_BUFFER": b"C\x01x\x98",
        "BUILD on a class": b"cfractions\nFraction\n(N}" + text("__eq__") + b"Nst" + b"b",
        "BUILD on a class's dict": b"cfractions\nFraction\n}" + text("__eq__") + b"Nsb",
        "BUILD on the UUID class": b"cuuid\nUUID\n(N}" + text("__init__") + b"Nstb",
        "BUILD on an OrderedDict": b"ccollections\nOrderedDict\n)R}" + text("items") + b"Nsb",
        "BUILD on a list": b"]}" + text("x") + b"Nsb",
        "BUILD on a date": call("datetime", "date", b"C\x04\x07\xe8\x01\x01") + b"}b",
        "BUILD of slots": b"cuuid\nUUID\n)\x81(N}" + text("__class__") + b"cbuiltins\ndict\nstb",
        "BUILD of odd UUID": b"cuuid\nUUID\n)\x81}" + text("int") + text("x") + b"sb",
        "setstate as a name": b"cuuid\nUUID.__setstate__\n(cuuid\nUUID\n}tR",
        "NEWOBJ of a safe type": b"ccollections\nOrderedDict\n)\x81",
        "NEWOBJ of bytearray": b"cbuiltins\nbytearray\n(J\xff\xff\xff\x7ft\x81",
        "NEWOBJ_EX": b"cos\nsystem\n)}\x92",
        "reconstructor": call("copyreg", "_reconstructor", b"cos\n_wrap_close\n", b"cbuiltins\nobject\n", b"N"),
        "reconstructor of a safe type": call(
            "copyreg", "_reconstructor", b"ccollections\ndeque\n", b"cbuiltins\nobject\n", b"N"
        ),
        "reconstructor with a base": call(
            "copyreg", "_reconstructor", b"cuuid\nUUID\n", b"cbuiltins\nint\n", b"J\xff\xff\xff\x7f"
        ),
        "codecs": call("_codecs", "encode", b"]", text("latin1")),
        "codecs by another codec": call("_codecs", "encode", text("x"), text("zip")),
        "codecs.decode": call("_codecs", "decode", b"C\x01x", text("zip")),
        "fill a class": b"ccollections\nOrderedDict\n" + text("x") + b"Ns",
        "append to a dict": b"}Na",
        "set on a list": b"]K\x00Ns",
        "add to a list": b"](N\x90",
        "fill a date": call("datetime", "date", b"C\x04\x07\xe8\x01\x01") + text("x") + b"Ns",
        "call a value": b"NN\x85R",
        "call a date": call("datetime", "date", b"C\x04\x07\xe8\x01\x01") + b")R",
        "bytearray of 2 GB": call("builtins", "bytearray", b"J\xff\xff\xff\x7f"),
        "bytes of 2 GB": call("builtins", "bytes", b"J\xff\xff\xff\x7f"),
        "list of a range": call("builtins", "list", call("builtins", "range", b"J\xff\xff\xff\x7f")),
        "set of a range": call("builtins", "set", call("builtins", "range", b"J\xff\xff\xff\x7f")),
        "Fraction with an exponent": call("fractions", "Fraction", text("1e999999999")),
        "Counter of a range": call("collections", "Counter", call("builtins", "range", b"J\xff\xff\xff\x7f")),
        "int of many digits": call("builtins", "int", text("9" * 4000)),
        "LONG of many digits": b"L" + b"9" * 100_000 + b"L\n",
        "LONG4": b"\x8b\xff\xff\xff\x7f\x01",
        "negative LONG4": b"\x8b\xff\xff\xff\xff\x01",
        "BINBYTES8": b"\x8e" + huge + b"x",
        "BINUNICODE8": b"\x8d" + huge + b"x",
        "BYTEARRAY8": b"\x96" + huge + b"x",
        "BINBYTES": b"B\xff\xff\xff\xffx",
        "FRAME": b"\x80\x04\x95" + huge + b"N",
        "LONG_BINPUT": b"Nr\xff\xff\xff\x7f",
        "text PUT": b"Np99999999999\n",
        "memo never kept": b"h\x00",
        "empty stack": b"0",
        "mark without items": b"t",
        "below a mark": b"](NNu(s",
        "odd dict": b"(Nd",
        "unhashable key": b"}]Ns",
        "zone outside": call("zoneinfo", "ZoneInfo._unpickle", text("../../../etc/passwd"), b"K\x01"),
        "zone by getattr": call("builtins", "getattr", b"czoneinfo\nZoneInfo\n", text("_unpickle"))
        + b"("
        + text("../../../../../../etc/passwd")
        + b"K\x01tR",
        "defaultdict of a function": call("collections", "defaultdict", b"cos\ngetcwd\n"),
        "defaultdict of an instance": call("collections", "defaultdict", b"K\x01"),
        "protocol 9": b"\x80\x09N",
        "late protocol": b"N\x80\x02",
        "unknown opcode": b"\xff",
        "python 2 string": b"S'abc'\n",
        "re.compile": call("re", "_compile", text("(a+)+$"), b"K\x00"),
        "exception": call("builtins", "SystemExit", b"K\x01"),
        "signal": call("signal", "raise_signal", b"K\x09"),
        "exit": call("os", "_exit", b"K\x07"),
        "ctypes": call("ctypes", "string_at", b"K\x01"),
        "deep key": b"})" + b"\x85" * 300_000 + b"Ns",
        "key of 2**60 paths": b"\x80\x04})" + b"2\x86" * 60 + b"Ns",
        "set of 2**60 paths": b"\x80\x04\x8f()" + b"2\x86" * 60 + b"\x90",
        "frozenset of 2**60 paths": b"\x80\x04()" + b"2\x86" * 60 + b"\x91",
        "slices in slices": b"N" + b"".join(b"p0\n0cbuiltins\nslice\n(g0\nNNtR" for _ in range(100_000)),
        "deques in deques": tower(b"deque", b"a"),
        "deques filled from outside": b"ccollections\ndeque\n" + b"p0\n)R" + b"g0\n)Rp1\nag1\n" * 100_000,
        "defaultdicts in defaultdicts": tower(b"defaultdict", b"s"),
        "twins of frozensets": twins(),
        "module that would run": call("antigravity", "fly"),
    }
    streams = {name: data if data.endswith(b".") else data + b"." for name, data in streams.items()}
    streams |= {"cut short": b"\x80\x04]", "empty": b"", "only a header": b"\x80\x04", "trailing bytes": b"N.N."}
    return streams


NAMES = sorted(hostile("x"))


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """One store whose table main, and one table each, hold the hostile rows."""
    folder = tmp_path_factory.mktemp("hostile")
    path, canary = folder / "store.db", folder / "canary"
    streams = hostile(canary)
    with opened(path) as db:
        db["good"] = 1
        for index in range(len(NAMES)):
            db.table(f"t{index}")["good"] = 1
        db.flush()
        rows = [("main", name, streams[name]) for name in NAMES]
        rows += [(f"t{index}", "bad", streams[name]) for index, name in enumerate(NAMES)]
        inject(path, rows)
        yield db, canary


@pytest.mark.parametrize("name", NAMES)
def test_no_way_to_read_obeys_a_hostile_row(attacked, name):
    db, canary = attacked
    table = db.table(f"t{NAMES.index(name)}")
    ways = {
        "[]": lambda: db[name],
        "get": lambda: db.get(name, "default"),
        "batch_get": lambda: db.batch_get(["good", name]),
        "table()[]": lambda: table["bad"],
        "items": lambda: list(table.items()),
        "values": lambda: list(table.values()),
        "setdefault": lambda: table.setdefault("bad", 1),
        "pop": lambda: table.pop("bad"),
    }
    modules, before = set(sys.modules), (fractions.Fraction.__eq__, uuid.UUID.__init__)
    for way, read in ways.items():
        started = time.monotonic()
        with pytest.raises(dictsqlite.CodecError):
            read()
        assert time.monotonic() - started < 5, way
    assert not canary.exists()
    assert CANARY not in os.environ
    assert (fractions.Fraction.__eq__, uuid.UUID.__init__) == before
    assert not {"antigravity", "this", "ctypes"} & (set(sys.modules) - modules)
    assert db["good"] == 1


def test_a_refusal_names_the_class_and_what_to_do(attacked):
    db, _ = attacked
    with pytest.raises(dictsqlite.CodecError, match=r"posix\.system|nt\.system") as caught:
        db["os.system"]
    assert "safe_pickle_allowed_names" in str(caught.value)
    assert "trusted=True" in str(caught.value)


def test_little_is_allocated_for_lengths_that_lie(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "store.db"
    huge = struct.pack("<Q", 1 << 33)
    with opened(path) as db:
        db["x"] = 1
        db.flush()
        streams = [b"\x8e" + huge, b"\x96" + huge, b"\x8d" + huge, b"Nr\xff\xff\xff\x1f.", b"\x8b\xff\xff\xff\x3f"]
        inject(path, [("main", str(index), data) for index, data in enumerate(streams)])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for index in range(len(streams)):
            with pytest.raises(dictsqlite.CodecError):
                db[str(index)]
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


class Watched:
    """Allowed in the tests below; what a stream may do to it ends at what its own pickles do."""

    secret = "class"

    @property
    def prop(self):
        return self._prop

    @prop.setter
    def prop(self, value):
        os.environ[CANARY] = "1"


def test_allowed_classes_are_not_a_way_around(tmp_path):
    path = tmp_path / "store.db"
    mod = __name__.encode()
    watched, slotted = b"c" + mod + b"\nWatched\n", b"ctest_codec_allowed\nSlotted\n"
    streams = {
        "attributes of the class": watched + b"}" + text("secret") + b"Nsb.",
        "slots of the class": watched + b"(N}" + text("secret") + b"Nstb.",
        "a property as a slot": watched + b")\x81(N}" + text("prop") + b"Nstb.",
        "__class__ as a slot": watched + b")\x81(N}" + text("__class__") + slotted + b"stb.",
        "__dict__ as a slot": watched + b")\x81(N}" + text("__dict__") + b"}stb.",
        "not a slot": slotted + b")\x81(N}" + text("c") + b"Nstb.",
        "a method of the class": b"c" + mod + b"\nWatched.prop\n.",
        "its neighbours": b"c" + mod + b"\nhostile\n(NtR.",
        "a call of the instance": watched + b")\x81)R.",
        "append put in by the stream": watched
        + b")\x81}"
        + text("append")
        + b"cbuiltins\nbytearray\nsb(J\xff\xff\xff\x7fe.",
    }
    with opened(path, safe_pickle_allowed_names=[Watched, Slotted, Point]) as db:
        db["x"] = 1
        db.flush()
        inject(path, [("main", name, data) for name, data in streams.items()])
        for name in streams:
            with pytest.raises(dictsqlite.CodecError):
                db[name]
    assert Watched.secret == "class"
    assert CANARY not in os.environ


def test_containers_that_pickle_fills_from_inside_may_be_nested(tmp_path):
    deques = collections.deque()
    for _ in range(20):
        deques = collections.deque([deques, {"d": collections.defaultdict(list, a=[deques])}], maxlen=5)
    wide = collections.deque(collections.deque([n]) for n in range(5000))
    tree = collections.defaultdict(collections.defaultdict, {n: collections.defaultdict(int, a=n) for n in range(5000)})
    shared = collections.deque([1])
    with opened(tmp_path / "store.db") as db:
        for value in (deques, wide, tree, collections.deque([shared, shared])):
            db["k"] = value
            assert db["k"] == value
        deep = collections.deque()
        for _ in range(100):
            deep = collections.deque([deep])
        with pytest.raises(dictsqlite.CodecError, match="nested"):
            db["k"] = deep


def test_trusted_reads_what_it_is_given(tmp_path):
    path, canary = tmp_path / "store.db", tmp_path / "canary"
    with opened(path, trusted=True) as db:
        db["x"] = 1
        db.flush()
        inject(path, [("main", "k", call("builtins", "open", text(str(canary)), text("w")) + b".")])
        db["k"].close()
        assert canary.exists()


def test_a_patched_datetime_leaves_no_trace(tmp_path, monkeypatch):
    """Test suites replace datetime.datetime; what was read meanwhile must not decide what is read later."""
    real = datetime.datetime

    class Fake(real):
        pass

    with opened(tmp_path / "store.db") as db:
        db["k"] = real(2024, 1, 1)
        with monkeypatch.context() as patch:
            patch.setattr(datetime, "datetime", Fake)
            db["k"]
        assert type(db["k"]) is real


def test_threads_share_a_policy(tmp_path):
    value = {"when": datetime.datetime(2024, 1, 1), "od": collections.OrderedDict(a=1), "p": Point(1)}
    failures = []
    with opened(tmp_path / "store.db", safe_pickle_allowed_names=[Point]) as db:
        db["k"] = value

        def work():
            try:
                assert all(db["k"] == value for _ in range(200))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures
