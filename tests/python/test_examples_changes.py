"""The examples of changes: caches, audit logs and replicas that are right in the end, with kills and restarts."""

import importlib.util
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import dictsqlite

pytestmark = pytest.mark.once

EXAMPLES = Path(__file__).resolve().parents[2] / "python" / "examples"
PATIENCE = 60.0


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wait_for(true, what):
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def test_a_cache_forgets_what_another_process_changes(path, sql):
    pages = example("changes_cache").Pages(path)
    try:
        pages.db["a"] = "first"
        pages.db.flush()
        wait_for(lambda: pages.page("a") == "<h1>first</h1>", "the first page")
        time.sleep(0.1)
        pages.page("a")
        before = pages.renderings
        assert [pages.page("a") for _ in range(100)] == ["<h1>first</h1>"] * 100
        assert pages.renderings == before
        sql(path, "UPDATE main SET value = '\"second\"' WHERE key = 'a'")
        wait_for(lambda: pages.page("a") == "<h1>second</h1>", "the second page")
        sql(path, "DELETE FROM main")
        wait_for(lambda: pages.page("a") == "<h1>nothing here</h1>", "the third page")
    finally:
        pages.close()


def start(name, *arguments):
    process = subprocess.Popen([sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, arguments)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"following\n"
    return process


def kill(process):
    process.kill()
    process.wait()
    process.stdout.close()


def test_an_audit_log_has_every_value_once(path, tmp_path):
    audit = tmp_path / "audit.db"
    rng = random.Random(1)
    written = []
    with dictsqlite.open(path, storage_mode="json", persist_mode="durable", changes=True) as db:
        for _ in range(4):
            follower = start("changes_audit", path, audit)
            for _ in range(100):
                key, value = rng.randrange(10), len(written)
                db[key] = value
                written.append((key, value))
            kill(follower)
            for _ in range(20):
                db[0] = len(written)
                written.append((0, len(written)))
        last = start("changes_audit", path, audit, 1.0)
        assert last.wait(PATIENCE) == 0
        last.stdout.close()
    with dictsqlite.open(audit, storage_mode="json") as log:
        rows = [row for _, row in log.items(order="key")]
        assert [(row["key"], row["new"]) for row in rows] == written


WRITER = """
import random, sys
import dictsqlite
rng = random.Random(int(sys.argv[2]))
with dictsqlite.open(sys.argv[1], storage_mode="json") as db:
    print("ready", flush=True)
    for n in range(int(sys.argv[3])):
        key = rng.randrange(200)
        choice = rng.randrange(12)
        if choice < 6:
            db[key] = [int(sys.argv[2]), n]
        elif choice < 9:
            db.delete(key)
        elif choice == 9:
            db.pop(key, None)
        elif choice == 10:
            db.incr("count")
        else:
            db.batch_set({rng.randrange(200): n for _ in range(10)})
"""


@pytest.mark.parametrize("count", [1_000_000, 50])
def test_a_replica_is_equal_in_the_end(path, tmp_path, count):
    # Two processes write at once and one of them is killed; the replica is killed and started again in
    # between. With a short log it has to begin anew now and then.
    replica = tmp_path / "replica.db"
    module = example("changes_replica")
    with dictsqlite.open(path, storage_mode="json", changes=True) as db:
        db.enable_changes(count=count)
    rng = random.Random(count)
    for round in range(4):
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(10 * round + n), "3000"], stdout=subprocess.PIPE)
            for n in range(2)
        ]
        for writer in writers:
            assert writer.stdout.readline() == b"ready\n"
        follower = start("changes_replica", path, replica)
        time.sleep(0.05 + rng.random() / 4)
        kill(follower)
        if round % 2:
            writers[0].kill()
        for writer in writers:
            writer.wait(PATIENCE)
            writer.stdout.close()
    last = start("changes_replica", path, replica, 1.0)
    assert last.wait(PATIENCE) == 0
    last.stdout.close()
    with dictsqlite.open(path, storage_mode="json") as db, dictsqlite.open(replica, storage_mode="json") as copy:
        there = dict(copy.items())
        position = there.pop(module.POSITION)
        assert there == dict(db.items())
        assert position <= db.changes().position
        assert len(there) > 20
