"""Children of forks that cannot hang, and what the system says of locks: for the programs that fork."""

import faulthandler
import os
import signal
import subprocess
import sys
import traceback
import warnings

warnings.simplefilter("ignore", DeprecationWarning)
faulthandler.register(signal.SIGALRM, chain=True)
#: Seconds after which a child hangs.
LIMIT = 20


def forked(body):
    """Runs `body` in a child, which then ends without anything else."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        # Not faulthandler's own watchdog, which does not survive a second fork.
        signal.alarm(LIMIT)
        body()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def wait(pid):
    status = os.waitpid(pid, 0)[1]
    assert status == 0, f"the child ended with {status:#x}"


def in_child(body):
    wait(forked(body))


def locks_held(path):
    """The locks that this process's own descriptors of the file's shared memory hold."""
    inode = os.stat(f"{path}-shm").st_ino
    found = []
    for fd in os.listdir("/proc/self/fdinfo"):
        try:
            with open(f"/proc/self/fdinfo/{fd}") as info:
                lines = info.read().splitlines()
        except OSError:
            continue
        found += [line for line in lines if line.startswith("lock:") and f":{inode} " in line]
    with open("/proc/locks") as listed:
        assert not found or any(f":{inode} " in line for line in listed)
    return found


def other_process(path, sql):
    """What another process with the standard library's SQLite gets; not this one, and not by a fork."""
    code = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1], timeout=0.2).execute(sys.argv[2]).fetchall())"
    done = subprocess.run([sys.executable, "-c", code, path, sql], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return eval(done.stdout)
