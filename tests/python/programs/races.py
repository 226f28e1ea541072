"""Conditional operations in a race with other processes: races.py PATH ME THREADS TIMES MODE.

Prints as JSON what each operation answered.
"""

import json
import sys
import threading

import dictsqlite


def work(db, me, thread, times, answers):
    sums, winners, popped, taken = [], {}, [], []
    for n in range(times):
        sums.append(db.incr("sum"))
        winners[f"first{n}"] = db.setdefault(f"first{n}", f"{me}.{thread}")
        while True:
            # Compare and set, until nobody came between.
            entry = db.entry("cas")
            value, version = (entry.value, entry.version) if entry else (0, 0)
            try:
                db.set("cas", value + 1, if_version=version)
                break
            except dictsqlite.ConflictError:
                pass
        if db.pop(f"token{n}", None) is not None:
            taken.append(f"token{n}")
        try:
            popped.append(db.table("heap").popitem(last=n % 2 == 0)[0])
        except KeyError:
            pass
        db[f"own:{me}:{thread}:{n}"] = n
    answers.append([sums, winners, popped, taken])


def main():
    path, me, threads, times, mode = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    answers = []
    with dictsqlite.open(path, persist_mode=mode) as db:
        print("open", flush=True)
        sys.stdin.readline()
        workers = [
            threading.Thread(target=work, args=(db, me, thread, times, answers)) for thread in range(threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert len(answers) == threads, "a thread failed"
    json.dump(answers, sys.stdout)


main()
