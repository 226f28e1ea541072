"""The standard library's SQLite beside ours in one process: foreign.py PATH SECONDS.

Our scans hold snapshots while that module opens, reads, writes, holds transactions on and closes the live file
here, and other processes write, cut the log off and vacuum. Prints how many snapshots were compared.
"""

import random
import sqlite3
import sys
import threading
import time

import dictsqlite

path, seconds = sys.argv[1], float(sys.argv[2])
rows = 300
db = dictsqlite.open(path, storage_mode="json", persist_mode="lazy", flush_interval=0.001)
# All rows always have the same value: one transaction changes them all.
db.update({n: 0 for n in range(rows)})
db.flush()
print("open", flush=True)
ends, failures, compared = time.monotonic() + seconds, [], [0, 0]


def guarded(body):
    def loop():
        n = 0
        while time.monotonic() < ends and not failures:
            n += 1
            turn(n)

    def turn(n):
        try:
            body(n)
        except sqlite3.OperationalError as e:
            # Who waits for a lock by trying now and then, may try in vain among so many.
            if "locked" not in str(e):
                failures.append(f"{body.__name__}: {e!r}")
        except BaseException as e:
            failures.append(f"{body.__name__}: {e!r}")

    return threading.Thread(target=loop, daemon=True)


def foreign(n):
    """Opens and closes; some connections stay open a while, inside a transaction or not."""
    connection = sqlite3.connect(path, timeout=5, isolation_level=None)
    if n % 3 == 0:
        connection.execute("BEGIN")
    found = {row[0] for row in connection.execute("SELECT value FROM main WHERE typeof(key) = 'integer'")}
    assert len(found) == 1, found
    if n % 3 == 0:
        time.sleep(random.uniform(0, 0.01))
        again = {row[0] for row in connection.execute("SELECT value FROM main WHERE typeof(key) = 'integer'")}
        assert found == again, "the other library's snapshot changed"
        connection.execute("COMMIT")
    if n % 5 == 0:
        connection.execute("INSERT INTO main(key, value) VALUES ('f', ?) ON CONFLICT DO UPDATE SET value = ?", (n, n))
    connection.close()
    time.sleep(random.uniform(0, 0.002))


def snapshot(n):
    scan = iter(db.items(consistent=True, start=0, end="", limit=rows))
    first = next(scan)[1]
    time.sleep(random.uniform(0, 0.02))
    values = {value for _, value in scan} | {first}
    assert len(values) == 1, f"a snapshot of ours changed: {values}"
    compared[0] += 1


def churn(n):
    """Our own connections come and go: each close of ours could cost the other library its locks."""
    with dictsqlite.open(path, storage_mode="json", table_name="churn") as other:
        other["n"] = n
    lists = [iter(db.items(consistent=True)) for _ in range(12)]
    for one in lists:
        next(one)
    del lists, one
    time.sleep(0.001)


def write(n):
    value = n * 1000
    db.update({key: value for key in range(rows)})
    db.flush()
    compared[1] += 1
    time.sleep(0.001)


threads = [guarded(body) for body in (foreign, foreign, snapshot, snapshot, churn, write)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failures, failures
db.close()
print(*compared)
