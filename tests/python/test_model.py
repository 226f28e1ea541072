"""Hypothesis drives a store beside a plain dict: all codecs and persist modes, two handles, reopening at random."""

import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from dictsqlite import ConflictError, DictSQLite

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
ELEMENTS = TEXTS | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=4)
# Few keys, so that they meet again; and some that are anything.
KEYS = st.sampled_from(["a", "b", "a\0", 1, "1", b"1", True, ("a",), ("a", 1), "", b"", 0]) | ELEMENTS | st.tuples(ELEMENTS, ELEMENTS)
PLAIN = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = {
    "bytes": st.binary(max_size=20),
    "json": st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=5),
    "pickle": st.recursive(
        PLAIN | st.binary(max_size=9) | st.just(math.inf),
        lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(ELEMENTS, inner, max_size=3),
        max_leaves=5,
    ),
}
VALUES["jsonb"] = VALUES["json"]


def plain(key):
    """The key as it comes back."""
    if isinstance(key, tuple):
        return tuple(map(plain, key))
    return int(key) if isinstance(key, bool) else key


def rank(key):
    """The key's place in key order; tuples by themselves only."""
    if isinstance(key, int):
        return 0, key
    return (1, key.encode()) if isinstance(key, str) else (2, key)


class Store(RuleBasedStateMachine):
    """The machine; `storage` and `persist` are set by subclasses."""

    storage = "pickle"
    persist = "writethrough"

    @initialize(cache=st.sampled_from([1_000_000, 1, 0]), small=st.booleans())
    def open(self, cache, small):
        self.folder = tempfile.TemporaryDirectory()
        self.options = {"storage_mode": self.storage, "hot_capacity": cache, "buffer_size": 3 if small else 100}
        self.model, self.versions, self.newest = {}, {}, 0
        self.db = self.fresh()
        self.again()

    def fresh(self):
        return DictSQLite(Path(self.folder.name, "store.db"), persist_mode=self.persist, flush_interval=0.02, **self.options)

    def again(self):
        # Of a memory store the other handle is a table handle; of a file it is opened anew.
        self.other = self.db.table("main") if self.persist == "memory" else self.fresh()

    def teardown(self):
        if hasattr(self, "db"):
            self.db.close()
            self.other.close()
            self.folder.cleanup()

    def value(self, data):
        return data.draw(VALUES[self.storage])

    def handle(self, second):
        return self.other if second else self.db

    def wrote(self, *keys):
        for key in keys:
            self.versions.pop(plain(key), None)

    @rule(second=st.booleans(), key=KEYS, data=st.data())
    def set(self, second, key, data):
        value = self.value(data)
        self.handle(second)[key] = value
        self.model[plain(key)] = value
        self.wrote(key)

    @rule(second=st.booleans(), key=KEYS)
    def delete(self, second, key):
        db = self.handle(second)
        if plain(key) in self.model:
            del db[key], self.model[plain(key)]
        else:
            with pytest.raises(KeyError):
                del db[key]
            db.delete(key)
        self.wrote(key)

    @rule(second=st.booleans(), key=KEYS)
    def read(self, second, key):
        db, missing = self.handle(second), object()
        want = self.model.get(plain(key), missing)
        for value in (db.get(key, missing), db.batch_get([key], missing)[0]):
            assert value is want if want is missing else (value == want and type(value) is type(want))
        assert (key in db) == (want is not missing)

    @rule(second=st.booleans(), key=KEYS, data=st.data())
    def setdefault(self, second, key, data):
        value = self.value(data)
        new = plain(key) not in self.model
        assert self.handle(second).setdefault(key, value) == self.model.setdefault(plain(key), value)
        if new:
            self.wrote(key)

    @rule(second=st.booleans(), key=KEYS)
    def pop(self, second, key):
        missing = object()
        got, want = self.handle(second).pop(key, missing), self.model.pop(plain(key), missing)
        assert got is want if want is missing else got == want
        self.wrote(key)

    @precondition(lambda self: self.model)
    @rule(second=st.booleans(), last=st.booleans())
    def popitem(self, second, last):
        key = list(self.model)[-1 if last else 0]
        got, value = self.handle(second).popitem(last)
        assert got == key and type(got) is type(key) and value == self.model.pop(key)
        self.wrote(key)

    @rule(second=st.booleans(), keys=st.lists(KEYS, max_size=6), data=st.data())
    def batch_set(self, second, keys, data):
        pairs = [(key, self.value(data)) for key in keys]
        self.handle(second).batch_set(pairs)
        self.model.update((plain(key), value) for key, value in pairs)
        self.wrote(*keys)

    @rule(second=st.booleans(), keys=st.lists(KEYS, max_size=6))
    def batch_delete(self, second, keys):
        self.handle(second).batch_delete(keys)
        for key in keys:
            self.model.pop(plain(key), None)
        self.wrote(*keys)

    @rule(second=st.booleans(), key=KEYS, delta=st.integers(-(2**62), 2**62))
    def incr(self, second, key, delta):
        old = self.model.get(plain(key), 0)
        counter = self.storage != "bytes" and type(old) is int and -(2**63) <= old < 2**63
        if (counter or plain(key) not in self.model) and self.storage != "bytes":
            if -(2**63) <= old + delta < 2**63:
                assert self.handle(second).incr(key, delta) == old + delta
                self.model[plain(key)] = old + delta
                self.wrote(key)
                return
        elif type(old) is bool or self.storage == "bytes":
            return
        with pytest.raises(ValueError):
            self.handle(second).incr(key, delta)

    @rule(second=st.booleans(), key=KEYS)
    def entry(self, second, key):
        entry = self.handle(second).entry(key)
        if plain(key) not in self.model:
            assert entry is None
            return
        assert entry.value == self.model[plain(key)] and entry.expires_at is None
        known = self.versions.get(plain(key))
        # Unchanged since it was seen, or newer than every version that is known.
        assert entry.version == known or (known is None and entry.version not in self.versions.values())
        self.versions[plain(key)] = entry.version

    @rule(second=st.booleans(), key=KEYS, data=st.data(), right=st.booleans())
    def compare_and_set(self, second, key, data, right):
        db = self.handle(second)
        entry = db.entry(key)
        version = entry.version if entry else 0
        value = self.value(data)
        if right:
            new = db.set(key, value, if_version=version)
            assert new > version and new > self.newest
            self.newest = new
            self.model[plain(key)] = value
            self.versions[plain(key)] = new
        else:
            with pytest.raises(ConflictError) as caught:
                db.set(key, value, if_version=version + 1)
            assert caught.value.key == plain(key)
            with pytest.raises(ConflictError):
                db.delete(key, if_version=version + 1)

    @rule(second=st.booleans(), limit=st.none() | st.integers(0, 5), reverse=st.booleans())
    def scan(self, second, limit, reverse):
        want = list(self.model.items())
        want = (want[::-1] if reverse else want)[:limit]
        assert list(self.handle(second).items(limit=limit, reverse=reverse)) == want

    @rule(second=st.booleans(), bound=st.sampled_from(["a", "", 1, b"", -(2**63)]) | ELEMENTS, reverse=st.booleans())
    def scan_by_key(self, second, bound, reverse):
        db = self.handle(second)
        keys = sorted((key for key in self.model if not isinstance(key, tuple)), key=rank)
        both = {"start": [k for k in keys if rank(k) >= rank(bound)], "end": [k for k in keys if rank(k) < rank(bound)]}
        if isinstance(bound, (str, bytes)):
            both["prefix"] = [k for k in keys if type(k) is type(bound) and k.startswith(bound)]
        for name, want in both.items():
            got = [key for key in db.keys(**{name: bound}, reverse=reverse) if not isinstance(key, tuple)]
            assert got == (want[::-1] if reverse else want)

    @rule(second=st.booleans(), durable=st.booleans())
    def flush(self, second, durable):
        self.handle(second).flush(durable=durable)

    @rule(second=st.booleans())
    def clear(self, second):
        self.handle(second).clear()
        self.model.clear()
        self.versions.clear()

    @rule(close_both=st.booleans())
    def reopen(self, close_both):
        if self.persist == "memory":
            self.other.close()
        else:
            self.db.close()
            if close_both:
                self.other.close()
            self.db = self.fresh()
            if not close_both:
                return
        self.again()

    @invariant()
    def is_the_model(self):
        if hasattr(self, "db"):
            for db in (self.db, self.other):
                assert len(db) == len(self.model)
                assert list(db) == list(self.model)
                assert [type(key) for key in db] == [type(key) for key in self.model]
                assert db == self.model


BOUNDS = settings(
    max_examples=25, stateful_step_count=35, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


@pytest.mark.parametrize("persist", ["memory", "lazy", "writethrough", "durable"])
@pytest.mark.parametrize("storage", ["bytes", "json", "jsonb", "pickle"])
def test_a_store_behaves_like_a_dict(storage, persist):
    machine = type("Store", (Store,), {"storage": storage, "persist": persist})
    run_state_machine_as_test(machine, settings=BOUNDS)
