"""Performs the script of a seed on a file until it is killed, telling every operation that returned.

    writer.py PATH MODE BUFFER_SIZE FLUSH_INTERVAL SEED THREADS BLIND SIZE

Each record on stdout is (thread, number, started, returned); times are of the machine's monotonic clock.
"""

import os
import struct
import sys
import threading
import time

import dictsqlite
from script import perform, replay, script

RECORD = struct.Struct("<IIdd")


def prefix(thread, threads):
    return "" if threads == 1 else f"t{thread}:"


def work(db, seed, thread, threads, blind, size):
    mine = prefix(thread, threads)
    model = {}
    operations = script(seed + thread, prefix=mine, blind=blind, size=size, whole=threads == 1)
    for number, operation in enumerate(operations):
        started = time.monotonic()
        answer = perform(db, operation)
        returned = time.monotonic()
        os.write(1, RECORD.pack(thread, number, started, returned))
        expected = replay(model, operation)
        # What the process itself sees is checked here; what survives it, by its parent.
        assert operation[0] == "delete" or answer == expected, (operation, answer, expected)
        if number % 16 == 0 and operation[0] == "set":
            assert db[operation[1]] == operation[2], operation


def main():
    path, mode = sys.argv[1:3]
    buffer_size, interval, seed, threads, blind, size = int(sys.argv[3]), float(sys.argv[4]), *map(int, sys.argv[5:9])
    os.write(1, b"r")
    sys.stdin.buffer.read(1)
    db = dictsqlite.open(path, persist_mode=mode, buffer_size=buffer_size, flush_interval=interval)
    os.write(1, b"o")
    sys.setswitchinterval(0.0005)
    workers = [
        threading.Thread(target=work, args=(db, seed, thread, threads, blind, size), daemon=True)
        for thread in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


main()
