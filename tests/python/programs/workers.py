"""multiprocessing with a handle as an argument: workers.py PATH METHOD [lock|late].

Children write lazily, do not close, and end by returning, by sys.exit, or by an error.
"""

import multiprocessing
import sys
import time
import warnings

import dictsqlite

warnings.simplefilter("ignore", DeprecationWarning)


def work(db, name, end):
    db[name] = "lazy"
    db[f"{name}/2"] = [1, 2]
    assert db["parent"] == "pending" or db["parent"] == "flushed"
    if end == "exit":
        sys.exit(0)
    if end == "raise":
        raise SystemError("on purpose")


def own(path, name):
    """Opens the file in the child itself, which is where the package is imported first."""
    db = dictsqlite.open(path, persist_mode="lazy", flush_interval=1000)
    db[name] = "lazy"


def main():
    path, method = sys.argv[1:3]
    context = multiprocessing.get_context(method)
    db = dictsqlite.open(path, persist_mode="lazy", flush_interval=1000)
    db["parent"] = "flushed"
    db.flush()
    db["parent"] = "pending"
    children = [context.Process(target=work, args=(db, f"{end}", end)) for end in ("return", "exit", "raise")]
    children.append(context.Process(target=own, args=(path, "own")))
    began = time.monotonic()
    for child in children:
        child.start()
    for child in children:
        child.join(40)
        assert child.exitcode is not None, "a child hangs"
    assert time.monotonic() - began < 30
    codes = [child.exitcode for child in children]
    assert codes == [0, 0, 1, 0], codes
    with context.Pool(2) as pool:
        found = pool.starmap(getattr, [(db, "table_name"), (db, "persist_mode")])
        assert found == ["main", "lazy"], found
        pool.close()
        pool.join()
    assert db["parent"] == "pending" and db.stats()["pending_writes"] == 1
    for end in ("return", "exit", "raise"):
        assert db.get(end) == "lazy" and db.get(f"{end}/2") == [1, 2], (end, dict(db.items()))
    assert db.get("own") == "lazy"
    db.close()
    print("good")


if __name__ == "__main__":
    main()
