"""Counts up a key of its own and watches those of the others: counters.py PATH SHARED ME PLAYERS SECONDS MODE.

SHARED is a file of 64-bit numbers, one a player, mapped by all: what a player has announced there, every other
one must see in the store from then on, with no turns and no locks between them.
"""

import mmap
import sys
import threading
import time

import dictsqlite


def write(db, announced, me, ends):
    n = 0
    while time.monotonic() < ends:
        for _ in range(3):
            n += 1
            db[f"c{me}"] = n
        if n % 5 == 0:
            # Both or none, whoever looks.
            db.batch_set({f"c{me}": n, f"pair{me}": n})
        db.flush()
        announced[me] = n
        if n % 30 == 0:
            # Gone, and back: an absent key must not be a cached one.
            db[f"gone{me}"] = n
            del db[f"gone{me}"]
            db.flush()
            assert f"gone{me}" not in db


def watch(db, announced, players, ends, failures):
    seen = [0] * players
    looks = 0
    try:
        while time.monotonic() < ends:
            for player in range(players):
                least = max(seen[player], announced[player])
                n = db.get(f"c{player}", 0)
                assert n >= least, f"c{player} is {n}, and {least} was announced or seen before"
                seen[player] = n
                pair = db.get(f"pair{player}", 0)
                again = db.get(f"c{player}", 0)
                assert again >= pair, f"half a batch of {player}: {pair}, then {again}"
                looks += 1
    except AssertionError as failure:
        failures.append(str(failure))
    return looks


def main():
    path, shared, me, players, seconds, mode = sys.argv[1:7]
    me, players = int(me), int(players)
    with open(shared, "r+b") as file, dictsqlite.open(path, persist_mode=mode) as db:
        announced = memoryview(mmap.mmap(file.fileno(), 8 * players)).cast("Q")
        print("open", flush=True)
        sys.stdin.readline()
        ends = time.monotonic() + float(seconds)
        failures = []
        watchers = [
            threading.Thread(target=watch, args=(db, announced, players, ends, failures)) for _ in range(2)
        ]
        for watcher in watchers:
            watcher.start()
        write(db, announced, me, ends)
        for watcher in watchers:
            watcher.join()
        assert not failures, failures
        print(announced[me])


main()
