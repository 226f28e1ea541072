"""Stories a reader of the code told before a user could."""

import subprocess
import sys
import time

import pytest

import dictsqlite

pytestmark = pytest.mark.once

OVERTAKE = """
import sys, dictsqlite
db = dictsqlite.open(sys.argv[1], persist_mode="durable")
print("ready", flush=True)
while db.get("k") != 1:
    pass
db["k"] = 2
print("overtaken", flush=True)
"""


def test_memory_does_not_speak_for_what_was_committed_and_overtaken(path):
    # What a large commit had just made was still answered from memory until its values were in the
    # cache, although another process had already set the key again.
    with dictsqlite.open(path, persist_mode="lazy", flush_interval=60) as db:
        db["k"] = 0
        db.flush()
        command = [sys.executable, "-c", OVERTAKE, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout.readline() == "ready\n"
            db.batch_set([("k", 1), *((n, n) for n in range(100_000))])
            assert other.stdout.readline() == "overtaken\n"
            assert db["k"] == 2 and db.batch_get(["k"]) == [2]


def test_a_loop_that_adds_a_key_for_each_it_sees_ends(path):
    # The second page found the keys that the first one's loop had added, and so on for ever.
    with dictsqlite.open(path, persist_mode="lazy") as db:
        db.update((n, n) for n in range(2000))
        for key in db:
            db[f"copy of {key}"] = key
        assert len(db) == 4000
        for key in db.keys(prefix="copy"):
            db[key + "!"] = 1
        assert len(db) == 6000


def test_what_a_users_trigger_changes_is_seen(path, sql):
    # The commit counted as ours alone, so what a trigger changed with it stayed cached.
    with dictsqlite.open(path, storage_mode="json") as db:
        db.update({"a": 1, "total": 0})
        db.flush()
        sql(
            path,
            "CREATE TRIGGER sum AFTER UPDATE ON main WHEN new.key = 'a' BEGIN "
            "UPDATE main SET value = '99' WHERE key = 'total'; END",
        )
        assert db["total"] == 0
        db["a"] = 2
        db.flush()
        assert db["total"] == 99 and len(db) == 2


def test_what_expires_later_is_swept_as_well(path, sql):
    # The first sweep forgot when the next entry would expire.
    with dictsqlite.open(path) as db:
        db.set("a", 1, ttl=0.2)
        db.set("b", 1, ttl=1.5)
        db.flush()
        end = time.monotonic() + 10
        while db.stats()["swept_entries"] < 2:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_rows_of_other_tools_can_be_set_by_their_version(path, sql):
    # They have version 0, which stands for no entry, so the loop of read, decide, write never ended.
    with dictsqlite.open(path, storage_mode="json") as db:
        db["ours"] = 1
        db.flush()
        sql(path, "INSERT INTO main(key, value) VALUES('theirs', '1')")
        entry = db.entry("theirs")
        assert entry.value == 1 and entry.version < 0
        assert db.set("theirs", 2, if_version=entry.version) > 0
        assert db["theirs"] == 2


def test_a_row_in_a_foreign_form_is_named_by_a_scan(path, sql):
    # It came out as an internal error without a key.
    with dictsqlite.open(path) as db:
        db["k"] = 1
        db.flush()
        sql(path, "INSERT INTO main(key, value) VALUES('x', 'hello')")
        try:
            list(db.items())
        except dictsqlite.CodecError as error:
            assert error.key == "x"
        else:
            raise AssertionError("the row was read as a pickle")


def test_a_handle_on_a_file_that_is_gone_can_be_closed(path):
    # close() asked to close it and raised the same again, for ever.
    db = dictsqlite.open(path, persist_mode="lazy", flush_interval=60)
    db["k"] = 1
    path.unlink()
    try:
        db.close()
    except dictsqlite.IoError as error:
        assert "removed or replaced" in str(error)
    else:
        raise AssertionError("nothing was said of the lost write")
    assert db.closed
    with dictsqlite.open(path) as db:
        assert len(db) == 0
