"""Ways to end without close(): depart.py STORY PATH MODE. Prints how much it had written when it began to end."""

import importlib
import os
import signal
import sys
import threading
import time

import dictsqlite

story, path, mode = sys.argv[1:4]
# Nothing but a flush or the exit commits a lazy write.
options = {"persist_mode": mode, "flush_interval": 3000, "buffer_size": 100}
db = dictsqlite.open(path, **options)
written = [0]


def write(count=None):
    n = 0
    while count is None or n < count:
        db[n] = n
        n += 1
        written[0] = n


def tell():
    os.write(1, b"%d\n" % written[0])


if story == "thread":
    # `sys.exit` in a thread ends that thread only, and the main one ends a moment later.
    def leave():
        write(90)
        sys.exit(7)

    thread = threading.Thread(target=leave)
    thread.start()
    thread.join()
    tell()
elif story == "running":
    # Threads that are no daemons are waited for, and go on writing meanwhile.
    def late():
        time.sleep(0.3)
        write(90)

    threading.Thread(target=late).start()
    os.write(1, b"90\n")
elif story == "daemons":
    # Daemon threads write until the interpreter stops them.
    for _ in range(3):
        threading.Thread(target=write, daemon=True).start()
    time.sleep(0.2)
    tell()
elif story == "default":
    # Python's default for SIGTERM is the kernel's: the process is gone, like by kill -9.
    write(490)
    tell()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)
elif story == "handler":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    write(90)
    tell()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)
elif story == "interrupt":
    # Whoever runs the tests in the background has it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    write(90)
    tell()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(30)
elif story == "again":
    # A notebook: cells run again, names are bound anew, modules are loaded again, in one process.
    write(90)
    for round in range(3):
        old = db
        db = dictsqlite.open(path, **options)
        assert len(db) == 90 + round
        db[f"round {round}"] = round
        if round == 1:
            old.close()
        for name in ("dictsqlite._exit", "dictsqlite._dict", "dictsqlite"):
            importlib.reload(sys.modules[name])
    del old
    tell()
    del db
elif story == "fresh":
    # All of it thrown away and imported anew, as some reloaders do.
    write(90)
    for _ in range(2):
        for name in [name for name in sys.modules if name.startswith("dictsqlite") and name != "dictsqlite._dictsqlite"]:
            del sys.modules[name]
        import dictsqlite

        more = dictsqlite.open(path, **options)
        assert more[89] == 89 and len(more) >= 90
        more["fresh"] = True
    tell()
